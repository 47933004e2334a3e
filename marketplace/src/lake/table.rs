//! The Delta table itself: opening, appending, compacting.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use delta_kernel::expressions::Scalar;
use deltalake::datafusion::execution::SessionState;
use deltalake::delta_datafusion::DeltaSessionContext;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, Transaction};
use deltalake::logstore::LogStoreRef;
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::writer::{DeltaWriter as _, RecordBatchWriter, WriteMode};
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError, TableProperty, ensure_table_uri};
use indexmap::IndexMap;
use reqwest::Url;
use tokio::sync::{Mutex, watch};

use super::columns::{Arrived, PARTITIONS, blocks, delta_schema, partitions, writer_properties};
use super::fence::{TRIES_MAX, is_conflict, overtaken};
use super::statistics::Statistics;
use super::{LakeError, Newest, s3};
use crate::config::LakePlace;
use crate::failpoint::Failpoint;

/// Names our appends among the application transactions of the table.
const APPLICATION: &str = "axle-archive";

/// How often a log is read that another process is cutting off, and the pause before the second time; it
/// doubles with each.
const LOADS_MAX: usize = 6;
const LOAD_PAUSE: Duration = Duration::from_millis(20);

/// The Delta table of all accepted samples. Cheap to clone.
#[derive(Clone)]
pub struct Lake {
    /// Held while the table is changed, so that this process has one writer; counts its commits
    /// since the last compaction.
    pub(super) writer: Arc<Mutex<u32>>,
    pub(super) current: Arc<watch::Sender<DeltaTable>>,
    /// The last batch in a version, which stays what it is.
    ends: Arc<std::sync::Mutex<Option<(u64, i64)>>>,
    /// What was measured last, so that only what came since has to be read.
    pub(super) measured: Arc<Mutex<Option<Statistics>>>,
}

impl Lake {
    /// Opens the table at `place`, or makes an empty one.
    ///
    /// # Errors
    /// When the folder can not be made, the bucket not be used, or either holds something else.
    pub async fn open(place: impl Into<LakePlace>) -> Result<Self, LakeError> {
        let place = place.into();
        let address = address(&place).await?;
        let refuse =
            |source| LakeError::Open { place: place.to_string(), source: Box::new(source) };
        let empty = DeltaTableBuilder::from_url(address)
            .and_then(DeltaTableBuilder::build)
            .map_err(refuse)?;
        let log = empty.log_store();
        let found = if log.is_delta_table_location().await.map_err(refuse)? {
            load(&log, None).await.map_err(refuse)?
        } else {
            match create(empty).await {
                Ok(made) => made,
                // Perhaps another process made it meanwhile.
                Err(error) => load(&log, None).await.or(Err(error))?,
            }
        };
        Ok(Self {
            writer: Arc::default(),
            current: Arc::new(watch::Sender::new(found)),
            ends: Arc::default(),
            measured: Arc::default(),
        })
    }

