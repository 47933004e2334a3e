//! One message of a DBC file and its signals, compiled for decoding.
//!
//! **Invariant:** a multiplexor is named by its index in the same message, and at most
//! [`NESTING_MAX`] of them are followed, so asking whether a signal is there always ends.

use std::ops::RangeInclusive;

use super::layout::{Layout, Raw};
use crate::frames::CanId;

/// Multiplexors that may hide behind each other. Real files have two.
const NESTING_MAX: u8 = 8;

/// A message and its signals.
#[derive(Debug)]
pub struct Message {
    /// The identifier of its frames.
    pub id: CanId,
    /// Its name in the file.
    pub name: String,
    /// Its signals, in the order of the file.
    pub signals: Vec<DbcSignal>,
}

/// Where a signal lies, and what its number means.
#[derive(Debug)]
pub struct DbcSignal {
    /// Its name in the file.
    pub name: String,
    /// Its unit, as the file spells it.
    pub unit: String,
    /// When it is in the frame.
    pub presence: Presence,
    /// The place of its bits.
    pub layout: Layout,
    /// `physical = raw * factor + offset`.
    pub factor: f64,
    /// See `factor`.
    pub offset: f64,
}

/// When a signal is in the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// In every frame.
    Always,
    /// When the multiplexor (an index in the message) has one of these values.
    When {
        /// Index of the multiplexor among the message's signals.
        switch: usize,
        /// Its values with which the signal is there.
        values: Vec<RangeInclusive<i128>>,
    },
}

impl Message {
    /// The index of the signal called `name`.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.signals.iter().position(|signal| signal.name == name)
    }

    /// The raw number of signal `index` in `data`, if the signal is there.
    #[must_use]
    pub fn raw(&self, index: usize, data: &[u8]) -> Option<Raw> {
        let signal = self.signals.get(index)?;
        self.is_present(&signal.presence, data, NESTING_MAX).then(|| signal.layout.extract(data))?
    }

    /// The physical value of signal `index` in `data`, if the signal is there.
    #[must_use]
    pub fn physical(&self, index: usize, data: &[u8]) -> Option<f64> {
        let raw = self.raw(index, data)?;
        Some(self.signals.get(index)?.scale(raw))
    }

    fn is_present(&self, presence: &Presence, data: &[u8], nesting: u8) -> bool {
        let Presence::When { switch, values } = presence else { return true };
        let Some(signal) = self.signals.get(*switch) else { return false };
        if nesting == 0 || !self.is_present(&signal.presence, data, nesting - 1) {
            return false;
        }
        match signal.layout.extract(data) {
            Some(Raw::Integer(value)) => values.iter().any(|range| range.contains(&value)),
            _ => false,
        }
    }
}

impl DbcSignal {
    /// Turns a raw number into the physical value.
    #[must_use]
    pub fn scale(&self, raw: Raw) -> f64 {
        match raw {
            Raw::Float(value) => value * self.factor + self.offset,
            Raw::Integer(value) => match (whole(self.factor), whole(self.offset)) {
                // Integers are scaled exactly: above 2^53 a float would round twice.
                (Some(factor), Some(offset)) => float(value * factor + offset),
                _ => float(value) * self.factor + self.offset,
            },
        }
    }
}

/// The integer that `number` is, when it is a small one.
fn whole(number: f64) -> Option<i128> {
    const MAX: f64 = 4_294_967_296.0; // 2^32: times 2^64 stays far below 2^127
    if number.fract() != 0.0 || number.abs() > MAX {
        return None;
    }
    #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "a small integer")]
    Some(number as i128)
}

fn float(number: i128) -> f64 {
    #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "rounds to nearest")]
    {
        number as f64
    }
}
