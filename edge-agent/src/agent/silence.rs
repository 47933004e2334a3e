//! When a bus is silent for so long that the agent sleeps, and when it looks at the clock the last time.
//!
//! Sleep comes in two steps. [`Silence::check`] first says that the bus is quiet: the open batch is sealed and
//! sent, the connection closed. One more look ends the trip, which lasts until a pause of some minutes. From
//! then on nothing of the agent runs before there is a frame, unless the owner lets it ask a car that is
//! behind a gateway: see `[obd]`. What the agent itself causes is no sign that the bus is awake.
//!
//! **Invariant:** in deep sleep there is no next check.

use std::time::Duration;

use tokio::time::Instant;

use crate::windows::PAUSE_SECONDS;

/// How often the clock is asked while the bus is awake: whether a batch is old, or the bus silent.
const CHECK: Duration = Duration::from_millis(250);

/// How deep a bus sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sleep {
    Awake,
    Quiet,
    Deep,
}

/// Watches one source.
#[derive(Debug)]
pub(super) struct Silence {
    after: Duration,
    sleep: Sleep,
    /// Frames read when it was last checked, and since when there are no more.
    frames: u64,
    since: Instant,
}

impl Silence {
    pub(super) const fn new(after: Duration, now: Instant) -> Self {
        Self { after, sleep: Sleep::Awake, frames: 0, since: now }
    }

    /// False while the agent sleeps.
    pub(super) fn is_awake(&self) -> bool {
        self.sleep == Sleep::Awake
    }

    /// When to check, unless a frame comes before.
    pub(super) fn next_check(&self, now: Instant) -> Option<Instant> {
        let trip_over = u64::try_from(PAUSE_SECONDS).map_or(Duration::ZERO, Duration::from_secs);
        match self.sleep {
            Sleep::Awake => Some(now + CHECK),
            Sleep::Quiet => Some((self.since + trip_over + CHECK * 2).max(now + CHECK)),
            Sleep::Deep => None,
        }
    }

    /// Looks whether there were frames since the last check. True when the sleep got deeper.
    pub(super) fn check(&mut self, frames: u64, now: Instant) -> bool {
        if std::mem::replace(&mut self.frames, frames) != frames {
            self.since = now;
        }
        let next = match self.sleep {
            Sleep::Awake if now.duration_since(self.since) < self.after => return false,
            Sleep::Awake => Sleep::Quiet,
            Sleep::Quiet | Sleep::Deep => Sleep::Deep,
        };
        self.sleep = next;
        true
    }

    /// There is a frame. True when it ends a sleep.
    pub(super) fn end(&mut self, now: Instant) -> bool {
        if self.sleep == Sleep::Awake {
            return false;
        }
        (self.sleep, self.since) = (Sleep::Awake, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleep_comes_in_two_steps_and_a_frame_ends_it() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut silence = Silence::new(Duration::from_mins(1), start);
        #[rustfmt::skip] // a table is read by column
        let checks = [
            // name                         second  frames  deeper
            ("a frame",                     0,      1,      false),
            ("almost quiet",                59,     1,      false),
            ("a frame in the last second",  59,     2,      false),
            ("almost quiet again",          118,    2,      false),
            ("quiet",                       119,    2,      true),
        ];
        for (name, second, frames, deeper) in checks {
            assert_eq!(silence.check(frames, after(second)), deeper, "{name}");
        }
        let last = silence.next_check(after(119)).unwrap();
        assert!(last > after(59 + 300) && last < after(59 + 302), "when the trip is over");
        assert!(silence.check(2, last), "deep");
        assert_eq!(silence.next_check(last), None, "no timer");
        assert!(!silence.is_awake());

        assert!(silence.end(after(9_000)), "a frame wakes");
        assert!(!silence.end(after(9_000)));
        assert!(silence.is_awake());
        assert!(!silence.check(3, after(9_001)));
        assert_eq!(silence.next_check(after(9_001)), Some(after(9_001) + CHECK));
    }
}
