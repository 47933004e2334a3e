//! What the spool knows without looking at the disk: where each waiting batch lies, and the chain.
//!
//! **Invariant:** it is what [`State::take`] makes of the records in the log, in their order, over what the
//! marketplace has acknowledged; so it is the same after every restart.

use std::collections::{BTreeMap, BTreeSet};

use telematics::{BatchHash, PolicyVersion};

use super::chain::Chain;
use super::database::Applied;
use super::entry::Entry;
use super::log::{Log, Place};
use super::records::Pending;
use super::tables::{Failure, length};
use crate::progress::Counters;
use crate::seal::Head;

/// One waiting batch, or a loss in the place of some.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) place: Place,
    /// The position up to which it stands: its own, unless it is a loss.
    pub(super) last_seq: u64,
    /// The hash of what is before it.
    pub(super) follows: BatchHash,
    pub(super) version: PolicyVersion,
    pub(super) samples: u32,
    pub(super) payload_bytes: u64,
    /// Batches that it says are lost.
    pub(super) batches_lost: u64,
    pub(super) samples_lost: u64,
}

/// The state of a spool.
pub(super) struct State {
    pub(super) log: Log,
    /// What waits, by position.
    pub(super) slots: BTreeMap<u64, Slot>,
    /// `None` before the first batch of a vehicle.
    pub(super) chain: Option<Chain>,
    pub(super) counters: Counters,
    /// Up to which record of the log all of this is.
    pub(super) number: u64,
    /// Bytes of the log that wait.
    pub(super) bytes: u64,
}

impl State {
    pub(super) fn new(log: Log) -> Self {
        let (slots, counters) = (BTreeMap::new(), Counters::default());
        Self { log, slots, chain: None, counters, number: 0, bytes: 0 }
    }

    pub(super) const fn applied(&self) -> Applied {
        Applied { epoch: self.log.epoch, number: self.number }
    }

    /// Takes in a record.
    pub(super) fn take(&mut self, number: u64, place: Place, entry: &Entry) {
        self.number = self.number.max(number);
        if let Some(meta) = &entry.meta {
            self.counters = meta.counters;
        }
        if let Some(pending) = &entry.pending {
            let vehicle = pending.batch.header.vehicle;
            let chain = self.chain.get_or_insert_with(|| Chain::new(vehicle));
            let end = pending.end();
            // What a bridge leads over is behind the end already.
            let bridges = pending.loss().is_some_and(|loss| loss.bridge.is_some());
            if !bridges || end.seq > chain.head().seq {
                chain.set_head(Head { seq: end.seq, hash: end.hash });
            }
            self.index(pending, place);
        }
    }

    /// Notes where `pending` lies. What it takes the place of goes: behind a batch everything, for it was
    /// written after a failure; under a bridge what is lost.
    pub(super) fn index(&mut self, pending: &Pending, place: Place) {
        let (seq, end) = (pending.batch.header.seq, pending.end().seq);
        if self.chain.as_ref().is_some_and(|chain| end <= chain.acknowledged_seq) {
            return;
        }
        let loss = pending.loss();
        let bridges = loss.is_some_and(|loss| loss.bridge.is_some());
        let replaced = seq..=if bridges { end } else { u64::MAX };
        let replaced: Vec<_> = self.slots.range(replaced).map(|(seq, _)| *seq).collect();
        for seq in replaced {
            self.remove(seq);
        }
        let slot = Slot {
            place,
            last_seq: end,
            follows: pending.follows(),
            version: pending.batch.header.consent_version,
            samples: pending.samples,
            payload_bytes: length(&pending.batch.payload),
            batches_lost: loss.map_or(0, |loss| loss.batches),
            samples_lost: loss.map_or(0, |loss| loss.samples),
        };
        self.bytes += slot.disk_bytes();
        self.slots.insert(seq, slot);
    }

    pub(super) fn remove(&mut self, seq: u64) {
        if let Some(slot) = self.slots.remove(&seq) {
            self.bytes = self.bytes.saturating_sub(slot.disk_bytes());
        }
    }

    /// The batch in `slot`, or `None` when it is damaged.
    pub(super) fn read(&self, slot: &Slot) -> Result<Option<Pending>, Failure> {
        let Some(body) = self.log.read(slot.place).map_err(Failure::Log)? else { return Ok(None) };
        Ok(Entry::parse(&body)?.pending)
    }

    /// The hash that the batch behind position `seq` names.
    pub(super) fn hash_behind(&self, seq: u64) -> Option<BatchHash> {
        let next = self.slots.range(seq.saturating_add(1)..).next();
        next.map(|(_, slot)| slot.follows).or(self.chain.as_ref().map(|chain| chain.head().hash))
    }

    /// Positions that neither a batch nor a loss stands for, though the chain goes beyond them.
    pub(super) fn gaps(&self) -> Vec<(u64, u64)> {
        let Some(chain) = &self.chain else { return Vec::new() };
        let mut gaps = Vec::new();
        let mut expected = chain.acknowledged_seq.saturating_add(1);
        for (seq, slot) in &self.slots {
            if *seq > expected {
                gaps.push((expected, seq - 1));
            }
            expected = slot.last_seq.saturating_add(1);
        }
        if expected <= chain.head().seq {
            gaps.push((expected, chain.head().seq));
        }
        gaps
    }

    /// Removes segments without anything that waits. Call it when the database is synced.
    pub(super) fn sweep(&mut self) -> Result<(), Failure> {
        let needed: BTreeSet<_> = self.slots.values().map(|slot| slot.place.segment).collect();
        self.log.keep_only(&needed).map_err(Failure::Log)
    }

    /// The chain, as it is shown.
    pub(super) fn shown(&self) -> Option<Chain> {
        let mut chain = self.chain.clone()?;
        chain.bytes_pending = self.slots.values().map(|slot| slot.payload_bytes).sum();
        chain.batches_lost += self.slots.values().map(|slot| slot.batches_lost).sum::<u64>();
        chain.samples_lost += self.slots.values().map(|slot| slot.samples_lost).sum::<u64>();
        chain.batches_waiting = u64::try_from(self.slots.len()).unwrap_or(u64::MAX);
        Some(chain)
    }
}

impl Slot {
    pub(super) fn disk_bytes(&self) -> u64 {
        u64::try_from(self.place.length).unwrap_or(u64::MAX)
    }
}
