//! One message of a DBC file and its signals.
//!
//! **Invariant:** a multiplexor is named by its index in the same message, and following multiplexors
//! from any signal ends after at most [`NESTING_MAX`] of them; loading sees to both.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::j1939::{self, Meaning};
use super::layout::{Layout, Raw};
use super::plan::Plan;
use crate::frames::CanId;

/// Multiplexors that may hide behind each other. Real files have two.
pub(super) const NESTING_MAX: usize = 8;

/// A message and its signals.
#[derive(Debug)]
pub struct Message {
    /// The identifier of its frames.
    pub id: CanId,
    /// Its name: the long one, if the file has one.
    pub name: String,
    /// Its name in the statement that defines it.
    pub short_name: String,
    /// Bytes that the file gives it. Its frames may be shorter or longer.
    pub length: u64,
    /// True when its frames are told by their J1939 parameter group.
    pub is_j1939: bool,
    /// Its signals, in the order of the file.
    pub signals: Vec<DbcSignal>,
    pub(super) plan: Plan,
}

/// Where a signal lies, and what its number means.
#[derive(Debug)]
pub struct DbcSignal {
    /// Its name: the long one, if the file has one.
    pub name: String,
    /// Its name in the statement that defines it.
    pub short_name: String,
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
    /// Names of raw numbers, in rising order.
    pub labels: Arc<[(i64, String)]>,
    pub(super) is_j1939: bool,
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
    /// The index of the signal called `name`, long or short.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        let by_name = |called: fn(&DbcSignal) -> &str| {
            self.signals.iter().position(|signal| called(signal) == name)
        };
        by_name(|signal| &signal.name).or_else(|| by_name(|signal| &signal.short_name))
    }

    /// The raw number of signal `index` in `data`, if the signal is there.
    ///
    /// `data` is a frame's or that of any longer payload; what is beyond the message is ignored.
    #[must_use]
    pub fn raw(&self, index: usize, data: &[u8]) -> Option<Raw> {
        let signal = self.signals.get(index)?;
        self.is_present(&signal.presence, data, NESTING_MAX).then(|| signal.layout.extract(data))?
    }

    /// The physical value of signal `index` in `data`, if the signal is there and has one.
    #[must_use]
    pub fn physical(&self, index: usize, data: &[u8]) -> Option<f64> {
        let raw = self.raw(index, data)?;
        self.signals.get(index)?.physical(raw)
    }

    /// Hands the index and the physical value of every signal in `data` to `take`.
    ///
    /// The same values as [`Self::physical`] gives one by one, without allocation, and faster.
    #[inline]
    pub fn each_physical(&self, data: &[u8], mut take: impl FnMut(usize, f64)) {
        self.plan.run(&self.signals, data, &mut take);
    }

    fn is_present(&self, presence: &Presence, data: &[u8], nesting: usize) -> bool {
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
    /// Turns a raw number into the physical one, whether it is a value or not.
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

    /// The physical value of a raw number, unless it says that there is none.
    #[must_use]
    pub fn physical(&self, raw: Raw) -> Option<f64> {
        (self.meaning(raw) == Meaning::Value).then(|| self.scale(raw))
    }

    /// What a raw number means: always a value, but in J1939.
    #[must_use]
    pub fn meaning(&self, raw: Raw) -> Meaning {
        if self.is_j1939 {
            j1939::meaning(&self.layout, raw, || self.label(raw).is_some())
        } else {
            Meaning::Value
        }
    }

    /// The name of a raw number.
    #[must_use]
    pub fn label(&self, raw: Raw) -> Option<&str> {
        let Raw::Integer(number) = raw else { return None };
        let number = i64::try_from(number).ok()?;
        let index = self.labels.binary_search_by_key(&number, |(value, _)| *value).ok()?;
        self.labels.get(index).map(|(_, label)| label.as_str())
    }

    /// True when 64-bit floating point scales every raw number exactly as [`Self::scale`] does.
    pub(super) fn is_exact_in_f64(&self) -> bool {
        const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
        if whole(self.factor).is_none() || whole(self.offset).is_none() {
            return true;
        }
        let largest = 2_f64.powi(self.layout.length().cast_signed());
        largest * self.factor.abs() + self.offset.abs() <= EXACT
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
