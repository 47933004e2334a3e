//! Giving up batches, and saying so: a signed loss takes their place in the chain.
//!
//! When the disk given to batches is full, the oldest go that certainly never left the car, a sixteenth of
//! the room at once. What can not be read any more goes as well. A batch that may have been sent is never
//! dropped: the marketplace may have it, and would see two batches at one position.
//!
//! A loss for a damaged batch that the marketplace does have is answered with a receipt: its bridge names
//! the hash that the marketplace knows, so nothing was lost but the car's copy. It must therefore never lead
//! over a batch that the marketplace has to one that it has not: that would look as if two chains went on from
//! one position. Whoever reads the log alone can not prevent this, for what is behind a damaged batch names
//! the hash of that one only; of two damaged neighbours, the first one's is gone. So the hashes of batches that
//! may have been sent are in the database as well, and each of them gets a loss of its own.
//!
//! **Invariant:** no position of the chain is left without a batch or a loss.

use redb::ReadableDatabase as _;
use telematics::loss::{Bridge, Loss, LossReason};
use telematics::payload;
use telematics::window::Committed;
use telematics::{BatchHash, Policy, PolicyVersion};

use super::entry::Entry;
use super::error::SpoolError;
use super::log::Durable;
use super::records::Pending;
use super::state::State;
use super::store::{Spool, WhenFull};
use super::tables::{Failure, SENT};
use crate::seal::{Head, Sealer};

/// The part of the room that is made free at once, so that dropping is rare.
const FREED_PART: u64 = 16;
/// About what the record of a loss takes.
const LOSS_BYTES: u64 = 512;

/// A run of positions that is given up.
struct Run {
    first: Head,
    last_seq: u64,
    /// The hash of the last batch in it, unless what is behind it says so.
    last_hash: Option<BatchHash>,
    version: PolicyVersion,
    loss: Loss,
    dropped: Vec<Committed>,
    /// Batches for which no loss stood before.
    fresh: u64,
}

impl Spool {
    /// Makes room for `needed` more bytes, or refuses.
    pub(super) fn make_room(
        &self,
        state: &mut State,
        sealer: &Sealer,
        policy: &Policy,
        needed: u64,
    ) -> Result<(), Failure> {
        let max = self.bytes_max.get();
        loop {
            let over = (state.bytes + needed).saturating_sub(max);
            if over == 0 {
                return Ok(());
            }
            // The loss that is stated takes room as well.
            let enough = over.max(max / FREED_PART) + LOSS_BYTES;
            let drops = self.when_full == WhenFull::DropOldest;
            if !(drops && self.drop_oldest(state, sealer, policy, enough)?) {
                break;
            }
        }
        let (path, pending, max) = (self.log_path(), state.bytes, self.bytes_max);
        Err(Failure::Refused(SpoolError::Full { path, pending, max }))
    }

    /// Frees `enough` bytes, or as many as it may. Says whether it dropped anything.
    fn drop_oldest(
        &self,
        state: &mut State,
        sealer: &Sealer,
        policy: &Policy,
        enough: u64,
    ) -> Result<bool, Failure> {
        let Some(chain) = &state.chain else { return Ok(false) };
        let from = chain.sent_seq.max(chain.acknowledged_seq) + 1;
        let Some((first, slot)) = state.slots.range(from..).next() else { return Ok(false) };
        let mut run = Run {
            first: Head { seq: first - 1, hash: slot.follows },
            last_seq: slot.last_seq,
            last_hash: None,
            version: policy.version(),
            loss: Loss::new(LossReason::SpoolFull),
            dropped: Vec::new(),
            fresh: 0,
        };
        let mut freed = 0;
        for (_, slot) in state.slots.range(from..) {
            if freed >= enough {
                break;
            }
            freed += slot.disk_bytes();
            run.last_seq = slot.last_seq;
            run.add(state.read(slot)?)?;
        }
        if run.fresh == 0 {
            return Ok(false);
        }
        let Loss { batches, samples, .. } = run.loss;
        tracing::warn!(batches, samples, "the spool is full: the oldest batches are dropped");
        self.give_up(state, sealer, run)?;
        Ok(true)
    }

