//! What is over is let go, and files that nobody needs are removed: at the start, and then every hour.
//!
//! Takes its turn after batches were moved, in the same task: payloads are let go of when their rows are in the
//! lake.

use telematics::Timestamp;
use telematics::time::MICROS_PER_SECOND;

use crate::app::App;
use crate::archive::{self, ArchiveError, Over};
use crate::failpoint::Failpoint;
use crate::lake::LakeError;
use crate::progress::Job;

/// Between two turns of a job that went well. One that failed is repeated at the next turn of all.
const PAUSE_SECONDS: i64 = 3_600;
/// Payloads that are let go of in one transaction, while cars wait for the next.
const PAYLOADS_AT_ONCE: u32 = 200;

/// Why a turn failed. The next one repeats it.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    /// The archive could not be written.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The lake could not be written.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The files of the database could not be cleaned.
    #[error("cannot take what was deleted out of the files of the database")]
    Scrub(#[from] diesel::result::Error),
}

/// Keeps archive and lake as small as they may be.
pub struct Upkeep {
    app: App,
    retained_at: Option<Timestamp>,
    vacuumed_at: Option<Timestamp>,
    /// Something may be left in the files of the database: a process before this one may have been killed.
    is_unclean: bool,
}

impl Upkeep {
    /// Has both jobs to do.
    #[must_use]
    pub const fn new(app: App) -> Self {
        Self { app, retained_at: None, vacuumed_at: None, is_unclean: true }
    }

    /// Does what is due.
    ///
    /// # Errors
    /// Whatever failed; what is done stays so.
    pub async fn turn(&mut self) -> Result<(), UpkeepError> {
        let (progress, clock) = (self.app.progress.clone(), self.app.clock);
        let now = clock.now();
        if is_due(self.retained_at, now) {
            progress.watch(Job::Retention, clock, Box::pin(self.retain(now))).await?;
            self.retained_at = Some(now);
        }
        if is_due(self.vacuumed_at, now) {
            let vacuum = async { self.app.lake.vacuum(now, self.app.config.vacuum_after()).await };
            progress.watch(Job::Vacuum, clock, Box::pin(vacuum)).await?;
            self.vacuumed_at = Some(now);
        }
        Ok(())
    }

    /// Lets go of what is over, in the lake first: what the archive has can fill another.
    async fn retain(&mut self, now: Timestamp) -> Result<u64, UpkeepError> {
        let first_days = self.app.config.retention.first_days(now);
        if first_days.is_empty() {
            return Ok(0);
        }
        let files = self.app.lake.retain(&first_days).await?;
        Failpoint::RetentionDeleted.reach();
        let moved = self.app.lake.last_arrival().await?;
        let payloads = self.let_go(Over { first_days, moved, now }).await?;
        if self.is_unclean {
            self.app.db.scrub().await?;
            self.is_unclean = false;
            Failpoint::RetentionScrubbed.reach();
        }
        if files > 0 || payloads > 0 {
            tracing::info!(files, payloads, "let go of what is over");
        }
        Ok(files.saturating_add(payloads))
    }

    /// Lets go of what the database has, and says how much it was.
    async fn let_go(&mut self, over: Over) -> Result<u64, UpkeepError> {
        let db = &self.app.db;
        let latest = over.clone();
        let mut gone = db.write(move |conn| archive::let_go_of_latest(conn, &latest)).await?;
        loop {
            let over = over.clone();
            let let_go = move |conn: &mut _| archive::let_go(conn, &over, PAYLOADS_AT_ONCE);
            let payloads = db.write::<_, ArchiveError, _>(let_go).await?;
            gone = gone.saturating_add(payloads);
            self.is_unclean |= gone > 0;
            if payloads == 0 {
                return Ok(gone);
            }
            Failpoint::RetentionCut.reach();
        }
    }
}

/// Whether a job is due that last went well at that time.
pub(super) fn is_due(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| now.micros_since(last) >= PAUSE_SECONDS * MICROS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    #[test]
    fn a_job_is_due_at_the_start_and_every_hour() {
        assert!(is_due(None, T0));
        assert!(!is_due(Some(T0), T0.plus_seconds(3_599)));
        assert!(is_due(Some(T0), T0.plus_seconds(3_600)));
    }
}
