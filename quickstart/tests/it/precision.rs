//! An owner changes the precision of a running market's car, and what leaves next is as coarse as that:
//! through both processes.

use std::fs::{self, OpenOptions};
use std::io::Write as _;

use edge_agent::policy;
use quickstart::car::{CarSpec, Drive};
use quickstart::market::{list, text};
use serde_json::{Value, json};
use telematics::{Precision, SignalGroup};

use crate::scene::{Scene, arrive};

/// Bytes 89 13 are 5,001 in little endian, at 0.01 m/s a bit: 50.01 m/s, or 180.04 km/h.
const FRAME: &str = "(1436509052.249713) can0 064#8913000000000000\n";
/// The same, a minute later.
const NEXT_FRAME: &str = "(1436509112.249713) can0 064#8913000000000000\n";
const DBC: &str = "VERSION \"\"\n\nBU_: Car\n\nBO_ 100 Motion: 8 Car\n \
                   SG_ Speed : 0|16@1+ (0.01,0) [0|100] \"m/s\" Car\n";
const MAP: &str = "[\"Vehicle.Speed\"]\nmessage = \"Motion\"\nsignal = \"Speed\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn what_an_owner_wants_whole_leaves_whole() {
    let scene = Scene::set().await;
    let file = |name: &str| scene.folder.path().join(name);
    let (log, dbc, map) = (file("drive.log"), file("car.dbc"), file("car.map.toml"));
    for (path, content) in [(&log, FRAME), (&dbc, DBC), (&map, MAP)] {
        fs::write(path, content).unwrap();
    }
    let mut car = scene
        .car(CarSpec {
            name: "car".to_owned(),
            vehicle: ["Aurora", "Polar", "2024", "electric"].map(str::to_owned),
            consent: vec![("motion", "share")],
            drive: Drive::Recorded { log: log.clone(), dbc, map },
            speed: None,
        })
        .await;
    scene.start(&mut car);
    arrive(&mut car).await;
    let owner = scene.market.rest(car.owner_key());
    let vehicles = owner.read("/v1/vehicles").await.unwrap();
    let vehicle = text(&list(&vehicles, "vehicles").unwrap()[0], "id").unwrap().to_owned();
    let latest = async || -> Value {
        let latest = owner.read(&format!("/v1/vehicles/{vehicle}/latest")).await.unwrap();
        list(&latest, "samples").unwrap()[0]["value"].clone()
    };
    assert_eq!(latest().await, json!(180.04), "as measured");

    let path = format!("/v1/vehicles/{vehicle}/consent");
    let whole = json!({ "consent": { "motion": "share" }, "precision": { "motion": "whole" } });
    let decided = owner.replace(&path, whole).await.unwrap();
    assert_eq!(
        (&decided["version"], &decided["precision"]["motion"]),
        (&json!(2), &json!("whole"))
    );
    OpenOptions::new().append(true).open(&log).unwrap().write_all(NEXT_FRAME.as_bytes()).unwrap();
    scene.start(&mut car);
    arrive(&mut car).await;

    assert_eq!(car.status().unwrap().samples_acknowledged, 2);
    assert_eq!(latest().await, json!(180.0), "rounded");
    let policy = policy::load(&car.agent_folder()).unwrap();
    assert_eq!(policy.precision(SignalGroup::Motion), Precision::Whole);
    scene.end().await;
}
