//! Weeks: Monday 00:00 UTC to Monday, numbered from the first in which the market took anything in.
//!
//! Called weeks, and not epochs, because those are of the trees of commitments ([`crate::epochs`]).

use telematics::Timestamp;
use telematics::time::MICROS_PER_DAY;

/// Days of a week.
const DAYS: i64 = 7;
/// A week is closed so long after its end. Days are those of the market's clock, so nobody can send into one that is over;
/// but what was stamped a moment before midnight is committed a moment after it, and clocks of several markets differ.
const CLOSES_AFTER_SECONDS: i64 = 3_600;
/// What was earned is given so long after the week was closed: until then, what turns out to be false earns nothing.
pub const VESTS_AFTER_DAYS: i64 = 7;

/// One week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Week {
    /// From 1 on.
    pub number: u32,
    /// Its Monday, counted in days from 1970-01-01.
    pub first_day: i64,
}

impl Week {
    /// The first week of a market that began on `day`.
    #[must_use]
    pub const fn first(day: i64) -> Self {
        Self { number: 1, first_day: monday_of(day) }
    }

    /// The week after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self { number: self.number.saturating_add(1), first_day: self.end_day() }
    }

    /// The Monday after it.
    #[must_use]
    pub const fn end_day(self) -> i64 {
        self.first_day.saturating_add(DAYS)
    }

    /// When it begins.
    #[must_use]
    pub const fn starts_at(self) -> Timestamp {
        midnight(self.first_day)
    }

    /// When it is over.
    #[must_use]
    pub const fn ends_at(self) -> Timestamp {
        midnight(self.end_day())
    }

    /// From when on it can be closed.
    #[must_use]
    pub const fn closes_at(self) -> Timestamp {
        self.ends_at().plus_seconds(CLOSES_AFTER_SECONDS)
    }
}

/// The Monday of the week that `day` is in, both counted from 1970-01-01, a Thursday.
pub(super) const fn monday_of(day: i64) -> i64 {
    day.saturating_sub(day.saturating_add(3).rem_euclid(DAYS))
}

const fn midnight(day: i64) -> Timestamp {
    Timestamp::from_micros(day.saturating_mul(MICROS_PER_DAY))
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    #[test]
    fn weeks_begin_on_monday() {
        assert_eq!(T0.to_string(), "2024-01-01T00:00:00Z", "a Monday");
        let monday = T0.day();
        for day in monday..monday + DAYS {
            assert_eq!(monday_of(day), monday, "{day}");
        }
        assert_eq!(monday_of(monday - 1), monday - DAYS);
        assert_eq!(monday_of(monday + DAYS), monday + DAYS);
        assert_eq!(monday_of(0), -3, "1970-01-01 is a Thursday");
    }

    #[test]
    fn a_week_is_followed_by_the_next_without_a_gap() {
        let first = Week::first(T0.day() + 2);
        assert_eq!((first.starts_at(), first.ends_at()), (T0, T0.plus_seconds(7 * 86_400)));
        assert_eq!(first.closes_at(), T0.plus_seconds(7 * 86_400 + 3_600));

        let second = first.next();
        assert_eq!((second.number, second.starts_at()), (2, first.ends_at()));
    }
}
