//! The start of a spool: what the log says over what the database holds.
//!
//! **Invariant:** the log is read from front to back whatever was killed when; records that the database
//! has not applied are applied then, in one transaction.

use redb::{Durability, ReadableDatabase, ReadableTable};

use super::claims::CLAIMS;
use super::database::{Applied, save_standing};
use super::entry::Entry;
use super::error::SpoolError;
use super::kept;
use super::log::Durable;
use super::records::Pending;
use super::state::State;
use super::store::Spool;
use super::tables::{BATCHES, FORMER_WINDOWS, Failure, OPEN, PROGRESS, SENT, STATE, from_json};

impl Spool {
    /// Makes the tables.
    pub(super) fn prepare(&self) -> Result<(), SpoolError> {
        self.write(|transaction| {
            transaction.open_table(STATE)?;
            transaction.open_table(PROGRESS)?;
            transaction.open_table(OPEN)?;
            transaction.open_table(kept::KEPT)?;
            transaction.open_table(kept::ORDER)?;
            transaction.open_table(CLAIMS)?;
            transaction.open_table(BATCHES)?;
            transaction.open_table(SENT)?;
            transaction.delete_table(FORMER_WINDOWS)?;
            Ok(())
        })
    }

    /// Brings `state` and the database to where the log is.
    pub(super) fn recover(&self, state: &mut State) -> Result<(), Failure> {
        let applied = self.load(state)?;
        state.log.go_on(applied.epoch, applied.number);
        let mut missing = Vec::new();
        let mut damaged = 0;
        for segment in state.log.segments() {
            let (found, places) = state.log.scan(segment).map_err(Failure::Log)?;
            damaged += places;
            for found in found {
                let mut entry = Entry::parse(&found.body)?;
                if found.number > applied.number {
                    state.take(found.number, found.place, &entry);
                    entry.pending = None;
                    missing.push(entry);
                } else if let Some(pending) = &entry.pending {
                    state.index(pending, found.place);
                }
            }
        }
        if damaged > 0 {
            tracing::warn!(damaged, "places in the spool that hold no whole record");
        }
        self.follow(state, &missing, Durability::Immediate)?;
        self.take_former(state)?;
        state.sweep()
    }

    /// Begins `state` with what the database holds.
    fn load(&self, state: &mut State) -> Result<Applied, Failure> {
        let transaction = self.database()?.begin_read()?;
        let table = transaction.open_table(STATE)?;
        let row = |name: &str| table.get(name);
        state.slots.clear();
        state.bytes = 0;
        state.chain = row("chain")?.map(|row| from_json("the chain", row.value())).transpose()?;
        let counters = row("counters")?.map(|row| from_json("the counters", row.value()));
        state.counters = counters.transpose()?.unwrap_or_default();
        let applied = row("applied")?.map(|row| from_json("the log's end", row.value()));
        let applied: Applied = applied.transpose()?.unwrap_or_default();
        state.number = applied.number;
        Ok(applied)
    }

    /// Takes over the batches that an earlier version kept in the database.
    fn take_former(&self, state: &mut State) -> Result<(), Failure> {
        let mut former = Vec::new();
        let transaction = self.database()?.begin_read()?;
        for row in transaction.open_table(BATCHES)?.iter()? {
            let damaged = || Failure::Damaged("a batch of an earlier version".to_owned());
            former.push(Pending::parse(row?.1.value()).ok_or_else(damaged)?);
        }
        drop(transaction);
        let Some(chain) = state.chain.as_mut().filter(|_| !former.is_empty()) else {
            return Ok(());
        };
        chain.sent_seq = chain.head().seq;
        if let Some(first) = former.first() {
            chain.set_acknowledged_hash(first.follows());
        }
        for pending in former {
            let entry = Entry { pending: Some(pending), ..Entry::default() };
            let body = entry.to_bytes()?;
            let (number, place) = state.log.append(&body, Durable::Later).map_err(Failure::Log)?;
            state.take(number, place, &entry);
        }
        state.log.sync().map_err(Failure::Log)?;
        self.commit(Durability::Immediate, |transaction| {
            transaction.open_table(BATCHES)?.retain(|_, _| false)?;
            let Some(chain) = &state.chain else { return Ok(()) };
            save_standing(transaction, chain, state.applied())
        })
    }
}
