//! The tables of the spool, and the steps that its transactions are made of.
//!
//! **Invariant:** every step reports what it could not read; none skips a row.

use std::io;

use redb::{TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;
use telematics::SealedBatch;
use telematics::payload::{self, Contents};

use super::error::SpoolError;
use super::records::Pending;

/// Where earlier versions kept sealed batches, by position.
pub(super) const BATCHES: TableDefinition<u64, &[u8]> = TableDefinition::new("batches");
/// The chain and the counters, by name.
pub(super) const STATE: TableDefinition<&str, &[u8]> = TableDefinition::new("state");
/// Progress, by source.
pub(super) const PROGRESS: TableDefinition<&str, &[u8]> = TableDefinition::new("progress");
/// Open windows, trips and days, encrypted, by source.
pub(super) const OPEN: TableDefinition<&str, &[u8]> = TableDefinition::new("open");
/// Hashes of batches that may have been sent, by position: what a bridge over one of them needs.
pub(super) const SENT: TableDefinition<u64, &[u8; 32]> = TableDefinition::new("sent");
/// Where earlier versions kept windows that were not encrypted.
pub(super) const FORMER_WINDOWS: TableDefinition<(u16, i64), &[u8]> =
    TableDefinition::new("windows");

/// What can go wrong inside a transaction.
pub(super) enum Failure {
    Refused(SpoolError),
    /// The log, not the database.
    Log(io::Error),
    Damaged(String),
    Storage(Box<redb::Error>),
}

impl<E: Into<redb::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Storage(Box::new(error.into()))
    }
}

/// What is in a batch that waits.
pub(super) fn contents(pending: &Pending) -> Result<Contents, Failure> {
    decode(&pending.batch)
}

fn decode(batch: &SealedBatch) -> Result<Contents, Failure> {
    let damaged = |_| Failure::Damaged(format!("the payload of batch {}", batch.header.seq));
    payload::decode(&batch.payload).map_err(damaged)
}

pub(super) fn save<T: Serialize>(
    transaction: &WriteTransaction,
    name: &str,
    value: &T,
) -> Result<(), Failure> {
    transaction.open_table(STATE)?.insert(name, to_json(value)?.as_slice())?;
    Ok(())
}

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(value).map_err(|error| Failure::Damaged(error.to_string()))
}

pub(super) fn from_json<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).or(Err(Failure::Damaged(what.to_owned())))
}

pub(super) fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