    /// The newest version of the table that this process knows.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.current.borrow().version().unwrap_or(0)
    }

    /// The last batch in the table as this process knows it; 0 when there is none.
    ///
    /// # Errors
    /// When the table's log can not be read.
    pub async fn last_arrival(&self) -> Result<i64, LakeError> {
        Ok(self.newest().await?.last_arrival)
    }

    /// The newest version of the table, whoever committed it.
    ///
    /// # Errors
    /// When the table's log can not be read.
    pub async fn refresh(&self) -> Result<Newest, LakeError> {
        let mut table = self.latest();
        let updated = table.update_state().await;
        let known = match updated {
            Ok(()) => self.newest_of(table).await,
            Err(error) => Err(error.into()),
        };
        let Ok(found) = known else {
            // Another process may have cut the log off that this one has read.
            let anew = load(&self.latest().log_store(), None).await?;
            let found = self.newest_of(anew).await?;
            self.current.send_replace(found.table.clone());
            return Ok(found);
        };
        self.publish(&found.table);
        Ok(found)
    }

    /// Commits these batches, all or none. Those that are in the table already are left out, so it
    /// may be repeated when nobody knows whether it succeeded.
    ///
    /// For batches that nobody can take back: who reads them elsewhere has to do that between
    /// [`Self::refresh`] and [`Self::append_to`].
    ///
    /// Returns the rows written.
    ///
    /// # Errors
    /// When the table can not be written; then nothing of it is in the table.
    pub async fn append(&self, batches: &[Arrived]) -> Result<usize, LakeError> {
        for _ in 1..TRIES_MAX {
            match self.append_to(&self.refresh().await?, batches).await {
                Err(LakeError::Overtaken) => {}
                appended => return appended,
            }
        }
        self.append_to(&self.refresh().await?, batches).await
    }

    /// As [`Self::append`], if the table is still what was `found`, apart from files that were merged.
    ///
    /// # Errors
    /// [`LakeError::Overtaken`] when another process appended or erased since: the batches may be in the
    /// table, and may not be anybody's to keep any more. They are to be read again.
    pub async fn append_to(&self, found: &Newest, batches: &[Arrived]) -> Result<usize, LakeError> {
        let mut commits = self.writer.lock().await;
        let new: Vec<&Arrived> =
            batches.iter().filter(|batch| batch.arrival > found.last_arrival).collect();
        let rows = new.iter().map(|batch| batch.samples.len()).sum();
        let Some(newest) = new.iter().map(|batch| batch.arrival).max() else { return Ok(0) };
        if rows == 0 {
            return Ok(0);
        }
        let mut table = found.table.clone();
        write(&mut table, &new, newest).await?;
        self.publish(&table);
        *commits += 1;
        Ok(rows)
    }

    /// Merges small files into large ones, when this process made `commits_min` commits since the last
    /// time.
    /// Versions that are frozen in quotes stay readable: nothing is deleted.
    ///
    /// Returns how many were merged; none when another process did it, or removed what was to be merged.
    ///
    /// # Errors
    /// When the table can not be written; then it is as it was.
    pub async fn compact(&self, commits_min: u32) -> Result<u64, LakeError> {
        let mut commits = self.writer.lock().await;
        if *commits < commits_min {
            return Ok(0);
        }
        Failpoint::CompactionBegun.reach();
        // Files that were merged are read as those that were appended.
        let merge = self.mark().await?.optimize().with_writer_properties(writer_properties());
        let merge = merge.with_session_state(Arc::new(one_after_another()?));
        let (compacted, metrics) = match merge.await {
            Err(error) if is_conflict(&error) => {
                tracing::info!("another process changed the lake while it was compacted");
                return Ok(0);
            }
            compacted => compacted?,
        };
        tracing::info!(
            removed = metrics.num_files_removed,
            added = metrics.num_files_added,
            "compacted the lake"
        );
        Failpoint::CompactionCommitted.reach();
        self.publish(&compacted);
        *commits = 0;
        Ok(metrics.num_files_removed)
    }

    /// The table as this process knows it.
    pub(super) fn latest(&self) -> DeltaTable {
        self.current.borrow().clone()
    }

    /// Lets others know `table`, unless they know a newer one.
    pub(super) fn publish(&self, table: &DeltaTable) {
        self.current.send_if_modified(|known| {
            let is_newer = table.version() > known.version();
            if is_newer {
                known.clone_from(table);
            }
            is_newer
        });
    }

    /// `table`, and the last batch in it.
    pub(super) async fn newest_of(&self, table: DeltaTable) -> Result<Newest, LakeError> {
        let version = table.version().unwrap_or(0);
        let kept = || self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, last_arrival)) = kept().filter(|(of, _)| *of == version) {
            return Ok(Newest { table, last_arrival });
        }
        let last_arrival = last_arrival(&table).await?;
        *kept() = Some((version, last_arrival));
        Ok(Newest { table, last_arrival })
    }
}

/// Reads files one after another: what lies together in each stays together when they are merged.
fn one_after_another() -> Result<SessionState, DeltaTableError> {
    let one = ("datafusion.execution.target_partitions".to_owned(), "1".to_owned());
    Ok(DeltaSessionContext::new_with_session_overrides(&[one].into())?.state())
}

/// The address of a table at `place`, which can be one.
async fn address(place: &LakePlace) -> Result<Url, LakeError> {
    let name = place.to_string();
    match place {
        LakePlace::Folder(folder) => {
            let refuse = |source| LakeError::Folder { folder: name.clone(), source };
            std::fs::create_dir_all(folder).map_err(refuse)?;
        }
        LakePlace::Bucket(url) => s3::open(url).await?,
    }
    Ok(ensure_table_uri(&name)?)
}

