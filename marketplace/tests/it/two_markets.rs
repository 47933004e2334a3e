//! Two marketplaces on one PostgreSQL and one lake in a bucket, as processes of their own.

use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use futures_util::future::join_all;
use marketplace::archive::{self, ArchiveError};
use marketplace::db::Db;
use marketplace::erasure::{self, ErasureError};
use marketplace::identity::{self, ApiKey, IdentityError};
use marketplace::lake::Lake;
use nix::sys::signal::Signal;
use telematics::payload::Contents;
use tokio::time::{sleep, timeout};

use crate::cars::{Car, Door};
use crate::engine;
use crate::lake_support::{Row, expected, rows, speeds};
use crate::market::Market;
use crate::process::{ANY, marketplace, serving, stop};
use crate::s3;
use crate::s3_server::{Conditions, Server};

/// How long debug builds may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(3);
const CARS: usize = 4;
/// Batches of each car, each with so many rows.
const ROUNDS: u8 = 16;
const ROWS_PER_BATCH: u16 = 50;
/// The round before which an owner wants his car to be erased.
const ERASED_AFTER: u8 = 8;
const OPERATOR: [u8; 32] = [7; 32];

/// One of the two.
struct Process {
    child: Child,
    rest: String,
    door: Door,
}

fn start(folder: &Path, database: &str, lake: &str, authority: &[u8]) -> Process {
    let mut command = marketplace(folder, ANY, ANY);
    command
        .env("AXLE_MARKETPLACE_DATABASE_URL", database)
        .env("AXLE_MARKETPLACE_LAKE", lake)
        .env("AXLE_MARKETPLACE_FLUSH_INTERVAL_SECONDS", "1")
        .env("AXLE_MARKETPLACE_COMPACT_AFTER_COMMITS", "3");
    let (child, rest, address) = serving(&mut command);
    Process { child, rest, door: Door { address, authority: authority.to_vec() } }
}

/// What the second needs of the first besides database and lake: who signs for cars.
fn share(first: &Path, second: &Path) {
    let copied = Command::new("cp").arg("-R").arg(first.join("authority")).arg(second).status();
    assert!(copied.unwrap().success());
}

/// Whether the market ever moved anything to the lake.
async fn has_flushed(process: &Process) -> bool {
    let status = reqwest::Client::new()
        .get(format!("{}/v1/status", process.rest))
        .bearer_auth(ApiKey::new(OPERATOR).reveal());
    let told: serde_json::Value = status.send().await.unwrap().json().await.unwrap();
    let jobs = told["jobs"].as_array().unwrap();
    let flush = jobs.iter().find(|job| job["job"] == "flush").unwrap();
    !flush["last_with_work"].is_null()
}

/// Waits until nothing is left to do.
async fn settled(db: &Db, lake: &Lake) {
    let done = async || {
        let waiting = db.read::<_, ErasureError, _>(erasure::unfinished).await.unwrap();
        let moved = lake.refresh().await.unwrap().last_arrival;
        let behind = db.read::<_, ArchiveError, _>(move |conn| archive::waiting(conn, moved));
        waiting.is_empty() && behind.await.unwrap() == 0
    };
    let wait = async {
        while !done().await {
            sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("the markets did what was left");
}

/// Lets each car send a batch in each round, now to one market and now to the other; the one that is
/// erased only as long as it may. What each sent.
async fn drive(cars: &mut [Car], processes: &[Process], db: &Db) -> Vec<Vec<Contents>> {
    let mut sent = vec![Vec::new(); cars.len()];
    for round in 0..ROUNDS {
        if round == ERASED_AFTER {
            let (owner, id) = (cars[CARS - 1].owner, cars[CARS - 1].id);
            let now = marketplace::clock::Clock::System.now();
            let ask = move |conn: &mut _| erasure::request(conn, &owner, id, now);
            db.write(ask).await.unwrap();
        }
        let driving = if round < ERASED_AFTER { CARS } else { CARS - 1 };
        let contents = speeds(i64::from(round) * 100, ROWS_PER_BATCH);
        let sending = cars.iter_mut().zip(&mut sent).take(driving).enumerate();
        join_all(sending.map(|(number, (car, sent))| {
            let door = &processes[(number + usize::from(round)) % processes.len()].door;
            let (batch, contents) = (car.next_of(&contents), contents.clone());
            async move {
                let receipts = car.send_to(door, [batch]).await.receipts();
                assert_eq!(receipts, [(u64::from(round) + 1, false)]);
                sent.push(contents);
            }
        }))
        .await;
        sleep(Duration::from_millis(300)).await;
    }
    sent
}

fn all_rows(cars: &[Car], sent: &[Vec<Contents>]) -> Vec<Row> {
    let each = cars.iter().zip(sent).flat_map(|(car, sent)| expected(car.id, sent));
    let mut rows = each.collect::<Vec<_>>();
    rows.sort_by(|one, other| one.partial_cmp(other).unwrap());
    rows
}

/// Runs the test below in a process that knows the bucket.
fn run_in_a_bucket() {
    let server = Server::start(Conditions::Honoured);
    let name = "two_markets::two_markets_at_once_keep_each_row_once_and_none_of_who_left";
    let output = s3::again(&server).args(["--exact", name, "--ignored"]).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(shown.contains(" 1 passed"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL"]
async fn two_markets_at_once_keep_each_row_once_and_none_of_who_left() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let Some(lake) = s3::place(one.path()) else {
        return tokio::task::spawn_blocking(run_in_a_bucket).await.unwrap();
    };
    let postgres = engine::Server::forgetful();
    let database = format!("{}/postgres", postgres.url());
    let market = Market::start_with(|config| {
        config.database_url = Some(database.clone());
        config.lake = Some(lake.clone());
    })
    .await;
    let mut cars = Vec::new();
    for _ in 0..CARS {
        cars.push(Car::enrol(&market).await);
    }
    let (operator, now) = (ApiKey::new(OPERATOR), market.now());
    let create = move |conn: &mut _| identity::create_operator(conn, &operator, now).map(drop);
    market.app.db.write::<_, IdentityError, _>(create).await.unwrap();
    let authority = market.app.authority.der().to_vec();
    let first = market.into_folder().await;
    share(first.path(), other.path());
    let start = |folder| start(folder, &database, &lake.to_string(), &authority);
    let processes = [start(first.path()), start(other.path())];

    let db = Db::open(&database).unwrap();
    let sent = drive(&mut cars, &processes, &db).await;
    let lake = Lake::open(lake).await.unwrap();
    settled(&db, &lake).await;

    for process in &processes {
        assert!(has_flushed(process).await, "one of them did nothing");
    }
    for process in processes {
        assert_eq!(stop(process.child, Signal::SIGTERM), Some(0));
    }
    assert_eq!(sent[0].len(), usize::from(ROUNDS));
    let kept = &cars[..CARS - 1];
    assert_eq!(rows(&lake).await, all_rows(kept, &sent));
}
