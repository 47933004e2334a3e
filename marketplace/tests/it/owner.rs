//! What owners do at the command line.

use std::path::Path;
use std::process::{Output, Stdio};

use actix_web::HttpServer;
use actix_web::web::Data;
use marketplace::api::rest;
use marketplace::identity::ApiKey;
use marketplace::jobs::flush::Flush;
use marketplace::lake::Lake;
use nix::sys::signal::Signal;
use serde_json::Value as Json;

use crate::cars::Car;
use crate::lake_support::rows;
use crate::market::Market;
use crate::process::{ANY, marketplace, serving, stop};

const KEY: [u8; 32] = [77; 32];
const OTHER: [u8; 32] = [78; 32];

/// The folder of a market with a car of the owner with [`KEY`], whose rows are in the lake; and the car.
async fn left() -> (tempfile::TempDir, String) {
    let market = Market::start().await;
    let mut car = Car::enrol_for(&market, market.owner_with_key(KEY).await).await;
    market.owner_with_key(OTHER).await;
    let batch = car.batch();
    car.send(&market, [batch]).await.receipts();
    Flush::new(market.app.clone()).turn().await.unwrap();
    (market.into_folder().await, car.id.to_string())
}

fn erase(folder: &Path, key: [u8; 32], arguments: &[&str]) -> Output {
    let file = folder.join("owner.key");
    std::fs::write(&file, ApiKey::new(key).reveal()).unwrap();
    let mut command = marketplace(folder, ANY, ANY);
    command.args(["owner", "erase"]).args(arguments).arg("--key-file").arg(file);
    command.stdin(Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_erases_his_car_and_is_told_when_it_is_done() {
    let (folder, car) = left().await;
    let folder = folder.path();
    let lake = folder.join("lake");
    assert_eq!(rows(&Lake::open(lake.as_path()).await.unwrap()).await.len(), 10);
    let (child, url, _) = serving(&mut marketplace(folder, ANY, ANY));

    let unasked = erase(folder, KEY, &[&car, "--url", &url]);
    assert_eq!(unasked.status.code(), Some(1));
    assert!(
        said(&unasked).contains(&car) && said(&unasked).contains("--yes"),
        "{}",
        said(&unasked)
    );
    let foreign = erase(folder, OTHER, &[&car, "--url", &url, "--yes"]);
    assert_eq!(foreign.status.code(), Some(1));
    assert!(said(&foreign).contains(&format!("cannot erase {car}")), "{}", said(&foreign));
    assert!(said(&foreign).contains("404"), "{}", said(&foreign));
    assert_eq!(
        rows(&Lake::open(lake.as_path()).await.unwrap()).await.len(),
        10,
        "nothing was erased"
    );

    let done = erase(folder, KEY, &[&car, "--url", &url, "--yes", "--json"]);

    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    let told: Json = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&told["vehicle"], &told["status"]), (&car.into(), &"finished".into()));
    assert_eq!(rows(&Lake::open(lake.as_path()).await.unwrap()).await.len(), 0);
    assert_eq!(stop(child, Signal::SIGTERM), Some(0));
}

#[actix_web::test]
async fn who_does_not_wait_is_told_how_to_see_how_far_it_is() {
    // A market whose jobs never take a turn.
    let market = Market::start().await;
    let car = Car::enrol_for(&market, market.owner_with_key(KEY).await).await.id.to_string();
    let app = Data::new(market.app.clone());
    let service = move || actix_web::App::new().app_data(app.clone()).configure(rest::configure);
    let server = HttpServer::new(service).workers(1).disable_signals().bind(ANY).unwrap();
    let url = format!("http://{}", server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    let folder = tempfile::tempdir().unwrap();
    let run = async |arguments: &[&str]| {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>();
        let (folder, vehicle, url) = (folder.path().to_owned(), car.clone(), url.clone());
        let erase = move || {
            let arguments = arguments.iter().map(String::as_str);
            let fixed = [vehicle.as_str(), "--url", &url, "--yes"].into_iter();
            erase(&folder, KEY, &fixed.chain(arguments).collect::<Vec<_>>())
        };
        tokio::task::spawn_blocking(erase).await.unwrap()
    };

    let asked = run(&["--no-wait"]).await;
    assert_eq!(asked.status.code(), Some(0), "{}", said(&asked));
    let shown = String::from_utf8(asked.stdout).unwrap();
    assert!(shown.contains(&car) && shown.contains("ask again"), "{shown}");

    let waited = run(&["--wait-seconds", "1"]).await;
    assert_eq!(waited.status.code(), Some(1));
    assert!(
        said(&waited).contains(&car) && said(&waited).contains("after 1 s"),
        "{}",
        said(&waited)
    );

    handle.stop(false).await;
    let gone = run(&[]).await;
    assert!(said(&gone).contains(&car) && said(&gone).contains("is it running"), "{}", said(&gone));
}

#[test]
fn a_vehicle_that_does_not_read_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();

    let unknown = erase(folder.path(), KEY, &["car_1", "--yes"]);

    assert_eq!(unknown.status.code(), Some(2));
    assert!(said(&unknown).contains("car_1"), "{}", said(&unknown));
}
