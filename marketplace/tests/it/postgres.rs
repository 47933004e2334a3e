//! PostgreSQL that is restarted under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use marketplace::archive;
use telematics::SealedBatch;
use tokio::time::timeout;

use crate::cars::{Answers, Car};
use crate::engine::Server;
use crate::market::Market;

/// Batches that the car sends at once: so many that the market is storing most of the time.
const BATCHES: usize = 200;
/// The server is restarted so often at least, and at most until one restart has broken a stream.
const RESTARTS_MIN: usize = 3;
const RESTARTS_MAX: usize = 20;
/// How long a car may have to wait for its next receipt, restart included.
const WAIT_MAX: Duration = Duration::from_mins(2);

/// A car's spool: what was not acknowledged is sent again.
struct Spool {
    car: Car,
    waiting: Vec<SealedBatch>,
    acknowledged: Vec<SealedBatch>,
    /// Streams that ended with an error.
    broken: Arc<AtomicUsize>,
}

impl Spool {
    /// Fills the spool, and sends it until all is acknowledged.
    async fn send(&mut self, market: &Market) {
        self.waiting.extend((0..BATCHES).map(|_| self.car.batch()));
        while !self.waiting.is_empty() {
            let Answers { outcomes, end } = self.car.send(market, self.waiting.clone()).await;
            let answers = Answers { outcomes, end: None };
            let receipts = answers.receipts().len();
            self.acknowledged.extend(self.waiting.drain(..receipts));
            self.broken.fetch_add(usize::from(end.is_some()), Ordering::SeqCst);
        }
    }
}

/// Restarts as a crash does: without a word to who is connected.
async fn crash(server: &Arc<Server>) {
    let server = Arc::clone(server);
    let restart = move || server.control(&["restart", "-m", "immediate"]);
    tokio::task::spawn_blocking(restart).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn nothing_acknowledged_is_lost_when_postgresql_is_restarted_under_load() {
    let server = Arc::new(Server::start(""));
    let database_url = Some(format!("{}/postgres", server.url()));
    let market = Market::start_with(|config| config.database_url = database_url).await;
    let car = Car::enrol(&market).await;
    let broken = Arc::new(AtomicUsize::new(0));
    let (waiting, acknowledged) = (Vec::new(), Vec::new());
    let mut spool = Spool { car, waiting, acknowledged, broken: Arc::clone(&broken) };
    let is_over = AtomicBool::new(false);

    let crashes = async {
        for restarts in 0..RESTARTS_MAX {
            if restarts >= RESTARTS_MIN && broken.load(Ordering::SeqCst) > 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(700)).await;
            crash(&server).await;
        }
        is_over.store(true, Ordering::SeqCst);
    };
    let sending = async {
        while !is_over.load(Ordering::SeqCst) {
            timeout(WAIT_MAX, spool.send(&market)).await.expect("it goes on by itself");
        }
        timeout(WAIT_MAX, spool.send(&market)).await.expect("and after the last restart");
    };
    tokio::join!(crashes, sending);

    assert!(broken.load(Ordering::SeqCst) > 0, "no restart met a stream");
    let id = spool.car.id;
    let kept = market.app.db.read(move |conn| archive::of_vehicle(conn, id, 0, u32::MAX));
    let kept = kept.await.unwrap().iter().map(|batch| batch.hash).collect::<Vec<_>>();
    let acknowledged = spool.acknowledged.iter().map(SealedBatch::hash).collect::<Vec<_>>();
    assert_eq!(kept, acknowledged);
    market.stop().await;
}
