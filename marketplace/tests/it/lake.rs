//! The lake as others find it: in which folder a sample is, and what other engines read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use marketplace::jobs::flush::Flush;
use marketplace::lake::{Arrived, Lake};
use telematics::payload::Contents;
use telematics::testing::{samples, vehicle};

use crate::cars::Car;
use crate::lake_support::{Row, day_of, expected, rows, speeds};
use crate::market::Market;

/// Of one signal: rows, sum of their values, first and last time in microseconds.
type Summary = (u64, f64, i64, i64);

const DAY_SECONDS: i64 = 86_400;

async fn send(market: &Market, car: &mut Car, contents: &Contents) {
    let batch = car.next_of(contents);
    assert_eq!(car.send(market, [batch]).await.receipts().len(), 1);
}

async fn flush(market: &Market) {
    Flush::new(market.app.clone()).turn().await.unwrap();
}

#[tokio::test]
async fn late_and_disordered_samples_land_in_their_own_day() {
    let market = Market::start().await;
    let mut car = Car::enrol(&market).await;
    let mut disordered = speeds(2 * DAY_SECONDS - 2, 40);
    disordered.samples.reverse();
    // The third day, the day before, the end of the second with the begin of the third, the first.
    let contents =
        [speeds(2 * DAY_SECONDS + 60, 20), speeds(DAY_SECONDS, 30), disordered, speeds(3_600, 10)];
    for sent in &contents {
        send(&market, &mut car, sent).await;
        flush(&market).await;
    }

    assert_eq!(rows(&market.app.lake).await, expected(car.id, &contents));
    for (day, count) in [(0, 10), (1, 30 + 20), (2, 20 + 20)] {
        let day = day_of(day);
        let here = rows(&market.app.lake).await.into_iter().filter(|row| row.day == day).count();
        assert_eq!(here, count, "{day}");
        let folder = market.app.config.data_dir.join(format!("lake/day={day}/group=motion"));
        assert!(folder.is_dir(), "{}", folder.display());
    }
}

/// A lake with two commits, as a market left it, and the folder of its log.
async fn left() -> (tempfile::TempDir, PathBuf, Vec<Row>) {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path()).await.unwrap();
    let contents = [speeds(0, 10), speeds(100, 10)];
    for (arrival, sent) in (1..).zip(&contents) {
        let samples = sent.samples.clone();
        lake.append(&[Arrived { arrival, vehicle: vehicle(1), samples }]).await.unwrap();
    }
    let log = folder.path().join("_delta_log");
    (folder, log, expected(vehicle(1), &contents))
}

#[tokio::test]
async fn a_half_written_file_that_no_commit_names_is_not_read() {
    let (folder, log, expected) = left().await;
    let day = folder.path().join(format!("day={}/group=motion", day_of(0)));
    let whole = fs::read_dir(&day).unwrap().next().unwrap().unwrap().path();
    let half = fs::read(&whole).unwrap()[..100].to_vec();
    fs::write(day.join("part-00000-half.snappy.parquet"), half).unwrap();
    fs::write(log.join("_commit_half.json.tmp"), "{\"add\":{\"pa").unwrap();

    let lake = Lake::open(folder.path()).await.unwrap();

    assert_eq!(rows(&lake).await, expected);
    assert_eq!(lake.last_arrival().await.unwrap(), 2);
}

#[tokio::test]
async fn a_commit_that_is_cut_off_is_refused_at_the_start_and_names_the_table() {
    let (folder, log, _) = left().await;
    let last = log.join("00000000000000000002.json");
    let whole = fs::read(&last).unwrap();
    for length in [whole.len() / 2, 1] {
        fs::write(&last, &whole[..length]).unwrap();

        let error = Lake::open(folder.path()).await.err().expect("half a commit is no commit");

        let said = error.to_string();
        assert!(said.contains(&*folder.path().to_string_lossy()), "{length} bytes: {said}");
    }

    fs::write(&last, whole).unwrap();
    assert_eq!(Lake::open(folder.path()).await.unwrap().last_arrival().await.unwrap(), 2);
}

/// What other engines read in `folder`, by the name of the engine.
fn others(folder: &Path) -> BTreeMap<String, BTreeMap<String, Summary>> {
    let python = std::env::var_os("AXLE_PYTHON").expect("AXLE_PYTHON names a Python");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/lake.py");
    let output = Command::new(python).arg(script).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn ours(rows: &[Row]) -> BTreeMap<String, Summary> {
    let mut signals = BTreeMap::<String, Summary>::new();
    for row in rows {
        let none = (0, 0.0, i64::MAX, i64::MIN);
        let (count, sum, first, last) = signals.entry(row.signal.clone()).or_insert(none);
        *count += 1;
        *sum += row.value;
        (*first, *last) = ((*first).min(row.micros), (*last).max(row.micros));
    }
    signals
}

/// All read the rows `expected`, whose values can be added in any order.
fn assert_all_read(expected: &[Row], folder: &Path, when: &str) {
    let others = others(folder);
    assert_eq!(others.len(), 3, "{others:?}");
    for (engine, read) in others {
        let ours = ours(expected);
        assert!(read.keys().eq(ours.keys()), "{engine} {when}: {read:?}");
        for (signal, ours) in ours {
            let read = read[&signal];
            let about = (read.1 - ours.1).abs() <= ours.1.abs() * 1e-12;
            assert!(about, "{engine} {when}: {signal}: sum {} instead of {}", read.1, ours.1);
            let exact = |summary: Summary| (summary.0, summary.2, summary.3);
            assert_eq!(exact(read), exact(ours), "{engine} {when}: {signal}");
        }
    }
}

#[tokio::test]
#[ignore = "needs AXLE_PYTHON, a Python with what is in marketplace/tests/peers/requirements.txt"]
async fn other_engines_read_the_same_rows_as_we_do() {
    let market = Market::start_with(|config| config.compact_after_commits = 3).await;
    let (mut car, mut leaving) = (Car::enrol(&market).await, Car::enrol(&market).await);
    let folder = market.app.config.data_dir.join("lake");
    let wheel = samples("Vehicle.Chassis.Axle.Row1.Wheel.Left.Speed", 25);
    let mut contents = vec![Contents { samples: wheel, ..Contents::default() }];
    contents.extend((0..4).map(|part| speeds(part * DAY_SECONDS / 2, 300)));
    let mut left = Vec::new();
    for sent in &contents {
        send(&market, &mut car, sent).await;
        send(&market, &mut leaving, sent).await;
        flush(&market).await;
        left.push(sent.clone());
        let mut all = expected(car.id, &left);
        all.extend(expected(leaving.id, &left));
        assert_all_read(&all, &folder, "after a flush");
    }

    market.app.lake.erase(leaving.id).await.unwrap();

    let expected = expected(car.id, &contents);
    assert_all_read(&expected, &folder, "after an erasure");
    assert_eq!(rows(&Lake::open(folder).await.unwrap()).await, expected);
}
