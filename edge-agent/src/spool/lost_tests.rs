//! Tests of what a spool loses: dropped, damaged and unread, and how each is stated in the chain.

use std::collections::BTreeMap;

use telematics::loss::{Bridge, LossReason};

use super::*;

/// A spool that holds about ten batches, with twenty put into it.
fn overfull(disk: &SimDisk, sent: u64) -> Spool {
    let spool = on(disk, NonZeroU64::new(8_000).unwrap()).when_full(WhenFull::DropOldest);
    for index in 1..=20 {
        append(&spool, cut(10, 0, index));
        if index == sent {
            assert_eq!(after(&spool, 0).len(), usize::try_from(sent).unwrap());
        }
    }
    spool
}

/// What waits, as (position, last position, batches lost); checks that it is one signed chain.
fn bridged(spool: &Spool) -> Vec<(u64, u64, u64)> {
    let mut head = Bridge { seq: 0, hash: BatchHash::GENESIS };
    let mut runs = Vec::new();
    for pending in after(spool, 0) {
        let header = pending.batch.header;
        assert_eq!((header.seq, header.prev_hash), (head.seq + 1, head.hash));
        pending.batch.verify(&testing::signing_key(1).verifying_key()).unwrap();
        head = pending.end();
        let lost = pending.loss().map_or(0, |loss| loss.batches);
        runs.push((header.seq, head.seq, lost));
    }
    runs
}

#[test]
fn a_full_spool_drops_the_oldest_and_says_so_in_the_chain() {
    let disk = SimDisk::new(1, Faults::default());
    let spool = overfull(&disk, 0);
    let runs = bridged(&spool);

    let (first, end, lost) = runs[0];
    assert!(first == 1 && end == lost && lost >= 5, "{runs:?}");
    assert!(runs[1..].iter().all(|(seq, last, lost)| seq == last && *lost == 0), "{runs:?}");
    assert_eq!(runs.last().unwrap().0, 20, "the newest is there");
    let stated = after(&spool, 0)[0].loss().unwrap();
    assert_eq!((stated.reason, stated.samples), (LossReason::SpoolFull, lost * 10));
    assert_eq!(stated.span, Some((testing::T0, testing::T0.plus_micros(900_000))));
    let chain = spool.adopt(&sealer()).unwrap();
    assert_eq!((chain.batches_lost, chain.samples_lost), (lost, lost * 10));

    // The same after a restart, and when the marketplace has the loss and what is behind it.
    drop(spool);
    let spool = on(&disk, PLENTY);
    assert_eq!(bridged(&spool), runs);
    let chain = spool.acknowledge(&sealer(), 1, &BTreeMap::new()).unwrap();
    assert_eq!((chain.acknowledged_seq, chain.batches_lost), (lost, lost));
    assert_eq!(chain.samples_lost, lost * 10);
    assert_eq!(after(&spool, 1).len(), runs.len() - 1);
}

#[test]
fn a_batch_that_may_have_been_sent_is_never_dropped() {
    let spool = overfull(&SimDisk::new(1, Faults::default()), 4);
    let runs = bridged(&spool);

    assert_eq!(runs[..4], [(1, 1, 0), (2, 2, 0), (3, 3, 0), (4, 4, 0)]);
    assert!(runs[4].0 == 5 && runs[4].2 > 1, "{runs:?}");
}

#[test]
fn cutting_anew_keeps_the_statement_of_a_loss() {
    let spool = overfull(&SimDisk::new(1, Faults::default()), 0);
    let lost = bridged(&spool)[0].2;
    spool.recut(&sealer(), &everything(2)).unwrap();

    let runs = bridged(&spool);
    assert_eq!(runs[0], (1, 1, lost), "positions are given anew, so nothing is bridged");
    assert!(runs[1..].iter().all(|(seq, last, lost)| seq == last && *lost == 0), "{runs:?}");
}

/// Whatever bit flips, in whatever record, one batch is lost at most, and the chain says which.
#[test]
fn one_flipped_bit_costs_one_batch() {
    let disk = SimDisk::new(1, Faults::default());
    let spool = on(&disk, PLENTY);
    (1..=4).for_each(|index| drop(append(&spool, cut(10, 0, index))));
    // Noted as sent, so the database knows the end of the chain.
    after(&spool, 0);
    drop(spool);
    let mut lost = [0_u64; 5];
    for bit in (0..disk.bits()).step_by(97) {
        let disk = disk.copy();
        disk.flip(bit);
        let spool = on(&disk, PLENTY);
        spool.adopt(&sealer()).unwrap();
        let runs = bridged(&spool);
        let gone: Vec<_> = runs.iter().filter(|run| run.2 > 0).collect();
        assert_eq!((runs.len(), gone.len(), gone[0].2), (4, 1, 1), "bit {bit}: {runs:?}");
        lost[usize::try_from(gone[0].0).unwrap()] += 1;
        let next = append(&spool, cut(1, 0, 9));
        assert_eq!(next.head().seq, 5, "the chain goes on");
    }
    assert!(lost[1..].iter().all(|count| *count > 0), "{lost:?}");
}

