//! What can be seen of a dataset before it is bought: coverage, freshness, how values spread, what is missing, and a preview.
//!
//! Measured from the rows of the lake, of vehicles that share everything in the dataset now. Reading them all would cost more
//! than it tells, so the newest days of some vehicles are read, and it says how many.
//!
//! **Invariant:** nothing in it is of fewer than `vehicles_min` vehicles. Shares are per mille, not counts, and a profile is made
//! anew only when much has changed, so that two of them do not tell what one car brought.
//!
//! **Not here:** how rows are counted ([`crate::lake`]), and how the spread of values is drawn ([`plot`]).

mod coverage;
mod plan;
pub mod plot;

use serde::{Deserialize, Serialize};
use telematics::Timestamp;

pub use coverage::{Coverage, Model, Region};
pub(super) use plan::Measures;
pub use plan::{Plan, due, forget, plan};

use super::{CatalogError, DatasetId, queries};
use crate::db::Conn;
use crate::lake::{Bin, CoarseRows, SignalShape};

/// What can be seen of a dataset before it is bought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Rows that could be bought when it was made.
    pub rows: u64,
    /// Vehicles they come from.
    pub vehicles: u64,
    /// The least number of vehicles that anything below speaks of.
    pub vehicles_min: u32,
    /// Nineteen of twenty vehicles sent something at this time or later, RFC 3339.
    pub fresh_p95_at: Option<String>,
    /// Of which models and from where.
    pub coverage: Coverage,
    /// What everything below was measured from.
    pub read: Read,
    /// Signal by signal; those of too few vehicles are not in it.
    pub signals: Vec<SignalProfile>,
    /// Rows as they are, but with the day instead of the time, a range instead of the value, and no vehicle.
    pub preview: Vec<PreviewRow>,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// Rows.
    pub rows: u64,
    /// Of so many vehicles, chosen by lot.
    pub vehicles: u64,
    /// From this day on.
    pub first_day: String,
}

/// One signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignalProfile {
    /// Its VSS path.
    pub path: String,
    /// Its unit.
    pub unit: String,
    /// Rows that were read.
    pub rows: u64,
    /// Vehicles they are of.
    pub vehicles: u64,
    /// The median of the times between a row and the next of the same vehicle, in milliseconds.
    pub usual_step_ms: Option<u64>,
    /// Steps more than ten times as long as usual, and not so long that the vehicle was parked: half an hour.
    pub gaps: u64,
    /// Rows at a time of which there is one already.
    pub duplicates: u64,
    /// How its values spread, in rising order.
    pub distribution: Vec<Share>,
    /// Rows in ranges that fewer than `vehicles_min` vehicles were in, per mille.
    pub hidden_per_mille: u64,
}

/// Values from here, and less than there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// From here on; none for everything less than `to`.
    pub from: Option<f64>,
    /// Less than this; none for everything from `from` on.
    pub to: Option<f64>,
    /// Of all rows of the signal.
    pub rows_per_mille: u64,
}

/// Rows that look the same from afar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PreviewRow {
    /// The VSS path of their signal.
    pub signal: String,
    /// Their day.
    pub day: String,
    /// Their values begin here.
    pub value_from: Option<f64>,
    /// And are less than this.
    pub value_to: Option<f64>,
    /// Of so many vehicles.
    pub vehicles: u64,
}

/// A profile and when it was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Profiled {
    /// What was found.
    pub profile: Profile,
    /// When.
    pub profiled_at: Timestamp,
    /// In which version of the lake.
    pub lake_version: u64,
}

/// The profile of a dataset; none while too few vehicles share it, or nobody has looked yet.
///
/// # Errors
/// When it can not be read.
pub fn profile(conn: &mut Conn, dataset: DatasetId) -> Result<Option<Profiled>, CatalogError> {
    queries::profiles::profile(conn, dataset)
}

/// Keeps a profile instead of the one before.
///
/// # Errors
/// When it can not be stored.
pub fn keep_profile(
    conn: &mut Conn,
    dataset: DatasetId,
    profiled: &Profiled,
) -> Result<(), CatalogError> {
    queries::profiles::upsert(conn, dataset, profiled)
}

impl SignalProfile {
    fn new(signal: telematics::Signal, shape: &SignalShape) -> Self {
        let of_rows = |bin: &Bin| Share {
            from: bin.from,
            to: bin.to,
            rows_per_mille: per_mille(bin.rows, shape.rows),
        };
        Self {
            path: signal.path().to_owned(),
            unit: signal.unit().to_string(),
            rows: shape.rows,
            vehicles: shape.vehicles,
            usual_step_ms: shape
                .usual_step_micros
                .map(|micros| u64::try_from(micros).unwrap_or(0).div_ceil(1_000)),
            gaps: shape.gaps,
            duplicates: shape.duplicates,
            distribution: shape.bins.iter().map(of_rows).collect(),
            hidden_per_mille: per_mille(shape.hidden_rows, shape.rows),
        }
    }
}

impl PreviewRow {
    fn new(rows: &CoarseRows) -> Self {
        Self {
            signal: rows.signal.path().to_owned(),
            day: date(rows.day),
            value_from: rows.bin.from,
            value_to: rows.bin.to,
            vehicles: rows.vehicles,
        }
    }
}

fn date(day: i64) -> String {
    telematics::time::date_of_day(u16::try_from(day).unwrap_or(0))
}

/// To the nearest.
fn per_mille(part: u64, whole: u64) -> u64 {
    let half = whole / 2;
    part.saturating_mul(1_000).saturating_add(half).checked_div(whole).unwrap_or(0)
}
