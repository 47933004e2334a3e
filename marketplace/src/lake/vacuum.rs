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

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use deltalake::checkpoints::{cleanup_expired_logs_for, create_checkpoint};
use deltalake::logstore::LogStoreRef;
use deltalake::operations::vacuum::{Clock, VacuumMode};
use deltalake::{DeltaTable, ObjectStore as _, ObjectStoreError};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use telematics::Timestamp;

use super::table::load;
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
        let table = self.refresh().await?.table;
        Failpoint::VacuumBegun.reach();
        // What could be removed at once, if it were so early still.
        let (table, plan) = table
            .vacuum()
            .with_mode(VacuumMode::Full)
            .with_retention_period(Default::default())
            .with_enforce_retention_duration(false)
            .with_clock(Arc::new(Then(until)))
            .with_dry_run(true)
            .await?;
        let removed = remove(&table.log_store(), plan.files_deleted.into_iter().collect()).await?;
        Failpoint::VacuumDeleted.reach();
        let entries = cut_log(&table, until).await?;
        Failpoint::VacuumCut.reach();
        // What is in memory reads entries that are gone.
        let table = if entries == 0 { table } else { load(&table.log_store(), None).await? };
        self.current.send_replace(table);
        Ok(u64::try_from(removed.saturating_add(entries)).unwrap_or(u64::MAX))
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

/// Removes those of `files` that are there, and says how many. The library would name and count the same ones
/// for a week, and commit each time that it did.
async fn remove(log: &LogStoreRef, files: BTreeSet<String>) -> Result<usize, LakeError> {
    if files.is_empty() {
        return Ok(0);
    }
    let store = log.object_store(None);
    let there = store.list(None).try_filter_map(|file| {
        let location = file.location;
        std::future::ready(Ok(files.contains(location.as_ref()).then_some(location)))
    });
    let there = there.try_collect::<Vec<_>>().await.map_err(refused)?;
    let removed = store.delete_stream(stream::iter(there).map(Ok).boxed()).map(|file| match file {
        // Somebody else was first.
        Err(ObjectStoreError::NotFound { .. }) => Ok(0),
        Err(error) => Err(refused(error)),
        Ok(_) => Ok(1),
    });
    removed.try_fold(0, |sum: usize, one| std::future::ready(Ok(sum.saturating_add(one)))).await
}

fn refused(source: ObjectStoreError) -> LakeError {
    LakeError::Delta(source.into())
}

