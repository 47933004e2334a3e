//! PostgreSQL that is restarted under load.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use marketplace::archive;
use telematics::SealedBatch;
use tokio::time::timeout;

use crate::cars::{Answers, Car};
use crate::engine::Server;
use crate::market::Market;

/// Batches that the car sends before the server is restarted for the last time, and behind it.
const BATCHES: usize = 30;
const RESTARTS: usize = 3;
/// How long a car may have to wait for its next receipt, restart included.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A car's spool: what was not acknowledged is sent again.
struct Spool {
    car: Car,
    waiting: Vec<SealedBatch>,
    acknowledged: Vec<SealedBatch>,
    /// Streams that ended with an error.
    broken: usize,
}

impl Spool {
    /// Fills the spool, and sends it until all is acknowledged.
    async fn send(&mut self, market: &Market) {
        self.waiting.extend((0..8).map(|_| self.car.batch()));
        while !self.waiting.is_empty() {
            let Answers { outcomes, end } = self.car.send(market, self.waiting.clone()).await;
            let answers = Answers { outcomes, end: None };
            let receipts = answers.receipts().len();
            self.acknowledged.extend(self.waiting.drain(..receipts));
            self.broken += usize::from(end.is_some());
        }
    }
}

/// Restarts as a crash does: without a word to who is connected.
async fn crash(server: &std::sync::Arc<Server>) {
    let server = std::sync::Arc::clone(server);
    let restart = move || server.control(&["restart", "-m", "immediate"]);
    tokio::task::spawn_blocking(restart).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn nothing_acknowledged_is_lost_when_postgresql_is_restarted_under_load() {
    let server = std::sync::Arc::new(Server::start(""));
    let market = Market::start_on(&format!("{}/postgres", server.url())).await;
    let car = Car::enrol(&market).await;
    let mut spool = Spool { car, waiting: Vec::new(), acknowledged: Vec::new(), broken: 0 };
    let is_over = AtomicBool::new(false);

    let crashes = async {
        for _ in 0..RESTARTS {
            tokio::time::sleep(Duration::from_millis(700)).await;
            crash(&server).await;
        }
        is_over.store(true, Ordering::SeqCst);
    };
    let sending = async {
        while !is_over.load(Ordering::SeqCst) || spool.acknowledged.len() < BATCHES {
            timeout(WAIT_MAX, spool.send(&market)).await.expect("it goes on by itself");
        }
        timeout(WAIT_MAX, spool.send(&market)).await.expect("and after the last restart");
    };
    tokio::join!(crashes, sending);

    assert!(spool.broken > 0, "no restart met a stream");
    let id = spool.car.id;
    let kept = market.app.db.read(move |conn| archive::of_vehicle(conn, id, 0, u32::MAX));
    let kept = kept.await.unwrap().iter().map(|batch| batch.hash).collect::<Vec<_>>();
    let acknowledged = spool.acknowledged.iter().map(SealedBatch::hash).collect::<Vec<_>>();
    assert_eq!(kept, acknowledged);
    market.stop().await;
}
