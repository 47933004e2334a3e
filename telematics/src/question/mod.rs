//! Questions that a proof can answer: about a window, about places, about a summary; and which cars and
//! days they are asked of.
//!
//! **Invariant:** a question is well formed: its bounds are not empty and no committed number lies
//! beyond their limits, its tiles are sorted and do not overlap. So whoever holds one may turn it into
//! public inputs.
//!
//! **Not here:** the circuits that prove an answer (`zk`), who pays for it (`marketplace`).

mod bounds;
mod region;
mod scope;

pub use bounds::{Above, Bounds};
pub use region::{Presence, Region};
pub use scope::{ClassPattern, Scope};

use crate::tile::Tile;
use crate::vss::Signal;
use crate::window::{Figure, Period, Window};

/// About one window of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The signal.
    pub signal: Signal,
    /// Every value lies within.
    pub values: Bounds,
    /// The sum of the values lies within.
    pub sum: Bounds,
    /// Few values lie above a threshold.
    pub above: Above,
}

/// About the summary of one trip or day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SummaryBounds {
    /// The signal.
    pub signal: Signal,
    /// Trip or day.
    pub period: Period,
    /// Each figure lies within, in the order of [`Figure::ALL`].
    pub figures: [Bounds; Figure::COUNT],
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Of a window.
    Fact(Fact),
    /// Of places.
    Region(Region),
    /// Of a summary.
    Summary(SummaryBounds),
}

impl Question {
    /// The signal that an answer is about; `Vehicle.CurrentLocation.Latitude` for places.
    #[must_use]
    pub fn signal(&self) -> Signal {
        match self {
            Self::Fact(fact) => fact.signal,
            Self::Region(_) => Signal::LATITUDE,
            Self::Summary(bounds) => bounds.signal,
        }
    }
}

/// Why words make no question.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAQuestion {
    /// Nothing lies between the bounds.
    #[error("nothing lies between {low} and {high}")]
    Empty {
        /// The lower bound.
        low: i64,
        /// The upper bound, which is below it.
        high: i64,
    },
    /// A bound that no committed number can reach.
    #[error(
        "the bounds {low} and {high} lie beyond ±2^{bits}, the numbers that can be committed to"
    )]
    BeyondLimit {
        /// The lower bound.
        low: i64,
        /// The upper bound.
        high: i64,
        /// The power of two that limits them.
        bits: u32,
    },
    /// More values than a window has.
    #[error(
        "at most {count} values above the threshold is no question: a window has {}",
        Window::LENGTH
    )]
    CountAboveLength {
        /// The count asked for.
        count: u8,
    },
    /// No tile, or too many.
    #[error("{count} tiles; a region has 1 to {}", Region::TILES_MAX)]
    WrongTileCount {
        /// How many were given.
        count: usize,
    },
    /// A tile within another, or given twice.
    #[error("tiles {one} and {other} overlap")]
    Overlap {
        /// One of them.
        one: Tile,
        /// The other.
        other: Tile,
    },
    /// Outside tiles that cover the whole map.
    #[error("no place lies outside these tiles")]
    NoPlace,
    /// The last day is before the first.
    #[error("the last day is {} days before the first", first - last)]
    NoDays {
        /// The first day, counted from 1970-01-01.
        first: u16,
        /// The last day.
        last: u16,
    },
}
