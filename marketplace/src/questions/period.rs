//! From when to when a question asks.

use telematics::Timestamp;
use telematics::time::MICROS_PER_DAY;

use super::QuestionError;
use crate::config::QuestionLimits;

/// From a time, to before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first moment in it.
    pub from: Timestamp,
    /// The first moment behind it.
    pub to: Timestamp,
}

impl Period {
    /// Refuses what ends before it begins, leaves the calendar, or is longer than a question may ask.
    ///
    /// # Errors
    /// Each with what would be right.
    pub fn check(self, limits: &QuestionLimits) -> Result<(), QuestionError> {
        let Self { from, to } = self;
        if from >= to {
            let what = format!("`from` is {from} and `to` is {to}; `from` comes first");
            return Err(QuestionError::invalid(what));
        }
        if !from.is_in_calendar() || to > Timestamp::CALENDAR_END {
            let what = format!("{from} to {to} is not between 1970 and 2100");
            return Err(QuestionError::invalid(what));
        }
        let whole = u64::try_from(to.micros_since(from) - 1).unwrap_or(0);
        let days = whole / u64::try_from(MICROS_PER_DAY).unwrap_or(1) + 1;
        let max = u64::from(limits.span_days_max);
        if days > max {
            let instead = "ask about less time";
            return Err(QuestionError::TooMuch { what: "days", actual: days, max, instead });
        }
        Ok(())
    }

    /// Microseconds in it.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.to.micros_since(self.from)
    }
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    #[test]
    fn a_period_is_as_long_as_a_question_may_ask() {
        let limits = QuestionLimits { span_days_max: 2, ..QuestionLimits::default() };
        let check = |from: Timestamp, to: Timestamp| Period { from, to }.check(&limits);
        let days = |days: i64| T0.plus_seconds(days * 86_400);

        check(T0, days(2)).unwrap();
        let long = check(T0, days(2).plus_micros(1)).unwrap_err().to_string();
        assert!(long.contains("3 days, at most 2") && long.contains("less time"), "{long}");
        for (from, to) in [(T0, T0), (days(1), T0)] {
            assert!(check(from, to).unwrap_err().to_string().contains("comes first"));
        }
        let early = Timestamp::from_micros(-1);
        assert!(check(early, T0).unwrap_err().to_string().contains("1970"));
        let late = Timestamp::CALENDAR_END;
        assert!(check(late, late.plus_micros(1)).unwrap_err().to_string().contains("2100"));
    }
}
