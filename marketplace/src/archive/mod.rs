//! The archive: what cars sent, exactly as they signed it.
//!
//! Accepted batches are rows in the relational store, in the same transaction as the end of each
//! vehicle's chain, so the archive is also the log that the lake is filled from.
//!
//! Owns the tables `batches`, `batch_reasons`, `chains`, `latest_values`, `quarantine`, `reason_totals` and
//! `vehicle_days`.
//!
//! **Invariant:** batches of one vehicle are a chain from position 1, without gaps but those that the car
//! stated as lost ([`telematics::loss`]). [`append`] takes only the batch that follows the last one, and
//! nothing changes a batch, but that [`let_go`] empties its payload when that is over. Only [`erase`] removes them,
//! all of a vehicle at once.
//!
//! **Not here:** whether a batch may come in: the ingest module. Rows in columns: the
//! lake. What was committed to: [`crate::epochs`].

mod days;
mod quality;
mod queries;
mod regions;
mod retention;
mod verbs;

pub use days::{SignalSet, VehicleDay, days, first_day, forget_days};
pub use quality::{
    FUTURE_SECONDS_MAX, Latest, Newest, Quality, Reason, ReasonKind, Score, flagged, horizon,
};
pub use regions::regions;
pub use retention::{Over, last_gone, let_go, let_go_of_latest};
pub use verbs::{
    ArchiveError, Chain, Scored, StoredBatch, Totals, VehicleQuality, after, after_of, append,
    chain, erase, hash_at, last_arrival, latest, latest_among, latest_of_all, newest, of_vehicle,
    portion, qualities, quarantine, quarantine_stored, quarantined, scored, totals, waiting,
};