/// Makes a table of what has none.
async fn create(empty: DeltaTable) -> Result<DeltaTable, DeltaTableError> {
    let create = empty.create().with_table_name("samples").with_columns(delta_schema());
    create
        .with_partition_columns(PARTITIONS)
        // By the age of its entries, that is; the vacuum cuts it by what is needed.
        .with_configuration_property(TableProperty::EnableExpiredLogCleanup, Some("false"))
        .await
}

/// The table as its log tells it, at `version` or the newest.
///
/// The log is listed and then read, and another process may cut it off between the two. What is left then
/// lacks the protocol of the table, which its first entry and every checkpoint have, so it is refused.
pub(super) async fn load(
    log: &LogStoreRef,
    version: Option<u64>,
) -> Result<DeltaTable, DeltaTableError> {
    let mut pause = LOAD_PAUSE;
    for _ in 1..LOADS_MAX {
        if let Ok(table) = try_to_load(log, version).await {
            return Ok(table);
        }
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2);
    }
    try_to_load(log, version).await
}

async fn try_to_load(
    log: &LogStoreRef,
    version: Option<u64>,
) -> Result<DeltaTable, DeltaTableError> {
    let mut table = DeltaTable::new(LogStoreRef::clone(log));
    match version {
        Some(version) => table.load_version(version).await?,
        None => table.load().await?,
    }
    Ok(table)
}

/// Writes the rows of `batches` and commits them, together with the last of them.
async fn write(table: &mut DeltaTable, batches: &[&Arrived], newest: i64) -> Result<(), LakeError> {
    let mut writer =
        RecordBatchWriter::for_table(table)?.with_writer_properties(writer_properties());
    for ((day, group), runs) in partitions(batches) {
        let partition = IndexMap::from([
            ("day".to_owned(), Scalar::Date(day)),
            ("group".to_owned(), Scalar::String(group.as_str().to_owned())),
        ]);
        for rows in blocks(&runs) {
            writer.write_partition(rows?, &partition, WriteMode::Default).await?;
        }
    }
    let files = writer.flush().await?;
    Failpoint::FlushWritten.reach();
    commit(table, files.into_iter().map(Action::Add).collect(), newest).await
}

/// Commits `files` as one version of the table, which ends with the batch `newest`.
async fn commit(table: &mut DeltaTable, files: Vec<Action>, newest: i64) -> Result<(), LakeError> {
    let append = DeltaOperation::Write {
        mode: SaveMode::Append,
        partition_by: Some(PARTITIONS.map(str::to_owned).to_vec()),
        predicate: None,
    };
    let transaction = Transaction::new(APPLICATION, newest);
    let properties = CommitProperties::default().with_application_transaction(transaction);
    let log = table.log_store();
    let committed = CommitBuilder::from(properties)
        .with_actions(files)
        .build(Some(table.snapshot()?), log, append)
        .await
        .map_err(overtaken)?;
    table.state = Some(committed.snapshot());
    Ok(())
}

/// The last batch in the table as it is loaded; 0 when there is none.
pub(super) async fn last_arrival(table: &DeltaTable) -> Result<i64, LakeError> {
    let log = table.log_store();
    let last = table.snapshot()?.transaction_version(log.as_ref(), APPLICATION).await?;
    Ok(last.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use telematics::testing::{T0, samples, vehicle};

    use super::*;

    #[tokio::test]
    async fn compaction_keeps_every_row_and_every_version() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        for arrival in 1..=3 {
            let samples = samples("Vehicle.Speed", 5);
            lake.append(&[Arrived { arrival, vehicle: vehicle(1), samples }]).await.unwrap();
        }
        let (frozen, files) =
            (lake.version(), |lake: &Lake| lake.latest().get_file_uris().unwrap().count());
        lake.compact(4).await.unwrap();
        assert_eq!((lake.version(), files(&lake)), (frozen, 3), "too early to be worth it");

        lake.compact(3).await.unwrap();

        assert_eq!(files(&lake), 1);
        assert_eq!(lake.last_arrival().await.unwrap(), 3);
        for version in [frozen, lake.version()] {
            assert_eq!(lake.describe(version, T0.plus_seconds(60)).await.unwrap()[0].rows, 15);
            let reopened = Lake::open(folder.path()).await.unwrap();
            assert_eq!(reopened.describe(version, T0.plus_seconds(60)).await.unwrap()[0].rows, 15);
        }
    }
}
