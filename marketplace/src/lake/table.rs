//! The Delta table itself: opening, appending, compacting.

use std::path::Path;
use std::sync::Arc;

use delta_kernel::expressions::Scalar;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties};
use deltalake::kernel::{Action, Transaction};
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::writer::{DeltaWriter as _, RecordBatchWriter, WriteMode};
use deltalake::{DeltaTable, TableProperty, ensure_table_uri};
use indexmap::IndexMap;
use tokio::sync::{Mutex, watch};

use super::LakeError;
use super::columns::{Arrived, PARTITIONS, blocks, delta_schema, partitions, writer_properties};
use super::statistics::Statistics;
use crate::failpoint::Failpoint;

/// Names our appends among the application transactions of the table.
const APPLICATION: &str = "axle-archive";

/// The Delta table of all accepted samples. Cheap to clone.
#[derive(Clone)]
pub struct Lake {
    /// Held while the table is changed, so that this process has one writer; counts its commits
    /// since the last compaction.
    pub(super) writer: Arc<Mutex<u32>>,
    pub(super) current: Arc<watch::Sender<DeltaTable>>,
    /// What was measured last, so that only what came since has to be read.
    pub(super) measured: Arc<Mutex<Option<Statistics>>>,
}

impl Lake {
    /// Opens the table in `folder`, or makes an empty one.
    ///
    /// # Errors
    /// When the folder can not be made or holds something else.
    pub async fn open(folder: &Path) -> Result<Self, LakeError> {
        let name = folder.to_string_lossy();
        std::fs::create_dir_all(folder)
            .map_err(|source| LakeError::Folder { folder: name.clone().into_owned(), source })?;
        let refuse = |source| LakeError::Open {
            folder: name.clone().into_owned(),
            source: Box::new(source),
        };
        let found = DeltaTable::try_from_url(ensure_table_uri(&name)?).await.map_err(refuse)?;
        let table = if found.version().is_some() {
            found
        } else {
            found
                .create()
                .with_table_name("samples")
                .with_columns(delta_schema())
                .with_partition_columns(PARTITIONS)
                // By the age of its entries, that is; the vacuum cuts it by what is needed.
                .with_configuration_property(TableProperty::EnableExpiredLogCleanup, Some("false"))
                .await?
        };
        Ok(Self {
            writer: Arc::default(),
            current: Arc::new(watch::Sender::new(table)),
            measured: Arc::default(),
        })
    }

    /// The newest version of the table that this process knows.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.current.borrow().version().unwrap_or(0)
    }

    /// The last batch in the table; 0 when there is none.
    ///
    /// # Errors
    /// When the table's log can not be read.
    pub async fn last_arrival(&self) -> Result<i64, LakeError> {
        last_arrival(&self.latest()).await
    }

    /// Commits these batches, all or none. Those that are in the table already are left out, so it
    /// may be repeated when nobody knows whether it succeeded.
    ///
    /// Returns the rows written.
    ///
    /// # Errors
    /// When the table can not be written; then nothing of it is in the table.
    pub async fn append(&self, batches: &[Arrived]) -> Result<usize, LakeError> {
        let mut commits = self.writer.lock().await;
        // Another process may have written since.
        let mut table = self.latest();
        table.update_state().await?;
        self.current.send_replace(table.clone());

        let last = last_arrival(&table).await?;
        let new: Vec<&Arrived> = batches.iter().filter(|batch| batch.arrival > last).collect();
        let rows = new.iter().map(|batch| batch.samples.len()).sum();
        let Some(newest) = new.iter().map(|batch| batch.arrival).max() else { return Ok(0) };
        if rows == 0 {
            return Ok(0);
        }
        write(&mut table, &new, newest).await?;
        self.current.send_replace(table);
        *commits += 1;
        Ok(rows)
    }

    /// Merges small files into large ones, when this process made `commits_min` commits since the last
    /// time.
    /// Versions that are frozen in quotes stay readable: nothing is deleted.
    ///
    /// Returns how many were merged.
    ///
    /// # Errors
    /// When the table can not be written; then it is as it was.
    pub async fn compact(&self, commits_min: u32) -> Result<u64, LakeError> {
        let mut commits = self.writer.lock().await;
        if *commits < commits_min {
            return Ok(0);
        }
        Failpoint::CompactionBegun.reach();
        let (compacted, metrics) = self.latest().optimize().await?;
        tracing::info!(
            removed = metrics.num_files_removed,
            added = metrics.num_files_added,
            "compacted the lake"
        );
        Failpoint::CompactionCommitted.reach();
        self.current.send_replace(compacted);
        *commits = 0;
        Ok(metrics.num_files_removed)
    }

    /// The table as this process knows it.
    pub(super) fn latest(&self) -> DeltaTable {
        self.current.borrow().clone()
    }
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
        .await?;
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
