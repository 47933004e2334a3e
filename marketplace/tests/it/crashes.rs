//! A market that dies between any two steps, and goes on where it was.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use marketplace::archive::{self, ArchiveError};
use marketplace::config::Config;
use marketplace::db::{Conn, Db};
use marketplace::erasure::{self, ErasureError};
use marketplace::failpoint::Failpoint;
use marketplace::jobs::flush::Flush;
use marketplace::lake::Lake;
use nix::sys::signal::Signal;
use telematics::SealedBatch;
use telematics::payload::Contents;
use telematics::testing::samples;
use tokio::time::{sleep, timeout};

use crate::cars::{Car, Door};
use crate::engine;
use crate::lake_support::{Row, expected, rows, speeds};
use crate::market::Market;
use crate::process::{ANY, marketplace, serving, stop};

/// How long a debug build may take for a turn on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(2);

/// A market in whose next turn every job has something to do.
struct Stopped {
    folder: tempfile::TempDir,
    authority: Vec<u8>,
    car: Car,
    /// What the car sends when the market is back.
    next: SealedBatch,
    /// What is then in the lake, of all that was acknowledged.
    expected: Vec<Row>,
}

impl Stopped {
    /// One batch of each of two cars is in the lake, another one waits; what is in the first of how the car was
    /// driven is over, and one of the owners wants his car to be erased.
    async fn new() -> Self {
        let market = Market::start().await;
        let (mut car, mut other) = (Car::enrol(&market).await, Car::enrol(&market).await);
        for car in [&car, &other] {
            market.decide(&car.owner, car.id, "motion=share,driving=share").await;
        }
        let contents = [speeds(0, 50), speeds(100, 40), speeds(200, 30)];
        let angles = samples("Vehicle.Chassis.SteeringWheel.Angle", 20);
        let over = [contents[0].samples.clone(), angles].concat();
        let over = Contents { samples: over, ..Contents::default() };
        for sent in [&over, &contents[1]] {
            Flush::new(market.app.clone()).turn().await.unwrap();
            send(&market, &mut car, sent).await;
            send(&market, &mut other, sent).await;
        }
        let earlier = "UPDATE batches SET received_at = received_at - 7200000000";
        let earlier = |conn: &mut Conn| conn.batch_execute(earlier);
        market.app.db.write::<_, diesel::result::Error, _>(earlier).await.unwrap();
        let (owner, id, now) = (other.owner, other.id, market.now());
        let ask = move |conn: &mut _| erasure::request(conn, &owner, id, now);
        market.app.db.write(ask).await.unwrap();
        let (next, expected) = (car.next_under(2, &contents[2]), expected(car.id, &contents));
        let authority = market.app.authority.der().to_vec();
        Self { folder: market.into_folder().await, authority, car, next, expected }
    }

    /// A market of its own in the same state.
    fn copy(&self) -> tempfile::TempDir {
        let folder = copy(self.folder.path());
        age(&folder.path().join("lake/_delta_log"));
        folder
    }
}

/// The folder of a market that is stopped, and its database, once more.
pub(crate) fn copy(stopped: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").arg("-R").arg(stopped.join(".")).arg(folder.path()).status();
    assert!(copied.unwrap().success());
    if let Some(server) = engine::server() {
        engine::create(&server, folder.path(), &engine::name(stopped));
    }
    folder
}

/// Makes the entries of a log old enough to be cut off.
fn age(log: &Path) {
    for entry in std::fs::read_dir(log).unwrap() {
        let file = std::fs::File::options().write(true).open(entry.unwrap().path()).unwrap();
        let modified = file.metadata().unwrap().modified().unwrap();
        file.set_modified(modified - Duration::from_hours(48)).unwrap();
    }
}

async fn send(market: &Market, car: &mut Car, contents: &Contents) {
    let batch = car.next_under(2, contents);
    assert_eq!(car.send(market, [batch]).await.receipts().len(), 1);
}

/// A market that merges files after each commit, removes at once what nobody needs, and keeps for thirty days how
/// cars were driven.
fn market_in(folder: &Path) -> Command {
    let mut command = marketplace(folder, ANY, ANY);
    command
        .env("AXLE_MARKETPLACE_FLUSH_INTERVAL_SECONDS", "1")
        .env("AXLE_MARKETPLACE_COMPACT_AFTER_COMMITS", "1")
        .env("AXLE_MARKETPLACE_RETENTION__DRIVING", "30")
        .env("AXLE_MARKETPLACE_VACUUM_AFTER_HOURS", "0")
        .env("AXLE_MARKETPLACE_RULES__QUOTE_VALID_SECONDS", "0")
        .env("AXLE_MARKETPLACE_RULES__DELIVER_WITHIN_SECONDS", "0");
    command
}

/// Runs a market that dies at `place`.
async fn die_at(folder: &Path, place: Failpoint) {
    let mut command = market_in(folder);
    command.arg("serve").env(Failpoint::VARIABLE, place.name());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    died(command.spawn().unwrap(), place).await;
}

/// Waits until a market has died at `place`.
pub(crate) async fn died(mut child: Child, place: Failpoint) {
    let ended = timeout(PATIENCE, async {
        loop {
            match child.try_wait().unwrap() {
                Some(status) => return status,
                None => sleep(Duration::from_millis(20)).await,
            }
        }
    });
    let Ok(status) = ended.await else {
        child.kill().unwrap();
        panic!("{place:?} was not reached");
    };
    assert_eq!(status.signal(), Some(nix::libc::SIGABRT), "{place:?}: {status}");
}

/// Waits until nothing is left to do: of the first batch only the lake has what is not over.
async fn settled(folder: &Path) {
    let config = Config { data_dir: folder.to_owned(), ..Config::default() };
    let db = Db::open(&engine::database(folder)).unwrap();
    let done = async || {
        let sent = db.read::<_, ArchiveError, _>(|conn| archive::after(conn, 0, 100)).await.ok()?;
        let waiting = db.read::<_, ErasureError, _>(erasure::unfinished).await.ok()?;
        let lake = Lake::open(config.lake()).await.ok()?;
        let moved = lake.last_arrival().await.ok()?;
        (waiting.is_empty() && sent.len() == 2 && sent.last()?.arrival == moved).then_some(())
    };
    let wait = async {
        while done().await.is_none() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("the market did what was left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_any_two_steps_loses_and_doubles_nothing() {
    let stopped = Stopped::new().await;
    for place in Failpoint::TURN {
        let folder = stopped.copy();
        die_at(folder.path(), place).await;

        let (child, _, address) = serving(&mut market_in(folder.path()));
        let door = Door { address, authority: stopped.authority.clone() };
        let answers = stopped.car.send_to(&door, [stopped.next.clone()]).await;
        assert_eq!(answers.receipts(), [(3, false)], "{place:?}");
        settled(folder.path()).await;
        assert_eq!(stop(child, Signal::SIGTERM), Some(0), "{place:?}");

        let lake = Lake::open(folder.path().join("lake")).await.unwrap();
        assert_eq!(rows(&lake).await, stopped.expected, "{place:?}");
    }
}
