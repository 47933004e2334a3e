//! Power cuts at any write, over many seeds: what was told to be kept is there, once and in order.
//!
//! Each seed drives one spool over a [`SimDisk`] through several power cuts at random writes, beside a
//! marketplace that keeps one chain. After each cut it is asked: is everything there that was told to be
//! kept, does the chain go on where the marketplace is, and is the progress that of the last batch?
//! The same questions, asked of a disk that lies about a sync, must find it out.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use redb::Database;
use telematics::loss::Loss;
use telematics::payload::Contents;
use telematics::window::{Commitment, Committed};
use telematics::{
    BatchHash, Disclosure, LeavesAt, Policy, PolicyVersion, Signal, SignalGroup, payload, testing,
};

use super::log::Storage;
use super::sim::{Faults, SimDisk};
use super::{Cut, KeptRecord, Spool, SpoolError};
use crate::progress::Progress;
use crate::seal::Sealer;

const CUTS: u32 = 4;

/// A marketplace that keeps one chain, and refuses a second.
#[derive(Default)]
struct Chain {
    hashes: BTreeMap<u64, BatchHash>,
    last: (u64, [u8; 32]),
    /// The marks of what it has, in order.
    marks: Vec<u64>,
}

/// One drive: what was told to be kept, and what should never be seen twice.
struct Drive {
    rng: SmallRng,
    disk: SimDisk,
    sealer: Sealer,
    market: Chain,
    /// The mark of the last batch that was kept for certain, and of the last that was tried.
    kept: u64,
    tried: u64,
    version: u32,
    unsafe_deletion: bool,
}

fn policy(version: u32) -> Policy {
    let groups =
        [(SignalGroup::Motion, Disclosure::Share), (SignalGroup::Battery, Disclosure::Prove)];
    Policy::new(PolicyVersion::new(version), groups.into())
}

fn battery() -> Signal {
    Signal::by_path("Vehicle.Powertrain.TractionBattery.StateOfHealth").unwrap()
}

/// A batch whose samples, commitment and progress all say `mark`.
fn cut(mark: u64) -> Cut {
    let mut samples = testing::samples("Vehicle.Speed", 3);
    samples[0].value = telematics::Value::from_raw(i64::try_from(mark).unwrap());
    let mut commitment = Commitment([0; 32]);
    commitment.0[..8].copy_from_slice(&mark.to_be_bytes());
    let committed = Committed { signal: battery(), commitment };
    let kept_at = testing::T0;
    Cut {
        contents: Contents { samples, commitments: vec![committed] },
        kept: vec![KeptRecord { committed, kept_at, leaf: None, sealed: vec![7; 20] }],
        source: "can0".to_owned(),
        progress: Progress { position: mark, ..Progress::default() },
        open: mark.to_be_bytes().to_vec(),
        ..Cut::default()
    }
}

impl Drive {
    fn new(seed: u64, faults: Faults) -> Self {
        Self {
            rng: SmallRng::seed_from_u64(seed),
            disk: SimDisk::new(seed, faults),
            sealer: Sealer::new(testing::vehicle(1), testing::signing_key(1)),
            market: Chain::default(),
            kept: 0,
            tried: 0,
            version: 1,
            unsafe_deletion: false,
        }
    }

    fn open(&self) -> Result<Spool, SpoolError> {
        let (file, segments) = (self.disk.clone(), self.disk.segments());
        let open =
            move || Database::builder().set_cache_size(0).create_with_backend(file.database());
        let segments = move || Ok::<Box<dyn Storage>, _>(Box::new(segments));
        // Small segments: some of them go in every drive.
        let bytes_max = NonZeroU64::new(60_000).unwrap();
        let spool = Spool::open_with("/spool.redb".into(), bytes_max, Box::new(open), segments)?;
        spool.adopt(&self.sealer)?;
        Ok(spool)
    }

    /// Drives until the power goes.
    fn drive(&mut self) -> Result<(), SpoolError> {
        let spool = self.open()?;
        while self.disk.has_power() {
            match self.rng.random_range(0..10) {
                0..=5 => {
                    self.tried += 1;
                    spool.append(&self.sealer, &policy(self.version), &mut cut(self.tried))?;
                    self.kept = self.tried;
                }
                6..=8 => self.send(&spool)?,
                _ => self.change_consent(&spool)?,
            }
        }
        Ok(())
    }

    fn send(&mut self, spool: &Spool) -> Result<(), SpoolError> {
        let acknowledged = spool.adopt(&self.sealer)?.acknowledged_seq;
        if self.unsafe_deletion {
            let all = acknowledged + 3;
            spool.acknowledge(&self.sealer, all, &BTreeMap::new())?;
            return Ok(());
        }
        let limit = self.rng.random_range(1..5);
        let batches = spool.to_send(&self.sealer, acknowledged, limit)?;
        let mut received = None;
        for pending in &batches {
            if pending.batch.header.consent_version.number() != self.version {
                break;
            }
            self.market.take(pending);
            received = Some(pending.batch.header.seq);
        }
        // Not every receipt arrives.
        if let Some(seq) = received.filter(|_| self.rng.random_bool(0.8)) {
            let at =
                |seq: u64| LeavesAt { epoch: 0, position: u32::try_from(seq).unwrap(), day: 1 };
            let leaves = (1..=seq).map(|seq| (seq, at(seq))).collect();
            spool.acknowledge(&self.sealer, seq, &leaves)?;
        }
        Ok(())
    }

