//! Subscriptions: what comes in is delivered, once, as far as the tokens reach.

use marketplace::jobs::{sales, subscriptions};
use marketplace::lake::Arrived;
use serde_json::{Value, json};
use telematics::testing::{samples, vehicle};

use crate::market_support::{Call, Market, get, micros, post};

const DAY: i64 = 86_400;

impl Market {
    fn subscribe(dataset: &str, top_up: &str) -> Call {
        let wanted = json!({
            "dataset": dataset, "purpose": "traffic", "period_seconds": DAY, "top_up": top_up,
        });
        post("/v1/subscriptions", &wanted).once("first")
    }

    /// `rows` rows of speed of each of these cars come in, in batches from `arrival` on.
    async fn comes_in(&self, arrival: i64, cars: &[u8], rows: u16) {
        let batch = |(arrival, number): (i64, &u8)| Arrived {
            arrival,
            vehicle: vehicle(*number),
            samples: samples("Vehicle.Speed", rows),
        };
        let batches = (arrival..).zip(cars).map(batch).collect::<Vec<_>>();
        self.app.lake.append(&batches).await.unwrap();
        self.describe().await;
    }

    /// A day passes; what was ordered is delivered.
    async fn day_passes(&mut self) -> u64 {
        self.wait_seconds(DAY);
        let ordered = subscriptions::turn(&self.app).await.unwrap();
        sales::turn(&self.app).await.unwrap();
        ordered
    }

    async fn subscription(&self, key: &str, made: &Value) -> Value {
        let path = format!("/v1/subscriptions/{}", made["id"].as_str().unwrap());
        self.call(get(path).by(key)).await.expect(200)
    }

    /// Rows of each order of a subscription, newest first.
    async fn rows_of_orders(&self, key: &str, subscription: &Value) -> Vec<u64> {
        let mut rows = Vec::new();
        for order in subscription["orders"].as_array().unwrap() {
            let path = format!("/v1/orders/{}", order.as_str().unwrap());
            let order = self.call(get(path).by(key)).await.expect(200);
            assert_eq!(order["status"], "delivered");
            rows.push(order["versions"][0]["rows"].as_u64().unwrap());
        }
        rows
    }
}

#[actix_web::test]
async fn each_period_delivers_what_came_in_and_nothing_twice() {
    let mut market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "10").await;
    let dataset = market.find(&key, "speed+road").await;

    let subscribe = || Market::subscribe(&dataset, "4").by(&key);
    let answer = market.call(subscribe()).await;
    assert_eq!(answer.bytes, market.call(subscribe()).await.bytes, "as the first time");
    let made = answer.expect(201);
    assert_eq!((&made["status"], &made["balance"]), (&json!("open"), &json!("4.000000")));
    assert_eq!(market.balance(&key).await, "6.000000");

    // What was there before is not what he subscribed to.
    assert_eq!(market.day_passes().await, 0);
    assert_eq!(market.subscription(&key, &made).await["waits_for"], "rows");

    market.comes_in(10, &[1, 2, 3], 40).await;
    assert_eq!(subscriptions::turn(&market.app).await.unwrap(), 0, "the period is not over");
    assert_eq!(market.day_passes().await, 1);
    assert_eq!(subscriptions::turn(&market.app).await.unwrap(), 0, "it is over once");
    market.comes_in(20, &[1, 2, 3], 50).await;
    assert_eq!(market.day_passes().await, 1);

    let now = market.subscription(&key, &made).await;
    assert_eq!(market.rows_of_orders(&key, &now).await, [150, 120]);
    assert_eq!(now["waits_for"], Value::Null);
    let orders = market.call(get("/v1/orders").by(&key)).await.expect(200);
    let spent: i64 =
        orders["orders"].as_array().unwrap().iter().map(|order| micros(&order["price"])).sum();
    assert_eq!(micros(&now["balance"]), 4_000_000 - spent);
    assert_eq!(market.balance(&key).await, "6.000000", "only what was put aside is spent");
}

