//! One car that shows nothing, and three proofs about it, through both processes.

use std::fs;

use quickstart::asking;
use quickstart::car::{CarSpec, Drive};
use quickstart::market::{list, path_text};

use crate::scene::{Scene, arrive};

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_shows_is_proven_and_checked_without_the_market() {
    let scene = Scene::set_with_keys().await;
    let mut car = scene
        .car(CarSpec {
            name: "car".to_owned(),
            vehicle: ["Aurora", "Polar", "2024", "electric"].map(str::to_owned),
            consent: vec![("driving", "prove"), ("location", "prove")],
            drive: Drive::Simulated { seed: 1, seconds: 600 },
            speed: None,
        })
        .await;
    scene.start(&mut car);
    arrive(&mut car).await;
    let status = car.status().unwrap();
    assert_eq!(status.samples_acknowledged, 0, "nothing is shared");
    assert!(status.proofs_placed > 0, "{status:?}");

    let buyer = scene.buyer().await;
    let folder = scene.folder.path().join("proven");
    let mut cars = [car];
    let answers = asking::ask(&mut cars, &scene.market, &buyer, &scene.programs, &folder).await;
    let answers = answers.unwrap();
    assert_eq!(answers.campaigns.len(), 3);
    assert!(answers.campaigns.iter().all(|answer| answer.vehicles == 1), "{answers:?}");
    assert!(answers.campaigns.iter().all(|answer| answer.paid == "0.500000"), "{answers:?}");

    // The market has leaves, and not one value.
    let owner = scene.market.rest(cars[0].owner_key());
    let sweeps = owner.read("/v1/sweeps").await.unwrap();
    assert_eq!(list(&sweeps, "sweeps").unwrap().len(), 3, "the owner has the pay: {sweeps}");
    let vehicles = owner.read("/v1/vehicles").await.unwrap();
    let vehicle = list(&vehicles, "vehicles").unwrap()[0]["id"].as_str().unwrap().to_owned();
    let latest = owner.read(&format!("/v1/vehicles/{vehicle}/latest")).await.unwrap();
    assert!(list(&latest, "samples").unwrap().is_empty());
    let claims = fs::read_to_string(&answers.file).unwrap();
    assert!(!claims.contains(vehicle.trim_start_matches("vehicle_")));

    // A claim that says more than was proven is refused by whoever looks.
    let keys = path_text(scene.market.keys().unwrap());
    let forged = folder.join("forged.jsonl");
    fs::write(&forged, claims.replace("\"high\":60.0", "\"high\":5.0")).unwrap();
    let forged = path_text(&forged);
    let verify = ["zk", "verify", &forged, "--keys", &keys, "--allow-dev-keys"];
    let refusal = scene.programs.output(&verify).await.unwrap_err().to_string();
    assert!(refusal.contains("1 of 3 claims do not hold"), "{refusal}");

    // Development keys convince nobody who does not ask for them.
    let refusal = scene.programs.output(&verify[..5]).await.unwrap_err().to_string();
    assert!(refusal.contains("for development"), "{refusal}");
    scene.end().await;
}
