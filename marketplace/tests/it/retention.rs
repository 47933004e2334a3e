//! What is kept for a time only: it goes, from every file, and nothing else does.

use std::time::Duration;

use deltalake::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use marketplace::archive;
use marketplace::clock::Clock;
use marketplace::config::Config;
use marketplace::identity::ApiKey;
use marketplace::jobs::flush::Flush;
use marketplace::jobs::upkeep::Upkeep;
use marketplace::lake::{Arrived, Lake};
use marketplace::progress::Job;
use serde_json::{Value as Json, json};
use telematics::payload::Contents;
use telematics::testing::{T0, samples, vehicle};
use telematics::{Sample, Value};

use crate::cars::Car;
use crate::engine;
use crate::erasure::with;
use crate::lake_support::{Row, expected, rows, speeds};
use crate::market::Market;
use crate::market_support::{Answer, Market as Cars, call, get};

const KEY: [u8; 32] = [77; 32];
const ANGLE: &str = "Vehicle.Chassis.SteeringWheel.Angle";
const GEAR: &str = "Vehicle.Powertrain.Transmission.CurrentGear";
const SPEED: &str = "Vehicle.Speed";
/// As it is sent, and in degrees. Nothing else has these.
const CANARY_RAW: i64 = 8_137;
const CANARY: f64 = 813.7;

/// Keeps driving for thirty days, and everything else for ever.
fn thirty_days(config: &mut Config) {
    let settings = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(settings.path(), "[retention]\ndriving = 30").unwrap();
    config.retention = Config::load(Some(settings.path())).unwrap().retention;
}

/// A market and a car that shares how it moves and how it is driven.
async fn market() -> (Market, Car) {
    let market = Market::start_with(thirty_days).await;
    let car = Car::enrol_for(&market, market.owner_with_key(KEY).await).await;
    market.decide(&car.owner, car.id, "motion=share,driving=share").await;
    (market, car)
}

/// Ten samples of `path` from `second` on.
fn driving(path: &str, second: i64, raw: i64) -> Vec<Sample> {
    let later = |sample: Sample| Sample {
        time: sample.time.plus_seconds(second),
        value: Value::from_raw(raw),
        ..sample
    };
    samples(path, 10).into_iter().map(later).collect()
}

fn both(driving: Vec<Sample>, motion: Contents) -> Contents {
    Contents { samples: [motion.samples, driving].concat(), ..motion }
}

async fn flush(market: &Market) {
    Flush::new(market.app.clone()).turn().await.unwrap();
}

/// Lets a process that has just started do what is due in `hours` from now; what both jobs did.
async fn upkeep(market: &Market, hours: i64) -> (u64, u64) {
    let mut app = market.app.clone();
    app.clock = Clock::Fixed(market.now().plus_seconds(hours * 3_600));
    Upkeep::new(app.clone()).turn().await.unwrap();
    let did = |job| app.progress.of(job).last.unwrap().done;
    (did(Job::Retention), did(Job::Vacuum))
}

async fn ask(market: &Market, car: &Car, what: &str) -> Answer {
    let path = format!("/v1/vehicles/{}/{what}", car.id);
    call(&market.app, get(path).by(&ApiKey::new(KEY).reveal())).await
}

async fn exported(market: &Market, car: &Car) -> usize {
    let answer = ask(market, car, "export").await;
    let reader = ParquetRecordBatchReaderBuilder::try_new(answer.bytes).unwrap();
    reader.build().unwrap().map(|batch| batch.unwrap().num_rows()).sum()
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by(|one, other| one.partial_cmp(other).unwrap());
    rows
}

#[actix_web::test]
async fn what_is_over_is_gone_from_every_file_and_nothing_else_is() {
    let (market, mut car) = market().await;
    let now = market.now().micros_since(T0) / 1_000_000;
    let over = both(driving(ANGLE, 0, CANARY_RAW), speeds(0, 20));
    let newest = [driving(SPEED, now - 60, 700), driving(GEAR, now - 60, 3)].concat();
    let kept = [speeds(100, 30), Contents { samples: newest, ..Contents::default() }];
    let [first, second, third] =
        [&over, &kept[0], &kept[1]].map(|contents| car.next_under(2, contents));
    let sent = [first.clone(), second.clone(), third];
    assert_eq!(car.send(&market, sent).await.receipts().len(), 3);
    flush(&market).await;
    let folder = market.app.config.data_dir.clone();
    let (signed, not_over) = ([first.payload.clone()], [second.payload.clone()]);
    let values = [CANARY.to_le_bytes().to_vec(), CANARY.to_string().into_bytes()];
    assert!(with(&folder, &values).len() >= 2, "the lake and its log have it");
    let of_sqlite = usize::from(engine::server().is_none());
    assert!(with(&folder, &signed).len() >= of_sqlite, "and so has the database");
    assert_eq!(exported(&market, &car).await, 80);

    let (gone, _) = upkeep(&market, 2).await;

    assert_eq!(gone, 3, "a file, a payload, a latest value");
    let stays = [speeds(0, 20), kept[0].clone(), kept[1].clone()];
    assert_eq!(rows(&market.app.lake).await, expected(car.id, &stays));
    assert!(with(&folder, &signed).is_empty());
    assert_eq!(with(&folder, &not_over).len(), of_sqlite, "nothing in it is over");
    assert_eq!(exported(&market, &car).await, 70, "what only the lake has is in it");
    let latest = ask(&market, &car, "latest").await.expect(200).to_string();
    assert!(latest.contains(GEAR) && !latest.contains(ANGLE), "{latest}");
    let quality = ask(&market, &car, "quality").await.expect(200);
    assert_eq!(
        (&quality["samples"], quality["batches"].as_array().unwrap().len()),
        (&json!(80), 3)
    );
    let summary = ask(&market, &car, "summary").await.expect(200).to_string();
    assert!(summary.contains(GEAR) && !summary.contains(ANGLE), "{summary}");

    let (gone, files) = upkeep(&market, 26).await;
    assert!(gone == 0 && files > 0, "{gone} {files}");
    assert!(with(&folder, &values).is_empty(), "{:?}", with(&folder, &values));
    assert_eq!(
        rows(&Lake::open(folder.join("lake")).await.unwrap()).await,
        expected(car.id, &stays)
    );

    let more = car.next_under(2, &speeds(500, 5));
    let answers = car.send(&market, [first, second, more]).await;
    assert_eq!(answers.receipts(), [(1, true), (2, true), (4, false)], "its chain goes on");
}

