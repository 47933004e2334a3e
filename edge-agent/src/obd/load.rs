//! How busy a bus is: frames heard in the last whole second.

use telematics::Timestamp;
use telematics::time::MICROS_PER_SECOND;

/// Counts frames second by second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    second: i64,
    now: u32,
    before: u32,
}

impl Load {
    /// Counts a frame.
    pub(super) fn hear(&mut self, time: Timestamp) {
        self.turn(time);
        self.now = self.now.saturating_add(1);
    }

    /// Frames of the last whole second, or of the present one when there are more already.
    pub(super) fn frames_per_second(&mut self, now: Timestamp) -> u32 {
        self.turn(now);
        self.before.max(self.now)
    }

    fn turn(&mut self, time: Timestamp) {
        let second = time.as_micros().div_euclid(MICROS_PER_SECOND);
        if second != self.second {
            self.before = if second == self.second + 1 { self.now } else { 0 };
            (self.second, self.now) = (second, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    #[test]
    fn a_second_counts_until_the_next_is_over() {
        let mut load = Load::default();
        for millis in 0..900 {
            load.hear(T0.plus_micros(millis * 1_000));
        }
        assert_eq!(load.frames_per_second(T0), 900);
        assert_eq!(load.frames_per_second(T0.plus_seconds(1)), 900);
        assert_eq!(load.frames_per_second(T0.plus_seconds(2)), 0);
    }
}