/// Removes the entries of versions that were replaced before `until`, and says how many files it was.
async fn cut_log(table: &DeltaTable, until: Timestamp) -> Result<usize, LakeError> {
    let (log, newest) = (table.log_store(), table.version().unwrap_or(0));
    let until = Then(until).current_timestamp_millis();
    let entries = Entries::read(&log, until).await?;
    if !entries.has_old {
        return Ok(0);
    }
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
    /// Whether one is older than the given time, and so may have to go.
    has_old: bool,
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
            } else if kind == "json" {
                entries.has_old = true;
            }
            if kind.starts_with("checkpoint") {
                entries.last_checkpoint = entries.last_checkpoint.max(Some(version));
            }
            Ok(entries)
        };
        files.try_fold(Self::default(), fold).await.map_err(refused)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::{Path, PathBuf};

    use telematics::testing::{samples, vehicle};

    use super::*;
    use crate::clock::Clock;
    use crate::lake::Arrived;

    const KEEP: Duration = Duration::from_hours(24);

    /// In so many hours.
    fn later(hours: i64) -> Timestamp {
        Clock::System.now().plus_seconds(hours * 3_600)
    }

    /// A table with three commits, which were then merged; the version before.
    async fn merged(folder: &Path) -> (Lake, u64) {
        let lake = Lake::open(folder).await.unwrap();
        for arrival in 1..=3 {
            append(&lake, arrival).await;
        }
        let before = lake.version();
        lake.compact(3).await.unwrap();
        (lake, before)
    }

    async fn append(lake: &Lake, arrival: i64) {
        let samples = samples("Vehicle.Speed", 5);
        lake.append(&[Arrived { arrival, vehicle: vehicle(1), samples }]).await.unwrap();
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }

    /// Files with rows, and files of the log.
    fn count(folder: &Path) -> (usize, usize) {
        let log = files(&folder.join("_delta_log")).len();
        (files(folder).len() - log, log)
    }

    /// Lets two days pass for the files in `folder`.
    fn age(folder: &Path) {
        for file in files(folder) {
            let old = fs::metadata(&file).unwrap().modified().unwrap() - 2 * KEEP;
            File::options().write(true).open(&file).unwrap().set_modified(old).unwrap();
        }
    }

    /// Rows at `version`, for a process that knows nothing yet. None when it can not be read.
    async fn rows(folder: &Path, version: u64) -> Option<u64> {
        let lake = Lake::open(folder).await.unwrap();
        Some(lake.describe(version, later(0)).await.ok()?.first()?.rows)
    }

    #[tokio::test]
    async fn what_was_merged_goes_when_no_young_version_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let (lake, before) = merged(folder.path()).await;
        assert_eq!(count(folder.path()), (4, 6));

        for hours in [0, 23] {
            lake.vacuum(later(hours), KEEP).await.unwrap();
            assert_eq!(count(folder.path()).0, 4, "after {hours} hours");
            assert_eq!(rows(folder.path(), before).await, Some(15), "after {hours} hours");
        }
        lake.vacuum(later(25), KEEP).await.unwrap();

        assert_eq!(count(folder.path()).0, 1);
        assert!(rows(folder.path(), before).await.is_none());
        for lake in [lake, Lake::open(folder.path()).await.unwrap()] {
            assert_eq!(lake.last_arrival().await.unwrap(), 3, "nothing is moved twice");
            assert_eq!(rows(folder.path(), lake.version()).await, Some(15));
        }
    }

    #[tokio::test]
    async fn the_log_begins_anew_at_a_checkpoint_and_does_not_grow_without_work() {
        let folder = tempfile::tempdir().unwrap();
        let (lake, _) = merged(folder.path()).await;
        assert!(lake.vacuum(later(25), KEEP).await.unwrap() > 3);

        lake.vacuum(later(50), KEEP).await.unwrap();
        let (version, left) = (lake.version(), count(folder.path()));
        assert_eq!(lake.vacuum(later(75), KEEP).await.unwrap(), 0);

        assert_eq!((lake.version(), count(folder.path())), (version, left));
        assert!(left.1 <= 3, "an entry, its checkpoint and its name: {left:?}");
        append(&lake, 4).await;
        assert_eq!(rows(folder.path(), lake.version()).await, Some(20));
    }

    #[tokio::test]
    async fn a_file_that_no_commit_names_is_its_writers_while_it_is_young() {
        let folder = tempfile::tempdir().unwrap();
        let (lake, _) = merged(folder.path()).await;
        let beside = files(folder.path()).into_iter().find(|file| !file.starts_with("_delta_log"));
        let orphan = beside.unwrap().with_file_name("part-00000-orphan.snappy.parquet");
        fs::write(&orphan, "half a file").unwrap();

        lake.vacuum(later(23), KEEP).await.unwrap();
        assert!(orphan.exists());
        lake.vacuum(later(25), KEEP).await.unwrap();

        assert!(!orphan.exists());
    }

    #[tokio::test]
    async fn a_version_stays_that_was_the_newest_a_moment_ago_however_old_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        for arrival in 1..=3 {
            append(&lake, arrival).await;
        }
        age(folder.path());
        let newest = lake.version();
        lake.vacuum(later(0), KEEP).await.unwrap();
        assert!(rows(folder.path(), newest - 1).await.is_none(), "was replaced long ago");
        age(folder.path());

        // What is merged is named by no version any more; and twice, as the first makes the checkpoint.
        lake.compact(3).await.unwrap();
        for _ in 0..2 {
            lake.vacuum(later(0), KEEP).await.unwrap();
            assert_eq!(rows(folder.path(), newest).await, Some(15));
        }

        lake.vacuum(later(25), KEEP).await.unwrap();
        assert!(rows(folder.path(), newest).await.is_none());
    }
}
