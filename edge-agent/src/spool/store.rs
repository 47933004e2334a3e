//! The transactions of the spool.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use redb::{Database, ReadableDatabase, WriteTransaction};
use telematics::payload::Contents;
use telematics::{LeavesAt, Policy};

use super::chain::Chain;
use super::claims::CLAIMS;
use super::error::SpoolError;
use super::kept::{self, KeptRecord};
use super::records::Pending;
use super::tables::{
    BATCHES, FORMER_WINDOWS, Failure, OPEN, PROGRESS, STATE, contents, from_json, insert, length,
    load_chain, load_pending, parse_pending, reseal, save, to_json,
};
use crate::consent;
use crate::progress::{Counters, Progress};
use crate::seal::{Head, Sealer};

/// What is written together.
#[derive(Clone, Debug, Default)]
pub struct Cut {
    /// What goes into the batch. No batch is sealed when it is empty.
    pub contents: Contents,
    /// What is behind the commitments in the batch.
    pub kept: Vec<KeptRecord>,
    /// Name of the source.
    pub source: String,
    /// Where the agent is in it, after the last frame of the batch.
    pub progress: Progress,
    /// Open windows, trips and days up to there, encrypted.
    pub open: Vec<u8>,
    /// What was counted up to there.
    pub counters: Counters,
}

type Open = Box<dyn Fn() -> Result<Database, redb::DatabaseError> + Send + Sync>;

/// The spool of one agent.
pub struct Spool {
    path: PathBuf,
    bytes_max: NonZeroU64,
    open: Open,
    /// `None` after a failed write: redb wants the file opened anew.
    database: Mutex<Option<Arc<Database>>>,
}

impl Spool {
    /// Opens the spool in `data_dir`, or makes it.
    ///
    /// # Errors
    /// When it can not be opened, or another agent has it open.
    pub fn open(data_dir: &Path, bytes_max: NonZeroU64) -> Result<Self, SpoolError> {
        let path = data_dir.join("spool.redb");
        let file = path.clone();
        Self::open_with(path, bytes_max, Box::new(move || Database::create(&file)))
    }

    fn open_with(path: PathBuf, bytes_max: NonZeroU64, open: Open) -> Result<Self, SpoolError> {
        let spool = Self { path, bytes_max, open, database: Mutex::new(None) };
        spool.write(|transaction| {
            transaction.open_table(BATCHES)?;
            transaction.open_table(STATE)?;
            transaction.open_table(PROGRESS)?;
            transaction.open_table(OPEN)?;
            transaction.open_table(kept::KEPT)?;
            transaction.open_table(kept::ORDER)?;
            transaction.open_table(CLAIMS)?;
            transaction.delete_table(FORMER_WINDOWS)?;
            Ok(())
        })?;
        Ok(spool)
    }

