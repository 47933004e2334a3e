//! Group commit: batches of many cars go into one transaction.
//!
//! Making a transaction durable costs one flush of the disk, however much is in it. One task takes
//! what is waiting, commits it together, and only then hands out the outcomes.
//!
//! **Invariant:** an outcome is handed out after the commit that it speaks of. When the transaction
//! fails, everybody in it is told so and nothing is acknowledged.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tonic::Status;

use super::feed::News;
use super::status;
use crate::app::App;
use crate::ingest::{self, AcceptedBatch, IngestError, Outcome};

/// Rounds waiting. Beyond that streams wait, and so do their cars.
const ROUNDS_WAITING_MAX: usize = 64;
/// Batches in one transaction: bounds how long the first of them waits for the others.
const BATCHES_MAX: usize = 256;

/// One stream's batches, and where it waits for their outcomes.
struct Submitted {
    batches: Arc<[AcceptedBatch]>,
    reply: oneshot::Sender<Result<Vec<Outcome>, Status>>,
}

/// Hands batches to the writing task.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Submitted>,
}

/// Starts the writing task, which tells `news` of every commit. It ends when the last [`Writer`] is dropped.
pub(super) fn start(app: App, news: News) -> (Writer, JoinHandle<()>) {
    let (queue, submitted) = mpsc::channel(ROUNDS_WAITING_MAX);
    (Writer { queue }, tokio::spawn(run(app, submitted, news)))
}

impl Writer {
    /// Records `batches` in order and returns their outcomes once they are on disk.
    pub(super) async fn record(&self, batches: Vec<AcceptedBatch>) -> Result<Vec<Outcome>, Status> {
        if batches.is_empty() {
            return Ok(Vec::new());
        }
        let stopped =
            || Status::unavailable("the market is stopping; nothing was kept: retry later");
        let (reply, outcomes) = oneshot::channel();
        let submitted = Submitted { batches: batches.into(), reply };
        self.queue.send(submitted).await.or(Err(stopped()))?;
        outcomes.await.or(Err(stopped()))?
    }
}

async fn run(app: App, mut queue: mpsc::Receiver<Submitted>, news: News) {
    while let Some(first) = queue.recv().await {
        let mut group = vec![first];
        while group.iter().map(|round| round.batches.len()).sum::<usize>() < BATCHES_MAX {
            let Ok(next) = queue.try_recv() else { break };
            group.push(next);
        }
        commit(&app, group).await;
        news.notify_one();
    }
}

async fn commit(app: &App, group: Vec<Submitted>) {
    let rounds = group.iter().map(|round| Arc::clone(&round.batches)).collect::<Vec<_>>();
    let now = app.clock.now();
    let committed = app.db.write::<_, IngestError, _>(move |conn| {
        let record = |batches: &Arc<[AcceptedBatch]>| ingest::record(conn, batches, now);
        rounds.iter().map(record).collect::<Result<Vec<_>, _>>()
    });
    // A reply fails only when its stream is gone; the car will ask again.
    match committed.await {
        Ok(outcomes) => {
            for (round, outcomes) in group.into_iter().zip(outcomes) {
                round.reply.send(Ok(outcomes)).ok();
            }
        }
        Err(error) => {
            let status = status::storage(app, &error);
            for round in group {
                round.reply.send(Err(status.clone())).ok();
            }
        }
    }
}
