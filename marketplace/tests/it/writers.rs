//! Several processes that write one lake: each `Lake` that is opened knows nothing of the others.
//!
//! The lake is in a folder, or in a bucket when [`crate::s3`] runs these tests again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deltalake::datafusion::prelude::SessionContext;
use marketplace::config::LakePlace;
use marketplace::lake::{Arrived, Lake, LakeError};
use telematics::payload::Contents;
use telematics::testing::{T0, vehicle};
use telematics::{Sample, Timestamp};
use tokio::time::sleep;

use crate::lake_support::{Row, expected, rows, speeds};
use crate::s3;

const BATCHES: u8 = 60;
const ROWS_PER_BATCH: u16 = 20;
const LATER: Timestamp = T0.plus_seconds(86_400);

/// Where the lake of a test is.
fn place(folder: &tempfile::TempDir) -> LakePlace {
    s3::place(folder.path()).unwrap_or_else(|| folder.path().join("lake").into())
}

/// A batch of car 1, 2 or 3.
fn batch(arrival: u8) -> Arrived {
    let samples: Vec<Sample> = speeds(i64::from(arrival) * 10, ROWS_PER_BATCH).samples;
    Arrived { arrival: i64::from(arrival), vehicle: vehicle(1 + arrival % 3), samples }
}

fn rows_of(batches: &[Arrived]) -> Vec<Row> {
    let mut rows = Vec::new();
    for batch in batches {
        let samples = batch.samples.clone();
        rows.extend(expected(batch.vehicle, &[Contents { samples, ..Contents::default() }]));
    }
    rows.sort_by(|one, other| one.partial_cmp(other).unwrap());
    rows
}

/// Moves what is waiting as the flush job does, until nothing is; the rows it moved.
async fn move_all(lake: Lake, archive: Arc<Vec<Arrived>>) -> usize {
    let mut moved = 0;
    loop {
        let found = lake.refresh().await.unwrap();
        let waiting = archive.iter().filter(|batch| batch.arrival > found.last_arrival);
        let portion = rand::random_range(1..=3);
        let portion: Vec<Arrived> = waiting.take(portion).cloned().collect();
        if portion.is_empty() {
            return moved;
        }
        match lake.append_to(&found, &portion).await {
            Ok(rows) => moved += rows,
            Err(LakeError::Overtaken) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Merges files and erases cars again and again, as the jobs of another market might.
async fn disturb(lake: Lake, is_over: Arc<AtomicBool>) -> (u32, u32) {
    let (mut merged, mut erased) = (0, 0);
    while !is_over.load(Ordering::SeqCst) {
        merged += u32::from(lake.compact(0).await.unwrap() > 0);
        match lake.erase(vehicle(99)).await {
            Ok(()) => erased += 1,
            Err(LakeError::Overtaken) => {}
            Err(error) => panic!("{error:?}"),
        }
        sleep(Duration::from_millis(100)).await;
    }
    (merged, erased)
}

/// Merges files all the time, as a third market might.
async fn merge(lake: Lake, is_over: Arc<AtomicBool>) {
    while !is_over.load(Ordering::SeqCst) {
        match lake.compact(0).await {
            Ok(_) | Err(LakeError::Overtaken) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_at_once_move_each_batch_once_while_others_merge_and_erase() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Arc::new((1..=BATCHES).map(batch).collect::<Vec<_>>());
    let is_over = Arc::new(AtomicBool::new(false));
    let disturbing = Lake::open(place(&folder)).await.unwrap();
    let disturbing = tokio::spawn(disturb(disturbing, Arc::clone(&is_over)));
    let merging = Lake::open(place(&folder)).await.unwrap();
    let merging = tokio::spawn(merge(merging, Arc::clone(&is_over)));

    let mut moving = Vec::new();
    for _ in 0..2 {
        let lake = Lake::open(place(&folder)).await.unwrap();
        // Two tasks that share what they know, as a process would that flushes twice at once.
        for _ in 0..2 {
            moving.push(tokio::spawn(move_all(lake.clone(), Arc::clone(&archive))));
        }
    }
    let mut moved = 0;
    for task in moving {
        moved += task.await.unwrap();
    }
    is_over.store(true, Ordering::SeqCst);
    let (_, erased) = disturbing.await.unwrap();
    merging.await.unwrap();

    let lake = Lake::open(place(&folder)).await.unwrap();
    assert_eq!(rows(&lake).await, rows_of(&archive));
    assert_eq!(moved, usize::from(BATCHES) * usize::from(ROWS_PER_BATCH));
    assert_eq!(lake.last_arrival().await.unwrap(), i64::from(BATCHES));
    assert!(erased > 0, "nobody was disturbed");
}

#[tokio::test]
async fn what_was_read_before_an_erasure_is_not_appended_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) =
        (Lake::open(place(&folder)).await.unwrap(), Lake::open(place(&folder)).await.unwrap());
    one.append(&[batch(1), batch(2)]).await.unwrap();
    let found = other.refresh().await.unwrap();
    let late = [batch(4)];
    assert_eq!(late[0].vehicle, batch(1).vehicle);

    one.erase(batch(1).vehicle).await.unwrap();

    let refused = other.append_to(&found, &late).await;
    assert!(matches!(refused, Err(LakeError::Overtaken)), "{refused:?}");
    let left = rows_of(&[batch(2)]);
    assert_eq!(rows(&Lake::open(place(&folder)).await.unwrap()).await, left);
    other.append_to(&other.refresh().await.unwrap(), &[batch(5)]).await.unwrap();
    assert_eq!(rows(&other).await, rows_of(&[batch(2), batch(5)]));
}

#[tokio::test]
async fn a_market_goes_on_when_another_one_erased_and_cut_the_log_off() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) =
        (Lake::open(place(&folder)).await.unwrap(), Lake::open(place(&folder)).await.unwrap());
    one.append(&[batch(1), batch(2), batch(3)]).await.unwrap();
    other.refresh().await.unwrap();
    let described = |lake: Lake| async move {
        let lines = lake.describe(lake.version(), LATER).await.unwrap();
        lines.iter().map(|line| line.vehicle).collect::<Vec<_>>()
    };
    assert_eq!(described(other.clone()).await.len(), 3);

    one.erase(batch(1).vehicle).await.unwrap();

    other.refresh().await.unwrap();
    assert_eq!(other.last_arrival().await.unwrap(), 3);
    assert_eq!(described(other.clone()).await, described(one).await);
    assert_eq!(described(other.clone()).await.len(), 2, "who was erased is forgotten");
    let newest = other.newest().await.unwrap();
    let read = newest.rows(&SessionContext::new(), &[]).await.unwrap();
    assert_eq!(read.count().await.unwrap(), 2 * usize::from(ROWS_PER_BATCH));
    other.append(&[batch(5)]).await.unwrap();
    assert_eq!(rows(&other).await, rows_of(&[batch(2), batch(3), batch(5)]));
}

#[tokio::test]
async fn markets_that_start_at_once_make_one_table() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Lake::open(place(&folder));
    let (one, two, three, four) = tokio::join!(open(), open(), open(), open());

    let arrivals = (1..=4).map(batch).collect::<Vec<_>>();
    for (lake, batch) in [one, two, three, four].into_iter().zip(&arrivals) {
        let rows = lake.unwrap().append(std::slice::from_ref(batch)).await.unwrap();
        assert_eq!(rows, usize::from(ROWS_PER_BATCH));
    }
    assert_eq!(rows(&open().await.unwrap()).await, rows_of(&arrivals));
}
