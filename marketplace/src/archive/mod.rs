//! The archive: what cars sent, exactly as they signed it.
//!
//! Accepted batches are rows in the relational store, in the same transaction as the end of each
//! vehicle's chain, so the archive is also the log that the lake is filled from.
//!
//! Owns the tables `batches`, `chains`, `latest_values` and `quarantine`.
//!
//! **Invariant:** batches of one vehicle are a chain from position 1, without gaps but those that the car
//! stated as lost ([`telematics::loss`]). [`append`] takes only the batch that follows the last one, and
//! nothing changes or removes a batch.
//!
//! **Not here:** whether a batch may come in: the ingest module. Rows in columns: the
//! lake. What was committed to: [`crate::epochs`].

mod queries;
mod verbs;

pub use verbs::{
    ArchiveError, Chain, StoredBatch, Totals, after, after_of, append, chain, hash_at, latest,
    quarantine, quarantine_stored, quarantined, totals, waiting,
};
