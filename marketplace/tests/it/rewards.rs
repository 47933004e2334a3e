//! Weeks of rewards: closed, published, and paid a week later.

use std::path::Path;

use marketplace::archive;
use marketplace::clock::Clock;
use marketplace::consent;
use marketplace::db::Conn;
use marketplace::identity::{self, ApiKey};
use marketplace::ingest::{self, IngestError, Outcome};
use marketplace::jobs::rewards::Rewards;
use serde_json::{Value as Json, json};
use telematics::payload::{self, Contents};
use telematics::testing::{T0, samples, signing_key, vehicle};
use telematics::{
    BatchHash, BatchHeader, Precision, Sample, SealedBatch, Signal, SignalGroup, Value,
};

use crate::cars::Car;
use crate::market::Market as CarMarket;
use crate::market_support::{Market, call, get, micros};
use crate::process::{ANY, marketplace};

pub(crate) const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
pub(crate) const WEEK: i64 = 7 * DAY;

impl Market {
    /// Sends a batch of car `number` through everything that the door for cars asks, and moves the clock on by nothing.
    pub(crate) async fn drive(&self, number: u8, samples: Vec<Sample>) {
        let now = self.app.clock.now();
        let send = move |conn: &mut Conn| {
            let (id, key) = (vehicle(number), signing_key(number));
            let car = identity::vehicle(conn, id, key.verifying_key())?;
            let standing = ingest::standing(conn, &car)?;
            let end = archive::chain(conn, id)?.map(|end| (end.last_seq + 1, end.last_hash));
            let (seq, prev_hash) = end.unwrap_or((1, BatchHash::GENESIS));
            let consent_version = consent::in_force(conn, id).unwrap().version();
            let header = BatchHeader { vehicle: id, seq, prev_hash, consent_version };
            let contents = Contents { samples: samples.clone(), ..Contents::default() };
            let batch = SealedBatch::seal(header, payload::encode(&contents), &key);
            let accepted = ingest::check(&car, &standing, batch, now).unwrap();
            ingest::record(conn, &[accepted], now)
        };
        let outcomes = self.app.db.write::<_, IngestError, _>(send).await.unwrap();
        assert!(matches!(outcomes.as_slice(), [Outcome::Receipt(_)]), "{outcomes:?}");
    }

    /// Lets the owner share where car `number` is, and drives it there.
    pub(crate) async fn drive_at(&self, number: u8, latitude: f64, longitude: f64) {
        self.share(number, &["motion", "location"]).await;
        let value = |signal: Signal, degrees| signal.value(degrees).unwrap();
        let cells = Precision::default_of(SignalGroup::Location);
        let at = (value(Signal::LATITUDE, latitude), value(Signal::LONGITUDE, longitude));
        let place = cells.place(at.0, at.1, T0).unwrap();
        self.drive(number, [moving(0), place.to_vec()].concat()).await;
    }

    /// Lets the job look at the weeks.
    pub(crate) async fn turn(&self) {
        Rewards::new(self.app.clone()).turn().await.unwrap();
    }

    pub(crate) async fn weeks(&self) -> Vec<Json> {
        let told = self.call(get("/v1/rewards")).await.expect(200);
        told["weeks"].as_array().unwrap().clone()
    }

    pub(crate) async fn mine(&self, number: u8) -> Json {
        let key = &self.owners[usize::from(number) - 1];
        self.call(get("/v1/rewards/mine").by(key)).await.expect(200)
    }
}

/// Speeds that change, from `start` seconds after the beginning on.
pub(crate) fn moving(start: i64) -> Vec<Sample> {
    let later = |sample: Sample| Sample { time: sample.time.plus_seconds(start), ..sample };
    samples("Vehicle.Speed", 10).into_iter().map(later).collect()
}

/// A standing car that says so.
fn still(start: i64) -> Vec<Sample> {
    let still = |sample| Sample { value: Value::from_raw(0), ..sample };
    moving(start).into_iter().map(still).collect()
}

/// Speeds that no car has.
fn impossible(start: i64) -> Vec<Sample> {
    let odd = |(place, sample): (i64, Sample)| Sample {
        value: Value::from_raw(if place < 5 { 90_000 + place } else { 5_000 + place }),
        ..sample
    };
    (0..).zip(moving(start)).map(odd).collect()
}

