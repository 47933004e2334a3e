//! Tests of the records for proofs: they follow their batches, get their places, and go in time.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use telematics::testing::{self, T0};
use telematics::{Disclosure, Policy, PolicyVersion, SignalGroup, payload};

use super::*;
use crate::seal::Sealer;
use crate::spool::Cut;

fn sealer(number: u8) -> Sealer {
    Sealer::new(testing::vehicle(number), testing::signing_key(number))
}

fn policy(version: u32, groups: &[SignalGroup]) -> Policy {
    let groups = groups.iter().map(|group| (*group, Disclosure::Prove)).collect();
    Policy::new(PolicyVersion::new(version), groups)
}

fn battery() -> Signal {
    Signal::by_path("Vehicle.Powertrain.TractionBattery.StateOfHealth").unwrap()
}

fn record(signal: Signal, byte: u8) -> KeptRecord {
    KeptRecord {
        committed: Committed { signal, commitment: Commitment([byte; 32]) },
        kept_at: T0.plus_seconds(byte.into()),
        leaf: None,
        sealed: vec![byte; 100],
    }
}

fn speed(byte: u8) -> KeptRecord {
    record(Signal::SPEED, byte)
}

fn open(folder: &tempfile::TempDir) -> Spool {
    let spool = Spool::open(folder.path(), NonZeroU64::MAX).unwrap();
    spool.adopt(&sealer(1)).unwrap();
    spool
}

fn append(spool: &Spool, policy: &Policy, kept: &[KeptRecord]) {
    let commitments = kept.iter().map(|record| record.committed).collect();
    let contents = Contents { samples: Vec::new(), commitments };
    let mut cut = Cut { contents, kept: kept.to_vec(), ..Cut::default() };
    spool.append(&sealer(1), policy, &mut cut).unwrap();
}

fn both() -> Policy {
    policy(1, &[SignalGroup::Motion, SignalGroup::Battery])
}

/// The records of `signal` by the byte of their commitment, newest first, and their places.
fn kept(spool: &Spool, signal: Signal) -> Vec<(u8, Option<(u32, u32)>)> {
    let records = spool.kept(signal, u64::MAX, usize::MAX).unwrap();
    let place = |record: &KeptRecord| record.leaf.map(|leaf| (leaf.epoch, leaf.position));
    records.iter().map(|(_, r)| (r.committed.commitment.0[0], place(r))).collect()
}

/// The commitments that wait, by batch.
fn waiting(spool: &Spool) -> Vec<Vec<u8>> {
    let batches = spool.to_send(&sealer(1), 0, usize::MAX).unwrap().into_iter();
    let contents = batches.map(|pending| payload::decode(&pending.batch.payload).unwrap());
    contents.map(|c| c.commitments.iter().map(|c| c.commitment.0[0]).collect()).collect()
}

const fn at(epoch: u32, position: u32) -> LeavesAt {
    LeavesAt { epoch, position, day: 20_000 }
}

#[test]
fn a_record_gets_its_place_with_the_receipt_of_its_batch() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    append(&spool, &both(), &[speed(1), record(battery(), 2), speed(3)]);
    append(&spool, &both(), &[speed(4)]);
    assert_eq!(kept(&spool, Signal::SPEED), [(4, None), (3, None), (1, None)]);

    spool.acknowledge(&sealer(1), 1, &[(1, at(2, 70)), (2, at(9, 9))].into()).unwrap();

    assert_eq!(kept(&spool, Signal::SPEED), [(4, None), (3, Some((2, 72))), (1, Some((2, 70)))]);
    assert_eq!(kept(&spool, battery()), [(2, Some((2, 71)))]);
    assert_eq!(spool.kept_counts().unwrap(), KeptCounts { records: 4, placed: 3 });
    assert_eq!(waiting(&spool), [[4]]);
    let day = spool.kept(battery(), u64::MAX, 1).unwrap()[0].1.leaf.map(|leaf| leaf.day);
    assert_eq!(day, Some(20_000));
}

#[test]
fn batches_and_places_change_together_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    append(&spool, &both(), &[speed(1)]);
    // A record that can not be read fails the whole transaction.
    let damage = |transaction: &WriteTransaction| {
        transaction.open_table(KEPT)?.insert(&[1; 32], [1, 2, 3].as_slice())?;
        Ok(())
    };
    spool.write(damage).unwrap();
    let failed = spool.acknowledge(&sealer(1), 1, &[(1, at(0, 0))].into());

    assert!(matches!(failed, Err(SpoolError::Damaged { .. })), "{failed:?}");
    assert_eq!(waiting(&spool), [[1]], "the batch still waits");
}

