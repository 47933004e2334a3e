//! The redb database beside the log: opened anew after a failure, and what is written of a record.
//!
//! **Invariant:** a record is applied once: the transaction that applies it says up to which number
//! everything is applied. What a crash takes from here is applied again from the log.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use redb::{Database, Durability, ReadableDatabase, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::chain::Chain;
use super::entry::Entry;
use super::error::SpoolError;
use super::kept;
use super::state::State;
use super::store::Spool;
use super::tables::{Failure, OPEN, PROGRESS, save, to_json};

/// How far the database is with the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Applied {
    /// The epoch of the log that is in force.
    pub(super) epoch: u32,
    /// Records up to this number are in the database.
    pub(super) number: u64,
}

impl Default for Applied {
    fn default() -> Self {
        Self { epoch: 1, number: 0 }
    }
}

/// Writes what `entry` changes beside the batch.
fn apply(transaction: &WriteTransaction, entry: &Entry) -> Result<(), Failure> {
    kept::put(transaction, &entry.kept)?;
    kept::remove(transaction, entry.dropped.iter().copied())?;
    if let Some(meta) = &entry.meta {
        let (source, progress) = (meta.source.as_str(), to_json(&meta.progress)?);
        transaction.open_table(PROGRESS)?.insert(source, progress.as_slice())?;
        transaction.open_table(OPEN)?.insert(source, entry.open.as_slice())?;
        save(transaction, "counters", &meta.counters)?;
    }
    Ok(())
}

/// Writes where the chain stands, and how far the log is applied.
pub(super) fn save_standing(
    transaction: &WriteTransaction,
    chain: &Chain,
    applied: Applied,
) -> Result<(), Failure> {
    save(transaction, "chain", chain)?;
    save(transaction, "applied", &applied)
}

impl Spool {
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&redb::ReadTransaction) -> Result<T, Failure>,
    ) -> Result<T, SpoolError> {
        let attempt = || work(&self.database()?.begin_read()?);
        attempt().map_err(|failure| self.explain(failure))
    }

    /// One transaction, synced before it returns.
    pub(super) fn write<T>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<T, Failure>,
    ) -> Result<T, SpoolError> {
        self.commit(Durability::Immediate, work).map_err(|failure| self.explain(failure))
    }

    /// Brings the database to where `state` is, which has taken in `entries`.
    pub(super) fn follow(
        &self,
        state: &State,
        entries: &[Entry],
        durability: Durability,
    ) -> Result<(), Failure> {
        self.commit(durability, |transaction| {
            for entry in entries {
                apply(transaction, entry)?;
            }
            let Some(chain) = &state.chain else { return Ok(()) };
            save_standing(transaction, chain, state.applied())
        })
    }

    /// One transaction. Without durability it is synced with the next one that has it.
    pub(super) fn commit<T>(
        &self,
        durability: Durability,
        work: impl FnOnce(&WriteTransaction) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut transaction = self.database()?.begin_write()?;
        transaction.set_durability(durability)?;
        let result = work(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }

    pub(super) fn database(&self) -> Result<Arc<Database>, Failure> {
        let mut slot = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = &*slot {
            return Ok(Arc::clone(database));
        }
        let database = Arc::new((self.open)()?);
        *slot = Some(Arc::clone(&database));
        Ok(database)
    }

    /// Says what failed. redb wants its file opened anew then, without what was not synced: so the log
    /// is applied anew as well.
    pub(super) fn explain(&self, failure: Failure) -> SpoolError {
        match failure {
            Failure::Refused(error) => error,
            Failure::Damaged(what) => SpoolError::Damaged { path: self.path.clone(), what },
            Failure::Log(source) => SpoolError::storage(self.log_path(), source.into()),
            Failure::Storage(source) => {
                *self.database.lock().unwrap_or_else(PoisonError::into_inner) = None;
                self.lags.store(true, Ordering::SeqCst);
                SpoolError::storage(self.path.clone(), *source)
            }
        }
    }
}