    /// Makes the chain that of the sealer's vehicle. Batches that a former vehicle of this agent
    /// left behind are sealed anew as its first ones; what it kept for proofs was encrypted with its key,
    /// and is deleted.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn adopt(&self, sealer: &Sealer) -> Result<Chain, SpoolError> {
        self.write(|transaction| {
            let (chain, pending) = (load_chain(transaction)?, load_pending(transaction)?);
            if let Some(chain) = chain.filter(|chain| chain.belongs_to(sealer.vehicle())) {
                return Ok(chain);
            }
            let mut chain = Chain::new(sealer.vehicle());
            reseal(transaction, &mut chain, pending, sealer, None)?;
            kept::clear(transaction)?;
            transaction.open_table(OPEN)?.retain(|_, _| false)?;
            transaction.open_table(CLAIMS)?.retain(|_, _| false)?;
            save(transaction, "chain", &chain)?;
            Ok(chain)
        })
    }

    /// Seals a batch and keeps it, with the progress that belongs to it, or keeps the progress alone
    /// when there is nothing to seal. Contents are restricted by `policy` first. Returns where the
    /// chain then stands.
    ///
    /// # Errors
    /// When the spool or the disk is full: nothing is then changed.
    pub fn append(
        &self,
        sealer: &Sealer,
        policy: &Policy,
        cut: &mut Cut,
    ) -> Result<Chain, SpoolError> {
        consent::restrict(&mut cut.contents, policy);
        self.write(|transaction| {
            let mut chain =
                load_chain(transaction)?.unwrap_or_else(|| Chain::new(sealer.vehicle()));
            let mut counters = cut.counters;
            if cut.contents != Contents::default() {
                let batch = sealer.seal(chain.head(), policy.version(), &cut.contents);
                let bytes = chain.bytes_pending + length(&batch.payload);
                if bytes > self.bytes_max.get() {
                    let path = self.path.clone();
                    let (pending, max) = (chain.bytes_pending, self.bytes_max);
                    return Err(Failure::Refused(SpoolError::Full { path, pending, max }));
                }
                counters.batches_sealed += 1;
                insert(transaction, &mut chain, batch, cut.contents.samples.len())?;
            }
            kept::put(transaction, &cut.kept, &cut.contents)?;
            let (source, progress) = (cut.source.as_str(), to_json(&cut.progress)?);
            transaction.open_table(PROGRESS)?.insert(source, progress.as_slice())?;
            transaction.open_table(OPEN)?.insert(source, cut.open.as_slice())?;
            save(transaction, "counters", &counters)?;
            save(transaction, "chain", &chain)?;
            Ok(chain)
        })
    }

    /// The batches after position `seq`, in order, at most `limit`.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn after(&self, seq: u64, limit: usize) -> Result<Vec<Pending>, SpoolError> {
        self.read(|transaction| {
            let table = transaction.open_table(BATCHES)?;
            let rows = table.range(seq + 1..)?.take(limit);
            rows.map(|row| parse_pending(row?.1.value())).collect()
        })
    }

    /// Forgets the batches up to position `seq`, and counts them as acknowledged. Notes where the leaves
    /// of their commitments are: `leaves` by position of the batch.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn acknowledge(
        &self,
        sealer: &Sealer,
        seq: u64,
        leaves: &BTreeMap<u64, LeavesAt>,
    ) -> Result<Chain, SpoolError> {
        self.write(|transaction| {
            let mut chain =
                load_chain(transaction)?.unwrap_or_else(|| Chain::new(sealer.vehicle()));
            let mut batches = transaction.open_table(BATCHES)?;
            for position in chain.acknowledged_seq + 1..=seq.min(chain.head().seq) {
                if let Some(row) = batches.remove(position)? {
                    let pending = parse_pending(row.value())?;
                    let bytes = length(&pending.batch.payload);
                    chain.samples_acknowledged += u64::from(pending.samples);
                    chain.bytes_acknowledged += bytes;
                    chain.bytes_pending = chain.bytes_pending.saturating_sub(bytes);
                    if let Some(first) = leaves.get(&position) {
                        kept::place(transaction, &contents(&pending)?, *first)?;
                    }
                }
                chain.acknowledged_seq = position;
            }
            drop(batches);
            save(transaction, "chain", &chain)?;
            Ok(chain)
        })
    }

    /// Cuts every waiting batch anew under `policy` and seals it again; one that has nothing left is
    /// gone. Safe only for batches that the marketplace has certainly not accepted.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn recut(&self, sealer: &Sealer, policy: &Policy) -> Result<Chain, SpoolError> {
        self.write(|transaction| {
            let mut chain =
                load_chain(transaction)?.unwrap_or_else(|| Chain::new(sealer.vehicle()));
            let pending = load_pending(transaction)?;
            if let Some(first) = pending.first() {
                let header = first.batch.header;
                chain.set_head(Head { seq: header.seq - 1, hash: header.prev_hash });
                chain.bytes_pending = 0;
                reseal(transaction, &mut chain, pending, sealer, Some(policy))?;
                save(transaction, "chain", &chain)?;
            }
            Ok(chain)
        })
    }

    /// Where the agent is in `source`; at its beginning when it never read it.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn progress(&self, source: &str) -> Result<Progress, SpoolError> {
        self.read(|transaction| {
            let table = transaction.open_table(PROGRESS)?;
            let row = table.get(source)?;
            row.map_or_else(|| Ok(Progress::default()), |row| from_json(source, row.value()))
        })
    }

    /// What was counted so far.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn counters(&self) -> Result<Counters, SpoolError> {
        self.read(|transaction| {
            let table = transaction.open_table(STATE)?;
            let row = table.get("counters")?;
            row.map_or_else(|| Ok(Counters::default()), |row| from_json("counters", row.value()))
        })
    }

    /// What is open of `source`, encrypted, if anything was kept.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn open_of(&self, source: &str) -> Result<Option<Vec<u8>>, SpoolError> {
        self.read(|transaction| {
            let table = transaction.open_table(OPEN)?;
            let row = table.get(source)?;
            Ok(row.map(|row| row.value().to_vec()))
        })
    }

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
        let attempt = || {
            let transaction = self.database()?.begin_write()?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        attempt().map_err(|failure| self.explain(failure))
    }

    fn database(&self) -> Result<Arc<Database>, Failure> {
        let mut slot = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = &*slot {
            return Ok(Arc::clone(database));
        }
        let database = Arc::new((self.open)()?);
        *slot = Some(Arc::clone(&database));
        Ok(database)
    }

    fn explain(&self, failure: Failure) -> SpoolError {
        let path = self.path.clone();
        match failure {
            Failure::Refused(error) => error,
            Failure::Damaged(what) => SpoolError::Damaged { path, what },
            Failure::Storage(source) => {
                *self.database.lock().unwrap_or_else(PoisonError::into_inner) = None;
                SpoolError::storage(path, *source)
            }
        }
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
