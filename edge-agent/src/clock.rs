//! The clock of the machine. Nothing else in this crate asks what time it is.
//!
//! **Invariant:** domain code takes `now` as an argument; only loops and commands call [`now`].

use std::time::{SystemTime, UNIX_EPOCH};

use telematics::Timestamp;

/// The time of this machine, in UTC.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
pub fn now() -> Timestamp {
    from_system(SystemTime::now())
}

/// The same point in time, as ours. A time before 1970 becomes 1970.
#[must_use]
pub fn from_system(time: SystemTime) -> Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn system_time_is_counted_in_microseconds() {
        let time = UNIX_EPOCH + Duration::from_micros(1_500_001);

        assert_eq!(from_system(time), Timestamp::from_micros(1_500_001));
        assert_eq!(from_system(UNIX_EPOCH - Duration::from_secs(1)), Timestamp::from_micros(0));
    }
}
