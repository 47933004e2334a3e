//! The grid: from samples as they come to one value at each instant.
//!
//! Instants are multiples of the grid since 1970, the same for every car and every restart. The value at
//! an instant is the last sample at or before it, unless that is too old.
//!
//! **Invariant:** instants are given once and in order; a sample that comes late never changes a value
//! that was given.

use serde::{Deserialize, Serialize};
use telematics::Signal;
use telematics::time::MICROS_PER_SECOND;

/// A sample stands for its signal for this many steps of the grid. After that the signal counts as not
/// measured.
const STEPS_MAX: i64 = 5;

/// Steps of a grid, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid(i64);

/// Brings the samples of one thing onto its grid. Times are microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Resampler<V> {
    held: Option<Held<V>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Held<V> {
    time: i64,
    /// The last instant that the value may stand for.
    until: i64,
    /// The first instant that was not given yet.
    next: i64,
    value: V,
}

/// What time has passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Steps<V> {
    /// Instants and their values.
    pub(super) values: Vec<(i64, V)>,
    /// True when instants without a value follow.
    pub(super) broken: bool,
}

impl Grid {
    /// The grid that proofs see `signal` on.
    pub(crate) fn of(signal: Signal) -> Self {
        Self(i64::from(signal.grid_seconds()) * MICROS_PER_SECOND)
    }

    /// The first instant at or after `time`.
    pub(super) const fn at_or_after(self, time: i64) -> i64 {
        let into_step = time.rem_euclid(self.0);
        if into_step == 0 { time } else { time.saturating_add(self.0 - into_step) }
    }

    /// Until when a sample of `time` stands for its signal.
    pub(super) const fn stands_until(self, time: i64) -> i64 {
        time.saturating_add(self.0 * STEPS_MAX)
    }
}

impl<V> Default for Resampler<V> {
    fn default() -> Self {
        Self { held: None }
    }
}

impl<V: Copy> Resampler<V> {
    /// The values at the instants before `before` that were not given yet.
    pub(super) fn advance(&mut self, grid: Grid, before: i64) -> Steps<V> {
        let mut steps = Steps { values: Vec::new(), broken: false };
        while let Some(held) = &mut self.held
            && held.next < before
        {
            if held.next > held.until {
                self.held = None;
                steps.broken = true;
                break;
            }
            steps.values.push((held.next, held.value));
            held.next = held.next.saturating_add(grid.0);
        }
        steps
    }

    /// Takes a sample of `time` that may stand for its signal until `until`. Without an older one, the
    /// first instant is not before `floor`. One that is older than the last is of no use.
    pub(super) fn take(&mut self, grid: Grid, time: i64, until: i64, floor: i64, value: V) {
        match &mut self.held {
            Some(held) if time < held.time => {}
            Some(held) => (held.time, held.until, held.value) = (time, until, value),
            None => {
                let next = grid.at_or_after(time.max(floor));
                self.held = Some(Held { time, until, next, value });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STEP: i64 = 1_000_000;

    /// An instant in milliseconds and its value; `None` where the values break off.
    type Given = Option<(i64, i64)>;
    /// Its name, samples and what comes out.
    type Case = (&'static str, &'static [(i64, i64)], &'static [Given]);

    fn grid() -> Grid {
        Grid::of(Signal::SPEED)
    }

    /// Runs `samples` (milliseconds, value) through a resampler; a break is a `None`.
    fn resample(samples: &[(i64, i64)]) -> Vec<Given> {
        let (mut resampler, mut out) = (Resampler::default(), Vec::new());
        let mut note = |steps: Steps<i64>| {
            out.extend(steps.values.into_iter().map(|(at, value)| Some((at / 1_000, value))));
            out.extend(steps.broken.then_some(None));
        };
        let mut end = i64::MIN;
        for (millis, value) in samples {
            let time = millis * 1_000;
            end = end.max(time + 1);
            note(resampler.advance(grid(), time));
            resampler.take(grid(), time, grid().stands_until(time), 0, *value);
        }
        note(resampler.advance(grid(), end));
        out
    }

    #[test]
    fn an_instant_has_the_last_value_at_or_before_it() {
        #[rustfmt::skip] // a table is read by column
        let cases: [Case; 8] = [
            ("on the grid",          &[(1_000, 7), (2_000, 8)],                 &[Some((1_000, 7)), Some((2_000, 8))]),
            ("between",              &[(600, 7), (1_400, 8), (2_100, 9)],       &[Some((1_000, 7)), Some((2_000, 8))]),
            ("many a step",          &[(100, 1), (500, 2), (900, 3), (1_100, 4)], &[Some((1_000, 3))]),
            ("rare",                 &[(0, 1), (3_000, 2)],                     &[Some((0, 1)), Some((1_000, 1)), Some((2_000, 1)), Some((3_000, 2))]),
            ("a gap of the limit",   &[(5_000, 1), (11_000, 2)],                &[Some((5_000, 1)), Some((6_000, 1)), Some((7_000, 1)), Some((8_000, 1)), Some((9_000, 1)), Some((10_000, 1)), Some((11_000, 2))]),
            ("a longer gap breaks",  &[(4_900, 1), (10_100, 2), (11_000, 3)],   &[Some((5_000, 1)), Some((6_000, 1)), Some((7_000, 1)), Some((8_000, 1)), Some((9_000, 1)), None, Some((11_000, 3))]),
            ("the clock goes back",  &[(1_000, 1), (2_100, 2), (1_500, 9), (3_000, 4)], &[Some((1_000, 1)), Some((2_000, 1)), Some((3_000, 4))]),
            ("the same time twice",  &[(1_000, 1), (1_000, 2), (1_100, 3)],     &[Some((1_000, 2))]),
        ];
        for (name, samples, expected) in cases {
            assert_eq!(resample(samples), expected, "{name}");
        }
    }

    #[test]
    fn times_before_1970_and_a_floor_keep_to_the_grid() {
        assert_eq!(grid().at_or_after(-1), 0);
        assert_eq!(grid().at_or_after(-STEP), -STEP);
        assert_eq!(grid().at_or_after(1), STEP);
        let mut resampler = Resampler::default();
        resampler.take(grid(), STEP / 2, 9 * STEP, 3 * STEP, 5);
        assert_eq!(resampler.advance(grid(), 3 * STEP + 1).values, [(3 * STEP, 5)]);
    }

    proptest! {
        /// Jitter, repeated times and a clock that goes back: the definition, instant by instant.
        #[test]
        fn values_are_those_of_the_definition(
            steps in prop::collection::vec((-900_i64..4_000, any::<i64>()), 1..60),
        ) {
            let mut millis = 50_000;
            let samples: Vec<_> = steps.into_iter().map(|(step, value)| {
                millis += step;
                (millis, value)
            }).collect();
            // What counts: samples that are not older than one before them.
            let mut newest = i64::MIN;
            let counting: Vec<_> = samples.iter().copied().filter(|(millis, _)| {
                let counts = *millis >= newest;
                newest = newest.max(*millis);
                counts
            }).collect();
            let first = counting[0].0;
            let expected = (0..).map(|n| n * 1_000).skip_while(|at| *at < first)
                .take_while(|at| *at <= newest)
                .filter_map(|at| {
                    let last = counting.iter().rfind(|(millis, _)| *millis <= at)?;
                    (at - last.0 <= 5_000).then_some((at, last.1))
                });

            let given: Vec<_> = resample(&samples).into_iter().flatten().collect();
            prop_assert_eq!(given, expected.collect::<Vec<_>>());
        }
    }
}