    /// Puts a loss into every place of the chain whose batch is gone.
    pub(super) fn mend(&self, state: &mut State, sealer: &Sealer) -> Result<(), Failure> {
        for (first, last) in state.gaps() {
            tracing::warn!(first, last, "batches on the disk are damaged: their loss is stated");
            let mut from = first;
            for (seq, hash) in self.sent_hashes(first, last)? {
                self.give_up_damaged(state, sealer, (from, seq), Some(hash))?;
                from = seq + 1;
            }
            if from <= last {
                self.give_up_damaged(state, sealer, (from, last), None)?;
            }
        }
        Ok(())
    }

    /// The ends of batches from position `first` to `last` that may have been sent.
    fn sent_hashes(&self, first: u64, last: u64) -> Result<Vec<(u64, BatchHash)>, Failure> {
        let transaction = self.database()?.begin_read()?;
        let table = transaction.open_table(SENT)?;
        let rows = table.range(first..=last)?;
        rows.map(|row| Ok(row.map(|(seq, hash)| (seq.value(), BatchHash(*hash.value())))?))
            .collect()
    }

    /// States the loss of the positions from `first` to `last`, of which the last has this hash.
    fn give_up_damaged(
        &self,
        state: &mut State,
        sealer: &Sealer,
        (first, last): (u64, u64),
        last_hash: Option<BatchHash>,
    ) -> Result<(), Failure> {
        let before = state.slots.range(..first).next_back();
        let hash = match before.map(|(_, slot)| state.read(slot)).transpose()? {
            None => state.chain.as_ref().map(|chain| chain.acknowledged().hash),
            Some(before) => before.map(|before| before.end().hash),
        };
        let hash = hash.ok_or_else(|| Failure::Damaged(format!("batch {}", first - 1)))?;
        let after = state.slots.range(first..).next();
        let mut loss = Loss::new(LossReason::Damaged);
        loss.batches = last + 1 - first;
        let run = Run {
            first: Head { seq: first - 1, hash },
            last_seq: last,
            last_hash,
            version: after.map_or(PolicyVersion::FIRST, |(_, slot)| slot.version),
            loss,
            dropped: Vec::new(),
            fresh: 0,
        };
        self.give_up(state, sealer, run)
    }

    /// Writes the loss of `run` in its place.
    fn give_up(&self, state: &mut State, sealer: &Sealer, mut run: Run) -> Result<(), Failure> {
        let hash = run.last_hash.or_else(|| state.hash_behind(run.last_seq));
        let hash = hash.unwrap_or(run.first.hash);
        run.loss.bridge = Some(Bridge { seq: run.last_seq, hash });
        let batch = sealer.seal_loss(run.first, run.version, &run.loss);
        let entry = Entry {
            pending: Some(Pending { batch, samples: 0 }),
            dropped: run.dropped,
            ..Entry::default()
        };
        let body = entry.to_bytes()?;
        let (number, place) = state.log.append(&body, Durable::Now).map_err(Failure::Log)?;
        state.take(number, place, &entry);
        self.follow(state, std::slice::from_ref(&entry), redb::Durability::Immediate)?;
        state.sweep()
    }
}

impl Run {
    /// Adds a batch, or the loss that already stands for some; `None` is one that can not be read.
    fn add(&mut self, pending: Option<Pending>) -> Result<(), Failure> {
        let Some(pending) = pending else {
            self.loss.batches += 1;
            self.fresh += 1;
            return Ok(());
        };
        if let Some(before) = pending.loss() {
            self.loss.batches += before.batches;
            self.loss.samples += before.samples;
            self.loss.frames += before.frames;
            before.span.into_iter().for_each(|span| self.loss.extend(span));
            return Ok(());
        }
        let contents = payload::decode(&pending.batch.payload)
            .or(Err(Failure::Damaged(format!("batch {}", pending.batch.header.seq))))?;
        self.loss.batches += 1;
        self.fresh += 1;
        self.loss.samples += u64::from(pending.samples);
        contents.samples.iter().for_each(|sample| self.loss.extend((sample.time, sample.time)));
        self.dropped.extend(contents.commitments);
        Ok(())
    }
}
