//! How plausible samples are, from the car to its owner and to who buys.

use marketplace::archive;
use marketplace::identity::ApiKey;
use marketplace::jobs::flush::Flush;
use serde_json::{Value as Json, json};
use telematics::payload::{self, Contents};
use telematics::testing::{T0, samples};
use telematics::{Sample, SealedBatch, Signal, Timestamp, Value};

use crate::cars::Car;
use crate::market::Market;
use crate::market_support::{call, get};

const KEY: [u8; 32] = [77; 32];

/// The next batch, of these speeds: seconds from `start`, and km/h.
fn speeds(car: &mut Car, start: Timestamp, values: &[(i64, i64)]) -> SealedBatch {
    let sample = |(second, kmh): &(i64, i64)| Sample {
        time: start.plus_seconds(*second),
        value: Value::from_raw(kmh * 100),
        ..samples("Vehicle.Speed", 1)[0]
    };
    let samples = values.iter().map(sample).collect();
    let contents = Contents { samples, ..Contents::default() };
    car.next_of(&contents)
}

async fn quality(market: &Market, car: &Car) -> Json {
    let path = format!("/v1/vehicles/{}/quality", car.id);
    let answer = call(&market.app, get(path).by(&ApiKey::new(KEY).reveal())).await;
    answer.expect(200)
}

async fn market() -> (Market, Car) {
    let market = Market::start().await;
    let car = Car::enrol_for(&market, market.owner_with_key(KEY).await).await;
    (market, car)
}

#[actix_web::test]
async fn an_owner_reads_the_score_of_his_car_and_the_reasons() {
    let (market, mut car) = market().await;
    let nothing = quality(&market, &car).await;
    assert_eq!((&nothing["score"], &nothing["batches"]), (&Json::Null, &json!([])));

    let clean = speeds(&mut car, T0, &[(0, 50), (1, 51), (2, 52)]);
    let odd = speeds(&mut car, T0, &[(3, 500), (4, 51), (5, 900), (6, 53)]);
    let later = speeds(&mut car, market.now(), &[(0, 54), (3_600, 60)]);
    let receipts = car.send(&market, [clean, odd, later]).await.receipts();
    assert_eq!(receipts, [(1, false), (2, false), (3, false)], "nothing is refused");

    let told = quality(&market, &car).await;
    assert_eq!((&told["samples"], &told["score"]), (&json!(9), &json!(666)));
    let batches = told["batches"].as_array().unwrap();
    let scores: Vec<_> = batches.iter().map(|batch| (&batch["seq"], &batch["score"])).collect();
    let expected = [(3, 500), (2, 500), (1, 1_000)].map(|(seq, score)| (json!(seq), json!(score)));
    assert_eq!(scores, expected.each_ref().map(|(seq, score)| (seq, score)));
    let reasons = told["reasons"].as_array().unwrap();
    assert_eq!(reasons[0]["reason"], "out-of-range");
    assert_eq!((&reasons[0]["samples"], &reasons[0]["worst"]), (&json!(2), &json!(90_000)));
    assert_eq!((&reasons[1]["reason"], &reasons[1]["samples"]), (&json!("future"), &json!(1)));
    let ahead = reasons[1]["worst"].as_i64().unwrap();
    assert!((3_500..=3_600).contains(&ahead), "{ahead} s");
    let says = reasons[0]["says"].as_str().unwrap();
    assert!(says.contains("Vehicle.Speed") && says.contains("900 km/h"), "{says}");
}

#[actix_web::test]
async fn another_owner_is_not_told() {
    let (market, car) = market().await;
    market.owner_with_key([78; 32]).await;

    let path = format!("/v1/vehicles/{}/quality", car.id);
    let answer = call(&market.app, get(path).by(&ApiKey::new([78; 32]).reveal())).await;

    answer.problem(404, "not-found");
}

