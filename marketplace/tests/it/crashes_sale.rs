//! A market that dies at every step of a sale: the buyer asks again, is charged once, and gets what he paid for.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use marketplace::failpoint::Failpoint;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::crashes::{copy, died};
use crate::market_support::Market;
use crate::process::{ANY, marketplace, serving, stop};

/// How long a debug build may take to deliver on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(2);

/// A buyer at the REST API of a process.
struct Buyer<'a> {
    rest: String,
    key: &'a str,
}

impl Buyer<'_> {
    async fn get(&self, path: &str) -> Value {
        let request = reqwest::Client::new().get(format!("{}{path}", self.rest));
        request.bearer_auth(self.key).send().await.unwrap().json().await.unwrap()
    }

    /// The body of a 201; nothing when the market died meanwhile.
    async fn post(&self, path: &str, body: &Value) -> Option<Value> {
        let request = reqwest::Client::new().post(format!("{}{path}", self.rest));
        let request = request.bearer_auth(self.key).header("Idempotency-Key", "k").json(body);
        let answer = request.send().await.ok()?;
        assert_eq!(answer.status().as_u16(), 201, "{path}");
        answer.json().await.ok()
    }

    async fn quote(&self) -> Value {
        let found = self.get("/v1/datasets?q=speed+road&limit=1").await;
        let dataset = &found["datasets"][0]["id"];
        self.post("/v1/quotes", &json!({ "dataset": dataset, "purpose": "research" }))
            .await
            .unwrap()
    }

    async fn delivered(&self, order: &Value) {
        let path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
        let wait = async {
            while self.get(&path).await["status"] != "delivered" {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, wait).await.expect("the order is delivered");
    }
}

/// A market that delivers within a second.
fn market_in(folder: &Path) -> Command {
    let mut command = marketplace(folder, ANY, ANY);
    command.env("AXLE_MARKETPLACE_FLUSH_INTERVAL_SECONDS", "1");
    command.env("AXLE_MARKETPLACE_RULES__VEHICLES_MIN", "3");
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_step_of_a_sale_charges_once_and_delivers() {
    let market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let stopped = market.into_folder();

    for place in Failpoint::SALE {
        let folder = copy(stopped.path());
        let (child, rest, _) =
            serving(market_in(folder.path()).env(Failpoint::VARIABLE, place.name()));
        let buyer = Buyer { rest, key: &key };
        let quote = buyer.quote().await;
        let wanted = json!({ "quote": quote["id"] });
        let answered = buyer.post("/v1/orders", &wanted).await;
        died(child, place).await;

        let (child, rest, _) = serving(&mut market_in(folder.path()));
        let buyer = Buyer { rest, key: &key };
        let order = buyer.post("/v1/orders", &wanted).await.unwrap();
        assert!(answered.is_none_or(|answered| answered == order), "{place:?}");
        buyer.delivered(&order).await;
        assert_eq!(buyer.get("/v1/balance").await["balance"], "0.995500", "{place:?}");
        let orders = buyer.get("/v1/orders").await;
        assert_eq!(orders["orders"].as_array().unwrap().len(), 1, "{place:?}");
        assert_eq!(stop(child, Signal::SIGTERM), Some(0), "{place:?}");

        let audit = market_in(folder.path()).arg("audit").output().unwrap();
        assert!(audit.status.success(), "{place:?}: {}", String::from_utf8_lossy(&audit.stdout));
    }
}
