//! The Delta table itself: opening, appending, compacting.

use std::path::Path;
use std::sync::Arc;

use deltalake::kernel::Transaction;
use deltalake::kernel::transaction::CommitProperties;
use deltalake::protocol::SaveMode;
use deltalake::{DeltaTable, ensure_table_uri};
use tokio::sync::{Mutex, watch};

use super::LakeError;
use super::columns::{Arrived, PARTITIONS, delta_schema, record_batch};
use super::statistics::Statistics;

/// Names our appends among the application transactions of the table.
const APPLICATION: &str = "axle-archive";
/// Commits of this process after which small files are merged into large ones.
const COMMITS_PER_COMPACTION: u32 = 64;

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
        let found = DeltaTable::try_from_url(ensure_table_uri(&name)?).await?;
        let table = if found.version().is_some() {
            found
        } else {
            found
                .create()
                .with_table_name("samples")
                .with_columns(delta_schema())
                .with_partition_columns(PARTITIONS)
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
        let rows = record_batch(&new)?;
        let Some(newest) = new.iter().map(|batch| batch.arrival).max() else { return Ok(0) };
        let count = rows.num_rows();
        if count == 0 {
            return Ok(0);
        }
        let written = table
            .write([rows])
            .with_save_mode(SaveMode::Append)
            .with_commit_properties(
                CommitProperties::default()
                    .with_application_transaction(Transaction::new(APPLICATION, newest)),
            )
            .await?;
        self.current.send_replace(written);
        *commits += 1;
        Ok(count)
    }

    /// Merges small files into large ones, when enough commits were made since the last time.
    /// Versions that are frozen in quotes stay readable: nothing is deleted.
    ///
    /// # Errors
    /// When the table can not be written; then it is as it was.
    pub async fn compact(&self) -> Result<(), LakeError> {
        let mut commits = self.writer.lock().await;
        if *commits < COMMITS_PER_COMPACTION {
            return Ok(());
        }
        let (compacted, metrics) = self.latest().optimize().await?;
        tracing::info!(
            removed = metrics.num_files_removed,
            added = metrics.num_files_added,
            "compacted the lake"
        );
        self.current.send_replace(compacted);
        *commits = 0;
        Ok(())
    }

    /// The table as this process knows it.
    pub(super) fn latest(&self) -> DeltaTable {
        self.current.borrow().clone()
    }
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
        lake.compact().await.unwrap();
        assert_eq!((lake.version(), files(&lake)), (frozen, 3), "too early to be worth it");

        *lake.writer.lock().await = COMMITS_PER_COMPACTION;
        lake.compact().await.unwrap();

        assert_eq!(files(&lake), 1);
        assert_eq!(lake.last_arrival().await.unwrap(), 3);
        for version in [frozen, lake.version()] {
            assert_eq!(lake.describe(version, T0.plus_seconds(60)).await.unwrap()[0].rows, 15);
            let reopened = Lake::open(folder.path()).await.unwrap();
            assert_eq!(reopened.describe(version, T0.plus_seconds(60)).await.unwrap()[0].rows, 15);
        }
    }
}
