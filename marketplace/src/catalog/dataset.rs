//! A dataset: signals that are sold together, and what was measured of them.

use std::collections::BTreeSet;

use telematics::ids::{Id, Kind};
use telematics::{Signal, Timestamp};

use crate::ledger::Amount;

/// A dataset.
pub enum DatasetMark {}
impl Kind for DatasetMark {
    const PREFIX: &'static str = "dataset";
}
/// Names a dataset.
pub type DatasetId = Id<DatasetMark>;

/// A standing offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Which.
    pub id: DatasetId,
    /// Its name in addresses; never changes.
    pub slug: String,
    /// Its name for people.
    pub title: String,
    /// What it is good for.
    pub description: String,
    /// What is in it.
    pub signals: Vec<SignalRows>,
    /// What one row costs.
    pub price_per_row: Amount,
    /// Rows that could be bought when it was described.
    pub rows: u64,
    /// Vehicles they come from.
    pub vehicles: u64,
    /// Brands of these vehicles.
    pub makes: BTreeSet<String>,
    /// Models of these vehicles.
    pub models: BTreeSet<String>,
    /// Time of the first row; none without rows.
    pub first_at: Option<Timestamp>,
    /// Time of the last row.
    pub last_at: Option<Timestamp>,
    /// The version of the lake that was measured.
    pub lake_version: u64,
    /// When this was measured first; it has not changed since.
    pub described_at: Timestamp,
}

/// One signal of a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalRows {
    /// Which.
    pub signal: Signal,
    /// Its rows when the dataset was described.
    pub rows: u64,
}

impl Dataset {
    /// The signals alone.
    #[must_use]
    pub fn signals(&self) -> Vec<Signal> {
        self.signals.iter().map(|line| line.signal).collect()
    }

    /// Whether `other` says the same, whenever it was measured.
    pub(super) fn says_what(&self, other: &Self) -> bool {
        *self == Self { described_at: self.described_at, ..other.clone() }
    }
}
