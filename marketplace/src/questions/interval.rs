//! How time is cut: an interval of a fixed length.

use telematics::time::MICROS_PER_SECOND;

use super::QuestionError;

/// A length of time, at least a millisecond. A day has 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    micros: i64,
}

impl Interval {
    /// The shortest one.
    const MICROS_MIN: i64 = 1_000;

    /// So many seconds.
    ///
    /// # Errors
    /// Less than a millisecond is refused.
    pub fn of_seconds(seconds: u32) -> Result<Self, QuestionError> {
        Self::of_micros(i64::from(seconds).saturating_mul(MICROS_PER_SECOND), &seconds.to_string())
    }

    /// Reads an ISO 8601 duration such as `PT15M` or `P1D`.
    ///
    /// # Errors
    /// Other text is refused, and so are months and years, which have no fixed length.
    pub fn parse(text: &str) -> Result<Self, QuestionError> {
        let refuse = |why: &str| {
            let what =
                format!("`interval` is `{text}`: {why}; `PT15M`, `P1D` or a number of seconds");
            QuestionError::invalid(what)
        };
        let span: jiff::Span = text.parse().or(Err(refuse("that is no ISO 8601 duration")))?;
        if span.get_years() != 0 || span.get_months() != 0 {
            return Err(refuse("months and years have no fixed length"));
        }
        let days = i64::from(span.get_weeks()) * 7 + i64::from(span.get_days());
        let hours = days * 24 + i64::from(span.get_hours());
        let seconds = hours
            .saturating_mul(3_600)
            .saturating_add(span.get_minutes().saturating_mul(60))
            .saturating_add(span.get_seconds());
        let micros = seconds
            .saturating_mul(MICROS_PER_SECOND)
            .saturating_add(span.get_milliseconds().saturating_mul(1_000))
            .saturating_add(span.get_microseconds())
            .saturating_add(span.get_nanoseconds() / 1_000);
        Self::of_micros(micros, text)
    }

    /// Microseconds in it.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.micros
    }

    fn of_micros(micros: i64, text: &str) -> Result<Self, QuestionError> {
        if micros < Self::MICROS_MIN {
            let what = format!("`interval` is `{text}`; it is at least a millisecond");
            return Err(QuestionError::invalid(what));
        }
        Ok(Self { micros })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_of_a_fixed_length_are_read() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("PT15M",     900_000_000),
            ("PT1H30M",   5_400_000_000),
            ("P1D",       86_400_000_000),
            ("P1W",       604_800_000_000),
            ("P1DT1S",    86_401_000_000),
            ("PT0.25S",   250_000),
        ];
        for (text, micros) in cases {
            assert_eq!(Interval::parse(text).unwrap().micros(), micros, "{text}");
        }
        assert_eq!(Interval::of_seconds(60).unwrap().micros(), 60_000_000);
    }

    #[test]
    fn others_are_refused_with_an_example() {
        for text in ["", "P1M", "P1Y", "-PT1S", "PT0S", "PT0.0001S", "often", "12"] {
            let error = Interval::parse(text).unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
        assert!(Interval::of_seconds(0).is_err());
    }
}
