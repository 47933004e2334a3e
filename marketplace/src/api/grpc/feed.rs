//! What came in, read and decoded once for all who listen.
//!
//! One task follows the archive while anybody listens, and keeps the last portions. Who is further behind reads the archive by himself,
//! so nobody waits for him.
//!
//! **Invariant:** a portion begins where it was asked for and has everything until its end, in the order of the archive; what is kept
//! is bounded, whoever listens.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use telematics::payload;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::status;
use crate::app::App;
use crate::archive::{self, ArchiveError, StoredBatch};
use crate::lake::Arrived;

/// Samples in a portion, as far as its first batch has no more.
const SAMPLES_MAX: u64 = 50_000;
/// Portions that are kept.
const PORTIONS_KEPT: usize = 32;
/// How often the archive is looked at without being told: another market on the same database may have taken something in.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long whoever listens waits for something to come.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Batches that follow one another.
#[derive(Debug)]
pub(super) struct Portion {
    /// The last batch before it.
    after: i64,
    /// The last batch in it.
    pub(super) end: i64,
    pub(super) batches: Vec<Arrived>,
}

/// The last portions.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<VecDeque<Arc<Portion>>>>);

impl Kept {
    /// The one that has what follows the batch `after`.
    fn find(&self, after: i64) -> Option<Arc<Portion>> {
        let has = |portion: &&Arc<Portion>| (portion.after..portion.end).contains(&after);
        self.all().iter().find(has).cloned()
    }

    fn push(&self, portion: Arc<Portion>) {
        let mut all = self.all();
        all.push_back(portion);
        if all.len() > PORTIONS_KEPT {
            all.pop_front();
        }
    }

    fn clear(&self) {
        self.all().clear();
    }

    fn all(&self) -> MutexGuard<'_, VecDeque<Arc<Portion>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What came in lately.
#[derive(Clone)]
pub(super) struct Feed {
    app: App,
    kept: Kept,
    end: watch::Receiver<i64>,
}

/// Told when something was taken in.
pub(super) type News = Arc<Notify>;

/// Starts following the archive.
pub(super) fn start(app: App, news: News, stopping: CancellationToken) -> Feed {
    let (told, end) = watch::channel(0);
    let feed = Feed { app, kept: Kept::default(), end };
    let follower = Follower { app: feed.app.clone(), kept: feed.kept.clone(), told };
    tokio::spawn(async move { stopping.run_until_cancelled(follower.run(news)).await });
    feed
}

impl Feed {
    /// What follows the batch `after`; with nothing in it when nothing comes for a while.
    pub(super) async fn next(&mut self, after: i64) -> Result<Arc<Portion>, Status> {
        // Marked as seen before looking, so that what comes meanwhile wakes.
        self.end.borrow_and_update();
        if let Some(portion) = self.look(after).await? {
            return Ok(portion);
        }
        // Whatever it says, one look later there is something or there is not.
        timeout(PATIENCE, self.end.changed()).await.ok();
        let found = self.look(after).await?;
        Ok(found.unwrap_or_else(|| Arc::new(Portion { after, end: after, batches: Vec::new() })))
    }

    async fn look(&self, after: i64) -> Result<Option<Arc<Portion>>, Status> {
        match self.kept.find(after) {
            Some(found) => Ok(Some(found)),
            None => read(&self.app, after).await,
        }
    }
}

struct Follower {
    app: App,
    kept: Kept,
    told: watch::Sender<i64>,
}

impl Follower {
    async fn run(self, news: News) {
        let mut last = None;
        loop {
            timeout(LOOK_EVERY, news.notified()).await.ok();
            // One receiver is the door's own.
            if self.told.receiver_count() <= 1 {
                last = None;
                self.kept.clear();
                continue;
            }
            if let Err(error) = self.follow(&mut last).await {
                tracing::error!(%error, "cannot read what came in for live streams");
            }
        }
    }

    /// Reads on behind `last`, until nothing is left.
    async fn follow(&self, last: &mut Option<i64>) -> Result<(), Status> {
        let mut after = match *last {
            Some(last) => last,
            None => last_arrival(&self.app).await?,
        };
        *last = Some(after);
        while let Some(portion) = read(&self.app, after).await? {
            after = portion.end;
            *last = Some(after);
            self.kept.push(portion);
            self.told.send_replace(after);
        }
        Ok(())
    }
}

async fn last_arrival(app: &App) -> Result<i64, Status> {
    let last = app.db.read::<_, ArchiveError, _>(archive::last_arrival).await;
    last.map_err(|error| status::storage(app, &error))
}

async fn read(app: &App, after: i64) -> Result<Option<Arc<Portion>>, Status> {
    let portion = move |conn: &mut _| archive::portion(conn, after, SAMPLES_MAX);
    let stored = app.db.read::<_, ArchiveError, _>(portion).await;
    let stored = stored.map_err(|error| status::storage(app, &error))?;
    let Some(end) = stored.last().map(|batch| batch.arrival) else { return Ok(None) };
    // Decoding takes milliseconds, and others wait for this thread.
    let decoded = tokio::task::spawn_blocking(move || stored.iter().map(decode).collect());
    let batches: Result<Vec<_>, Status> =
        decoded.await.or(Err(Status::unavailable("the market is stopping")))?;
    Ok(Some(Arc::new(Portion { after, end, batches: batches? })))
}

fn decode(batch: &StoredBatch) -> Result<Arrived, Status> {
    let contents = payload::decode(&batch.payload).map_err(|error| {
        tracing::error!(arrival = batch.arrival, %error, "a batch of the archive is damaged");
        Status::data_loss("a batch of the archive is damaged; tell the operator")
    })?;
    Ok(Arrived { arrival: batch.arrival, vehicle: batch.vehicle, samples: contents.samples })
}