/// What the marketplace answers, as its `ingest` decides: a receipt or the end of the vehicle.
struct Kept {
    hashes: BTreeMap<u64, BatchHash>,
    end: Bridge,
}

impl Kept {
    /// A marketplace that has the first so many of `batches`.
    fn first(count: usize, batches: &[Pending]) -> Self {
        let mut kept =
            Self { hashes: BTreeMap::new(), end: Bridge { seq: 0, hash: BatchHash::GENESIS } };
        batches.iter().take(count).for_each(|pending| assert!(kept.takes(pending)));
        kept
    }

    fn takes(&mut self, pending: &Pending) -> bool {
        let (header, hash, end) = (&pending.batch.header, pending.batch.hash(), pending.end());
        if header.seq > self.end.seq {
            self.hashes.insert(header.seq, hash);
            let follows = (header.seq, header.prev_hash) == (self.end.seq + 1, self.end.hash);
            self.end = end;
            return follows;
        }
        let at = |seq| self.hashes.get(&seq).copied();
        match at(header.seq) {
            Some(known) if known == hash => true,
            Some(_) if end.seq != header.seq => at(end.seq) == Some(end.hash),
            known => known == Some(end.hash),
        }
    }
}

/// Whichever of the batches sent the marketplace has, and whichever neighbours are damaged afterwards, what the
/// car then states is no second chain.
#[test]
fn neighbours_that_are_damaged_after_they_were_sent_are_no_fork() {
    let disk = SimDisk::new(1, Faults::default());
    let spool = on(&disk, PLENTY);
    (1..=5).for_each(|index| drop(append(&spool, cut(10, 0, index))));
    let sent = after(&spool, 0);
    drop(spool);
    for damaged in [&[1, 2][..], &[2, 3], &[2, 3, 4], &[4, 5], &[1, 2, 3, 4, 5]] {
        let disk = disk.copy();
        let record = disk.bits() / 5;
        for number in damaged {
            disk.flip(record * (number - 1) + record / 2);
        }
        let spool = on(&disk, PLENTY);
        spool.adopt(&sealer()).unwrap();
        let stated = after(&spool, 0);
        let lost = stated.iter().filter_map(Pending::loss).map(|loss| loss.batches).sum::<u64>();
        assert_eq!(lost, u64::try_from(damaged.len()).unwrap(), "{damaged:?}");
        for count in 0..=5 {
            let mut kept = Kept::first(count, &sent);
            for pending in &stated {
                let seq = pending.batch.header.seq;
                assert!(kept.takes(pending), "{damaged:?}, {count} there: fork at {seq}");
            }
            assert_eq!(kept.end, sent[4].end(), "{damaged:?}, {count} there");
        }
    }
}

/// What the test above is about: with the log alone, neighbours can not be told apart.
#[test]
fn neighbours_whose_hashes_are_not_known_are_one_loss() {
    let disk = SimDisk::new(1, Faults::default());
    let spool = on(&disk, PLENTY);
    (1..=5).for_each(|index| drop(append(&spool, cut(10, 0, index))));
    let sent = after(&spool, 0);
    let forget = |transaction: &redb::WriteTransaction| {
        Ok(transaction.open_table(crate::spool::tables::SENT)?.retain(|_, _| false)?)
    };
    spool.write(forget).unwrap();
    drop(spool);
    let record = disk.bits() / 5;
    for number in [2, 3] {
        disk.flip(record * (number - 1) + record / 2);
    }
    let spool = on(&disk, PLENTY);
    spool.adopt(&sealer()).unwrap();

    assert_eq!(bridged(&spool), [(1, 1, 0), (2, 3, 2), (4, 4, 0), (5, 5, 0)]);
    let forks = (0..=5).map(|count| {
        let mut kept = Kept::first(count, &sent);
        !after(&spool, 0).iter().all(|pending| kept.takes(pending))
    });
    assert_eq!(forks.collect::<Vec<_>>(), [false, false, true, false, false, false]);
}

#[test]
fn damage_that_is_met_while_sending_is_stated_then() {
    let disk = SimDisk::new(1, Faults::default());
    let spool = on(&disk, PLENTY);
    (1..=3).for_each(|index| drop(append(&spool, cut(10, 0, index))));
    disk.flip(disk.bits() / 2);

    assert_eq!(bridged(&spool), [(1, 1, 0), (2, 2, 1), (3, 3, 0)]);
}

#[test]
fn a_loss_without_a_batch_is_stated_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), PLENTY).unwrap();
    append(&spool, cut(10, 0, 1));
    let loss = Loss { frames: 700, ..Loss::new(LossReason::BusNotRead) };
    spool.state_loss(&sealer(), &everything(1), loss).unwrap();
    append(&spool, cut(10, 0, 2));

    assert_eq!(bridged(&spool), [(1, 1, 0), (2, 2, 0), (3, 3, 0)]);
    assert_eq!(after(&spool, 1)[0].loss(), Some(loss));
}
