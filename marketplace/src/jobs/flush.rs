//! Batches move from the archive to the lake, and datasets are described from what is there.

use telematics::payload::{self, PayloadError};

use super::index;
use crate::app::App;
use crate::archive::{self, ArchiveError, StoredBatch};
use crate::catalog::{self, CatalogError, Dataset, Measurement};
use crate::failpoint::Failpoint;
use crate::lake::{Arrived, LakeError};
use crate::progress::Job;

/// Samples in one commit of the lake: some 100 MB while they are arranged, and files worth having.
const SAMPLES_MAX: u64 = 2_000_000;
/// Commits before datasets are described again.
const COMMITS_PER_TURN: usize = 8;
/// How often a commit is tried that another market overtakes.
const TRIES_MAX: usize = 8;
/// A commit with fewer rows has left little behind: the next turn is soon enough.
const COMMIT_ROWS_WORTH_ANOTHER: usize = 1_000_000;

/// Why a turn failed. The next one repeats it.
#[derive(Debug, thiserror::Error)]
pub enum FlushError {
    /// The archive could not be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A batch that decoded when it was taken in no longer does.
    #[error("batch number {arrival} of the archive is damaged")]
    Damaged {
        /// Its place in the order of all batches.
        arrival: i64,
        /// What is wrong with it.
        #[source]
        source: PayloadError,
    },
    /// The lake could not be written or read.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// Datasets could not be described, or the index not follow.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The work was cut short.
    #[error("decoding batches was cut short")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// How far the archive was moved. Where the lake ends is not enough: batches without samples leave nothing
/// there. And a commit may be lost when another market cuts the log off in that moment, so this is true only
/// while the lake ends where it did.
struct Moved {
    last: i64,
    lake_end: i64,
}

/// Fills the lake.
pub struct Flush {
    app: App,
    moved: Option<Moved>,
    /// The version of the lake that the datasets were last described from.
    described: Option<u64>,
}

impl Flush {
    /// Goes on where the lake ends.
    #[must_use]
    pub fn new(app: App) -> Self {
        Self { app, moved: None, described: None }
    }

    /// Moves what is waiting, then describes the datasets when anything changed.
    ///
    /// # Errors
    /// Whatever failed; what was moved before stays moved.
    pub async fn turn(&mut self) -> Result<(), FlushError> {
        let (progress, clock) = (self.app.progress.clone(), self.app.clock);
        progress.watch(Job::Flush, clock, Box::pin(self.move_waiting())).await?;
        progress.watch(Job::Compaction, clock, Box::pin(self.compact())).await?;
        progress.watch(Job::Statistics, clock, Box::pin(self.describe())).await?;
        Ok(())
    }

    /// Moves what is waiting, and says how many rows it was.
    async fn move_waiting(&mut self) -> Result<u64, FlushError> {
        let mut moved = 0_u64;
        // Not until nothing waits: cars go on sending, and what follows has its turn too.
        for _ in 0..COMMITS_PER_TURN {
            let rows = self.move_some().await?;
            moved = moved.saturating_add(u64::try_from(rows).unwrap_or(u64::MAX));
            if rows < COMMIT_ROWS_WORTH_ANOTHER {
                break;
            }
        }
        Ok(moved)
    }

    async fn compact(&self) -> Result<u64, FlushError> {
        Ok(self.app.lake.compact(self.app.config.compact_after_commits).await?)
    }

    /// Moves one commit's worth, and says how many rows it was.
    async fn move_some(&mut self) -> Result<usize, FlushError> {
        for _ in 1..TRIES_MAX {
            match self.try_to_move().await {
                // By another market on the same database: it may have moved the same, or erased some of it.
                Err(FlushError::Lake(LakeError::Overtaken)) => {}
                moved => return moved,
            }
        }
        self.try_to_move().await
    }

    /// The lake is looked at before the archive, so that what is erased in between is not moved.
    async fn try_to_move(&mut self) -> Result<usize, FlushError> {
        let found = self.app.lake.refresh().await?;
        let lake_end = found.last_arrival;
        let known = self.moved.as_ref().filter(|moved| moved.lake_end == lake_end);
        let after = known.map_or(lake_end, |moved| moved.last);
        let read = move |conn: &mut _| archive::portion(conn, after, SAMPLES_MAX);
        let stored = self.app.db.read(read).await?;
        let Some(last) = stored.last().map(|batch| batch.arrival) else {
            return Ok(0);
        };
        Failpoint::FlushRead.reach();
        let arrived = tokio::task::spawn_blocking(move || decode(stored)).await??;
        Failpoint::FlushDecoded.reach();
        let rows = self.app.lake.append_to(&found, &arrived).await?;
        Failpoint::FlushCommitted.reach();
        let horizon = archive::horizon(self.app.clock.now());
        self.app.lake.measure(&arrived, after, horizon).await;
        Failpoint::FlushMeasured.reach();
        tracing::info!(batches = arrived.len(), rows, "moved to the lake");
        self.moved = Some(Moved { last, lake_end: if rows > 0 { last } else { lake_end } });
        Ok(rows)
    }

    /// Describes the datasets, and says how many when the lake is another than the last time.
    async fn describe(&mut self) -> Result<u64, FlushError> {
        let version = self.app.lake.version();
        let now = self.app.clock.now();
        let measured = self.app.lake.describe(version, archive::horizon(now)).await?;
        // Also when the lake is as it was: an owner may have decided anew.
        let vehicles_min = self.app.config.rules.vehicles_min;
        let describe = move |conn: &mut _| {
            let lines = measured.as_slice();
            catalog::describe(
                conn,
                &Measurement { lines, lake_version: version, vehicles_min, now },
            )
        };
        let described = self.app.db.read::<Vec<Dataset>, CatalogError, _>(describe).await?;
        let keep = move |conn: &mut _| catalog::keep(conn, &described);
        let datasets = self.app.db.write::<Vec<Dataset>, CatalogError, _>(keep).await?;
        Failpoint::FlushDescribed.reach();
        // At once: the market that described them need not wait for the next turn of the index.
        index::turn(&self.app).await?;
        Failpoint::FlushIndexed.reach();
        if self.described == Some(version) {
            return Ok(0);
        }
        self.described = Some(version);
        Ok(u64::try_from(datasets.len()).unwrap_or(u64::MAX))
    }
}

fn decode(stored: Vec<StoredBatch>) -> Result<Vec<Arrived>, FlushError> {
    let decode = |batch: StoredBatch| {
        let (arrival, vehicle) = (batch.arrival, batch.vehicle);
        let contents = payload::decode(&batch.payload)
            .map_err(|source| FlushError::Damaged { arrival, source })?;
        Ok(Arrived { arrival, vehicle, samples: contents.samples })
    };
    stored.into_iter().map(decode).collect()
}
