//! One measured value: which signal, when, how much.
//!
//! The vehicle is not part of a [`Sample`]: a batch belongs to one vehicle, so it is said once there.

use crate::time::Timestamp;
use crate::value::Value;
use crate::vss::Signal;

/// What one signal of one vehicle was worth at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The signal measured.
    pub signal: Signal,
    /// When the frame arrived, by the kernel's clock.
    pub time: Timestamp,
    /// The value, at the signal's decimals.
    pub value: Value,
}

impl Sample {
    /// The value in the signal's unit.
    #[must_use]
    pub fn physical(&self) -> f64 {
        self.value.to_physical(self.signal.decimals())
    }
}
