//! One number for many: what a signal was in each interval of a grid.
//!
//! The grid lies on whole multiples of the interval since 1970, so that cars and signals share it. The
//! number of an interval is known when a value of another one arrives, and has the time of its end.
//!
//! **Invariant:** an interval without values gives none, and no value counts in two.

use serde::Deserialize;
use telematics::Timestamp;

/// Which number stands for an interval.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Resample {
    /// The mean of the values that arrived.
    Mean,
    /// The smallest.
    Min,
    /// The largest.
    Max,
    /// The last.
    Last,
}

/// An interval that is being filled.
#[derive(Clone, Copy, Debug)]
pub struct Interval {
    number: i64,
    count: f64,
    sum: f64,
    min: f64,
    max: f64,
    last: f64,
}

impl Interval {
    const fn of(number: i64, value: f64) -> Self {
        Self { number, count: 1.0, sum: value, min: value, max: value, last: value }
    }

    fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.last = value;
    }

    const fn stands_for(&self, resample: Resample) -> f64 {
        match resample {
            Resample::Mean => self.sum / self.count,
            Resample::Min => self.min,
            Resample::Max => self.max,
            Resample::Last => self.last,
        }
    }
}

impl Resample {
    /// Adds a value to `open`, and gives the time and number of the interval that it ends.
    pub fn push(
        self,
        open: &mut Option<Interval>,
        interval_micros: i64,
        time: Timestamp,
        value: f64,
    ) -> Option<(Timestamp, f64)> {
        let number = time.as_micros().div_euclid(interval_micros.max(1));
        match open {
            Some(interval) if interval.number == number => {
                interval.add(value);
                None
            }
            _ => {
                // Also when the clock went back: the values before belong to another interval.
                let ended = open.replace(Interval::of(number, value))?;
                let end = ended.number.saturating_add(1).saturating_mul(interval_micros);
                Some((Timestamp::from_micros(end), ended.stands_for(self)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Times in microseconds, intervals of ten.
    fn resampled(resample: Resample, values: &[(i64, f64)]) -> Vec<(i64, f64)> {
        let mut open = None;
        let push = |(time, value): &(i64, f64)| {
            resample.push(&mut open, 10, Timestamp::from_micros(*time), *value)
        };
        values.iter().filter_map(push).map(|(time, value)| (time.as_micros(), value)).collect()
    }

    #[test]
    fn an_interval_gives_one_number_at_its_end() {
        let values = [(10, 1.0), (12, 4.0), (19, 1.0), (20, 7.0), (45, 9.0)];

        for (resample, first) in [
            (Resample::Mean, 2.0),
            (Resample::Min, 1.0),
            (Resample::Max, 4.0),
            (Resample::Last, 1.0),
        ] {
            assert_eq!(resampled(resample, &values), [(20, first), (30, 7.0)], "{resample:?}");
        }
    }

    #[test]
    fn a_clock_that_goes_back_begins_anew() {
        let values = [(10, 1.0), (5, 3.0), (15, 5.0)];

        assert_eq!(resampled(Resample::Mean, &values), [(20, 1.0), (10, 3.0)]);
    }
}
