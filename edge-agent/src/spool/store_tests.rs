//! Tests of the spool: restarts, full disks, acknowledgements, cutting anew.

#[path = "lost_tests.rs"]
mod losses;

use std::collections::BTreeMap;

use telematics::payload;
use telematics::testing;
use telematics::{BatchHash, Disclosure, PolicyVersion, SignalGroup};

use super::*;
use crate::seal::Head;
use crate::spool::sim::{Faults, SimDisk};

const PLENTY: NonZeroU64 = NonZeroU64::new(1 << 30).unwrap();

fn sealer() -> Sealer {
    Sealer::new(testing::vehicle(1), testing::signing_key(1))
}

fn policy(version: u32, groups: &[SignalGroup]) -> Policy {
    let groups = groups.iter().map(|group| (*group, Disclosure::Share)).collect();
    Policy::new(PolicyVersion::new(version), groups)
}

fn everything(version: u32) -> Policy {
    policy(version, &SignalGroup::ALL)
}

/// `speed` samples of speed and `charge` of the battery, up to line `position`.
fn cut(speed: u16, charge: u16, position: u64) -> Cut {
    let battery = "Vehicle.Powertrain.TractionBattery.StateOfCharge.Current";
    let mut samples = testing::samples("Vehicle.Speed", speed);
    samples.extend(testing::samples(battery, charge));
    Cut {
        contents: Contents { samples, ..Contents::default() },
        source: "drive.log".to_owned(),
        progress: Progress { position, ..Progress::default() },
        counters: Counters { frames_read: position, ..Counters::default() },
        ..Cut::default()
    }
}

fn on(disk: &SimDisk, bytes_max: NonZeroU64) -> Spool {
    let (file, segments) = (disk.clone(), disk.segments());
    let open = move || Database::builder().create_with_backend(file.database());
    let segments = move || Ok::<Box<dyn Storage>, _>(Box::new(segments));
    Spool::open_with("/data/spool.redb".into(), bytes_max, Box::new(open), segments).unwrap()
}

fn after(spool: &Spool, seq: u64) -> Vec<Pending> {
    spool.to_send(&sealer(), seq, usize::MAX).unwrap()
}

fn append(spool: &Spool, mut cut: Cut) -> Chain {
    spool.append(&sealer(), &everything(1), &mut cut).unwrap()
}

/// Panics unless what waits is one signed chain after `head`.
fn check_chain(spool: &Spool, mut head: Head) -> Vec<Pending> {
    let pending = after(spool, head.seq);
    for Pending { batch, samples } in &pending {
        assert_eq!((batch.header.seq, batch.header.prev_hash), (head.seq + 1, head.hash));
        batch.verify(&testing::signing_key(1).verifying_key()).unwrap();
        let contents = payload::decode(&batch.payload).unwrap();
        assert_eq!(contents.samples.len(), usize::try_from(*samples).unwrap());
        head = Head::after(batch);
    }
    pending
}

#[test]
fn an_agent_that_is_killed_finds_batches_progress_and_counters_together() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), PLENTY).unwrap();
    append(&spool, cut(10, 0, 100));
    let expected = append(&spool, cut(5, 5, 250));
    // What a kill leaves: the file as it is, and nothing closed.
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(folder.path().join("spool.redb"), copy.path().join("spool.redb")).unwrap();
    std::fs::create_dir(copy.path().join("spool")).unwrap();
    for segment in std::fs::read_dir(folder.path().join("spool")).unwrap() {
        let name = segment.unwrap().file_name();
        let [from, to] = [&folder, &copy].map(|folder| folder.path().join("spool").join(&name));
        std::fs::copy(from, to).unwrap();
    }
    std::mem::forget(spool);

    let spool = Spool::open(copy.path(), PLENTY).unwrap();

    assert_eq!(spool.adopt(&sealer()).unwrap(), expected);
    assert_eq!(spool.progress("drive.log").unwrap().position, 250);
    assert_eq!(spool.progress("other.log").unwrap(), Progress::default());
    let counters = spool.counters().unwrap();
    assert_eq!((counters.frames_read, counters.batches_sealed), (250, 1), "as of the last cut");
    assert_eq!(check_chain(&spool, Head::START).len(), 2);
}

#[test]
fn nothing_to_seal_moves_the_progress_alone() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), PLENTY).unwrap();
    let chain = append(&spool, cut(0, 0, 77));

    assert_eq!(chain.head(), Head::START);
    assert_eq!(spool.progress("drive.log").unwrap().position, 77);
}

#[test]
fn what_is_not_consented_is_never_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), PLENTY).unwrap();
    let motion = policy(3, &[SignalGroup::Motion]);
    spool.append(&sealer(), &motion, &mut cut(4, 6, 10)).unwrap();

    let pending = check_chain(&spool, Head::START);
    assert_eq!(pending[0].samples, 4);
    assert_eq!(pending[0].batch.header.consent_version, PolicyVersion::new(3));
}

#[test]
fn acknowledged_batches_are_forgotten_and_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), PLENTY).unwrap();
    for index in 1..=3 {
        append(&spool, cut(10, 0, index));
    }
    let second = after(&spool, 1).remove(0);

    let once = spool.acknowledge(&sealer(), 2, &BTreeMap::new()).unwrap();
    let twice = spool.acknowledge(&sealer(), 2, &BTreeMap::new()).unwrap();

    assert_eq!(once, twice);
    assert_eq!((once.samples_acknowledged, once.batches_pending()), (20, 1));
    assert_eq!(check_chain(&spool, Head::after(&second.batch)).len(), 1);
    let rest = spool.acknowledge(&sealer(), u64::MAX, &BTreeMap::new()).unwrap();
    assert_eq!((rest.samples_acknowledged, rest.bytes_pending), (30, 0));
}

