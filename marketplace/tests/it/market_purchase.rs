//! A purchase from search to pay-out. How it ends when something changes on the way is in [`super::market_changes`].

use std::collections::BTreeMap;

use actix_web::http::Method;
use deltalake::arrow::array::AsArray;
use deltalake::arrow::datatypes::{Float64Type, Int32Type, TimestampMicrosecondType};
use deltalake::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use marketplace::delivery::{self, Depot, Pseudonyms};
use marketplace::ledger::{self, Account};
use marketplace::trade::OrderId;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use telematics::testing::{samples, vehicle};

use crate::market_support::{Answer, Call, Market, START, get, micros, post, text_micros};

/// A row of a delivered file: vehicle, signal, time, value.
pub(crate) type Row = (String, String, i64, f64);

pub(crate) fn rows(file: &Answer) -> Vec<Row> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.bytes.clone()).unwrap();
    let mut rows = Vec::new();
    for batch in reader.build().unwrap() {
        let batch = batch.unwrap();
        assert!(batch["unit"].as_string::<i32>().iter().all(|unit| unit == Some("km/h")));
        assert!(batch["make"].as_string::<i32>().iter().all(|make| make == Some("Axle")));
        assert_eq!(batch["model_year"].as_primitive::<Int32Type>().value(0), 2024);
        for row in 0..batch.num_rows() {
            rows.push((
                batch["vehicle"].as_string::<i32>().value(row).to_owned(),
                batch["signal"].as_string::<i32>().value(row).to_owned(),
                batch["time"].as_primitive::<TimestampMicrosecondType>().value(row),
                batch["value"].as_primitive::<Float64Type>().value(row),
            ));
        }
    }
    rows
}

pub(crate) async fn delivered(market: &Market, key: &str, order: &Value) -> Value {
    let path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
    market.call(get(path).by(key)).await.expect(200)
}

pub(crate) async fn download(market: &Market, key: &str, order: &Value) -> Answer {
    let path = order["versions"][0]["data"].as_str().unwrap();
    market.call(get(path).by(key)).await
}

#[actix_web::test]
async fn a_buyer_finds_buys_and_reads_and_every_owner_is_paid() {
    let market = Market::with_cars(12, 10).await;
    market.fill().await;
    let key = market.buyer("Acme", "100").await;

    let quote = market.quote(&key).await;
    assert_eq!(quote["vehicles"], 12);
    assert_eq!(quote["rows"], 780); // 10 + 20 + … + 120
    // 780 rows at 200 micro-tokens; scarcity is 1 + 0.5 x 10 / 12, verification 0.5, as nothing was scored.
    assert_eq!(quote["price"], "0.110448");
    let factors =
        json!({ "demand": 1_000, "scarcity": 1_416, "freshness": 1_000, "verification": 500 });
    assert_eq!(quote["price_rule"]["factors_per_mille"], factors);

    let order = market.order(&key, &quote, "first").await.expect(201);
    assert_eq!(order["status"], "paid");
    assert_eq!(market.balance(&key).await, "99.889552");
    market.settle().await;

    let order = delivered(&market, &key, &order).await;
    assert_eq!(order["status"], "delivered");
    assert_eq!(order["fee"], "0.005522");
    assert_eq!(order["paid_out"], "0.104926");
    assert_eq!(order["refunded"], "0.000000");
    assert_eq!(order["payouts"], 12);
    assert_eq!(order["versions"][0]["rows"], 780);

    // To the last micro-token: car n has n of 78 parts.
    let mut paid = 0;
    for (number, owner) in (1_i64..).zip(&market.owners) {
        let balance = text_micros(&market.balance(owner).await);
        assert!((balance - 104_926 * number / 78).abs() <= 1, "car {number} has {balance}");
        paid += balance;
    }
    assert_eq!(paid, micros(&order["paid_out"]));
    let payouts = market.call(get("/v1/payouts").by(&market.owners[11])).await.expect(200);
    assert_eq!(payouts["payouts"][0]["rows"], 120);
    assert_eq!(payouts["payouts"][0]["amount"], market.balance(&market.owners[11]).await);

    let buyer = text_micros(&market.balance(&key).await);
    let escrow =
        Account::Escrow(*OrderId::parse(order["id"].as_str().unwrap()).unwrap().as_bytes());
    assert_eq!(held(&market, escrow).await, 0);
    assert_eq!(held(&market, Account::Fees).await, micros(&order["fee"]));
    let issued = held(&market, Account::Issuance).await;
    assert_eq!(issued + held(&market, Account::Fees).await + buyer + paid, 0);
}

