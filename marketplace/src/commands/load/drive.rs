//! What a generated car measures: values that wander as a car's do, at the rate asked for.
//!
//! **Invariant:** every value is in its signal's range and every time is between the batch before and
//! now, so that a market that looks at what it gets has nothing to say against it.

use telematics::consent::Disclosure;
use telematics::vss::SignalGroup;
use telematics::{Sample, Signal, Timestamp, Value};

/// What the owners of generated cars share: everything but where they are.
pub(super) const SHARED: [SignalGroup; 6] = [
    SignalGroup::Motion,
    SignalGroup::Driving,
    SignalGroup::Battery,
    SignalGroup::Powertrain,
    SignalGroup::Climate,
    SignalGroup::Tyres,
];

/// The consent that permits that, as an enrolment code carries it.
pub(super) fn consent() -> String {
    let shared = SHARED.map(|group| format!("{group}={}", Disclosure::Share));
    shared.join(",")
}

/// How much earlier than even a sample may be.
const JITTER_MICROS_MAX: i64 = 1_000;

/// One car's signals, and how far it has driven.
pub(super) struct Drive {
    signals: Vec<Course>,
    driven_until: Timestamp,
    step: i64,
}

/// How one signal wanders: up and down within half of its range.
struct Course {
    signal: Signal,
    low: i64,
    high: i64,
}

impl Drive {
    /// A car with `signals` signals, beginning at `now`; `seed` tells its course from that of others.
    pub(super) fn new(signals: usize, seed: i64, now: Timestamp) -> Self {
        let shared = Signal::all().filter(|signal| SHARED.contains(&signal.group()));
        let signals = shared.take(signals).map(Course::of).collect();
        Self { signals, driven_until: now, step: seed }
    }

    /// What was measured since the last call: `count` samples, shared out evenly among the signals.
    pub(super) fn samples(&mut self, count: usize, now: Timestamp) -> Vec<Sample> {
        let mut samples = Vec::with_capacity(count);
        let columns = self.signals.len().max(1);
        let passed = now.micros_since(self.driven_until).max(0);
        for (column, course) in self.signals.iter().enumerate() {
            let length = count / columns + usize::from(column < count % columns);
            let (begun, rows) = (self.step, i64::try_from(length).unwrap_or(i64::MAX));
            // Clocks are not as even as ours: without their jitter, times would compress to nothing.
            let jitter = (passed / rows.max(1)).clamp(1, JITTER_MICROS_MAX);
            samples.extend(
                (1..=rows).map(|row| Sample {
                    signal: course.signal,
                    time: self
                        .driven_until
                        .plus_micros(passed * row / rows - noise(begun + row) % jitter),
                    value: course.at(begun + row),
                }),
            );
        }
        self.step += i64::try_from(count / columns).unwrap_or(i64::MAX);
        self.driven_until = self.driven_until.plus_micros(passed);
        samples
    }
}

impl Course {
    fn of(signal: Signal) -> Self {
        let (low, high) = (signal.range().start().raw(), signal.range().end().raw());
        let quarter = (high - low) / 4;
        Self { signal, low: low + quarter, high: high - quarter }
    }

    /// A triangle of 512 steps, with the noise of a sensor.
    fn at(&self, step: i64) -> Value {
        let phase = step.wrapping_add(i64::from(self.signal.number()) * 37).rem_euclid(512);
        let folded = if phase < 256 { phase } else { 511 - phase };
        let width = self.high - self.low;
        let value = self.low + width / 256 * folded + (noise(step) & 15);
        Value::from_raw(value.clamp(self.low, self.high))
    }
}

/// Bits that look random and are the same for the same `step` (the finalizer of `SplitMix64`). Not negative.
pub(super) const fn noise(step: i64) -> i64 {
    let mut bits = step.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((bits ^ (bits >> 31)) >> 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    #[test]
    fn samples_are_in_range_in_time_and_as_many_as_asked_for() {
        let mut drive = Drive::new(20, 7, T0);
        let mut end = T0;
        for (count, second) in [(100, 1), (7, 2), (10_000, 9)] {
            let (begin, now) = (end, T0.plus_seconds(second));

            let samples = drive.samples(count, now);

            assert_eq!(samples.len(), count);
            for sample in &samples {
                assert!(sample.signal.range().contains(&sample.value), "{sample:?}");
                assert!(begin < sample.time && sample.time <= now, "{sample:?}");
            }
            end = now;
        }
    }
}