pub(crate) fn verify(folder: &Path, bytes: &[u8]) -> (Option<i32>, Json) {
    let file = folder.join("facts.json");
    std::fs::write(&file, bytes).unwrap();
    let mut command = marketplace(folder, ANY, ANY);
    let output = command.args(["rewards", "verify", "--json"]).arg(&file).output().unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

#[actix_web::test]
async fn a_week_is_closed_published_and_paid_a_week_later() {
    let mut market = Market::with_cars(4, 1).await;
    for day in 0..3 {
        market.drive(1, moving(day * DAY)).await;
        market.drive(1, still(day * DAY + 60)).await;
        market.drive(3, still(day * DAY)).await;
        market.wait_seconds(DAY);
    }
    market.drive(2, moving(3 * DAY)).await;
    market.drive(4, impossible(3 * DAY)).await;
    market.wait_seconds(4 * DAY + HOUR - 1);
    market.turn().await;
    assert_eq!(market.weeks().await, Vec::<Json>::new(), "a second too early");
    market.call(get("/v1/rewards/1/facts.json")).await.problem(404, "not-found");

    market.wait_seconds(1);
    market.turn().await;

    let weeks = market.weeks().await;
    assert_eq!(weeks.len(), 1);
    let week = &weeks[0];
    assert_eq!(
        (&week["week"], &week["starts_at"], &week["ends_at"]),
        (&json!(1), &json!("2024-01-01T00:00:00Z"), &json!("2024-01-08T00:00:00Z"))
    );
    assert_eq!((&week["pool"], &week["paid"]), (&json!("10000.000000"), &json!("0.000000")));
    // Cars 1 and 4 are of one model of three cars that count.
    let (first, second, fourth) =
        (300 + 10 + 10 + 66, 100 + 10 + 10 + 133, (100 + 10 + 10 + 66) / 2);
    assert_eq!((&week["vehicles"], &week["points"]), (&json!(4), &json!(first + second + fourth)));

    let file = market.call(get("/v1/rewards/1/facts.json")).await;
    let (code, verified) = verify(market.folder.path(), &file.bytes);
    assert_eq!((code, &verified["findings"]), (Some(0), &json!([])));
    assert_eq!(verified["sha256"], week["sha256"]);
    let text = String::from_utf8(file.bytes.to_vec()).unwrap();
    let (code, verified) = verify(market.folder.path(), text.replacen(":3,", ":4,", 1).as_bytes());
    assert_eq!(code, Some(1));
    assert!(!verified["findings"].as_array().unwrap().is_empty());
    let id = vehicle(1).to_string();
    assert!(!text.contains(id.trim_start_matches("vehicle_")) && !text.contains("Model"), "{text}");

    let mine = market.mine(1).await;
    let share = &mine["rewards"]["shares"][0];
    assert!(text.contains(share["pseudonym"].as_str().unwrap()));
    assert_eq!((&share["points"]["total"], &share["status"]), (&json!(first), &json!("vesting")));
    assert_eq!(share["because"][0], "300 for 3 days on which a signal changed");
    assert_eq!(mine["rewards"]["vesting"], share["amount"]);
    let constant = &market.mine(3).await["rewards"]["shares"][0];
    assert_eq!(
        (&constant["points"]["signals"], &constant["amount"]),
        (&json!(0), &json!("0.000000"))
    );
    assert_eq!(market.balance(&market.owners[0]).await, "0.000000");

    market.wait_seconds(WEEK - 1);
    market.turn().await;
    assert_eq!(market.balance(&market.owners[0]).await, "0.000000", "a second too early");
    market.wait_seconds(1);
    market.turn().await;

    let mut given = 0;
    for owner in &market.owners {
        given += crate::market_support::text_micros(&market.balance(owner).await);
    }
    assert_eq!(given, 10_000_000_000, "to the last micro-token");
    let mine = market.mine(1).await;
    assert_eq!(mine["rewards"]["shares"][0]["status"], "paid");
    assert_eq!(mine["rewards"]["paid"], market.balance(&market.owners[0]).await);
    assert_eq!(
        (&mine["market"]["earned"], &mine["rewards"]["vesting"]),
        (&json!("0.000000"), &json!("0.000000"))
    );
    let paid = &market.weeks().await;
    // The week after, in which nobody sent anything, was closed meanwhile.
    assert_eq!(
        (paid.len(), &paid[0]["vehicles"], &paid[1]["paid"]),
        (2, &json!(0), &json!("10000.000000"))
    );
}

#[actix_web::test]
async fn what_buyers_paid_stands_beside_rewards() {
    let market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let quote = market.quote(&key).await;
    market.order(&key, &quote, "first").await.expect(201);
    market.settle().await;

    let mine = market.mine(2).await;

    let payouts = market.call(get("/v1/payouts").by(&market.owners[1])).await.expect(200);
    assert_eq!(mine["market"]["earned"], payouts["payouts"][0]["amount"]);
    assert!(micros(&mine["market"]["earned"]) > 0);
    assert_eq!(mine["rewards"]["shares"], json!([]));
}

#[actix_web::test]
async fn weeks_in_a_row_count_until_one_is_missed() {
    let mut market = Market::with_cars(2, 1).await;
    for (week, cars) in [(0, vec![1, 2]), (1, vec![1, 2]), (2, vec![2]), (3, vec![1, 2])] {
        for car in cars {
            market.drive(car, moving(week * WEEK)).await;
        }
        market.wait_seconds(WEEK);
    }
    market.wait_seconds(HOUR);

    market.turn().await;

    let streaks = async |number: u8| {
        let mine = market.mine(number).await;
        let shares = mine["rewards"]["shares"].as_array().unwrap().clone();
        let points = shares.iter().map(|share| share["points"]["streak"].as_u64().unwrap());
        points.collect::<Vec<_>>()
    };
    assert_eq!(market.weeks().await.len(), 4, "all that were over are closed at once");
    assert_eq!(streaks(1).await, [10, 20, 10]);
    assert_eq!(streaks(2).await, [40, 30, 20, 10]);
    let kept = market.app.db.read(|conn| archive::days(conn, 0, i64::from(i32::MAX))).await;
    assert_eq!(kept.unwrap(), Vec::new(), "days are kept no longer than they are needed");
}

#[actix_web::test]
async fn a_region_is_scarce_among_those_who_share_where_they_are() {
    let mut market = Market::with_cars(4, 1).await;
    let (berlin, lyon) = ((52.52, 13.4), (45.76, 4.83));
    for (car, place) in [(1, Some(berlin)), (2, Some(berlin)), (3, Some(lyon)), (4, None)] {
        let Some((latitude, longitude)) = place else {
            market.drive(car, moving(0)).await;
            continue;
        };
        market.drive_at(car, latitude, longitude).await;
    }
    market.wait_seconds(WEEK + HOUR);
    market.turn().await;

    let region = async |number: u8| {
        let mine = market.mine(number).await;
        mine["rewards"]["shares"][0]["points"]["region"].clone()
    };
    assert_eq!((region(1).await, region(3).await), (json!(66), json!(133)));
    assert_eq!(region(4).await, 0);
}

#[actix_web::test]
async fn a_market_without_a_pool_gives_nothing_and_keeps_no_days() {
    let mut market = Market::with_cars(1, 1).await;
    let mut config = (*market.app.config).clone();
    config.rules.reward_pool_tokens_per_week = 0;
    market.app.config = config.into();
    market.drive(1, moving(0)).await;
    market.wait_seconds(3 * WEEK);

    market.turn().await;

    assert_eq!(market.weeks().await, Vec::<Json>::new());
    let kept = market.app.db.read(archive::first_day).await.unwrap();
    assert_eq!(kept, None);
    let rules = market.call(get("/v1/rules")).await.expect(200);
    assert_eq!(rules["rewards"]["pool_tokens_per_week"], 0);
}

#[actix_web::test]
async fn what_a_car_streams_counts_on_the_day_it_came_in() {
    const KEY: [u8; 32] = [77; 32];
    let market = CarMarket::start().await;
    let mut car = Car::enrol_for(&market, market.owner_with_key(KEY).await).await;
    let before = market.now().day();
    // Measured in 2024.
    let (batch, again) = (car.batch(), car.batch());
    car.send(&market, [batch, again]).await.receipts();
    let after = market.now().day();

    let days = move |conn: &mut _| archive::days(conn, before, after + 1);
    let days = market.app.db.read(days).await.unwrap();
    assert_eq!(days.iter().map(|day| day.samples).sum::<u64>(), 20);
    assert!(days.iter().all(|day| day.vehicle == car.id && day.varied.count() == 1), "{days:?}");

    let mut app = market.app.clone();
    app.clock = Clock::Fixed(market.now().plus_seconds(WEEK + HOUR));
    Rewards::new(app.clone()).turn().await.unwrap();
    let mine = get("/v1/rewards/mine").by(&ApiKey::new(KEY).reveal());
    let mine = call(&app, mine).await.expect(200);
    assert_eq!(mine["rewards"]["shares"][0]["amount"], "10000.000000");
}
