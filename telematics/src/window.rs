//! What is committed under *prove*: windows, places and summaries. The values stay in the car, and
//! 32 bytes that fix them leave it.
//!
//! **Invariant:** a window is complete: it has exactly [`Window::LENGTH`] values, on the grid of its
//! signal. So has a [`Places`].
//!
//! **Not here:** how a commitment is computed and what can be proven about it (`zk`); when windows are
//! cut (`edge-agent`).

use std::fmt;

use crate::tile::Place;
use crate::time::Timestamp;
use crate::value::Value;
use crate::vss::Signal;

/// Consecutive values of one signal, [`Signal::grid_seconds`] apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The signal measured.
    pub signal: Signal,
    /// Time of the first value.
    pub started_at: Timestamp,
    /// The values, in the order measured.
    pub values: [Value; Self::LENGTH],
}

/// Consecutive places of a car, as many as a window has values and as far apart as those of
/// `Vehicle.CurrentLocation.Latitude`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Time of the first place.
    pub started_at: Timestamp,
    /// The places, in the order visited.
    pub places: [Place; Window::LENGTH],
}

impl Window {
    /// Values in a window.
    pub const LENGTH: usize = 64;
}

/// What a [`Summary`] is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// From the first sample after a pause to the last before the next.
    Trip,
    /// A UTC day.
    Day,
}

impl Period {
    /// Every period.
    pub const ALL: [Self; 2] = [Self::Trip, Self::Day];

    /// The word for it in files, tables and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trip => "trip",
            Self::Day => "day",
        }
    }

    /// Finds the period that `text` names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.as_str() == text)
    }
}

/// A number of a [`Summary`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Figure {
    /// Grid values summarised.
    Count,
    /// The lowest value.
    Min,
    /// The highest value.
    Max,
    /// The sum of the values divided by their count, rounded down.
    Mean,
    /// The sum of the values.
    Sum,
    /// The first value.
    First,
    /// The last value.
    Last,
    /// Values above the signal's low threshold.
    AboveLow,
    /// Values above its middle threshold.
    AboveMiddle,
    /// Values above its high threshold.
    AboveHigh,
    /// Seconds in which the car moved.
    SecondsDriven,
    /// Quadkey number of the first place in the smallest tile around all places visited.
    SquareFirst,
    /// Quadkey number of the last place in that tile.
    SquareLast,
}

impl Figure {
    /// Every figure, in the order in which it is committed.
    pub const ALL: [Self; 13] = [
        Self::Count,
        Self::Min,
        Self::Max,
        Self::Mean,
        Self::Sum,
        Self::First,
        Self::Last,
        Self::AboveLow,
        Self::AboveMiddle,
        Self::AboveHigh,
        Self::SecondsDriven,
        Self::SquareFirst,
        Self::SquareLast,
    ];

    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// The word for it in files, tables and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Min => "min",
            Self::Max => "max",
            Self::Mean => "mean",
            Self::Sum => "sum",
            Self::First => "first",
            Self::Last => "last",
            Self::AboveLow => "above_low",
            Self::AboveMiddle => "above_middle",
            Self::AboveHigh => "above_high",
            Self::SecondsDriven => "seconds_driven",
            Self::SquareFirst => "square_first",
            Self::SquareLast => "square_last",
        }
    }

    /// Finds the figure that `text` names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|figure| figure.as_str() == text)
    }

    /// Whether it is a value of the signal, at the signal's decimals.
    #[must_use]
    pub const fn is_value(self) -> bool {
        matches!(self, Self::Min | Self::Max | Self::Mean | Self::Sum | Self::First | Self::Last)
    }
}

/// One signal over one trip or day, on the signal's grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The signal measured.
    pub signal: Signal,
    /// Trip or day.
    pub period: Period,
    /// When the period began.
    pub started_at: Timestamp,
    /// The numbers, in the order of [`Figure::ALL`]. Values are fixed-point at the signal's decimals.
    pub figures: [i64; Figure::COUNT],
    /// Digest of the commitments to the signal's windows within the period: a field element.
    pub windows: Commitment,
}

/// The 32 bytes that fix something without showing it: a field element of BN254, least significant
/// byte first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commitment(pub [u8; 32]);

impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What leaves the car of a signal under *prove*. Neither the time nor whether it is a window or a
/// summary: the marketplace needs only the signal, to see that the owner agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The signal measured; `Vehicle.CurrentLocation.Latitude` for places.
    pub signal: Signal,
    /// Binds the values.
    pub commitment: Commitment,
}