#[actix_web::test]
async fn what_can_not_be_bought_waits_for_tokens_and_for_vehicles() {
    let mut market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "10").await;
    let dataset = market.find(&key, "speed+road").await;
    let made = market.call(Market::subscribe(&dataset, "0.001").by(&key)).await.expect(201);

    market.comes_in(10, &[1, 2], 40).await;
    assert_eq!(market.day_passes().await, 0);
    assert_eq!(market.subscription(&key, &made).await["waits_for"], "vehicles");
    market.comes_in(20, &[3], 40).await;
    assert_eq!(market.day_passes().await, 0);
    assert_eq!(market.subscription(&key, &made).await["waits_for"], "tokens");

    let path = format!("/v1/subscriptions/{}/top-ups", made["id"].as_str().unwrap());
    let top_up = post(path, &json!({ "amount": "1" })).by(&key).once("more");
    assert_eq!(market.call(top_up).await.expect(201)["balance"], "1.001000");
    assert_eq!(market.day_passes().await, 1);
    let now = market.subscription(&key, &made).await;
    assert_eq!(market.rows_of_orders(&key, &now).await, [120], "of all three days");
}

#[actix_web::test]
async fn a_subscription_that_is_closed_gives_back_what_it_has_and_orders_nothing_more() {
    let mut market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "10").await;
    let dataset = market.find(&key, "speed+road").await;
    let made = market.call(Market::subscribe(&dataset, "4").by(&key)).await.expect(201);
    market.comes_in(10, &[1, 2, 3], 40).await;

    let close =
        || post(format!("/v1/subscriptions/{}/close", made["id"].as_str().unwrap()), &json!({}));
    let stranger = market.buyer("Best", "1").await;
    market.call(close().by(&stranger)).await.problem(404, "not-found");
    let closed = market.call(close().by(&key)).await.expect(200);
    assert_eq!((&closed["status"], &closed["unspent"]), (&json!("closed"), &json!("4.000000")));
    assert_eq!(market.call(close().by(&key)).await.expect(200), closed, "nothing changes");

    assert_eq!(market.day_passes().await, 0);
    assert_eq!(market.balance(&key).await, "10.000000");
    let path = format!("/v1/subscriptions/{}/top-ups", made["id"].as_str().unwrap());
    let top_up = post(path, &json!({ "amount": "1" })).by(&key).once("more");
    assert!(market.call(top_up).await.problem(409, "conflict").contains("subscribe anew"));
}

#[actix_web::test]
async fn what_is_no_subscription_is_refused_and_costs_nothing() {
    let market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let dataset = market.find(&key, "speed+road").await;
    let with = |field: &str, value: Value| {
        let mut wanted = json!({
            "dataset": dataset, "purpose": "traffic", "period_seconds": DAY, "top_up": "1",
        });
        wanted[field] = value;
        post("/v1/subscriptions", &wanted).by(&key).once("k")
    };
    #[rustfmt::skip] // a table is read by column
    let cases = [
        (with("period_seconds", 59.into()),           400, "invalid-request",    "60 to 31536000"),
        (with("period_seconds", 40_000_000.into()),   400, "invalid-request",    "60 to 31536000"),
        (with("top_up", "0".into()),                  400, "invalid-request",    "more than zero"),
        (with("top_up", "-1".into()),                 400, "invalid-request",    "more than zero"),
        (with("top_up", "1.5".into()),                402, "insufficient-funds", "1.500000 are needed"),
        (with("purpose", "fun".into()),               400, "invalid-request",    "fun"),
        (with("dataset", "dataset_0190a5b8c3d27e4f8a9b0c1d2e3f4a5b".into()), 404, "not-found", "no dataset"),
    ];
    for (call, status, problem, expected) in cases {
        let detail = market.call(call).await.problem(status, problem);
        assert!(detail.contains(expected), "{detail}");
    }
    assert_eq!(market.balance(&key).await, "1.000000");
    let none = market.call(get("/v1/subscriptions").by(&key)).await.expect(200);
    assert_eq!(none["subscriptions"], json!([]));
}
