//! What keeps processes apart that change one table: none of them locks it, each finds out at its commit
//! that another one was there.
//!
//! Two that append conflict by the application transaction of their commits; who comes second looks again.
//! Two that put other files in the place of the same ones do not conflict for Delta Lake when the first only
//! merged them: both commits stand, and the rows are in the table twice. And removing what no version names
//! is no commit, so nobody would notice that his new files are gone. So each of these begins with a commit that
//! everything conflicts with which began before it, a change of the table's metadata: a **mark** before files are
//! rewritten, and a **fence** before any are removed.
//!
//! **Invariants:** files are rewritten by who marked the table last. A file is removed only when it was there
//! before a fence, and no version behind the fence names it: then no commit to come can name it either.

use std::collections::{HashMap, HashSet};

use deltalake::kernel::transaction::TransactionError;
use deltalake::logstore::ObjectStoreRef;
use deltalake::operations::vacuum::VacuumMode;
use deltalake::{DeltaTable, DeltaTableError};
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt as _};

use super::{Lake, LakeError};

/// In the configuration of the table: the version that the last fence followed.
const FENCE: &str = "axle.fence";
/// In the configuration of the table: the version that the last mark followed.
const MARK: &str = "axle.mark";
/// How often a change is tried while other processes change the table.
pub(super) const TRIES_MAX: usize = 8;
/// Files that are removed at the same time.
const REMOVALS_AT_ONCE: usize = 8;

impl Lake {
    /// Commits a fence on the newest version: whatever another process has begun can not be committed any
    /// more, and has to begin anew.
    pub(super) async fn fence(&self) -> Result<DeltaTable, LakeError> {
        self.put(FENCE).await
    }

    /// Commits a mark on the newest version, whose files may then be rewritten in one commit.
    pub(super) async fn mark(&self) -> Result<DeltaTable, LakeError> {
        self.put(MARK).await
    }

    /// Writes the newest version under `key` of the configuration.
    async fn put(&self, key: &str) -> Result<DeltaTable, LakeError> {
        for _ in 0..TRIES_MAX {
            let table = self.refresh().await?.table;
            let version = table.version().unwrap_or(0).to_string();
            let configuration = HashMap::from([(key.to_owned(), version)]);
            let change = table.set_tbl_properties().with_properties(configuration);
            match change.with_raise_if_not_exists(false).await {
                Ok(table) => {
                    self.publish(&table);
                    return Ok(table);
                }
                Err(error) if is_conflict(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(LakeError::Overtaken)
    }

    /// Removes every file below the table that its newest version does not name: what was deleted, and what a
    /// writer left who was killed. Versions before can not be read any more.
    ///
    /// The library's vacuum says which files these are. It would remove those too that another process has
    /// written for a commit to come, so the removal is ours, behind a fence.
    #[expect(
        clippy::default_trait_access,
        reason = "no time, of a type that deltalake does not name"
    )]
    pub(super) async fn sweep(&self, table: DeltaTable) -> Result<DeltaTable, LakeError> {
        let (_, found) = table
            .vacuum()
            .with_mode(VacuumMode::Full)
            .with_retention_period(Default::default())
            .with_enforce_retention_duration(false)
            .with_dry_run(true)
            .await?;
        let table = self.fence().await?;
        let named = table.get_files_by_partitions(&[]).await?.into_iter().collect::<HashSet<_>>();
        let found = found.files_deleted.iter().map(Path::parse).collect::<Result<Vec<_>, _>>();
        let unnamed = found.map_err(DeltaTableError::from)?;
        let unnamed = unnamed.into_iter().filter(|file| !named.contains(file));
        let log = table.log_store();
        let removals = unnamed.map(|file| remove(log.object_store(None), file));
        let removals = futures_util::stream::iter(removals).buffer_unordered(REMOVALS_AT_ONCE);
        removals.try_collect::<()>().await?;
        Ok(table)
    }
}

/// Removes `file`, unless another process did.
async fn remove(store: ObjectStoreRef, file: Path) -> Result<(), DeltaTableError> {
    match store.delete(&file).await {
        Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The last fence of the table; `None` when there was none.
pub(super) fn last_fence(table: &DeltaTable) -> Result<Option<String>, LakeError> {
    Ok(table.snapshot()?.metadata().configuration().get(FENCE).cloned())
}

/// Whether a commit failed only because another process committed first.
pub(super) fn is_conflict(error: &DeltaTableError) -> bool {
    match error {
        // The latter when the log was cut off behind the version that was read.
        DeltaTableError::VersionAlreadyExists(_) | DeltaTableError::InvalidVersion(_) => true,
        DeltaTableError::Transaction { source } => matches!(
            source,
            TransactionError::CommitConflict(_)
                | TransactionError::MaxCommitAttempts(_)
                | TransactionError::VersionAlreadyExists(_)
        ),
        _ => false,
    }
}

/// What a commit that failed is for us.
pub(super) fn overtaken(error: DeltaTableError) -> LakeError {
    if is_conflict(&error) { LakeError::Overtaken } else { error.into() }
}

#[cfg(test)]
mod tests {
    use deltalake::datafusion::prelude::{col, lit};
    use telematics::testing::{samples, vehicle};

    use super::*;
    use crate::lake::Arrived;

    async fn append(lake: &Lake, arrival: i64) {
        let samples = samples("Vehicle.Speed", 5);
        lake.append(&[Arrived { arrival, vehicle: vehicle(1), samples }]).await.unwrap();
    }

    #[tokio::test]
    async fn what_another_merged_meanwhile_is_not_rewritten_and_appends_are_no_matter() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        let other = Lake::open(folder.path()).await.unwrap();
        append(&lake, 1).await;
        append(&lake, 2).await;

        let (merging, deleting) = (lake.mark().await.unwrap(), lake.refresh().await.unwrap().table);
        assert_eq!(other.compact(0).await.unwrap(), 2);

        let refused = merging.optimize().await.map(drop).unwrap_err();
        assert!(is_conflict(&refused), "{refused:?}");
        let refused = deleting.delete().with_predicate(col("arrival").eq(lit(1_i64))).await;
        assert!(is_conflict(&refused.map(drop).unwrap_err()));

        let merging = lake.mark().await.unwrap();
        append(&other, 3).await;
        append(&other, 4).await;
        assert_eq!(merging.optimize().await.unwrap().1.num_files_removed, 0);
        let deleting = lake.mark().await.unwrap();
        append(&other, 5).await;
        deleting.delete().with_predicate(col("arrival").eq(lit(1_i64))).await.unwrap();
        assert_eq!(other.refresh().await.unwrap().last_arrival, 5);
        let rows = other.describe(other.version(), telematics::testing::T0.plus_seconds(60)).await;
        assert_eq!(rows.unwrap()[0].rows, 20);
    }
}
