//! What keeps processes apart that change one table: none of them locks it, each finds out at its commit
//! that another one was there.
//!
//! Two that append conflict by the application transaction of their commits, and two that remove the
//! same file by that file; who comes second looks again. Removing what no version names is different: no commit
//! of another process would notice that its new files are gone. So a **fence** is committed, a change of the
//! table's metadata, with which everything conflicts that began before it.
//!
//! **Invariant:** a file is removed only when it was there before a fence, and no version behind the fence
//! names it: then no commit to come can name it either.

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
/// How often a change is tried while other processes change the table.
pub(super) const TRIES_MAX: usize = 8;
/// Files that are removed at the same time.
const REMOVALS_AT_ONCE: usize = 8;

impl Lake {
    /// Commits a fence on the newest version: whatever another process has begun can not be committed any
    /// more, and has to begin anew.
    pub(super) async fn fence(&self) -> Result<DeltaTable, LakeError> {
        for _ in 0..TRIES_MAX {
            let table = self.refresh().await?.table;
            let version = table.version().unwrap_or(0).to_string();
            let mark = HashMap::from([(FENCE.to_owned(), version)]);
            let fence = table.set_tbl_properties().with_properties(mark);
            match fence.with_raise_if_not_exists(false).await {
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