#[actix_web::test]
async fn what_the_lake_does_not_have_yet_stays_in_the_archive() {
    let (market, mut car) = market().await;
    let contents = both(driving(ANGLE, 0, CANARY_RAW), speeds(0, 20));
    let first = car.next_under(2, &contents);
    car.send(&market, [first]).await.receipts();

    // Not moved; then moved so short a time ago that a question may still look for it.
    assert_eq!(upkeep(&market, 2).await.0, 1, "only the latest value");
    assert_eq!(exported(&market, &car).await, 30);
    flush(&market).await;
    assert_eq!(upkeep(&market, 0).await.0, 1, "only a file of the lake");
    assert_eq!(exported(&market, &car).await, 30);

    assert_eq!(upkeep(&market, 2).await.0, 1);
    assert_eq!(exported(&market, &car).await, 20);
}

#[actix_web::test]
async fn a_lake_that_is_deleted_is_filled_again_with_what_the_archive_still_has() {
    let (market, mut car) = market().await;
    let over = both(driving(ANGLE, 0, CANARY_RAW), speeds(0, 20));
    let sent = [car.next_under(2, &over), car.next_under(2, &speeds(100, 30))];
    car.send(&market, sent).await.receipts();
    flush(&market).await;
    upkeep(&market, 2).await;
    std::fs::remove_dir_all(market.app.config.data_dir.join("lake")).unwrap();

    let market = market.restart().await;
    flush(&market).await;

    assert_eq!(rows(&market.app.lake).await, expected(car.id, &[speeds(100, 30)]));
    let waiting = market.app.db.read(|conn| archive::waiting(conn, 0)).await.unwrap();
    assert_eq!(waiting, 1, "the other has nothing to move");
}

#[actix_web::test]
async fn without_a_time_nothing_goes() {
    let market = Market::start().await;
    let mut car = Car::enrol_for(&market, market.owner_with_key(KEY).await).await;
    let first = car.next_of(&speeds(0, 20));
    car.send(&market, [first]).await.receipts();
    flush(&market).await;

    assert_eq!(upkeep(&market, 100 * 365 * 24).await.0, 0);

    assert_eq!(sorted(rows(&market.app.lake).await), expected(car.id, &[speeds(0, 20)]));
    assert_eq!(exported(&market, &car).await, 20);
}

/// A quote, then its rows are merged with others and all of them are over; then files go that no version of the
/// last `keep` names. What became of the order.
async fn bought_before(keep: Duration) -> Json {
    let market = Cars::with_cars(3, 1).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let quote = market.quote(&key).await;
    let lake = &market.app.lake;
    let more = Arrived { arrival: 4, vehicle: vehicle(1), samples: samples(SPEED, 9) };
    lake.append(&[more]).await.unwrap();
    assert_eq!(lake.compact(1).await.unwrap(), 2);
    let over = [(telematics::SignalGroup::Motion, T0.day() + 1)].into();
    assert_eq!(lake.retain(&over).await.unwrap(), 1);

    lake.vacuum(Clock::System.now(), keep).await.unwrap();

    let order = market.order(&key, &quote, "first").await.expect(201);
    market.settle().await;
    let path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
    market.call(get(path).by(&key)).await.expect(200)
}

#[actix_web::test]
async fn what_was_quoted_is_delivered_after_its_files_were_merged_and_let_go() {
    let order = bought_before(Duration::from_hours(2)).await;
    assert_eq!(
        (&order["status"], &order["versions"][0]["rows"]),
        (&json!("delivered"), &json!(60))
    );

    // That it needs the time: without, the files are gone.
    assert_eq!(bought_before(Duration::ZERO).await["status"], "paid");
}
