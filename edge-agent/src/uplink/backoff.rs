//! Pauses between attempts: doubled each time, with jitter, so that a marketplace that comes back is
//! not met by every car in the same second.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_mins(1);
/// The longest pause that a marketplace may ask for.
const ASKED_LONGEST: Duration = Duration::from_mins(10);

/// How long to wait before the next attempt.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The pause after one more failure; `jitter` (0.5 to 1) scales it.
    pub(super) fn next_pause(&mut self, jitter: f64) -> Duration {
        let doubled = FIRST.saturating_mul(2_u32.saturating_pow(self.failures.min(16)));
        self.failures = self.failures.saturating_add(1);
        doubled.min(LONGEST).mul_f64(jitter)
    }

    /// The pause after a marketplace that asked for `asked`: no shorter than that, and no longer than
    /// [`ASKED_LONGEST`], which a hostile one might exceed.
    pub(super) fn pause_after(&mut self, asked: Option<Duration>, jitter: f64) -> Duration {
        let own = self.next_pause(jitter);
        // Not all cars that were refused together come back together.
        let asked = asked.unwrap_or_default().min(ASKED_LONGEST).mul_f64(1.0 + jitter / 2.0);
        own.max(asked)
    }

    /// The marketplace took something: the next failure is a first one.
    pub(super) const fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_a_minute_and_start_again_after_success() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..9).map(|_| backoff.next_pause(1.0).as_millis()).collect();

        assert_eq!(pauses[..4], [500, 1_000, 2_000, 4_000]);
        assert_eq!(pauses[8], 60_000);
        backoff.reset();
        assert_eq!(backoff.next_pause(0.5).as_millis(), 250);
    }

    #[test]
    fn a_pause_is_as_long_as_the_marketplace_asks_within_reason() {
        let mut backoff = Backoff::default();

        assert_eq!(backoff.pause_after(None, 1.0).as_millis(), 500);
        assert_eq!(backoff.pause_after(Some(Duration::from_secs(8)), 0.5).as_secs(), 10);
        assert_eq!(backoff.pause_after(Some(Duration::from_millis(1)), 1.0).as_secs(), 2);
        assert_eq!(backoff.pause_after(Some(Duration::MAX), 1.0).as_secs(), 900);
    }
}
