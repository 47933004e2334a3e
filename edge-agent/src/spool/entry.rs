//! What is in a record of the log: everything that changes together.
//!
//! ```text
//! entry = meta open pending dropped kept…     each: length:u32 bytes
//! meta  = JSON of source, progress and counters, or nothing
//! kept  = signal:u16 commitment:32 the record's other fields
//! ```
//!
//! **Invariant:** the checksum of the log was right when this is parsed, so what does not parse is of a newer
//! program and is refused.

use serde::{Deserialize, Serialize};
use telematics::loss::{Bridge, Loss};
use telematics::window::{Commitment, Committed};
use telematics::{BatchHash, Signal};

use super::kept::KeptRecord;
use super::records::{Pending, take};
use super::tables::{Failure, from_json, to_json};
use crate::progress::{Counters, Progress};

/// Where the agent is, and what it counted up to there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meta {
    pub(super) source: String,
    pub(super) progress: Progress,
    pub(super) counters: Counters,
}

/// One record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) meta: Option<Meta>,
    /// Open windows, encrypted.
    pub(super) open: Vec<u8>,
    /// A batch, or the loss that takes the place of some.
    pub(super) pending: Option<Pending>,
    /// Commitments that are not sent any more.
    pub(super) dropped: Vec<Committed>,
    pub(super) kept: Vec<KeptRecord>,
}

impl Entry {
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, Failure> {
        let meta = self.meta.as_ref().map(to_json).transpose()?.unwrap_or_default();
        let pending = self.pending.as_ref().map(Pending::to_bytes).unwrap_or_default();
        let mut bytes = Vec::with_capacity(pending.len() + self.open.len() + 512);
        put(&mut bytes, &meta);
        put(&mut bytes, &self.open);
        put(&mut bytes, &pending);
        put(&mut bytes, &self.dropped.iter().flat_map(committed).collect::<Vec<_>>());
        for record in &self.kept {
            put(&mut bytes, &[committed(&record.committed), record.to_bytes(0)].concat());
        }
        Ok(bytes)
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        let damaged = || Failure::Damaged("a record of the log".to_owned());
        let mut rest = bytes;
        let mut section = || section(&mut rest).ok_or_else(damaged);
        let (meta, open, pending, dropped) = (section()?, section()?, section()?, section()?);
        let mut entry = Self { open: open.to_vec(), ..Self::default() };
        if !meta.is_empty() {
            entry.meta = Some(from_json("progress in the log", meta)?);
        }
        if !pending.is_empty() {
            entry.pending = Some(Pending::parse(pending).ok_or_else(damaged)?);
        }
        let mut dropped = dropped;
        while !dropped.is_empty() {
            entry.dropped.push(parse_committed(&mut dropped).ok_or_else(damaged)?);
        }
        while !rest.is_empty() {
            let mut record = self::section(&mut rest).ok_or_else(damaged)?;
            let committed = parse_committed(&mut record).ok_or_else(damaged)?;
            entry.kept.push(KeptRecord::parse(&committed.commitment.0, record)?.1);
        }
        Ok(entry)
    }
}

impl Pending {
    /// The end of the chain once this is in it.
    pub(super) fn end(&self) -> Bridge {
        Bridge::behind(&self.batch, self.batch.hash())
    }

    /// The loss that it states, if it is not of samples.
    pub(super) fn loss(&self) -> Option<Loss> {
        Loss::of(&self.batch).ok().flatten()
    }

    pub(super) const fn follows(&self) -> BatchHash {
        self.batch.header.prev_hash
    }
}

fn put(bytes: &mut Vec<u8>, section: &[u8]) {
    bytes.extend(u32::try_from(section.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(section);
}

fn section<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(u32::from_be_bytes(take(rest)?)).ok()?;
    let (section, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(section)
}

fn committed(committed: &Committed) -> Vec<u8> {
    [committed.signal.number().to_be_bytes().as_slice(), &committed.commitment.0].concat()
}

fn parse_committed(rest: &mut &[u8]) -> Option<Committed> {
    let signal = Signal::by_number(u16::from_be_bytes(take(rest)?).into()).ok()?;
    Some(Committed { signal, commitment: Commitment(take(rest)?) })
}

#[cfg(test)]
mod tests {
    use telematics::testing::{self, T0};

    use super::*;

    #[test]
    fn an_entry_survives_its_bytes_and_half_of_it_is_refused() {
        let batch = testing::batch(7, BatchHash([9; 32]), &testing::signing_key(1));
        let committed = Committed { signal: Signal::SPEED, commitment: Commitment([3; 32]) };
        let kept = KeptRecord { committed, kept_at: T0, leaf: None, sealed: vec![1, 2, 3] };
        let full = Entry {
            meta: Some(Meta { source: "can0".to_owned(), ..Meta::default() }),
            open: vec![5; 9],
            pending: Some(Pending { batch, samples: 10 }),
            dropped: vec![committed; 2],
            kept: vec![kept.clone(), kept],
        };
        for entry in [full, Entry::default()] {
            let bytes = entry.to_bytes().unwrap_or_else(|_| panic!("no bytes"));
            assert_eq!(Entry::parse(&bytes).ok(), Some(entry));
            assert!(Entry::parse(&bytes[..bytes.len() - 1]).is_err());
        }
    }
}
