//! Opening the spool and appending to it.
//!
//! **Not here:** sending and forgetting ([`super::sending`]), and giving up ([`super::lost`]).

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{Database, Durability};
use telematics::Policy;
use telematics::loss::Loss;
use telematics::payload::Contents;

use super::chain::Chain;
use super::entry::{Entry, Meta};
use super::error::SpoolError;
use super::kept::KeptRecord;
use super::log::{BODY_BYTES_MAX, Disk, Durable, Log, Storage};
use super::records::Pending;
use super::state::State;
use super::tables::{Failure, OPEN, PROGRESS, from_json, length};
use crate::consent;
use crate::progress::{Counters, Progress};
use crate::seal::Sealer;

/// The largest segment. A smaller spool has sixteen segments at least, so that a few go when some of it
/// is acknowledged or dropped.
const SEGMENT_BYTES_MAX: u64 = 4 << 20;
const SEGMENTS_MIN: u64 = 16;
/// Memory for pages of the database. Its own default would grow to a gigabyte.
const CACHE_BYTES: usize = 2 << 20;

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

/// What happens to a batch that the disk given to batches has no room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenFull {
    /// The oldest that never left the car are dropped, and their loss is stated.
    DropOldest,
    /// It is refused, and the caller waits.
    #[default]
    RefuseNewest,
}

pub(super) type Open = Box<dyn Fn() -> Result<Database, redb::DatabaseError> + Send + Sync>;

/// The spool of one agent.
pub struct Spool {
    pub(super) path: PathBuf,
    pub(super) bytes_max: NonZeroU64,
    pub(super) when_full: WhenFull,
    pub(super) open: Open,
    /// `None` after a failed write: redb wants the file opened anew.
    pub(super) database: Mutex<Option<Arc<Database>>>,
    /// The database lost what was applied to it, or missed some.
    pub(super) lags: AtomicBool,
    state: Mutex<State>,
}

impl Spool {
    /// Opens the spool in `data_dir`, or makes it. A full one refuses, unless told otherwise.
    ///
    /// # Errors
    /// When it can not be opened, or another agent has it open.
    pub fn open(data_dir: &Path, bytes_max: NonZeroU64) -> Result<Self, SpoolError> {
        let path = data_dir.join("spool.redb");
        make_whole(&path)?;
        let (file, folder) = (path.clone(), data_dir.join("spool"));
        let segments = move || Ok::<Box<dyn Storage>, _>(Box::new(Disk::open(&folder)?));
        let open = move || Database::builder().set_cache_size(CACHE_BYTES).create(&file);
        Self::open_with(path, bytes_max, Box::new(open), segments)
    }

    /// What to do when it is full.
    #[must_use]
    pub const fn when_full(mut self, when_full: WhenFull) -> Self {
        self.when_full = when_full;
        self
    }

    pub(super) fn open_with(
        path: PathBuf,
        bytes_max: NonZeroU64,
        open: Open,
        segments: impl FnOnce() -> std::io::Result<Box<dyn Storage>>,
    ) -> Result<Self, SpoolError> {
        let refuse = |error: redb::Error| SpoolError::storage(path.clone(), error);
        // The database is locked: whoever has it open has the log as well.
        let database = open().map_err(|error| refuse(error.into()))?;
        let segments = segments().map_err(|error| refuse(error.into()))?;
        let segment_bytes = (bytes_max.get() / SEGMENTS_MIN).clamp(1, SEGMENT_BYTES_MAX);
        let log = Log::open(segments, segment_bytes).map_err(|error| refuse(error.into()))?;
        let spool = Self {
            path,
            bytes_max,
            when_full: WhenFull::default(),
            open,
            database: Mutex::new(Some(Arc::new(database))),
            lags: AtomicBool::new(true),
            state: Mutex::new(State::new(log)),
        };
        spool.prepare()?;
        drop(spool.state()?);
        Ok(spool)
    }

    /// Where the log is.
    pub(super) fn log_path(&self) -> PathBuf {
        self.path.with_extension("")
    }

