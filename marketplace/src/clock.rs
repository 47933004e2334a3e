//! The only place that asks what time it is.
//!
//! **Invariant:** every rule is given `now`; a test that needs another time gives another clock.

use std::time::{SystemTime, UNIX_EPOCH};

use telematics::Timestamp;

/// Where `now` comes from.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// Always this time.
    Fixed(Timestamp),
}

impl Clock {
    /// The time now.
    #[must_use]
    pub fn now(self) -> Timestamp {
        match self {
            Self::Fixed(time) => time,
            #[expect(clippy::disallowed_methods, reason = "this is the clock")]
            Self::System => {
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
            }
        }
    }
}
