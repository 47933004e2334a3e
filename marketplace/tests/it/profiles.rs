//! What is seen of a dataset before it is bought: it is measured, speaks of nobody alone, and goes when it must.

use marketplace::jobs::profile;
use marketplace::lake::Arrived;
use serde_json::{Value, json};
use telematics::testing::{samples, vehicle};
use telematics::{Sample, Signal};

use crate::market_support::{Answer, Market, START, get};

impl Market {
    /// Makes every profile that is due, and says how many.
    async fn profile(&self) -> u64 {
        let mut made = 0;
        while profile::turn(&self.app).await.unwrap() > 0 {
            made += 1;
        }
        made
    }

    async fn profile_of(&self, key: &str, dataset: &str) -> Answer {
        self.call(get(format!("/v1/datasets/{dataset}/profile")).by(key)).await
    }

    /// A drive of each car at 50 to 59 km/h, a row a second; car 1 is the only one that was at 180 km/h.
    async fn fleet_drives(&self, cars: u8) {
        let speed = Signal::SPEED;
        let row = |second: i64, kmh: f64| Sample {
            signal: speed,
            time: START.plus_seconds(second),
            value: speed.value(kmh).unwrap(),
        };
        let batch = |number: u8| {
            let steady =
                (0..200).map(|second: i32| row(second.into(), f64::from(50 + second % 10)));
            let fast = (200..204).map(|second| row(second, 180.0)).filter(|_| number == 1);
            let samples = steady.chain(fast).collect();
            Arrived { arrival: number.into(), vehicle: vehicle(number), samples }
        };
        let batches = (1..=cars).map(batch).collect::<Vec<_>>();
        self.app.lake.append(&batches).await.unwrap();
        self.describe().await;
    }
}

#[actix_web::test]
async fn a_profile_says_what_was_measured_and_nothing_of_one_car() {
    let market = Market::with_cars(12, 3).await;
    market.fleet_drives(12).await;
    let key = market.buyer("Acme", "1").await;
    let dataset = market.find(&key, "speed+road").await;
    market.profile_of(&key, &dataset).await.problem(404, "not-found");

    assert_eq!(market.profile().await, 1, "other datasets have no rows");

    let profile = market.profile_of(&key, &dataset).await.expect(200);
    assert_eq!((&profile["rows"], &profile["vehicles"]), (&json!(2_404), &json!(12)));
    assert_eq!(
        profile["read"],
        json!({ "rows": 2_404, "vehicles": 12, "first_day": profile["read"]["first_day"] })
    );
    let model = json!({ "make": "Axle", "model": "Model 0", "vehicles": 4 });
    assert_eq!(profile["coverage"]["models"][0], model);
    assert_eq!(profile["coverage"]["vehicles_elsewhere"], 12, "nobody says where he is");
    let speed = &profile["signals"][0];
    assert_eq!((&speed["path"], &speed["usual_step_ms"]), (&json!("Vehicle.Speed"), &json!(1_000)));
    assert_eq!((&speed["gaps"], &speed["duplicates"]), (&json!(0), &json!(0)));
    assert_eq!(speed["hidden_per_mille"], 2, "who was fast was alone");
    let distribution = speed["distribution"].as_array().unwrap();
    let shares = distribution.iter().map(|share| share["rows_per_mille"].as_u64().unwrap());
    assert!((990..=1_000).contains(&shares.sum::<u64>()), "{distribution:?}");
    let from = distribution.iter().filter_map(|share| share["from"].as_f64());
    assert!(from.fold(0.0, f64::max) < 100.0, "{distribution:?}");
    for row in profile["preview"].as_array().unwrap() {
        assert_eq!(row["vehicles"], 12);
        assert!(row["value_from"].as_f64() < Some(60.0), "{row}");
    }

    let path = format!("/v1/datasets/{dataset}/plots/Vehicle.Speed.svg");
    let plot = market.call(get(path).by(&key)).await;
    assert_eq!((plot.status.as_u16(), plot.header("content-type")), (200, "image/svg+xml"));
    assert!(plot.bytes.starts_with(b"<svg"));
    let path = format!("/v1/datasets/{dataset}/plots/Vehicle.Fun.svg");
    market.call(get(path).by(&key)).await.problem(404, "not-found");
}

#[actix_web::test]
async fn a_region_is_named_when_enough_cars_are_in_it() {
    let market = Market::with_cars(8, 3).await;
    market.fleet_drives(8).await;
    for number in 1..=7 {
        let (latitude, longitude) = if number < 7 { (52.5, 13.4) } else { (40.4, -3.7) };
        market.drive_at(number, latitude, longitude).await;
    }
    // The eighth sent its place too, and does not share it any more.
    market.drive_at(8, 52.5, 13.4).await;
    market.share(8, &["motion"]).await;
    let key = market.buyer("Acme", "1").await;
    let dataset = market.find(&key, "speed+road").await;
    market.profile().await;

    let profile = market.profile_of(&key, &dataset).await.expect(200);

    let coverage = &profile["coverage"];
    let [region] = &coverage["regions"].as_array().unwrap()[..] else { panic!("{coverage}") };
    assert_eq!(region["vehicles"], 6);
    let near = |value: &Value, degrees: f64| (value.as_f64().unwrap() - degrees).abs() < 1.0;
    assert!(near(&region["latitude_degrees"], 52.5), "{region}");
    assert!(near(&region["longitude_degrees"], 13.4), "{region}");
    assert_eq!(coverage["vehicles_elsewhere"], 2, "one alone, and one who does not share it");
}

#[actix_web::test]
async fn a_profile_is_made_anew_when_much_has_changed_and_goes_with_its_vehicles() {
    let mut market = Market::with_cars(4, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let dataset = market.find(&key, "speed+road").await;
    assert_eq!((market.profile().await, market.profile().await), (1, 0));

    // A tenth more, a day later: only then is there another.
    let more = Arrived { arrival: 5, vehicle: vehicle(1), samples: samples("Vehicle.Speed", 10) };
    market.app.lake.append(&[more]).await.unwrap();
    market.describe().await;
    assert_eq!(market.profile().await, 0);
    market.wait_seconds(86_401);
    market.describe().await;
    assert_eq!(market.profile().await, 0, "nothing changed since it was described");
    let more = Arrived { arrival: 6, vehicle: vehicle(1), samples: samples("Vehicle.Speed", 10) };
    market.app.lake.append(&[more]).await.unwrap();
    market.describe().await;
    assert_eq!(market.profile().await, 1);
    let profile = market.profile_of(&key, &dataset).await.expect(200);
    assert_eq!((&profile["rows"], &profile["signals"][0]["duplicates"]), (&json!(120), &json!(20)));

    // Two withdraw: too few are left.
    market.withdraw(1).await;
    market.withdraw(2).await;
    market.describe().await;
    assert_eq!(market.profile().await, 1);
    market.profile_of(&key, &dataset).await.problem(404, "not-found");
    let unknown = format!("/v1/datasets/{}/profile", dataset.replace("dataset_0", "dataset_1"));
    market.call(get(unknown).by(&key)).await.problem(404, "not-found");
}