    /// The owner decides anew. As the uplink does it: first what the marketplace has is noted.
    fn change_consent(&mut self, spool: &Spool) -> Result<(), SpoolError> {
        if self.market.last.0 > 0 {
            spool.acknowledge(&self.sealer, self.market.last.0, &BTreeMap::new())?;
        }
        self.version += 1;
        spool.recut(&self.sealer, &policy(self.version)).map(drop)
    }

    /// Asks whether everything is there. With power.
    fn check(&mut self) {
        let spool = self.open().unwrap();
        let chain = spool.adopt(&self.sealer).unwrap();
        assert!(chain.acknowledged_seq <= self.market.last.0, "forgot what was not acknowledged");
        let batches = spool.to_send(&self.sealer, chain.acknowledged_seq, usize::MAX).unwrap();
        let mut marks = self.market.marks.clone();
        for pending in &batches {
            if pending.batch.header.seq <= self.market.last.0 {
                let known = self.market.hashes.get(&pending.batch.header.seq);
                assert_eq!(known, Some(&pending.batch.hash()), "two batches at one position");
                continue;
            }
            assert_eq!(pending.loss(), None, "lost something");
            marks.push(mark(pending));
        }
        assert!(marks.windows(2).all(|pair| pair[0] < pair[1]), "out of order or twice: {marks:?}");
        let all: Vec<_> = (1..=self.kept).collect();
        assert_eq!(marks.get(..all.len()), Some(all.as_slice()), "something kept is gone");
        let last = marks.last().copied().unwrap_or(0);
        assert!(last <= self.tried);
        assert_eq!(spool.progress("can0").unwrap().position, last, "progress is of another batch");
        if last > 0 {
            assert_eq!(spool.open_of("can0").unwrap(), Some(last.to_be_bytes().to_vec()));
        }
        let records = spool.kept(battery(), u64::MAX, usize::MAX).unwrap().len();
        assert_eq!(records, marks.len(), "a record for each batch");
        // What was not told to be kept, and is, counts from now on.
        (self.kept, self.tried) = (last, last);
        while self.version != latest(&batches, self.version) {
            self.version += 1;
        }
    }
}

fn latest(batches: &[super::Pending], version: u32) -> u32 {
    let versions = batches.iter().map(|pending| pending.batch.header.consent_version.number());
    versions.max().unwrap_or(version).max(version)
}

fn mark(pending: &super::Pending) -> u64 {
    let contents = payload::decode(&pending.batch.payload).unwrap();
    u64::try_from(contents.samples[0].value.raw()).unwrap()
}

impl Chain {
    fn take(&mut self, pending: &super::Pending) {
        let (header, hash) = (&pending.batch.header, pending.batch.hash());
        if header.seq <= self.last.0 {
            assert_eq!(self.hashes.get(&header.seq), Some(&hash), "two batches at one position");
            return;
        }
        assert_eq!((header.seq, header.prev_hash.0), (self.last.0 + 1, self.last.1), "a gap");
        assert_eq!(Loss::of(&pending.batch), Ok(None), "lost something");
        self.hashes.insert(header.seq, hash);
        self.last = (header.seq, hash.0);
        self.marks.push(mark(pending));
    }
}

fn run(seed: u64, faults: Faults, unsafe_deletion: bool) {
    let mut drive = Drive::new(seed, faults);
    drive.unsafe_deletion = unsafe_deletion;
    // A database is made beside its place and moved there whole.
    drive.disk.settle_database();
    for _ in 0..CUTS {
        let writes = drive.rng.random_range(0..200);
        drive.disk.cut_power_after(writes);
        // Whatever fails then, fails for want of power.
        let failed = drive.drive();
        assert!(!drive.disk.has_power(), "failed with power: {failed:?}");
        drive.disk.restart();
        drive.check();
    }
}

fn finds_a_violation(faults: Faults, unsafe_deletion: bool) -> bool {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let found = (0..60)
        .any(|seed| std::panic::catch_unwind(move || run(seed, faults, unsafe_deletion)).is_err());
    std::panic::set_hook(hook);
    found
}

#[test]
fn power_cuts_cost_nothing_that_was_kept() {
    (0..40).for_each(|seed| run(seed, Faults::default(), false));
}

#[test]
#[ignore = "takes half a minute"]
fn power_cuts_over_many_seeds_cost_nothing_that_was_kept() {
    (1_000..2_500).for_each(|seed| run(seed, Faults::default(), false));
}

#[test]
fn a_disk_or_an_agent_that_cheats_is_found_out() {
    let no_sync = Faults { ignores_sync: true, ..Faults::default() };
    let no_folder_sync = Faults { ignores_folder_sync: true, ..Faults::default() };
    let no_database_sync = Faults { ignores_database_sync: true, ..Faults::default() };
    let believes = Faults { believes_checksums: true, ..Faults::default() };

    assert!(finds_a_violation(no_sync, false), "no sync");
    assert!(finds_a_violation(no_folder_sync, false), "no sync of the folder");
    assert!(finds_a_violation(no_database_sync, false), "no sync of the database");
    assert!(finds_a_violation(believes, false), "no checksum");
    assert!(finds_a_violation(Faults::default(), true), "deletion before the receipt");
}
