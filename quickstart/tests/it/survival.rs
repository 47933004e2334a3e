//! Power cuts: the agents and the marketplace are killed with SIGKILL in the middle of their work.
//!
//! **What must hold:** after a restart every sample that a drive contains and its owner shares is in the
//! buyer's file exactly once: nothing acknowledged is lost, nothing is stored twice.

use std::collections::BTreeMap;
use std::path::Path;

use quickstart::car::{Car, CarSpec, Drive};
use quickstart::child::Programs;
use telematics::{Signal, SignalGroup, Timestamp};

use crate::bought;
use crate::scene::{Scene, arrive, until};

/// How often a sample of one signal, time and value was seen.
type Samples = BTreeMap<(String, i64, u64), usize>;

#[tokio::test(flavor = "multi_thread")]
async fn killed_programs_lose_and_double_nothing() {
    let mut scene = Scene::set().await;
    let mut cars = [scene.car(simulated(1)).await, scene.car(simulated(2)).await];

    // Each round lets the cars deliver some more, and then pulls a plug.
    for round in 1..=4_u64 {
        for car in &mut cars {
            scene.start(car);
        }
        acknowledged(&cars, round * 2_000).await;
        assert!(cars.iter().any(|car| !car.status().unwrap().done), "too late to kill anything");
        for car in &mut cars {
            car.take_process().unwrap().kill().await.unwrap();
        }
        if round % 2 == 0 {
            scene = scene.crash_market().await;
        }
    }
    // The market dies while the cars go on: they connect again by themselves.
    for car in &mut cars {
        scene.start(car);
    }
    acknowledged(&cars, 10_000).await;
    assert!(cars.iter().any(|car| !car.status().unwrap().done), "too late to kill anything");
    scene = scene.crash_market().await;
    for car in &mut cars {
        arrive(car).await;
    }

    let buyer = scene.buyer().await;
    let dataset = buyer.find("speed").await.unwrap();
    let order = buyer.buy(&dataset).await.unwrap();
    let mut bought = Samples::new();
    for row in bought::rows(&buyer, &order, scene.folder.path()).await {
        *bought.entry((row.signal, row.time, row.value.to_bits())).or_default() += 1;
    }

    let mut driven = Samples::new();
    for car in &cars {
        decode(&scene.programs, &scene.folder.path().join(car.name()), &mut driven).await;
    }
    assert!(driven.len() > 10_000, "the drives are too short to mean anything");
    assert_eq!(bought.len(), driven.len());
    assert!(bought == driven, "the buyer's samples are not the cars'");
}

/// Waits until the cars together have receipts for `samples` samples.
async fn acknowledged(cars: &[Car], samples: u64) {
    until("receipts", async || {
        let status: Vec<_> = cars.iter().filter_map(|car| car.status().ok()).collect();
        let total: u64 = status.iter().map(|status| status.samples_acknowledged).sum();
        (status.len() == cars.len() && total >= samples).then_some(())
    })
    .await;
}

fn simulated(seed: u64) -> CarSpec {
    CarSpec {
        name: format!("car-{seed}"),
        vehicle: ["Aurora", "Polar", "2024", "electric"].map(str::to_owned),
        consent: vec![("motion", "share")],
        drive: Drive::Simulated { seed, seconds: 900 },
        // Nine seconds for a drive: slow enough to be killed in the middle.
        speed: Some(100.0),
    }
}

/// Adds the samples of speed and its kin that the drive in `folder` contains, by the agent's `decode`.
async fn decode(programs: &Programs, folder: &Path, samples: &mut Samples) {
    let file = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let (log, dbc, map) = (file("drive-1.log"), file("car.dbc"), file("car.map.toml"));
    let arguments = ["edge-agent", "decode", &log, "--dbc", &dbc, "--map", &map];
    for line in programs.output(&arguments).await.unwrap().lines() {
        let [time, path, value, _unit] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        if Signal::by_path(path).unwrap().group() == SignalGroup::Motion {
            let time = time.parse::<Timestamp>().unwrap().as_micros();
            let value = value.parse::<f64>().unwrap().to_bits();
            *samples.entry((path.to_owned(), time, value)).or_default() += 1;
        }
    }
}
