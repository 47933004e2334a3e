//! The tables of the spool, and the steps that its transactions are made of.
//!
//! **Invariant:** every step reports what it could not read; none skips a row.

use redb::{ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;
use telematics::payload::{self, Contents};
use telematics::{Policy, SealedBatch};

use super::chain::Chain;
use super::error::SpoolError;
use super::kept;
use super::records::Pending;
use crate::consent;
use crate::seal::{Head, Sealer};

/// Sealed batches, by position.
pub(super) const BATCHES: TableDefinition<u64, &[u8]> = TableDefinition::new("batches");
/// The chain and the counters, by name.
pub(super) const STATE: TableDefinition<&str, &[u8]> = TableDefinition::new("state");
/// Progress, by source.
pub(super) const PROGRESS: TableDefinition<&str, &[u8]> = TableDefinition::new("progress");
/// Open windows, trips and days, encrypted, by source.
pub(super) const OPEN: TableDefinition<&str, &[u8]> = TableDefinition::new("open");
/// Where earlier versions kept windows that were not encrypted.
pub(super) const FORMER_WINDOWS: TableDefinition<(u16, i64), &[u8]> =
    TableDefinition::new("windows");

/// What can go wrong inside a transaction.
pub(super) enum Failure {
    Refused(SpoolError),
    Damaged(String),
    Storage(Box<redb::Error>),
}

impl<E: Into<redb::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Storage(Box::new(error.into()))
    }
}

/// Puts `batch` at the end of the chain.
pub(super) fn insert(
    transaction: &WriteTransaction,
    chain: &mut Chain,
    batch: SealedBatch,
    samples: usize,
) -> Result<(), Failure> {
    chain.set_head(Head::after(&batch));
    chain.bytes_pending += length(&batch.payload);
    let seq = batch.header.seq;
    let pending = Pending { batch, samples: u32::try_from(samples).unwrap_or(u32::MAX) };
    transaction.open_table(BATCHES)?.insert(seq, pending.to_bytes().as_slice())?;
    Ok(())
}

/// Replaces every batch by what is left of `pending`, sealed anew after the chain's head. Records of
/// commitments that are left out go with them. Without a policy the car was enrolled anew: samples and
/// their consent version stay, and what the former vehicle committed to can not be proven any more.
pub(super) fn reseal(
    transaction: &WriteTransaction,
    chain: &mut Chain,
    pending: Vec<Pending>,
    sealer: &Sealer,
    policy: Option<&Policy>,
) -> Result<(), Failure> {
    transaction.open_table(BATCHES)?.retain(|_, _| false)?;
    for Pending { batch, .. } in pending {
        let mut contents = decode(&batch)?;
        let mut version = batch.header.consent_version;
        let before = contents.commitments.clone();
        if let Some(policy) = policy {
            consent::restrict(&mut contents, policy);
            version = policy.version();
        } else {
            contents.commitments.clear();
        }
        let dropped = before.into_iter().filter(|before| !contents.commitments.contains(before));
        kept::remove(transaction, dropped)?;
        if contents != Contents::default() {
            let again = sealer.seal(chain.head(), version, &contents);
            insert(transaction, chain, again, contents.samples.len())?;
        }
    }
    Ok(())
}

/// What is in a batch that waits.
pub(super) fn contents(pending: &Pending) -> Result<Contents, Failure> {
    decode(&pending.batch)
}

fn decode(batch: &SealedBatch) -> Result<Contents, Failure> {
    let damaged = |_| Failure::Damaged(format!("the payload of batch {}", batch.header.seq));
    payload::decode(&batch.payload).map_err(damaged)
}

pub(super) fn load_chain(transaction: &WriteTransaction) -> Result<Option<Chain>, Failure> {
    let table = transaction.open_table(STATE)?;
    let row = table.get("chain")?;
    row.map(|row| from_json("chain", row.value())).transpose()
}

pub(super) fn load_pending(transaction: &WriteTransaction) -> Result<Vec<Pending>, Failure> {
    let table = transaction.open_table(BATCHES)?;
    let mut pending = Vec::with_capacity(usize::try_from(table.len()?).unwrap_or(0));
    for row in table.iter()? {
        pending.push(parse_pending(row?.1.value())?);
    }
    Ok(pending)
}

pub(super) fn parse_pending(bytes: &[u8]) -> Result<Pending, Failure> {
    Pending::parse(bytes).ok_or_else(|| Failure::Damaged("a batch".to_owned()))
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

pub(super) fn length(payload: &[u8]) -> u64 {
    u64::try_from(payload.len()).unwrap_or(u64::MAX)
}