#[test]
fn cutting_anew_keeps_one_chain_under_the_new_policy() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), PLENTY).unwrap();
    append(&spool, cut(9, 0, 1));
    let first = after(&spool, 0).remove(0);
    for (speed, charge) in [(5, 5), (0, 7), (2, 3)] {
        append(&spool, cut(speed, charge, 2));
    }
    spool.acknowledge(&sealer(), 1, &BTreeMap::new()).unwrap();

    let chain = spool.recut(&sealer(), &policy(2, &[SignalGroup::Motion])).unwrap();

    let pending = check_chain(&spool, Head::after(&first.batch));
    let counts: Vec<_> = pending.iter().map(|pending| pending.samples).collect();
    assert_eq!(counts, [5, 2], "the batch of the battery alone is gone");
    for Pending { batch, .. } in &pending {
        assert_eq!(batch.header.consent_version, PolicyVersion::new(2));
    }
    assert_eq!(chain.head(), Head::after(&pending[1].batch));
    let bytes: usize = pending.iter().map(|pending| pending.batch.payload.len()).sum();
    assert_eq!(chain.bytes_pending, u64::try_from(bytes).unwrap());
    append(&spool, cut(1, 0, 9));
    assert_eq!(check_chain(&spool, Head::after(&first.batch)).len(), 3);
}

#[test]
fn a_car_that_is_enrolled_anew_begins_a_chain_with_what_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), PLENTY).unwrap();
    for index in 1..=3 {
        append(&spool, cut(10, 0, index));
    }
    spool.acknowledge(&sealer(), 2, &BTreeMap::new()).unwrap();

    let other = Sealer::new(testing::vehicle(2), testing::signing_key(2));
    spool.adopt(&other).unwrap();

    let pending = after(&spool, 0);
    assert_eq!(pending.len(), 1);
    let batch = &pending[0].batch;
    assert_eq!((batch.header.seq, batch.header.prev_hash), (1, BatchHash::GENESIS));
    batch.verify(&testing::signing_key(2).verifying_key()).unwrap();
}

#[test]
fn a_full_spool_refuses_and_drops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), NonZeroU64::new(2_000).unwrap()).unwrap();
    append(&spool, cut(10, 0, 1));
    let error = std::iter::repeat_with(|| {
        spool.append(&sealer(), &everything(1), &mut cut(10, 0, 2)).err()
    })
    .take(10)
    .find_map(|error| error);

    let text = error.unwrap().to_string();
    assert!(text.contains("/spool ") && text.contains("spool_bytes_max"), "{text}");
    assert!(!check_chain(&spool, Head::START).is_empty());
    spool.acknowledge(&sealer(), u64::MAX, &BTreeMap::new()).unwrap();
    append(&spool, cut(10, 0, 3));
}

#[test]
fn two_agents_do_not_share_a_spool() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Spool::open(folder.path(), PLENTY).unwrap();

    assert!(matches!(Spool::open(folder.path(), PLENTY), Err(SpoolError::InUse { .. })));
}

#[test]
fn a_full_disk_is_named_and_costs_nothing_that_was_sealed() {
    let disk = SimDisk::new(1, Faults::default());
    let spool = on(&disk, PLENTY);
    append(&spool, cut(10, 0, 1));

    disk.fill(true);
    for _ in 0..2 {
        let error = spool.append(&sealer(), &everything(1), &mut cut(10, 0, 2)).unwrap_err();
        assert!(matches!(error, SpoolError::DiskFull { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains("/data/spool") && text.contains("free some space"), "{text}");
    }

    disk.fill(false);
    assert_eq!(check_chain(&spool, Head::START).len(), 1);
    assert_eq!(spool.progress("drive.log").unwrap().position, 1);
    append(&spool, cut(10, 0, 2));
    assert_eq!(check_chain(&spool, Head::START).len(), 2);
}

#[test]
fn segments_go_when_their_batches_are_acknowledged() {
    let disk = SimDisk::new(1, Faults::default());
    let spool = on(&disk, NonZeroU64::new(60_000).unwrap());
    (1..=40).for_each(|index| drop(append(&spool, cut(10, 0, index))));
    let before = disk.bits();
    spool.acknowledge(&sealer(), 39, &BTreeMap::new()).unwrap();

    assert!(disk.bits() * 4 < before, "{} of {before} bits", disk.bits());
    assert_eq!(after(&spool, 0).len(), 1);
}

#[test]
fn batches_of_an_earlier_version_are_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), PLENTY).unwrap();
    append(&spool, cut(10, 0, 1));
    append(&spool, cut(10, 0, 2));
    let batches = after(&spool, 0);
    let move_back = |transaction: &redb::WriteTransaction| {
        let mut table = transaction.open_table(super::super::tables::BATCHES)?;
        for pending in &batches {
            table.insert(pending.batch.header.seq, pending.to_bytes().as_slice())?;
        }
        Ok(())
    };
    spool.write(move_back).unwrap();
    drop(spool);
    std::fs::remove_dir_all(folder.path().join("spool")).unwrap();

    let spool = Spool::open(folder.path(), PLENTY).unwrap();

    assert_eq!(check_chain(&spool, Head::START), batches);
    drop(spool);
    assert_eq!(after(&Spool::open(folder.path(), PLENTY).unwrap(), 0), batches);
}
