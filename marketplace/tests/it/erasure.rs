//! An owner takes back what his car sent: nothing of it is left in any file.

use std::path::{Path, PathBuf};

use marketplace::archive;
use marketplace::erasure::{erase_records, finish};
use marketplace::identity::ApiKey;
use marketplace::jobs::erasure;
use marketplace::jobs::flush::Flush;
use serde_json::{Value as Json, json};
use telematics::payload::Contents;
use telematics::testing::{samples, vehicle};
use telematics::{Sample, SealedBatch, Value};

use crate::cars::Car;
use crate::engine;
use crate::market::Market;
use crate::market_support::{Answer, Market as Cars, call, get, post};

const KEY: [u8; 32] = [77; 32];
/// As it is kept with the latest values, and as it is in columns. Nothing else has these.
const CANARY_RAW: i64 = 39_871;
const CANARY: f64 = 398.71;

fn canary(car: &mut Car) -> SealedBatch {
    let value = Value::from_raw(CANARY_RAW);
    let samples = samples("Vehicle.Speed", 30).into_iter().map(|s| Sample { value, ..s }).collect();
    car.next_of(&Contents { samples, ..Contents::default() })
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Files that have one of `needles`.
pub(crate) fn with(folder: &Path, needles: &[Vec<u8>]) -> Vec<PathBuf> {
    let has = |file: &PathBuf| {
        let bytes = std::fs::read(file).unwrap();
        let found = |needle: &Vec<u8>| bytes.windows(needle.len()).any(|part| part == *needle);
        needles.iter().any(found)
    };
    files(folder).into_iter().filter(has).collect()
}

async fn ask(market: &Market, car: &Car, key: [u8; 32]) -> Answer {
    let path = format!("/v1/vehicles/{}/erasure", car.id);
    call(&market.app, post(path, &json!({})).by(&ApiKey::new(key).reveal())).await
}

async fn status(market: &Market, car: &Car) -> Answer {
    let path = format!("/v1/vehicles/{}/erasure", car.id);
    call(&market.app, get(path).by(&ApiKey::new(KEY).reveal())).await
}

#[actix_web::test]
async fn nothing_that_an_erased_car_sent_is_left_in_any_file() {
    let market = Market::start().await;
    let mut car = Car::enrol_for(&market, market.owner_with_key(KEY).await).await;
    let mut other = Car::enrol(&market).await;
    let sent: Vec<_> = (0..3).map(|_| canary(&mut car)).collect();
    // What the archive has: the compressed payload, as it was signed, and its signature.
    let mut needles: Vec<Vec<u8>> = sent.iter().map(|batch| batch.signature.to_vec()).collect();
    needles.extend(sent.iter().map(|batch| batch.payload.clone()));
    needles.push(CANARY.to_le_bytes().to_vec());
    needles.push(CANARY.to_string().into_bytes());
    car.send(&market, sent).await.receipts();
    let kept = other.batch();
    other.send(&market, [kept]).await.receipts();
    Flush::new(market.app.clone()).turn().await.unwrap();
    let folder = market.app.config.data_dir.clone();
    // PostgreSQL has its files elsewhere.
    let places = if engine::server().is_some() { 2 } else { 3 };
    assert!(with(&folder, &needles).len() >= places, "database, lake and its log have it");
    status(&market, &car).await.problem(404, "not-found");

    let asked = ask(&market, &car, KEY).await.expect(202);
    assert_eq!((&asked["status"], &asked["finished_at"]), (&json!("requested"), &Json::Null));
    // Twice: a crash behind any step repeats those before it.
    for _ in 0..2 {
        erasure::turn(&market.app).await.unwrap();
        Flush::new(market.app.clone()).turn().await.unwrap();
    }

    let told = status(&market, &car).await.expect(200);
    assert_eq!(told["status"], "finished");
    assert_eq!(ask(&market, &car, KEY).await.expect(202), told, "asking again changes nothing");
    assert_eq!(with(&folder, &needles), Vec::<PathBuf>::new());
    let totals = market.app.db.read(archive::totals).await.unwrap();
    assert_eq!(totals.samples, 10, "another's are as they were");
    let id = car.id;
    let chain = market.app.db.read(move |conn| archive::chain(conn, id)).await.unwrap().unwrap();
    assert_eq!((chain.last_seq, chain.samples), (3, 0), "its chain can not begin anew");
    let more = canary(&mut car);
    assert!(car.send(&market, [more]).await.end.is_some(), "it is shut out");
    assert_eq!(with(&folder, &needles), Vec::<PathBuf>::new());
}

#[actix_web::test]
async fn another_owner_can_not_erase_a_car() {
    let market = Market::start().await;
    let mut car = Car::enrol_for(&market, market.owner_with_key(KEY).await).await;
    market.owner_with_key([78; 32]).await;

    ask(&market, &car, [78; 32]).await.problem(404, "not-found");

    let batch = car.batch();
    assert_eq!(car.send(&market, [batch]).await.receipts(), [(1, false)]);
}

#[actix_web::test]
async fn who_bought_it_is_told_and_open_quotes_end() {
    let market = Cars::with_cars(3, 1).await;
    market.fill().await;
    let key = market.buyer("Acme", "1000").await;
    let (bought, open) = (market.quote(&key).await, market.quote(&key).await);
    let order = market.order(&key, &bought, "first").await.expect(201);
    market.settle().await;
    let order = format!("/v1/orders/{}", order["id"].as_str().unwrap());
    let read = async || market.call(get(order.as_str()).by(&key)).await.expect(200);
    assert_eq!(read().await["erased_rows"], 0);

    let path = format!("/v1/vehicles/{}/erasure", vehicle(2));
    market.call(post(path, &json!({})).by(&market.owners[1])).await.expect(202);
    erasure::turn(&market.app).await.unwrap();
    market.describe().await;

    assert_eq!(read().await["erased_rows"], 20, "of the second car");
    market.order(&key, &open, "second").await.problem(410, "quote-expired");
    let anew = market.quote(&key).await;
    assert_eq!((&anew["rows"], &anew["vehicles"]), (&json!(40), &json!(2)));
    market.order(&key, &anew, "third").await.expect(201);
    market.settle().await;
    let orders = market.call(get("/v1/orders").by(&key)).await.expect(200);
    assert_eq!(orders["orders"][0]["status"], "delivered");
}

#[actix_web::test]
async fn what_can_not_be_delivered_any_more_is_refunded_at_once() {
    let market = Cars::with_cars(3, 1).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let before = market.quote(&key).await;
    let before = market.order(&key, &before, "before").await.expect(201);
    let path = format!("/v1/vehicles/{}/erasure", vehicle(2));
    market.call(post(path, &json!({})).by(&market.owners[1])).await.expect(202);
    let (app, now) = (&market.app, market.app.clock.now());
    let erase = move |conn: &mut _| erase_records(conn, vehicle(2), now);
    app.db.write(erase).await.unwrap();
    // The lake is as it was still, and somebody buys of it.
    let meanwhile = market.quote(&key).await;
    let meanwhile = market.order(&key, &meanwhile, "meanwhile").await.expect(201);
    let status = async |order: &Json| {
        let path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
        let order = market.call(get(path).by(&key)).await.expect(200);
        (order["status"].clone(), order["refunded"].clone())
    };
    assert_eq!(status(&before).await.0, "refunded");
    assert_eq!(status(&meanwhile).await.0, "paid");

    app.lake.erase(vehicle(2)).await.unwrap();
    let version = app.lake.version();
    let end = move |conn: &mut _| finish(conn, vehicle(2), version, now);
    app.db.write(end).await.unwrap();

    for order in [&before, &meanwhile] {
        assert_eq!(status(order).await, (json!("refunded"), order["price"].clone()));
    }
    assert_eq!(market.balance(&key).await, "1.000000");
    market.settle().await;
    market.describe().await;
    let after = market.quote(&key).await;
    let after = market.order(&key, &after, "after").await.expect(201);
    market.settle().await;
    assert_eq!(status(&after).await.0, "delivered", "what is left is sold as before");
}
