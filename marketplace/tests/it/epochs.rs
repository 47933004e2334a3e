//! Leaves of accepted batches, from outside.

use marketplace::jobs::roots;
use telematics::Signal;
use telematics::testing::T0;
use telematics::window::{Commitment, Committed};
use zk::tree::MemoryTree;
use zk::{ClassNumbers, Leaf};

use crate::cars::{self, Car};
use crate::market::Market;
use crate::market_support::{Call, call, get};

/// Commitments that differ by their first byte.
fn committed(numbers: std::ops::Range<u8>) -> Vec<Committed> {
    let commitment = |number: u8| {
        let mut bytes = [0; 32];
        bytes[0] = number;
        Committed { signal: Signal::SPEED, commitment: Commitment(bytes) }
    };
    numbers.map(commitment).collect()
}

/// The leaves that `car` must have for these commitments, received on `day`.
fn expected(car: &Car, committed: &[Committed], day: u16) -> Vec<Leaf> {
    let vehicle = cars::secret_of(&car.key).identity_commitment();
    let class = ClassNumbers::of(&cars::description());
    let leaf = |one: &Committed| zk::leaf(vehicle, class, day, one.commitment).unwrap();
    committed.iter().map(leaf).collect()
}

fn bytes(leaves: &[Leaf]) -> Vec<u8> {
    leaves.iter().flat_map(|leaf| leaf.to_bytes()).collect()
}

#[actix_web::test]
async fn leaves_of_accepted_batches_are_in_the_tree_exactly_once() {
    let market = Market::start().await;
    let mut car = Car::enrol(&market).await;
    let batches = [
        car.batch_of_commitments(committed(0..3)),
        car.batch(),
        car.batch_of_commitments(committed(3..8)),
    ];

    let first = car.send(&market, batches.clone()).await;
    let again = car.send(&market, batches).await;

    assert_eq!(again.receipts(), [(1, true), (2, true), (3, true)]);
    assert_eq!(first.leaves(), again.leaves());
    let at = first.leaves();
    let place = |index: usize| at[index].map(|at| (at.epoch, at.position));
    assert_eq!([place(0), place(1), place(2)], [Some((0, 0)), None, Some((0, 3))]);
    let day = at[0].unwrap().day;
    assert!((market.now().day() - i64::from(day)).abs() <= 1);
    let answer = call(&market.app, get("/v1/epochs/0/leaves")).await;
    assert_eq!(answer.bytes, bytes(&expected(&car, &committed(0..8), day)));
}

#[actix_web::test]
async fn a_refused_batch_leaves_nothing_in_the_tree() {
    let market = Market::start().await;
    let mut car = Car::enrol(&market).await;
    let good = car.batch_of_commitments(committed(0..1));
    let mut flipped = good.clone();
    flipped.payload[5] ^= 0x10;

    car.send(&market, [flipped]).await;

    let none = call(&market.app, get("/v1/epochs")).await.expect(200);
    assert_eq!(none["epochs"], serde_json::json!([]));
    call(&market.app, get("/v1/epochs/0/leaves")).await.problem(404, "not-found");
    car.send(&market, [good]).await.receipts();
    let one = call(&market.app, get("/v1/epochs")).await.expect(200);
    assert_eq!(
        (&one["epochs"][0]["leaves"], &one["epochs"][0]["status"]),
        (&1.into(), &"open".into())
    );
}

#[actix_web::test]
async fn what_was_appended_before_a_stop_is_published_after_it() {
    let market = Market::start().await;
    let mut car = Car::enrol(&market).await;
    let batch = car.batch_of_commitments(committed(0..5));
    let day = car.send(&market, [batch]).await.leaves()[0].unwrap().day;

    let market = market.restart().await;
    let published = roots::turn(&market.app).await.unwrap().unwrap();

    let mut tree = MemoryTree::default();
    tree.append(&expected(&car, &committed(0..5), day)).unwrap();
    assert_eq!(published.root, zk::tree::root(&mut tree, 5).unwrap());
    assert_eq!(roots::turn(&market.app).await.unwrap(), None);
    let roots = call(&market.app, get("/v1/epochs/0/roots")).await.expect(200);
    assert_eq!(roots["roots"][0]["root"], published.root.to_string());
    assert_eq!(roots["roots"][0]["size"], 5);
}

#[actix_web::test]
async fn leaves_are_read_whole_or_by_range() {
    let market = Market::start().await;
    let mut car = Car::enrol(&market).await;
    let batch = car.batch_of_commitments(committed(0..10));
    car.send(&market, [batch]).await.receipts();
    let whole = call(&market.app, get("/v1/epochs/0/leaves")).await;
    assert_eq!((whole.status.as_u16(), whole.bytes.len()), (200, 320));
    let part = |range: &str| {
        let range = Some(range.to_owned());
        call(&market.app, Call { range, ..get("/v1/epochs/0/leaves") })
    };

    for (range, first, end) in
        [("bytes=0-31", 0, 32), ("bytes=33-100", 33, 101), ("bytes=-7", 313, 320)]
    {
        let answer = part(range).await;
        assert_eq!(answer.status.as_u16(), 206, "{range}");
        assert_eq!(answer.header("content-range"), format!("bytes {first}-{}/320", end - 1));
        assert_eq!(answer.bytes, whole.bytes[first..end], "{range}");
    }
    part("bytes=320-").await.problem(416, "range-not-satisfiable");
}

/// More leaves than are read at a time.
#[actix_web::test]
async fn many_leaves_are_sent_page_by_page() {
    let market = Market::start().await;
    let mut car = Car::enrol(&market).await;
    let commitment = |number: u32| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        Committed { signal: Signal::SPEED, commitment: Commitment(bytes) }
    };
    let all: Vec<_> = (0..5_000).map(commitment).collect();
    let batches: Vec<_> =
        all.chunks(1_000).map(|part| car.batch_of_commitments(part.to_vec())).collect();
    let day = car.send(&market, batches).await.leaves()[0].unwrap().day;

    let answer = call(&market.app, get("/v1/epochs/0/leaves")).await;

    assert!(answer.bytes == bytes(&expected(&car, &all, day)));
    assert!(T0 < market.now());
}