async fn held(market: &Market, account: Account) -> i64 {
    let read = move |conn: &mut _| ledger::balance(conn, account);
    market.app.db.read::<_, ledger::LedgerError, _>(read).await.unwrap().posted.micros()
}

#[actix_web::test]
async fn a_delivered_order_is_not_delivered_again() {
    let market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let quote = market.quote(&key).await;
    let order = market.order(&key, &quote, "first").await.expect(201);
    market.settle().await;
    let before = download(&market, &key, &delivered(&market, &key, &order).await).await;
    market.withdraw(1).await;

    let depot = Depot {
        db: market.app.db.clone(),
        lake: market.app.lake.clone(),
        clock: market.app.clock,
        folder: market.app.config.deliveries_dir(),
        pseudonyms: Pseudonyms::new([0; 32]),
        rules: market.app.config.rules.clone(),
    };
    let id = OrderId::parse(order["id"].as_str().unwrap()).unwrap();
    let error = delivery::deliver(&depot, id).await.unwrap_err();

    assert!(error.to_string().ends_with("is delivered already"), "{error}");
    let after = download(&market, &key, &delivered(&market, &key, &order).await).await;
    assert_eq!(before.bytes, after.bytes);
}

#[actix_web::test]
async fn the_delivered_rows_are_those_of_the_lake_under_other_names() {
    let market = Market::with_cars(12, 10).await;
    market.fill().await;
    let key = market.buyer("Acme", "100").await;
    let quote = market.quote(&key).await;
    let order = market.order(&key, &quote, "first").await.expect(201);
    // What arrives later was not bought.
    let late = marketplace::lake::Arrived {
        arrival: 100,
        vehicle: vehicle(1),
        samples: samples("Vehicle.Speed", 500),
    };
    market.app.lake.append(&[late]).await.unwrap();
    market.settle().await;

    let order = delivered(&market, &key, &order).await;
    let file = download(&market, &key, &order).await;
    assert_eq!(file.status, 200);
    let rows = rows(&file);
    assert!(rows.is_sorted_by(|a, b| (&a.0, &a.1, a.2) <= (&b.0, &b.1, b.2)));

    let mut cars: BTreeMap<&str, Vec<(i64, f64)>> = BTreeMap::new();
    for (name, signal, time, value) in &rows {
        assert_eq!(signal, "Vehicle.Speed");
        assert!(!name.contains("vehicle"), "{name} must not be the car's id");
        cars.entry(name).or_default().push((*time, *value));
    }
    let mut found: Vec<_> = cars.into_values().collect();
    found.sort_by_key(Vec::len);
    let sent = |number: u16| {
        let sample = |sample: telematics::Sample| (sample.time.as_micros(), sample.physical());
        samples("Vehicle.Speed", number * 10).into_iter().map(sample).collect::<Vec<_>>()
    };
    assert_eq!(found, (1..=12).map(sent).collect::<Vec<_>>());
    assert_eq!(found[0][0].0, START.as_micros());
}

