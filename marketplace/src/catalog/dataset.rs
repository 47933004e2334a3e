//! A dataset: signals that are sold together, and what was measured of them.

use std::collections::BTreeSet;

use telematics::ids::{Id, Kind};
use telematics::question::ClassPattern;
use telematics::{BuyerId, Powertrain, Signal, Timestamp, VehicleDescription};

use crate::archive::{ReasonKind, Score};
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
    /// What one row costs before the factors of the price rule.
    pub price_per_row: Amount,
    /// Rows that could be bought when it was described.
    pub rows: u64,
    /// Vehicles they come from.
    pub vehicles: u64,
    /// Brands of these vehicles.
    pub makes: BTreeSet<String>,
    /// Models of these vehicles.
    pub models: BTreeSet<String>,
    /// Model years of these vehicles.
    pub years: BTreeSet<u16>,
    /// What drives these vehicles.
    pub powertrains: BTreeSet<Powertrain>,
    /// Time of the first row; none without rows.
    pub first_at: Option<Timestamp>,
    /// Time of the last row.
    pub last_at: Option<Timestamp>,
    /// How plausible it is.
    pub quality: DatasetQuality,
    /// The version of the lake that was measured.
    pub lake_version: u64,
    /// When this was measured first; it has not changed since.
    pub described_at: Timestamp,
    /// Whom it is listed for; none when everybody sees it.
    pub private: Option<Private>,
}

/// A listing for one buyer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Private {
    /// Who sees it.
    pub buyer: BuyerId,
    /// Of which vehicles it is.
    pub class: ClassPattern,
}

/// How plausible the rows of a dataset are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatasetQuality {
    /// The mean over everything that its vehicles sent, weighted by samples; none when nothing was scored.
    pub score: Option<Score>,
    /// Rows that a reason speaks of, at most all.
    pub flagged_rows: u64,
    /// What speaks against them.
    pub reasons: Vec<ReasonRows>,
}

/// What speaks against rows of one signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasonRows {
    /// What.
    pub kind: ReasonKind,
    /// Of which signal.
    pub signal: Signal,
    /// How many rows.
    pub rows: u64,
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
    /// Rows that a reason speaks of, in per mille of all, rounded up.
    #[must_use]
    pub fn flagged_per_mille(&self) -> u64 {
        self.quality.flagged_rows.saturating_mul(1_000).div_ceil(self.rows.max(1))
    }

    /// Whether rows of this vehicle belong into it, as far as the vehicle goes.
    #[must_use]
    pub fn admits(&self, vehicle: &VehicleDescription) -> bool {
        self.private.as_ref().is_none_or(|private| private.class.admits(vehicle))
    }

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
