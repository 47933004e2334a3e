//! What the trees promise, in a database.

use telematics::testing::{T0, signing_key, vehicle};
use telematics::{LeavesAt, OwnerId, Powertrain, VehicleDescription};
use zk::tree::{LEAVES_MAX, MemoryTree, NodeAt};
use zk::{IdentityCommitment, Leaf, Root};

use super::*;
use crate::db::{Conn, Db};
use crate::identity::{self, ApiKey, IdentityError, NewVehicle};

async fn market_with_a_car() -> (tempfile::TempDir, Db) {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::of_test(folder.path());
    db.write::<_, IdentityError, _>(|conn| {
        let operator = identity::create_operator(conn, &ApiKey::new([1; 32]), T0)?;
        let (id, key) = (OwnerId::new(T0, [1; 10]), ApiKey::new([2; 32]));
        let owner = identity::create_owner(conn, &operator, "Ada", id, &key, T0)?;
        identity::create_enrolment_code(conn, &owner, &[1; 10], "", T0)?;
        let car = NewVehicle {
            id: vehicle(1),
            key: signing_key(1).verifying_key(),
            identity: IdentityCommitment::from_bytes(&[1; 32]).unwrap(),
            description: VehicleDescription::new("VW", "ID.4", 2022, Powertrain::Electric).unwrap(),
        };
        identity::enroll(conn, &[1; 10], &car, T0)
    })
    .await
    .unwrap();
    (folder, db)
}

/// Leaves that differ by their numbers.
fn numbered(numbers: std::ops::Range<u32>) -> Vec<Leaf> {
    let leaf = |number: u32| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        bytes[4] = 1;
        Leaf::from_bytes(&bytes).unwrap()
    };
    numbers.map(leaf).collect()
}

/// Appends leaves as batch `seq` of car 1.
async fn append_as(
    db: &Db,
    seq: u64,
    leaves: Vec<Leaf>,
    day: u16,
) -> Result<Option<LeavesAt>, EpochsError> {
    db.write(move |conn| append(conn, (vehicle(1), seq), &leaves, day, T0)).await
}

async fn publish_now(db: &Db) -> Option<PublishedRoot> {
    db.write(|conn| publish(conn, T0)).await.unwrap()
}

/// The root of a tree of these leaves, computed apart.
fn root_of(leaves: &[Leaf]) -> Root {
    let mut tree = MemoryTree::default();
    tree.append(leaves).unwrap();
    let size = tree.size();
    zk::tree::root(&mut tree, size).unwrap()
}

#[tokio::test]
async fn leaves_follow_each_other_and_are_found_again_by_batch() {
    let (_folder, db) = market_with_a_car().await;
    let at = |position, day| Some(LeavesAt { epoch: 0, position, day });

    assert_eq!(append_as(&db, 1, numbered(0..3), 7).await.unwrap(), at(0, 7));
    assert_eq!(append_as(&db, 2, Vec::new(), 7).await.unwrap(), None);
    assert_eq!(append_as(&db, 3, numbered(3..10), 8).await.unwrap(), at(3, 8));

    let found = db.read(|conn| {
        [1, 2, 3, 4]
            .iter()
            .map(|seq| leaves_of(conn, vehicle(1), *seq))
            .collect::<Result<Vec<_>, _>>()
    });
    assert_eq!(found.await.unwrap(), [at(0, 7), None, at(3, 8), None]);
    let kept = db.read(|conn| leaves(conn, 0, 0, 100)).await.unwrap();
    assert_eq!(kept, numbered(0..10));
}

#[tokio::test]
async fn the_same_batch_can_not_be_appended_twice() {
    let (_folder, db) = market_with_a_car().await;
    append_as(&db, 1, numbered(0..3), 7).await.unwrap();

    assert!(matches!(append_as(&db, 1, numbered(0..3), 7).await, Err(EpochsError::Storage(_))));

    let epochs = db.read(epochs).await.unwrap();
    assert_eq!(epochs.iter().map(|epoch| epoch.size).collect::<Vec<_>>(), [3]);
}

#[tokio::test]
async fn a_root_is_published_when_the_tree_has_grown_and_only_then() {
    let (_folder, db) = market_with_a_car().await;
    assert_eq!(publish_now(&db).await, None);
    assert!(matches!(
        db.read(|conn| newest_root(conn, 0)).await,
        Err(EpochsError::UnknownEpoch { epoch: 0 })
    ));

    append_as(&db, 1, numbered(0..5), 7).await.unwrap();
    assert!(matches!(
        db.read(|conn| newest_root(conn, 0)).await,
        Err(EpochsError::NoRoot { epoch: 0 })
    ));
    let root = root_of(&numbered(0..5));
    let expected = PublishedRoot { epoch: 0, size: 5, root, published_at: T0 };
    assert_eq!(publish_now(&db).await, Some(expected));
    assert_eq!(publish_now(&db).await, None);

    append_as(&db, 2, numbered(5..6), 7).await.unwrap();
    assert_eq!(publish_now(&db).await.unwrap().size, 6);
    assert_eq!(db.read(|conn| newest_root(conn, 0)).await.unwrap().size, 6);
    let sizes = |before, limit| {
        db.read(move |conn| {
            let roots = roots(conn, 0, before, limit)?;
            Ok::<_, EpochsError>(roots.iter().map(|root| root.size).collect::<Vec<_>>())
        })
    };
    assert_eq!(sizes(u32::MAX, 10).await.unwrap(), [6, 5]);
    assert_eq!(sizes(6, 10).await.unwrap(), [5]);
    assert_eq!(sizes(u32::MAX, 1).await.unwrap(), [6]);
    assert!(db.read(move |conn| is_published(conn, root)).await.unwrap());
    let other = root_of(&numbered(0..4));
    assert!(!db.read(move |conn| is_published(conn, other)).await.unwrap());
}

