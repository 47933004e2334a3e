//! Removing what nobody needs any more: files that no version of the table names which is young enough,
//! files of writers that were killed, and the entries of the log that tell of them.
//!
//! **Invariant:** a version that was the newest one at some time in the last `keep` stays readable, to
//! the row. A file is kept from when a version last named it, and a file that no version names yet from when it was
//! written, so nothing is taken from a writer that is about to commit.
//!
//! Delta Lake itself writes a checkpoint with each hundredth version. It would also cut its log by the age of the
//! entries, so the table is made with that switched off: an old entry may be of the version that was the
//! newest until a moment ago.

use std::sync::Arc;
use std::time::Duration;

use deltalake::checkpoints::{cleanup_expired_logs_for, create_checkpoint};
use deltalake::logstore::LogStoreRef;
use deltalake::operations::vacuum::{Clock, VacuumMode};
use deltalake::{DeltaTable, ObjectStore as _};
use futures_util::TryStreamExt as _;
use telematics::Timestamp;

use super::{Lake, LakeError};
use crate::failpoint::Failpoint;

impl Lake {
    /// Removes what only versions need that were replaced more than `keep` before `now`, and says how many files
    /// it was, those of the log included.
    ///
    /// # Errors
    /// When the table can not be read or written; then it is to be repeated.
    #[expect(
        clippy::default_trait_access,
        reason = "no time, of a type that deltalake does not name"
    )]
    pub async fn vacuum(&self, now: Timestamp, keep: Duration) -> Result<u64, LakeError> {
        let keep = i64::try_from(keep.as_micros()).unwrap_or(i64::MAX);
        let until = now.plus_micros(keep.saturating_neg());
        let _commits = self.writer.lock().await;
        let mut table = self.latest();
        table.update_state().await?;
        Failpoint::VacuumBegun.reach();
        // What would be removed at once, if it were so early still.
        let (table, removed) = table
            .vacuum()
            .with_mode(VacuumMode::Full)
            .with_retention_period(Default::default())
            .with_enforce_retention_duration(false)
            .with_clock(Arc::new(Then(until)))
            .await?;
        Failpoint::VacuumDeleted.reach();
        let entries = cut_log(&table, until).await?;
        Failpoint::VacuumCut.reach();
        let table = if entries == 0 { table } else { reload(table.log_store()).await? };
        self.current.send_replace(table);
        let removed = removed.files_deleted.len().saturating_add(entries);
        Ok(u64::try_from(removed).unwrap_or(u64::MAX))
    }
}

/// A time that the library takes for the present.
#[derive(Debug)]
struct Then(Timestamp);

impl Clock for Then {
    fn current_timestamp_millis(&self) -> i64 {
        self.0.as_micros().div_euclid(1_000)
    }
}

/// The table as it is in its log now: what is in memory reads entries that are gone.
pub(super) async fn reload(log: LogStoreRef) -> Result<DeltaTable, LakeError> {
    let mut reloaded = DeltaTable::new(log);
    reloaded.load().await?;
    Ok(reloaded)
}

/// Removes the entries of versions that were replaced before `until`, and says how many files it was.
async fn cut_log(table: &DeltaTable, until: Timestamp) -> Result<usize, LakeError> {
    let (log, newest) = (table.log_store(), table.version().unwrap_or(0));
    let until = Then(until).current_timestamp_millis();
    let entries = Entries::read(&log, until).await?;
    if entries.last_checkpoint != Some(newest) {
        create_checkpoint(table, None).await?;
        Failpoint::VacuumCheckpointed.reach();
    }
    // The version before the first one that is young was replaced by that, so it is young too.
    let needed = entries.first_young.map_or(newest, |version| version.saturating_sub(1));
    Ok(cleanup_expired_logs_for(needed, log.as_ref(), until, None).await?)
}

/// What is in the log of the table.
#[derive(Default)]
struct Entries {
    /// The first version that was committed at the given time or later.
    first_young: Option<u64>,
    last_checkpoint: Option<u64>,
}

impl Entries {
    async fn read(log: &LogStoreRef, until: i64) -> Result<Self, LakeError> {
        let store = log.object_store(None);
        let files = store.list(Some(log.log_path()));
        let fold = |mut entries: Self, file: deltalake::ObjectMeta| async move {
            let name = file.location.filename().and_then(|name| name.split_once('.'));
            let Some((version, kind)) = name else { return Ok(entries) };
            let Ok(version) = version.parse::<u64>() else { return Ok(entries) };
            if kind == "json" && file.last_modified.timestamp_millis() >= until {
                let first = entries.first_young.map_or(version, |first| first.min(version));
                entries.first_young = Some(first);
            }
            if kind.starts_with("checkpoint") {
                entries.last_checkpoint = entries.last_checkpoint.max(Some(version));
            }
            Ok(entries)
        };
        let entries = files.try_fold(Self::default(), fold).await;
        entries.map_err(|source| LakeError::Delta(source.into()))
    }
}
