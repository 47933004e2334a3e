//! Figures of one signal, as its values come.

use serde::{Deserialize, Serialize};
use telematics::window::{Commitment, Figure};
use telematics::{Signal, Value};

/// What one signal did so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    count: i64,
    min: i64,
    max: i64,
    sum: i64,
    first: i64,
    last: i64,
    /// Values above the low, the middle and the high threshold.
    above: [i64; 3],
    /// Digest of the commitments to the windows completed.
    windows: [u8; 32],
}

impl Tally {
    /// Takes in a value on the grid.
    pub(super) fn add(&mut self, signal: Signal, value: Value) {
        let raw = value.raw();
        if self.count == 0 {
            (self.first, self.min, self.max) = (raw, raw, raw);
        }
        (self.min, self.max) = (self.min.min(raw), self.max.max(raw));
        self.count += 1;
        self.last = raw;
        // What saturates can not be committed to, and is refused then.
        self.sum = self.sum.saturating_add(raw);
        for (count, threshold) in self.above.iter_mut().zip(signal.thresholds()) {
            *count += i64::from(value > threshold);
        }
    }

    /// Takes in the commitment to a window.
    pub(super) fn add_window(&mut self, commitment: Commitment) {
        // Commitments of this car's own making are field elements, and so is the digest.
        if let Ok(digest) = zk::extend_digest(self.windows(), commitment) {
            self.windows = digest.0;
        }
    }

    /// False before the first value.
    pub(super) const fn has_values(&self) -> bool {
        self.count > 0
    }

    /// The digest of the windows.
    pub(super) const fn windows(&self) -> Commitment {
        Commitment(self.windows)
    }

    /// The figures, given what is the same for all signals.
    pub(super) fn figures(&self, seconds_driven: i64, square: [i64; 2]) -> [i64; Figure::COUNT] {
        let [square_first, square_last] = square;
        let [low, middle, high] = self.above;
        Figure::ALL.map(|figure| match figure {
            Figure::Count => self.count,
            Figure::Min => self.min,
            Figure::Max => self.max,
            Figure::Mean => self.sum.checked_div_euclid(self.count).unwrap_or_default(),
            Figure::Sum => self.sum,
            Figure::First => self.first,
            Figure::Last => self.last,
            Figure::AboveLow => low,
            Figure::AboveMiddle => middle,
            Figure::AboveHigh => high,
            Figure::SecondsDriven => seconds_driven,
            Figure::SquareFirst => square_first,
            Figure::SquareLast => square_last,
        })
    }
}