    /// The state, once the database is where the log is.
    pub(super) fn state(&self) -> Result<MutexGuard<'_, State>, SpoolError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.lags.load(Ordering::SeqCst) {
            self.recover(&mut state).map_err(|failure| self.explain(failure))?;
            self.lags.store(false, Ordering::SeqCst);
        }
        Ok(state)
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
        let mut state = self.state()?;
        let chain = state.chain.get_or_insert_with(|| Chain::new(sealer.vehicle()));
        let mut counters = cut.counters;
        let mut pending = None;
        if cut.contents != Contents::default() {
            let batch = sealer.seal(chain.head(), policy.version(), &cut.contents);
            let samples = u32::try_from(cut.contents.samples.len()).unwrap_or(u32::MAX);
            pending = Some(Pending { batch, samples });
            counters.batches_sealed += 1;
        }
        let (source, progress) = (cut.source.clone(), cut.progress.clone());
        let is_sent = |record: &&KeptRecord| cut.contents.commitments.contains(&record.committed);
        let entry = Entry {
            meta: Some(Meta { source, progress, counters }),
            open: cut.open.clone(),
            pending,
            dropped: Vec::new(),
            kept: cut.kept.iter().filter(is_sent).cloned().collect(),
        };
        self.keep(&mut state, sealer, policy, &entry).map_err(|failure| self.explain(failure))
    }

    /// States a loss that left no batch behind, at the end of the chain.
    ///
    /// # Errors
    /// When the spool or the disk is full: nothing is then changed.
    pub fn state_loss(
        &self,
        sealer: &Sealer,
        policy: &Policy,
        loss: Loss,
    ) -> Result<Chain, SpoolError> {
        let mut state = self.state()?;
        let chain = state.chain.get_or_insert_with(|| Chain::new(sealer.vehicle()));
        let batch = sealer.seal_loss(chain.head(), policy.version(), &loss);
        let entry = Entry { pending: Some(Pending { batch, samples: 0 }), ..Entry::default() };
        self.keep(&mut state, sealer, policy, &entry).map_err(|failure| self.explain(failure))
    }

    /// Keeps `entry`, which stands at the end of the chain.
    fn keep(
        &self,
        state: &mut State,
        sealer: &Sealer,
        policy: &Policy,
        entry: &Entry,
    ) -> Result<Chain, Failure> {
        let body = entry.to_bytes()?;
        if body.len() > BODY_BYTES_MAX {
            return Err(Failure::Log(std::io::ErrorKind::FileTooLarge.into()));
        }
        if entry.pending.is_some() {
            self.make_room(state, sealer, policy, length(&body))?;
        }
        let (number, place) = state.log.append(&body, Durable::Now).map_err(Failure::Log)?;
        let begins_segment = place.is_first();
        state.take(number, place, entry);
        let durability = if begins_segment { Durability::Immediate } else { Durability::None };
        let applied = self.follow(state, slice::from_ref(entry), durability);
        // The record is in the log, so it is kept. What the database missed is applied later.
        if let Err(failure) =
            applied.and_then(|()| if begins_segment { state.sweep() } else { Ok(()) })
        {
            let error = crate::status::chain_text(&self.explain(failure));
            tracing::warn!(%error, "a batch is kept, its records are not applied yet");
            self.lags.store(true, Ordering::SeqCst);
        }
        state.shown().ok_or_else(|| Failure::Damaged("the chain".to_owned()))
    }

    /// What was counted so far.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn counters(&self) -> Result<Counters, SpoolError> {
        Ok(self.state()?.counters)
    }

    /// Where the agent is in `source`; at its beginning when it never read it.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn progress(&self, source: &str) -> Result<Progress, SpoolError> {
        drop(self.state()?);
        self.read(|transaction| {
            let table = transaction.open_table(PROGRESS)?;
            let row = table.get(source)?;
            row.map_or_else(|| Ok(Progress::default()), |row| from_json(source, row.value()))
        })
    }

    /// What is open of `source`, encrypted, if anything was kept.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn open_of(&self, source: &str) -> Result<Option<Vec<u8>>, SpoolError> {
        drop(self.state()?);
        self.read(|transaction| {
            let table = transaction.open_table(OPEN)?;
            let row = table.get(source)?;
            Ok(row.map(|row| row.value().to_vec()))
        })
    }
}

/// Makes the database beside its place and moves it there: a power cut on the way leaves none, not half
/// of one.
fn make_whole(path: &Path) -> Result<(), SpoolError> {
    let beside = path.with_extension("new");
    let make = || -> Result<(), redb::Error> {
        if path.exists() {
            return Ok(());
        }
        if beside.exists() {
            std::fs::remove_file(&beside)?;
        }
        drop(Database::create(&beside)?);
        std::fs::File::open(&beside)?.sync_all()?;
        std::fs::rename(&beside, path)?;
        if let Some(folder) = path.parent() {
            std::fs::File::open(folder)?.sync_all()?;
        }
        Ok(())
    };
    make().map_err(|error| SpoolError::storage(path.to_owned(), error))
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
