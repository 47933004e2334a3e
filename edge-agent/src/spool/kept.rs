//! Records for proofs: what is behind each commitment, encrypted, and where its leaf is.
//!
//! A record is found by its commitment, so it needs no position in a batch of its own: the batch says
//! which commitments it carries and in which order, until its receipt says where their leaves are.
//!
//! **Invariant:** a commitment that is in no batch, waiting or acknowledged, has no record; a record
//! gets its place in the transaction that forgets its batch.
//!
//! **Not here:** what is in a record ([`crate::kept`]): the spool holds no key and sees sealed bytes.

use redb::{ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};
use telematics::payload::Contents;
use telematics::window::{Commitment, Committed};
use telematics::{LeavesAt, Signal, Timestamp};
use zk::tree::LEAVES_MAX;

use super::error::SpoolError;
use super::records::take;
use super::store::Spool;
use super::tables::Failure;

/// Records, by commitment.
pub(super) const KEPT: TableDefinition<&[u8; 32], &[u8]> = TableDefinition::new("kept");
/// Commitments, by signal and in the order made.
pub(super) const ORDER: TableDefinition<(u16, u64), &[u8; 32]> = TableDefinition::new("kept_order");

/// What is kept for one commitment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRecord {
    /// The commitment and its signal.
    pub committed: Committed,
    /// When it was made, by the clock of this machine: from then on it is kept for as long as the owner
    /// says.
    pub kept_at: Timestamp,
    /// Where its leaf is, once the marketplace has it.
    pub leaf: Option<LeavesAt>,
    /// The rest, encrypted; see [`crate::kept`].
    pub sealed: Vec<u8>,
}

/// How many records there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptCounts {
    /// All of them.
    pub records: u64,
    /// Those whose place in the epoch tree is known, so that they can be proven about.
    pub placed: u64,
}

impl KeptRecord {
    pub(super) fn to_bytes(&self, number: u64) -> Vec<u8> {
        let at = self.leaf.unwrap_or(LeavesAt { epoch: 0, position: 0, day: 0 });
        [
            self.committed.signal.number().to_be_bytes().as_slice(),
            &number.to_be_bytes(),
            &self.kept_at.as_micros().to_be_bytes(),
            &[u8::from(self.leaf.is_some())],
            &at.epoch.to_be_bytes(),
            &at.position.to_be_bytes(),
            &at.day.to_be_bytes(),
            &self.sealed,
        ]
        .concat()
    }

    pub(super) fn parse(commitment: &[u8; 32], bytes: &[u8]) -> Result<(u64, Self), Failure> {
        let parse = || {
            let mut rest = bytes;
            let signal = Signal::by_number(u16::from_be_bytes(take(&mut rest)?).into()).ok()?;
            let number = u64::from_be_bytes(take(&mut rest)?);
            let kept_at = Timestamp::from_micros(i64::from_be_bytes(take(&mut rest)?));
            let [is_placed] = take(&mut rest)?;
            let at = LeavesAt {
                epoch: u32::from_be_bytes(take(&mut rest)?),
                position: u32::from_be_bytes(take(&mut rest)?),
                day: u16::from_be_bytes(take(&mut rest)?),
            };
            let committed = Committed { signal, commitment: Commitment(*commitment) };
            let leaf = (is_placed == 1).then_some(at);
            Some((number, Self { committed, kept_at, leaf, sealed: rest.to_vec() }))
        };
        parse().ok_or_else(|| Failure::Damaged("a record for proofs".to_owned()))
    }
}

/// The place of the leaf number `index` of a batch whose leaves begin at `first`: when the epoch was full
/// in between, the rest are in the next one, from 0.
fn leaf_at(first: LeavesAt, index: usize) -> LeavesAt {
    let position = u64::from(first.position) + u64::try_from(index).unwrap_or(u64::MAX);
    let max = u64::from(LEAVES_MAX);
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    LeavesAt {
        epoch: first.epoch.saturating_add(small(position / max)),
        position: small(position % max),
        day: first.day,
    }
}

