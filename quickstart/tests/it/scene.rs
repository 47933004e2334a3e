//! The stage of the journey tests: a marketplace, cars and a buyer, as child processes in a folder that
//! goes away with the test.

use std::path::Path;
use std::time::Duration;

use quickstart::car::{Car, CarSpec};
use quickstart::child::Programs;
use quickstart::market::{Addresses, Market, Rest, count, list, text};
use serde_json::{Value, json};
use telematics::Timestamp;
use tempfile::TempDir;

/// How long anything here may take; generous, because test machines are busy.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// 2026-03-01T08:00:00Z: when the drives of tests end.
pub const NOW: Timestamp = Timestamp::from_micros(1_772_352_000_000_000);

/// A marketplace that sells datasets of any number of cars, and the folder of everything.
pub struct Scene {
    pub folder: TempDir,
    pub programs: Programs,
    pub addresses: Addresses,
    pub market: Market,
}

impl Scene {
    pub async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let programs = Programs::at(Path::new(env!("CARGO_BIN_EXE_quickstart")));
        let addresses = Addresses::free().unwrap();
        let market = start_market(&programs, folder.path(), addresses).await;
        Self { folder, programs, addresses, market }
    }

    /// Kills the marketplace with SIGKILL and starts it again at the same addresses.
    pub async fn crash_market(self) -> Self {
        let Self { folder, programs, addresses, market } = self;
        market.kill().await.unwrap();
        let market = start_market(&programs, folder.path(), addresses).await;
        Self { folder, programs, addresses, market }
    }

    pub async fn car(&self, spec: CarSpec) -> Car {
        let folder = self.folder.path().join(&spec.name);
        let mut car = Car::open(spec, &folder, &self.market, &self.programs).await.unwrap();
        car.prepare_drive(&self.programs, NOW).await.unwrap();
        car
    }

    pub fn start(&self, car: &mut Car) {
        car.start(&self.programs, &self.market).unwrap();
    }

    /// A buyer with 100 tokens.
    pub async fn buyer(&self) -> Rest {
        let operator = self.market.operator();
        let buyer =
            operator.create("/v1/buyers", json!({ "name": "Example Motors" })).await.unwrap();
        let deposits = format!("/v1/buyers/{}/deposits", text(&buyer, "id").unwrap());
        let amount = json!({ "amount": "100" });
        operator.create_once(&deposits, "first deposit", amount).await.unwrap();
        self.market.rest(text(&buyer, "api_key").unwrap())
    }

    /// The first dataset found by `query`, once everything accepted is in it.
    pub async fn dataset(&self, buyer: &Rest, query: &str) -> Value {
        let path = format!("/v1/datasets?q={query}");
        until("a described dataset", async || {
            let health = self.market.operator().read("/v1/health").await.unwrap();
            let found = buyer.read(&path).await.unwrap();
            let flushed = count(&health, "batches_waiting").unwrap() == 0;
            list(&found, "datasets").unwrap().first().filter(|_| flushed).cloned()
        })
        .await
    }

    /// Quotes and buys `dataset`, waits for its delivery and returns the order.
    pub async fn buy(&self, buyer: &Rest, dataset: &Value) -> Value {
        let dataset = text(dataset, "id").unwrap();
        let quote = buyer.create("/v1/quotes", json!({ "dataset": dataset })).await.unwrap();
        let quote = text(&quote, "id").unwrap();
        let order =
            buyer.create_once("/v1/orders", quote, json!({ "quote": quote })).await.unwrap();
        let path = format!("/v1/orders/{}", text(&order, "id").unwrap());
        until("a delivery", async || {
            let order = buyer.read(&path).await.unwrap();
            (text(&order, "status").unwrap() == "delivered").then_some(order)
        })
        .await
    }
}

async fn start_market(programs: &Programs, folder: &Path, addresses: Addresses) -> Market {
    Market::start(programs, &folder.join("marketplace"), addresses, 1).await.unwrap()
}

/// Waits until `car`'s agent has replayed its drive, has every receipt and has ended.
pub async fn arrive(car: &mut Car) {
    until("the end of a drive", async || {
        let process = car.process().unwrap();
        process.check().unwrap();
        process.ended().unwrap()
    })
    .await;
    assert!(car.status().unwrap().done);
}

/// Asks `probe` until it answers.
pub async fn until<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = async {
        loop {
            if let Some(answer) = probe().await {
                return answer;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    let answer = tokio::time::timeout(PATIENCE, asked).await;
    answer.unwrap_or_else(|_| panic!("waited {PATIENCE:?} for {what}"))
}
