//! What the uplink does with the spool: read what is to be sent, and forget what the marketplace has.
//!
//! **Invariant:** before a batch is handed out, the database says on the disk that it may have been sent, and
//! which hash it has.

use std::collections::BTreeMap;

use redb::Durability;
use telematics::LeavesAt;

use super::chain::Chain;
use super::database::save_standing;
use super::error::SpoolError;
use super::kept;
use super::records::Pending;
use super::state::State;
use super::store::Spool;
use super::tables::{Failure, SENT, contents};
use crate::seal::Sealer;

/// Batches that are noted as sent before they are: noting costs a sync, so it is done for some at once.
const SENT_AHEAD: u64 = 64;

impl Spool {
    /// The batches after position `seq`, in order, at most `limit`. They may be sent from then on, so
    /// they are neither dropped nor changed any more. Of what is damaged a loss is stated instead.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn to_send(
        &self,
        sealer: &Sealer,
        seq: u64,
        limit: usize,
    ) -> Result<Vec<Pending>, SpoolError> {
        let mut state = self.state()?;
        let sent = self.read_to_send(&mut state, sealer, seq, limit);
        sent.map_err(|failure| self.explain(failure))
    }

    fn read_to_send(
        &self,
        state: &mut State,
        sealer: &Sealer,
        seq: u64,
        limit: usize,
    ) -> Result<Vec<Pending>, Failure> {
        let (mut batches, mut from) = (Vec::new(), seq.saturating_add(1));
        while batches.len() < limit {
            let Some((at, slot)) = state.slots.range(from..).next() else { break };
            let (at, slot) = (*at, *slot);
            if let Some(pending) = state.read(&slot)? {
                from = slot.last_seq.saturating_add(1);
                batches.push(pending);
            } else {
                state.remove(at);
                self.mend(state, sealer)?;
            }
        }
        self.note_sent(state, batches.last())?;
        Ok(batches)
    }

    fn note_sent(&self, state: &mut State, last: Option<&Pending>) -> Result<(), Failure> {
        let Some((last, chain)) = last.zip(state.chain.as_mut()) else { return Ok(()) };
        let seq = last.end().seq;
        if seq > chain.sent_seq {
            chain.sent_seq = (seq + SENT_AHEAD).min(chain.head().seq).max(seq);
            let (chain, applied) = (chain.clone(), state.applied());
            self.commit(Durability::Immediate, |transaction| {
                let mut sent = transaction.open_table(SENT)?;
                sent.retain(|seq, _| seq > chain.acknowledged_seq)?;
                for (_, slot) in state.slots.range(..=chain.sent_seq) {
                    let hash = state.hash_behind(slot.last_seq);
                    hash.map(|hash| sent.insert(slot.last_seq, &hash.0)).transpose()?;
                }
                drop(sent);
                save_standing(transaction, &chain, applied)
            })?;
        }
        Ok(())
    }

    /// Forgets the batches up to position `seq`, and counts them as acknowledged. Notes where the leaves
    /// of their commitments are: `leaves` by position of the batch.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn acknowledge(
        &self,
        sealer: &Sealer,
        seq: u64,
        leaves: &BTreeMap<u64, LeavesAt>,
    ) -> Result<Chain, SpoolError> {
        let mut state = self.state()?;
        let forgotten = self.forget(&mut state, sealer, seq, leaves);
        forgotten.map_err(|failure| self.explain(failure))?;
        Ok(state.shown().unwrap_or_else(|| Chain::new(sealer.vehicle())))
    }

    fn forget(
        &self,
        state: &mut State,
        sealer: &Sealer,
        seq: u64,
        leaves: &BTreeMap<u64, LeavesAt>,
    ) -> Result<(), Failure> {
        let mut chain = state.chain.clone().unwrap_or_else(|| Chain::new(sealer.vehicle()));
        let (mut gone, mut placed) = (Vec::new(), Vec::new());
        for (position, slot) in state.slots.range(..=seq) {
            gone.push(*position);
            chain.acknowledge(slot);
            let Some(first) = leaves.get(position) else { continue };
            // What is damaged loses its places, not its receipt.
            if let Some(pending) = state.read(slot)? {
                placed.push((contents(&pending)?, *first));
            }
        }
        let hash = state.hash_behind(chain.acknowledged_seq).unwrap_or(chain.head().hash);
        chain.set_acknowledged_hash(hash);
        self.commit(Durability::Immediate, |transaction| {
            for (contents, first) in &placed {
                kept::place(transaction, contents, *first)?;
            }
            save_standing(transaction, &chain, state.applied())
        })?;
        for position in gone {
            state.remove(position);
        }
        state.chain = Some(chain);
        state.sweep()
    }
}