#[tokio::test]
async fn earlier_roots_stay_provable_while_others_append() {
    let (_folder, db) = market_with_a_car().await;
    let mut published = Vec::new();
    for (seq, numbers) in (1..).zip([0..5, 5..256, 256..300, 300..600]) {
        append_as(&db, seq, numbered(numbers), 7).await.unwrap();
        published.extend(publish_now(&db).await);
    }
    assert_eq!(published.iter().map(|root| root.size).collect::<Vec<_>>(), [5, 256, 300, 600]);

    for PublishedRoot { size, root, .. } in published {
        for position in [0, size / 2, size - 1] {
            let number = position / 256;
            let bucket = db.read(move |conn| bucket(conn, 0, size, number)).await.unwrap();
            let path = bucket.path.path(&bucket.leaves, position).unwrap();
            let leaf = numbered(position..position + 1)[0];
            assert_eq!(path.root(leaf), root, "position {position} of {size}");
        }
    }
}

#[tokio::test]
async fn a_path_is_given_to_published_roots_and_taken_places_only() {
    let (_folder, db) = market_with_a_car().await;
    append_as(&db, 1, numbered(0..300), 7).await.unwrap();
    publish_now(&db).await.unwrap();
    append_as(&db, 2, numbered(300..700), 7).await.unwrap();
    let asked = |epoch, size, number| db.read(move |conn| bucket(conn, epoch, size, number));

    assert_eq!(asked(0, 300, 1).await.unwrap().leaves, numbered(256..300));
    for (refused, expected) in [
        (asked(1, 300, 0).await, "no epoch 1"),
        (asked(u32::MAX, 300, 0).await, "no epoch"),
        (asked(0, 299, 0).await, "no published root at 299"),
        (asked(0, u32::MAX, 0).await, "no published root"),
        (asked(0, 300, 2).await, "no leaf in bucket 2"),
        (asked(0, 300, u32::MAX).await, "no leaf in bucket"),
    ] {
        let error = refused.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// Makes epoch 0 as it is when `size` leaves, a few less than full, were appended. Of those before, only
/// the complete nodes that the next ones need are there.
fn fill_up_to(conn: &mut Conn, size: u32) -> Result<(), EpochsError> {
    let epoch = Epoch { number: 0, size, opened_at: T0, closed_at: None };
    queries::insert_epoch(conn, &epoch)?;
    let mut first = size;
    for level in 0..10_u8 {
        for index in first / 4 * 4..first {
            let number = Root::from_bytes(&numbered(index..index + 1)[0].to_bytes()).unwrap();
            queries::insert_node(conn, 0, NodeAt { level, index }, number)?;
        }
        first /= 4;
    }
    Ok(())
}

#[tokio::test]
async fn a_batch_may_straddle_two_epochs_and_the_full_one_is_closed_under_its_root() {
    let (_folder, db) = market_with_a_car().await;
    db.write(|conn| fill_up_to(conn, LEAVES_MAX - 2)).await.unwrap();

    let at = append_as(&db, 1, numbered(0..5), 7).await.unwrap();

    assert_eq!(at, Some(LeavesAt { epoch: 0, position: LEAVES_MAX - 2, day: 7 }));
    let found = db.read(epochs).await.unwrap();
    let sizes = found.iter().map(|epoch| (epoch.number, epoch.size, epoch.closed_at));
    assert_eq!(sizes.collect::<Vec<_>>(), [(0, LEAVES_MAX, Some(T0)), (1, 3, None)]);
    assert_eq!(db.read(|conn| newest_root(conn, 0)).await.unwrap().size, LEAVES_MAX);
    let kept = db.read(|conn| leaves(conn, 0, LEAVES_MAX - 2, 9)).await.unwrap();
    assert_eq!(kept, numbered(0..2));
    assert_eq!(db.read(|conn| leaves(conn, 1, 0, 9)).await.unwrap(), numbered(2..5));
    let published = publish_now(&db).await.unwrap();
    assert_eq!((published.epoch, published.root), (1, root_of(&numbered(2..5))));
    // The batch is one batch still.
    let again = db.read(|conn| leaves_of(conn, vehicle(1), 1)).await.unwrap();
    assert_eq!(again, at);
}

#[tokio::test]
async fn a_batch_that_fills_a_tree_exactly_leaves_no_empty_epoch() {
    let (_folder, db) = market_with_a_car().await;
    db.write(|conn| fill_up_to(conn, LEAVES_MAX - 2)).await.unwrap();

    append_as(&db, 1, numbered(0..2), 7).await.unwrap();

    assert_eq!(db.read(epochs).await.unwrap().len(), 1);
    assert_eq!(publish_now(&db).await, None);
    let next = append_as(&db, 2, numbered(2..3), 8).await.unwrap();
    assert_eq!(next, Some(LeavesAt { epoch: 1, position: 0, day: 8 }));
}

#[tokio::test]
async fn a_missing_leaf_is_noticed_and_not_skipped() {
    let (_folder, db) = market_with_a_car().await;
    append_as(&db, 1, numbered(0..3), 7).await.unwrap();
    let gap = |conn: &mut Conn| {
        let node = Root::from_bytes(&[1; 32]).unwrap();
        queries::insert_node(conn, 0, NodeAt { level: 0, index: 4 }, node)
    };
    db.write(gap).await.unwrap();

    let refused = db.read(|conn| leaves(conn, 0, 0, 10)).await;

    assert!(matches!(refused, Err(EpochsError::Damaged { epoch: 0, .. })));
}
