//! Volumes that are full, one at a time: that of the database, and that of the lake.

use std::fs;
use std::path::Path;
use std::process::Command;

use marketplace::archive;
use marketplace::identity::{self, ApiKey, IdentityError};
use marketplace::jobs::flush::Flush;
use marketplace::progress::Job;
use serde_json::{Value as Json, json};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::cars::Car;
use crate::lake_support::{expected, rows, speeds};
use crate::market::Market;
use crate::market_support::{call, get, post};

/// A volume in memory of its own, which ends with the value.
struct Volume {
    folder: tempfile::TempDir,
}

impl Volume {
    fn new(mebibytes: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={mebibytes}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path());
        assert!(mount.status().unwrap().success());
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes all the room there is, until the file is removed.
    fn fill(&self) -> std::path::PathBuf {
        let file = self.path().join("ballast");
        let error = fs::write(&file, vec![7; 64 << 20]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        file
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Lazily: what is open may still be closing.
        Command::new("umount").arg("-l").arg(self.path()).status().ok();
    }
}

#[tokio::test]
#[ignore = "needs root, to mount a small volume"]
async fn a_full_volume_of_the_database_refuses_batches_until_there_is_room() {
    let volume = Volume::new(16);
    let url = volume.path().join("marketplace.db").to_string_lossy().into_owned();
    let market = Market::start_with(|config| config.database_url = Some(url)).await;
    let mut car = Car::enrol(&market).await;
    let first = car.batch();
    car.send(&market, [first.clone()]).await.receipts();
    let ballast = volume.fill();
    let many = (0..64).map(|_| car.batch_of_noise(1_000)).collect::<Vec<_>>();

    let refused = car.send(&market, many.clone()).await;

    let full = refused.end.unwrap();
    assert_eq!(full.code(), Code::ResourceExhausted, "{full:?}");
    assert!(full.get_details_retry_info().unwrap().retry_delay.is_some());
    let kept = market.app.db.read(archive::totals).await.unwrap();
    assert_eq!(kept.batches, 1 + u64::try_from(refused.outcomes.len()).unwrap());

    fs::remove_file(ballast).unwrap();
    assert_eq!(car.send(&market, [first]).await.receipts(), [(1, true)]);
    assert_eq!(car.send(&market, many).await.receipts().len(), 64);
}

#[actix_web::test]
#[ignore = "needs root, to mount a small volume"]
async fn a_full_volume_of_the_database_answers_who_reads_and_refuses_who_writes() {
    let volume = Volume::new(16);
    let url = volume.path().join("marketplace.db").to_string_lossy().into_owned();
    let market = Market::start_with(|config| config.database_url = Some(url)).await;
    let operator = operator(&market).await;
    let post = |path: &str, body: Json| post(path, &body).by(&operator);
    let opened = call(&market.app, post("/v1/buyers", json!({ "name": "Acme" }))).await.expect(201);
    let (path, key) =
        (format!("/v1/buyers/{}/deposits", opened["id"].as_str().unwrap()), &opened["api_key"]);
    let key = key.as_str().unwrap();
    let deposit = |name: &str| post(&path, json!({ "amount": "1" })).once(name);
    call(&market.app, deposit("first")).await.expect(201);
    let balance = async || {
        let answer = call(&market.app, get("/v1/balance").by(key)).await.expect(200);
        answer["balance"].as_str().unwrap().to_owned()
    };
    let ballast = volume.fill();

    // What is left of the last pages of the log may still take some.
    let mut credited = 1;
    let refused = loop {
        let answer = call(&market.app, deposit(&format!("deposit-{credited}"))).await;
        if answer.status != 201 {
            break answer;
        }
        credited += 1;
        assert!(credited < 10_000, "the volume is not full");
    };
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    let detail = refused.problem(507, "storage-full");
    assert!(detail.contains("nothing was changed"), "{detail}");
    let acknowledged = format!("{credited}.000000");
    assert_eq!(balance().await, acknowledged, "who reads is answered");
    for path in ["/v1/market", "/v1/datasets"] {
        call(&market.app, get(path).by(key)).await.expect(200);
    }

    fs::remove_file(ballast).unwrap();
    assert_eq!(balance().await, acknowledged);
    call(&market.app, deposit(&format!("deposit-{credited}"))).await.expect(201);
    assert_eq!(balance().await, format!("{}.000000", credited + 1), "the same deposit, now taken");
}

/// The key of an operator.
async fn operator(market: &Market) -> String {
    let (key, now) = (ApiKey::new([1; 32]), market.now());
    let create = move |conn: &mut _| identity::create_operator(conn, &key, now);
    market.app.db.write::<_, IdentityError, _>(create).await.unwrap();
    ApiKey::new([1; 32]).reveal()
}

#[tokio::test]
#[ignore = "needs root, to mount a small volume"]
async fn a_full_volume_of_the_lake_stops_neither_cars_nor_readers() {
    let volume = Volume::new(2);
    let lake = volume.path().join("lake");
    let market = Market::start_with(|config| config.lake = Some(lake.into())).await;
    let mut car = Car::enrol(&market).await;
    let contents = [speeds(0, 20), speeds(100, 5_000)];
    let mut flush = Flush::new(market.app.clone());
    let first = car.next_of(&contents[0]);
    car.send(&market, [first]).await.receipts();
    flush.turn().await.unwrap();
    let ballast = volume.fill();

    let second = car.next_of(&contents[1]);
    assert_eq!(car.send(&market, [second]).await.receipts(), [(2, false)]);
    flush.turn().await.unwrap_err();

    let state = market.app.progress.of(Job::Flush);
    assert!(state.failing);
    let message = state.failure.unwrap().message;
    assert!(message.contains("No space left"), "{message}");
    assert_eq!(rows(&market.app.lake).await, expected(car.id, &contents[..1]), "readers go on");

    fs::remove_file(ballast).unwrap();
    flush.turn().await.unwrap();
    assert_eq!(rows(&market.app.lake).await, expected(car.id, &contents));
    assert!(!market.app.progress.of(Job::Flush).failing);
}