#[actix_web::test]
async fn a_file_can_be_read_in_parts_and_each_read_is_shown_to_the_owners() {
    let market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "100").await;
    let quote = market.quote(&key).await;
    let order = market.order(&key, &quote, "first").await.expect(201);
    market.settle().await;
    let order = delivered(&market, &key, &order).await;

    let whole = download(&market, &key, &order).await;
    let path = order["versions"][0]["data"].as_str().unwrap();
    let range = |range: &str| Call { range: Some(range.to_owned()), ..get(path).by(&key) };
    let end = market.call(range("bytes=-8")).await;
    assert_eq!(end.status, 206);
    assert_eq!(end.bytes, whole.bytes.slice(whole.bytes.len() - 8..));
    let (length, last) = (whole.bytes.len(), whole.bytes.len() - 1);
    assert_eq!(end.header("content-range"), format!("bytes {}-{last}/{length}", length - 8));
    let beyond = market.call(range(&format!("bytes={length}-"))).await;
    assert!(beyond.problem(416, "range-not-satisfiable").contains("bytes"));

    let reads = market.call(get("/v1/reads").by(&market.owners[0])).await.expect(200);
    let bytes: Vec<_> = reads["reads"].as_array().unwrap().iter().map(|r| &r["bytes"]).collect();
    assert_eq!(bytes.len(), 2);
    assert!(bytes.iter().any(|bytes| **bytes == length) && bytes.iter().any(|bytes| **bytes == 8));
    assert_eq!(reads["reads"][0]["buyer_name"], "Acme");
    assert_eq!(reads["reads"][0]["vehicles"][0], vehicle(1).to_string());
}

#[actix_web::test]
async fn two_buyers_get_other_names_for_the_same_cars() {
    let market = Market::with_cars(3, 3).await;
    market.fill().await;
    let mut names = Vec::new();
    for buyer in ["Acme", "Bolt"] {
        let key = market.buyer(buyer, "100").await;
        let quote = market.quote(&key).await;
        let order = market.order(&key, &quote, "first").await.expect(201);
        market.settle().await;
        let order = delivered(&market, &key, &order).await;
        let file = download(&market, &key, &order).await;
        names.extend(
            rows(&file).into_iter().map(|row| row.0).collect::<std::collections::BTreeSet<_>>(),
        );
    }

    assert_eq!(names.len(), 6);
    assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), 6);
}

#[actix_web::test]
async fn a_delivery_that_died_half_way_is_made_again() {
    let market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let quote = market.quote(&key).await;
    let order = market.order(&key, &quote, "first").await.expect(201);
    let folder = market.app.config.deliveries_dir();
    std::fs::create_dir_all(&folder).unwrap();
    let name = format!("{}-1", order["id"].as_str().unwrap());
    // Died while writing, and died between renaming and settling.
    std::fs::write(folder.join(&name).with_extension("unfinished"), "half a file").unwrap();
    std::fs::write(folder.join(&name).with_extension("parquet"), "an older file").unwrap();

    market.settle().await;
    market.settle().await;

    let order = delivered(&market, &key, &order).await;
    assert_eq!(order["versions"].as_array().unwrap().len(), 1);
    assert_eq!(rows(&download(&market, &key, &order).await).len(), 60);
    assert!(!folder.join(&name).with_extension("unfinished").exists());
}