#[test]
fn leaves_of_a_batch_go_on_in_the_next_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    append(&spool, &both(), &[speed(1), speed(2), speed(3)]);
    spool.acknowledge(&sealer(1), 1, &[(1, at(4, LEAVES_MAX - 2))].into()).unwrap();

    let last = LEAVES_MAX - 1;
    let expected = [(3, Some((5, 0))), (2, Some((4, last))), (1, Some((4, last - 1)))];
    assert_eq!(kept(&spool, Signal::SPEED), expected);
}

#[test]
fn cutting_anew_deletes_the_records_of_what_is_no_longer_sent() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    append(&spool, &both(), &[speed(1), record(battery(), 2)]);
    append(&spool, &both(), &[speed(3)]);
    append(&spool, &both(), &[record(battery(), 4), speed(5), record(battery(), 6)]);
    spool.recut(&sealer(1), &policy(2, &[SignalGroup::Battery])).unwrap();

    assert_eq!(waiting(&spool), [vec![2], vec![4, 6]]);
    assert_eq!(kept(&spool, Signal::SPEED), []);
    assert_eq!(spool.kept_counts().unwrap().records, 3);

    // Position and index are those of the batches as they are sent now.
    spool.acknowledge(&sealer(1), 2, &[(1, at(0, 10)), (2, at(0, 11))].into()).unwrap();
    let expected = [(6, Some((0, 12))), (4, Some((0, 11))), (2, Some((0, 10)))];
    assert_eq!(kept(&spool, battery()), expected);
}

#[test]
fn what_is_no_longer_consented_when_a_batch_is_cut_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    append(&spool, &policy(2, &[SignalGroup::Battery]), &[speed(1), record(battery(), 2)]);

    assert_eq!(waiting(&spool), [[2]]);
    assert_eq!(spool.kept_counts().unwrap().records, 1);
}

#[test]
fn records_are_deleted_when_they_are_older_than_the_owner_wants() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    append(&spool, &both(), &[speed(1), record(battery(), 2), speed(3)]);
    let forget = |seconds| spool.forget_kept_before(T0.plus_seconds(seconds)).unwrap();

    assert_eq!((forget(1), forget(3), forget(3)), (0, 2, 0));
    assert_eq!((kept(&spool, Signal::SPEED), kept(&spool, battery())), (vec![(3, None)], vec![]));
    // The receipt of a commitment whose record is gone is no failure, and order goes on.
    spool.acknowledge(&sealer(1), 1, &[(1, at(0, 0))].into()).unwrap();
    append(&spool, &both(), &[speed(9)]);
    assert_eq!(kept(&spool, Signal::SPEED), [(9, None), (3, Some((0, 2)))]);
}

#[test]
fn records_are_found_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    append(&spool, &both(), &(1..=5).map(speed).collect::<Vec<_>>());
    let (mut before, mut found) = (u64::MAX, Vec::new());
    loop {
        let page = spool.kept(Signal::SPEED, before, 2).unwrap();
        let Some((number, _)) = page.last() else { break };
        before = *number;
        found.extend(page.iter().map(|(_, record)| record.committed.commitment.0[0]));
    }
    assert_eq!(found, [5, 4, 3, 2, 1]);
}

#[test]
fn a_car_that_is_enrolled_anew_keeps_nothing_that_its_key_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    append(&spool, &both(), &[speed(1)]);
    let mut cut = Cut { open: vec![1], source: "can0".to_owned(), ..Cut::default() };
    cut.contents.samples = testing::samples("Vehicle.Speed", 3);
    let share =
        Policy::new(PolicyVersion::FIRST, [(SignalGroup::Motion, Disclosure::Share)].into());
    spool.append(&sealer(1), &share, &mut cut).unwrap();
    assert_eq!(spool.open_of("can0").unwrap(), Some(vec![1]));

    spool.adopt(&sealer(2)).unwrap();

    assert_eq!(spool.kept_counts().unwrap(), KeptCounts::default());
    assert_eq!(spool.open_of("can0").unwrap(), None);
    assert_eq!(waiting(&spool), [Vec::<u8>::new()], "samples alone");
    assert_eq!(spool.claims::<u8>().unwrap(), []);
}

#[test]
fn a_campaign_has_one_claim() {
    let folder = tempfile::tempdir().unwrap();
    let spool = open(&folder);
    let [one, two] = [1, 2].map(|byte| telematics::CampaignId::new(T0, [byte; 10]));
    for (id, claim) in [(one, 5_u8), (two, 6), (one, 7)] {
        spool.keep_claim(id, &claim).unwrap();
    }
    let claims: BTreeMap<_, u8> = spool.claims().unwrap().into_iter().collect();
    assert_eq!(claims, [(one, 7), (two, 6)].into());
}
