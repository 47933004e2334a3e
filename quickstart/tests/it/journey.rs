//! One sample, from a frame on the bus to the owner's account, through both processes.
//!
//! The car sees a single CAN frame. Read this beside "One sample" in ARCHITECTURE.md.

use std::fs;

use quickstart::car::{CarSpec, Drive};
use quickstart::market::{list, text};
use serde_json::json;

use crate::bought;
use crate::scene::{NOW, Scene, arrive};

/// Bytes 88 13 are 5,000 in little endian, at 0.01 m/s a bit: 50 m/s.
const FRAME: &str = "(1436509052.249713) can0 064#8813000000000000\n";
const DBC: &str = "VERSION \"\"\n\nBU_: Car\n\nBO_ 100 Motion: 8 Car\n \
                   SG_ Speed : 0|16@1+ (0.01,0) [0|100] \"m/s\" Car\n";
const MAP: &str = "[\"Vehicle.Speed\"]\nmessage = \"Motion\"\nsignal = \"Speed\"\n";
const SPEED: f64 = 180.0; // km/h

#[tokio::test(flavor = "multi_thread")]
async fn one_sample_goes_from_frame_to_pay_out() {
    let scene = Scene::set().await;
    let file = |name: &str| scene.folder.path().join(name);
    let (log, dbc, map) = (file("drive.log"), file("car.dbc"), file("car.map.toml"));
    fs::write(&log, FRAME).unwrap();
    fs::write(&dbc, DBC).unwrap();
    fs::write(&map, MAP).unwrap();

    // Stages 1 to 7 and 11: the agent reads, decodes, maps, asks consent, seals, sends, forgets.
    let mut car = scene
        .car(CarSpec {
            name: "car".to_owned(),
            vehicle: ["Aurora", "Polar", "2024", "electric"].map(str::to_owned),
            consent: vec![("motion", "share")],
            drive: Drive::Recorded { log, dbc, map },
            speed: None,
        })
        .await;
    scene.start(&mut car);
    arrive(&mut car).await;
    assert_eq!(car.status().unwrap().samples_acknowledged, 1);

    // Stages 8 to 10: the market knows whose it is, and has it.
    let owner = scene.market.rest(car.owner_key());
    let vehicles = owner.read("/v1/vehicles").await.unwrap();
    let vehicle = text(&list(&vehicles, "vehicles").unwrap()[0], "id").unwrap().to_owned();
    let latest = owner.read(&format!("/v1/vehicles/{vehicle}/latest")).await.unwrap();
    let latest = &list(&latest, "samples").unwrap()[0];
    assert_eq!(text(latest, "signal").unwrap(), "Vehicle.Speed");
    assert_eq!(latest["value"], json!(SPEED));

    // Stages 12 to 14: it is in the lake, described, found, quoted and bought: one row.
    let buyer = scene.buyer().await;
    let dataset = buyer.find("speed").await.unwrap();
    assert_eq!(dataset["rows"], 1);
    let order = buyer.buy(&dataset).await.unwrap();
    assert_eq!(order["versions"][0]["rows"], 1);

    // Stage 15: what the buyer paid is the market's fee and the owner's pay-out.
    let balance = async |account| {
        let balance = scene.market.rest(account).read("/v1/balance").await.unwrap();
        micros(text(&balance, "balance").unwrap())
    };
    let [price, fee, paid_out] =
        ["price", "fee", "paid_out"].map(|f| micros(text(&order, f).unwrap()));
    assert!(price > 0);
    assert_eq!(price, fee + paid_out);
    assert_eq!(balance(car.owner_key()).await, paid_out);
    // The car hears of it when it connects again.
    scene.start(&mut car);
    arrive(&mut car).await;
    let earned = car.status().unwrap().tokens_earned.unwrap();
    assert_eq!(i64::try_from(earned.micro_tokens).unwrap(), paid_out);
    assert_eq!(
        micros(text(&buyer.rest().read("/v1/balance").await.unwrap(), "balance").unwrap()),
        100_000_000 - price
    );

    // Stage 16: the buyer reads the value under a pseudonym, and the owner sees that he did.
    let rows = bought::rows(&buyer, &order, scene.folder.path()).await;
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].signal.as_str(), rows[0].unit.as_str()), ("Vehicle.Speed", "km/h"));
    assert_eq!(rows[0].value.to_bits(), SPEED.to_bits());
    assert_eq!(rows[0].time, NOW.plus_seconds(-600).as_micros());
    assert_ne!(rows[0].vehicle, vehicle);
    let reads = owner.read("/v1/reads").await.unwrap();
    assert_eq!(
        text(&list(&reads, "reads").unwrap()[0], "order").unwrap(),
        text(&order, "id").unwrap()
    );

    scene.end().await;
}

/// Tokens with six decimals, as a whole number of micro-tokens.
fn micros(amount: &str) -> i64 {
    amount.replace('.', "").parse().unwrap()
}