/// Keeps `records`. One that is there stays as it is: a record of the log may be applied twice.
pub(super) fn put(transaction: &WriteTransaction, records: &[KeptRecord]) -> Result<(), Failure> {
    if records.is_empty() {
        return Ok(());
    }
    let (mut kept, mut order) = (transaction.open_table(KEPT)?, transaction.open_table(ORDER)?);
    for record in records {
        if kept.get(&record.committed.commitment.0)?.is_some() {
            continue;
        }
        let signal = record.committed.signal.number();
        let last = order.range((signal, 0)..=(signal, u64::MAX))?.next_back().transpose()?;
        let number = last.map_or(0, |(key, _)| key.value().1 + 1);
        let commitment = &record.committed.commitment.0;
        kept.insert(commitment, record.to_bytes(number).as_slice())?;
        order.insert((signal, number), commitment)?;
    }
    Ok(())
}

/// Notes where the leaves of a batch with these `contents` are.
pub(super) fn place(
    transaction: &WriteTransaction,
    contents: &Contents,
    first: LeavesAt,
) -> Result<(), Failure> {
    let mut kept = transaction.open_table(KEPT)?;
    for (index, committed) in contents.commitments.iter().enumerate() {
        let commitment = &committed.commitment.0;
        let row = kept.get(commitment)?.map(|row| KeptRecord::parse(commitment, row.value()));
        // The owner may keep records for a shorter time than a batch waits.
        let Some((number, mut record)) = row.transpose()? else { continue };
        record.leaf = Some(leaf_at(first, index));
        kept.insert(commitment, record.to_bytes(number).as_slice())?;
    }
    Ok(())
}

/// Deletes the records of commitments that are no longer sent.
pub(super) fn remove(
    transaction: &WriteTransaction,
    dropped: impl IntoIterator<Item = Committed>,
) -> Result<(), Failure> {
    let (mut kept, mut order) = (transaction.open_table(KEPT)?, transaction.open_table(ORDER)?);
    for committed in dropped {
        let commitment = &committed.commitment.0;
        let row = kept.remove(commitment)?.map(|row| KeptRecord::parse(commitment, row.value()));
        if let Some((number, record)) = row.transpose()? {
            order.remove((record.committed.signal.number(), number))?;
        }
    }
    Ok(())
}

/// Deletes every record: after the car was enrolled anew, none opens with its key.
pub(super) fn clear(transaction: &WriteTransaction) -> Result<(), Failure> {
    transaction.open_table(KEPT)?.retain(|_, _| false)?;
    transaction.open_table(ORDER)?.retain(|_, _| false)?;
    Ok(())
}

impl Spool {
    /// Records of `signal` that were made before number `before`, newest first, at most `limit`; each
    /// with its number.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn kept(
        &self,
        signal: Signal,
        before: u64,
        limit: usize,
    ) -> Result<Vec<(u64, KeptRecord)>, SpoolError> {
        self.read(|transaction| {
            let (kept, order) = (transaction.open_table(KEPT)?, transaction.open_table(ORDER)?);
            let signal = signal.number();
            let mut records = Vec::new();
            for row in order.range((signal, 0)..(signal, before))?.rev().take(limit) {
                let row = row?.1;
                let commitment = row.value();
                let missing = || Failure::Damaged("a record for proofs".to_owned());
                let bytes = kept.get(commitment)?.ok_or_else(missing)?;
                records.push(KeptRecord::parse(commitment, bytes.value())?);
            }
            Ok(records)
        })
    }

    /// How many records there are.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn kept_counts(&self) -> Result<KeptCounts, SpoolError> {
        self.read(|transaction| {
            let kept = transaction.open_table(KEPT)?;
            let mut counts = KeptCounts { records: kept.len()?, placed: 0 };
            for row in kept.iter()? {
                let (commitment, bytes) = row?;
                let (_, record) = KeptRecord::parse(commitment.value(), bytes.value())?;
                counts.placed += u64::from(record.leaf.is_some());
            }
            Ok(counts)
        })
    }

    /// Deletes the records made before `oldest`, and says how many.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn forget_kept_before(&self, oldest: Timestamp) -> Result<u64, SpoolError> {
        self.write(|transaction| {
            let mut old = Vec::new();
            for row in transaction.open_table(KEPT)?.iter()? {
                let (commitment, bytes) = row?;
                let (_, record) = KeptRecord::parse(commitment.value(), bytes.value())?;
                if record.kept_at < oldest {
                    old.push(record.committed);
                }
            }
            let count = u64::try_from(old.len()).unwrap_or(u64::MAX);
            remove(transaction, old)?;
            Ok(count)
        })
    }
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
