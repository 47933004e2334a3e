//! Sealing anew everything that waits: under another consent, or as another vehicle.
//!
//! The new chain is written beside the old one, as the log's next epoch. One transaction of the database
//! then puts that epoch in force, so a kill leaves the one or the other, whole.
//!
//! **Invariant:** safe only for batches that the marketplace has certainly not accepted.

use std::collections::BTreeMap;

use redb::Durability;
use telematics::loss::{Loss, LossReason};
use telematics::payload::Contents;
use telematics::window::Committed;
use telematics::{Policy, PolicyVersion};

use super::chain::Chain;
use super::claims::CLAIMS;
use super::database::{Applied, save_standing};
use super::entry::Entry;
use super::error::SpoolError;
use super::kept;
use super::log::Durable;
use super::records::Pending;
use super::state::{Slot, State};
use super::store::Spool;
use super::tables::{Failure, OPEN, SENT, contents};
use crate::consent;
use crate::seal::{Head, Sealer};

impl Spool {
    /// Makes the chain that of the sealer's vehicle, and states the loss of what is damaged. Batches that
    /// a former vehicle of this agent left behind are sealed anew as its first ones; what it kept for
    /// proofs was encrypted with its key, and is deleted.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn adopt(&self, sealer: &Sealer) -> Result<Chain, SpoolError> {
        let mut state = self.state()?;
        let adopt = |state: &mut State| {
            if state.chain.as_ref().is_some_and(|chain| chain.belongs_to(sealer.vehicle())) {
                return self.mend(state, sealer);
            }
            self.rewrite(state, sealer, None, Chain::new(sealer.vehicle()))
        };
        adopt(&mut state).map_err(|failure| self.explain(failure))?;
        Ok(state.shown().unwrap_or_else(|| Chain::new(sealer.vehicle())))
    }

    /// Cuts every waiting batch anew under `policy` and seals it again; one that has nothing left is
    /// gone. Safe only for batches that the marketplace has certainly not accepted.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn recut(&self, sealer: &Sealer, policy: &Policy) -> Result<Chain, SpoolError> {
        let mut state = self.state()?;
        let mut chain = state.chain.clone().unwrap_or_else(|| Chain::new(sealer.vehicle()));
        chain.set_head(chain.acknowledged());
        let result = self.rewrite(&mut state, sealer, Some(policy), chain);
        result.map_err(|failure| self.explain(failure))?;
        Ok(state.shown().unwrap_or_else(|| Chain::new(sealer.vehicle())))
    }

    fn rewrite(
        &self,
        state: &mut State,
        sealer: &Sealer,
        policy: Option<&Policy>,
        mut chain: Chain,
    ) -> Result<(), Failure> {
        chain.sent_seq = chain.head().seq;
        let old = std::mem::take(&mut state.slots);
        let (bytes, former, epoch) = (state.bytes, state.chain.replace(chain), state.log.epoch);
        state.bytes = 0;
        let result = self.write_anew(state, &old, sealer, policy);
        if result.is_err() {
            (state.slots, state.bytes, state.chain) = (old, bytes, former);
            state.log.end_segment(epoch).map_err(Failure::Log)?;
        }
        result
    }

    fn write_anew(
        &self,
        state: &mut State,
        old: &BTreeMap<u64, Slot>,
        sealer: &Sealer,
        policy: Option<&Policy>,
    ) -> Result<(), Failure> {
        state.log.end_segment(state.log.epoch + 1).map_err(Failure::Log)?;
        let mut dropped = Vec::new();
        for slot in old.values() {
            let pending = state.read(slot)?;
            let head = state.chain.as_ref().map_or(Head::START, Chain::head);
            let again = Anew { sealer, policy, head, version: slot.version };
            let Some(pending) = again.seal(pending, &mut dropped)? else { continue };
            let entry = Entry { pending: Some(pending), ..Entry::default() };
            let body = entry.to_bytes()?;
            let (number, place) = state.log.append(&body, Durable::Later).map_err(Failure::Log)?;
            state.take(number, place, &entry);
        }
        state.log.sync().map_err(Failure::Log)?;
        let applied = Applied { epoch: state.log.epoch, number: state.number };
        self.commit(Durability::Immediate, |transaction| {
            // Positions are given anew.
            transaction.open_table(SENT)?.retain(|_, _| false)?;
            if policy.is_some() {
                kept::remove(transaction, dropped)?;
            } else {
                kept::clear(transaction)?;
                transaction.open_table(OPEN)?.retain(|_, _| false)?;
                transaction.open_table(CLAIMS)?.retain(|_, _| false)?;
            }
            let Some(chain) = &state.chain else { return Ok(()) };
            save_standing(transaction, chain, applied)
        })?;
        state.sweep()
    }
}

/// How one batch is sealed anew. Without a policy the car was enrolled anew: samples and their consent
/// version stay, and what the former vehicle committed to can not be proven any more.
struct Anew<'a> {
    sealer: &'a Sealer,
    policy: Option<&'a Policy>,
    head: Head,
    version: PolicyVersion,
}

impl Anew<'_> {
    /// The batch at its new place, or `None` when nothing is left of it.
    fn seal(
        &self,
        pending: Option<Pending>,
        dropped: &mut Vec<Committed>,
    ) -> Result<Option<Pending>, Failure> {
        let version = self.policy.map_or(self.version, Policy::version);
        let loss = match &pending {
            None => Some(Loss { batches: 1, ..Loss::new(LossReason::Damaged) }),
            Some(pending) => pending.loss(),
        };
        if let Some(loss) = loss {
            // The chain is written anew, so there is nothing to bridge.
            let batch = self.sealer.seal_loss(self.head, version, &Loss { bridge: None, ..loss });
            return Ok(Some(Pending { batch, samples: 0 }));
        }
        let Some(pending) = pending else { return Ok(None) };
        let mut contents = contents(&pending)?;
        let before = contents.commitments.clone();
        match self.policy {
            Some(policy) => consent::restrict(&mut contents, policy),
            None => contents.commitments.clear(),
        }
        dropped.extend(before.into_iter().filter(|one| !contents.commitments.contains(one)));
        if contents == Contents::default() {
            return Ok(None);
        }
        let batch = self.sealer.seal(self.head, version, &contents);
        let samples = u32::try_from(contents.samples.len()).unwrap_or(u32::MAX);
        Ok(Some(Pending { batch, samples }))
    }
}
