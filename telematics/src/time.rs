//! Points in time: microseconds since 1970-01-01T00:00:00Z, without leap seconds.
//!
//! **Invariant:** every time in a batch, a database or a file is UTC and counted in microseconds;
//! only the text form (RFC 3339) is for people.

use std::fmt;
use std::str::FromStr;

/// Microseconds in a second.
pub const MICROS_PER_SECOND: i64 = 1_000_000;

/// Microseconds in a day.
pub const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// A point in time, to the microsecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Text that is not a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an RFC 3339 time such as 2026-03-01T08:00:00Z")]
pub struct NotATime {
    text: String,
}

impl Timestamp {
    /// 2100-01-01T00:00:00Z. What is measured lies between 1970, where a computer without a clock
    /// begins, and here: later times are garbage, and would make folders of their own in the lake.
    pub const CALENDAR_END: Self = Self(4_102_444_800 * MICROS_PER_SECOND);

    /// Whether something can have been measured at this time.
    #[must_use]
    pub const fn is_in_calendar(self) -> bool {
        0 <= self.0 && self.0 < Self::CALENDAR_END.0
    }

    /// The time `micros` microseconds after the epoch (before it when negative).
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The time `micros` later, at most the last one there is.
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// The time `seconds` later, at most the last one there is.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        self.plus_micros(seconds.saturating_mul(MICROS_PER_SECOND))
    }

    /// Microseconds from `earlier` to this time; negative when `earlier` is later.
    #[must_use]
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Days since 1970-01-01, the UTC day that this time falls on.
    #[must_use]
    pub const fn day(self) -> i64 {
        self.0.div_euclid(MICROS_PER_DAY)
    }
}

/// The date of a day counted from 1970-01-01, such as `2026-11-22`.
#[must_use]
pub fn date_of_day(day: u16) -> String {
    EPOCH.saturating_add(jiff::Span::new().days(day)).to_string()
}

/// The day that `date` names, counted from 1970-01-01, or `None` when it is no date between then and
/// 2149-06-06.
#[must_use]
pub fn day_of_date(date: &str) -> Option<u16> {
    let date: jiff::civil::Date = date.parse().ok()?;
    u16::try_from(date.since(EPOCH).ok()?.get_days()).ok()
}

const EPOCH: jiff::civil::Date = jiff::civil::date(1970, 1, 1);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => write!(f, "{time}"),
            // Beyond the year 9999 there is no RFC 3339 form.
            Err(_) => write!(f, "{} µs after 1970", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        match text.parse::<jiff::Timestamp>() {
            Ok(time) => Ok(Self(time.as_microsecond())),
            Err(_) => Err(NotATime { text: text.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips() {
        let time = "2026-03-01T08:00:00.000125Z".parse::<Timestamp>().unwrap();

        assert_eq!(time.to_string(), "2026-03-01T08:00:00.000125Z");
        assert_eq!(time.as_micros() % MICROS_PER_SECOND, 125);
    }

    #[test]
    fn text_that_is_no_time_is_refused() {
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "2026-03-01"] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight_on_both_sides_of_the_epoch() {
        assert_eq!(Timestamp::from_micros(0).day(), 0);
        assert_eq!(Timestamp::from_micros(MICROS_PER_DAY).day(), 1);
        assert_eq!(Timestamp::from_micros(-1).day(), -1);
    }

    #[test]
    fn the_calendar_ends_before_2100() {
        let end = Timestamp::CALENDAR_END;

        assert_eq!(end.to_string(), "2100-01-01T00:00:00Z");
        assert!(end.plus_micros(-1).is_in_calendar());
        assert!(!end.is_in_calendar());
        assert!(!Timestamp::from_micros(-1).is_in_calendar());
    }

    #[test]
    fn times_beyond_the_calendar_still_print() {
        assert!(Timestamp::from_micros(i64::MAX).to_string().contains("µs"));
        assert_eq!(Timestamp::from_micros(i64::MAX).plus_seconds(1).as_micros(), i64::MAX);
    }

    #[test]
    fn dates_of_days_round_trip() {
        for (day, date) in [(0, "1970-01-01"), (19_723, "2024-01-01"), (u16::MAX, "2149-06-06")] {
            assert_eq!(date_of_day(day), date);
            assert_eq!(day_of_date(date), Some(day));
        }
        for text in ["1969-12-31", "2149-06-07", "2024-13-01", "yesterday", ""] {
            assert_eq!(day_of_date(text), None, "{text}");
        }
    }
}
