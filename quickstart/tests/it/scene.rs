//! The stage of the journey tests: a marketplace, cars and a buyer, as child processes in a folder that
//! goes away with the test.

use std::path::Path;
use std::time::Duration;

use quickstart::asking;
use quickstart::buyer::Buyer;
use quickstart::car::{Car, CarSpec, WhenReplayed};
use quickstart::child::Programs;
use quickstart::market::{Addresses, Market, text};
use serde_json::json;
use telematics::Timestamp;
use tempfile::TempDir;

/// How long anything here may take; generous, because test machines are busy.
const PATIENCE: Duration = Duration::from_mins(2);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// 2026-03-01T08:00:00Z: when the drives of tests end.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_772_352_000_000_000);

/// A marketplace that sells datasets of any number of cars, and the folder of everything.
pub(crate) struct Scene {
    pub(crate) folder: TempDir,
    pub(crate) programs: Programs,
    pub(crate) addresses: Addresses,
    pub(crate) market: Market,
}

impl Scene {
    pub(crate) async fn set() -> Self {
        let (folder, programs) = (tempfile::tempdir().unwrap(), programs());
        let addresses = Addresses::unused().unwrap();
        let market = start_market(&programs, folder.path(), addresses).await;
        Self { folder, programs, addresses, market }
    }

    /// The same, with development keys, so that there can be campaigns.
    pub(crate) async fn set_with_keys() -> Self {
        let (folder, programs) = (tempfile::tempdir().unwrap(), programs());
        let addresses = Addresses::unused().unwrap();
        let keys = asking::keys(&programs, folder.path()).await.unwrap();
        let data = folder.path().join("marketplace");
        let market = Market::start(&programs, &data, addresses, 1, Some(&keys)).await.unwrap();
        Self { folder, programs, addresses, market }
    }

    /// Kills the marketplace with SIGKILL and starts it again at the same addresses.
    pub(crate) async fn crash_market(self) -> Self {
        let Self { folder, programs, addresses, market } = self;
        market.kill().await.unwrap();
        let market = start_market(&programs, folder.path(), addresses).await;
        Self { folder, programs, addresses, market }
    }

    /// Audits the market and stops it.
    pub(crate) async fn end(self) {
        self.market.audit(&self.programs).await.unwrap();
        self.market.stop().await.unwrap();
    }

    pub(crate) async fn car(&self, spec: CarSpec) -> Car {
        let folder = self.folder.path().join(&spec.name);
        let mut car = Car::open(spec, &folder, &self.market, &self.programs).await.unwrap();
        car.prepare_drive(&self.programs, NOW).await.unwrap();
        car
    }

    pub(crate) fn start(&self, car: &mut Car) {
        car.start(&self.programs, &self.market, WhenReplayed::End).unwrap();
    }

    /// A buyer with 100 tokens.
    pub(crate) async fn buyer(&self) -> Buyer {
        let operator = self.market.operator();
        let buyer =
            operator.create("/v1/buyers", json!({ "name": "Example Motors" })).await.unwrap();
        let deposits = format!("/v1/buyers/{}/deposits", text(&buyer, "id").unwrap());
        let amount = json!({ "amount": "100" });
        operator.create_once(&deposits, "first-deposit", amount).await.unwrap();
        Buyer::new(&self.market, text(&buyer, "api_key").unwrap())
    }
}

fn programs() -> Programs {
    Programs::at(Path::new(env!("CARGO_BIN_EXE_quickstart")))
}

async fn start_market(programs: &Programs, folder: &Path, addresses: Addresses) -> Market {
    Market::start(programs, &folder.join("marketplace"), addresses, 1, None).await.unwrap()
}

/// Waits until `car`'s agent has replayed its drive, has every receipt and has ended.
pub(crate) async fn arrive(car: &mut Car) {
    until("the end of a drive", async || {
        let process = car.process().unwrap();
        process.check().unwrap();
        process.ended().unwrap()
    })
    .await;
    assert!(car.status().unwrap().done);
}

/// Asks `probe` until it answers.
pub(crate) async fn until<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
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