#[actix_web::test]
async fn a_price_can_be_computed_again_from_what_the_quote_says() {
    let market = Market::with_cars(12, 10).await;
    market.fill().await;
    let [key, other] = [market.buyer("Acme", "100").await, market.buyer("Best", "100").await];
    let rules = market.call(get("/v1/rules")).await.expect(200);
    assert_eq!(
        (&rules["price_rule"], rules["price_formula"].as_array().unwrap().len()),
        (&json!(1), 6)
    );

    let first = market.quote(&key).await;
    let path = format!("/v1/datasets/{}", first["dataset"].as_str().unwrap());
    let shown = market.call(get(path).by(&key)).await.expect(200);
    assert_eq!(
        (&shown["price_now"], &shown["price_rule"]),
        (&first["price"], &first["price_rule"])
    );
    assert_eq!(market.quote(&other).await["price"], first["price"], "a quote is no demand");

    // Each buyer counts once, however often he buys.
    for (buyer, once) in [(&key, "1"), (&key, "2"), (&other, "3")] {
        let quote = market.quote(buyer).await;
        market.order(buyer, &quote, once).await.expect(201);
    }
    let quote = market.quote(&key).await;
    let rule = &quote["price_rule"];
    assert_eq!((&rule["buyers"], &rule["factors_per_mille"]["demand"]), (&json!(2), &json!(1_100)));
    let number = |name: &str| rule[name].as_u64().unwrap();
    let factor = |name: &str| rule["factors_per_mille"][name].as_u64().unwrap();
    let factors = ["demand", "scarcity", "freshness", "verification"].map(factor);
    let product = factors.into_iter().map(u128::from).product::<u128>();
    let price = u128::from(number("rows") * number("base_micro_tokens")) * product;
    let price = (price + 500_000_000_000) / 1_000_000_000_000;
    assert_eq!(micros(&quote["price"]), i64::try_from(price).unwrap());
}

#[actix_web::test]
async fn rows_are_sold_for_a_purpose_that_their_owners_permit_and_the_licence_names_it() {
    let market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let dataset = market.quote(&key).await["dataset"].clone();
    let ask = |purpose: &str| {
        post("/v1/quotes", &json!({ "dataset": dataset, "purpose": purpose })).by(&key)
    };
    for unusual in ["insurance-scoring", "credit-scoring", "law-enforcement", "advertising"] {
        let refused = market.call(ask(unusual)).await.problem(409, "too-few-vehicles");
        assert!(refused.starts_with("0 vehicles"), "{unusual}: {refused}");
    }

    let quote = market.call(ask("traffic")).await.expect(201);
    let order = market.order(&key, &quote, "first").await.expect(201);
    let path = format!("/v1/orders/{}/licence.json", order["id"].as_str().unwrap());
    let licence = market.call(get(path).by(&key)).await;
    let hash = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
    assert_eq!(
        order["licence_sha256"],
        hash(&licence.bytes),
        "the order has the hash of its licence"
    );
    let licence = licence.expect(200);
    assert_eq!((&licence["purpose"], &licence["rows"]), (&json!("traffic"), &quote["rows"]));
    let terms = market.call(get("/v1/licence-terms/1")).await;
    assert_eq!(licence["terms_sha256"], hash(&terms.bytes));
    assert_eq!(licence["terms_sha256"], quote["licence_terms"]["sha256"], "what he agreed to");
    market.call(get("/v1/licence-terms/2")).await.problem(404, "not-found");

    // One owner no longer wants that: the rest are too few, and nothing is delivered.
    let path = format!("/v1/vehicles/{}/consent", vehicle(1));
    let decided = json!({ "consent": { "motion": "share" }, "purposes": ["research"] });
    let decide = post(path, &decided).by(&market.owners[0]);
    let told = market.call(Call { method: Method::PUT, ..decide }).await.expect(200);
    assert_eq!(told["purposes"], json!(["research"]));
    market.settle().await;
    let path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
    assert_eq!(market.call(get(path).by(&key)).await.expect(200)["status"], "refunded");
}

#[actix_web::test]
async fn an_owner_sees_who_read_what_for_and_what_it_earned_him() {
    let market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let quote = market.quote(&key).await;
    let order = market.order(&key, &quote, "first").await.expect(201);
    market.settle().await;
    let order = delivered(&market, &key, &order).await;
    download(&market, &key, &order).await;

    let told = market.call(get("/v1/reads").by(&market.owners[2])).await.expect(200);

    let read = &told["reads"][0];
    assert_eq!((&read["buyer_name"], &read["purpose"]), (&json!("Acme"), &json!("research")));
    assert_eq!((&read["rows"], &read["order"]), (&json!(30), &order["id"]));
    assert_eq!(read["earned"], market.balance(&market.owners[2]).await);
}