#[actix_web::test]
async fn a_sample_of_the_future_is_kept_and_is_never_the_latest() {
    let (market, mut car) = market().await;
    let now = market.now();
    let batch = speeds(&mut car, now, &[(0, 50), (299, 51), (600, 52), (90_000, 53)]);
    car.send(&market, [batch]).await.receipts();

    let id = car.id;
    let latest = market.app.db.read(move |conn| archive::latest(conn, id)).await.unwrap();
    assert_eq!(latest.len(), 1);
    assert_eq!((latest[0].signal, latest[0].value), (Signal::SPEED, Value::from_raw(5_100)));
    let kept = market.app.db.read(|conn| archive::after(conn, 0, 9)).await.unwrap();
    let contents = payload::decode(&kept[0].payload).unwrap();
    assert_eq!(contents.samples.len(), 4);

    Flush::new(market.app.clone()).turn().await.unwrap();
    let key = ApiKey::new(KEY).reveal();
    let found = call(&market.app, get("/v1/datasets?q=speed+road&limit=1").by(&key)).await;
    let dataset = &found.expect(200)["datasets"][0];
    assert_eq!(
        (&dataset["rows"], &dataset["last_at"]),
        (&json!(4), &json!(now.plus_seconds(299).to_string()))
    );
}

#[actix_web::test]
async fn a_buyer_reads_how_plausible_a_dataset_is_and_searches_by_it() {
    let (market, mut car) = market().await;
    let odd = speeds(&mut car, T0, &[(0, 500), (1, 51), (2, 52), (3, 53)]);
    let clean = speeds(&mut car, T0, &[(4, 54), (5, 55), (6, 56), (7, 57)]);
    car.send(&market, [odd, clean]).await.receipts();
    Flush::new(market.app.clone()).turn().await.unwrap();
    let key = ApiKey::new(KEY).reveal();
    let find = async |filter: &str| {
        let path = format!("/v1/datasets?q=speed+road{filter}");
        call(&market.app, get(path).by(&key)).await
    };

    let found = find("&limit=1").await.expect(200);
    let reason = json!({ "reason": "out-of-range", "signal": "Vehicle.Speed", "rows": 1 });
    let expected = json!({
        "score": 875, "flagged_rows": 1, "flagged_per_mille": 125, "reasons": [reason],
    });
    assert_eq!(found["datasets"][0]["quality"], expected);
    let slug = &found["datasets"][0]["slug"];
    for (least, is_found) in [(875, true), (876, false)] {
        let found = find(&format!("&score_min={least}")).await.expect(200);
        let found = found["datasets"].as_array().unwrap();
        assert_eq!(found.iter().any(|dataset| &dataset["slug"] == slug), is_found, "{least}");
    }
    let refused = find("&score_min=1001").await.problem(400, "invalid-request");
    assert!(refused.contains("per mille"), "{refused}");
}

#[actix_web::test]
async fn an_odometer_that_goes_back_between_batches_is_seen() {
    let (market, mut car) = market().await;
    market.decide(&car.owner, car.id, "motion=share,odometer=share").await;
    let odometer = |car: &mut Car, second, metres| {
        let time = T0.plus_seconds(second);
        let value = Value::from_raw(metres);
        let contents = Contents {
            samples: vec![Sample { signal: Signal::TRAVELED_DISTANCE, time, value }],
            ..Contents::default()
        };
        car.next_under(2, &contents)
    };
    let first = odometer(&mut car, 0, 90_000);
    let back = odometer(&mut car, 1, 80_000);
    let on = odometer(&mut car, 2, 80_001);
    // The second in one round with the first, the third in a round of its own.
    car.send(&market, [first, back]).await.receipts();
    car.send(&market, [on]).await.receipts();

    let told = quality(&market, &car).await;
    let reasons = told["reasons"].as_array().unwrap();
    assert_eq!(reasons.len(), 1, "{told}");
    assert_eq!(
        (&reasons[0]["reason"], &reasons[0]["worst"]),
        (&json!("odometer-back"), &json!(10_000))
    );
    assert_eq!(told["batches"][1]["score"], 0);
}
