//! A segment of the log, for who tests its reader with bytes of his own: the log itself is not public.
//!
//! **Invariant:** what is read here is read by what a start reads with.

use std::ops::Range;

use super::entry::Entry;
use super::log::frame;
use super::records::Pending;
use super::tables::{Failure, contents};

/// A record that was found in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its epoch.
    pub epoch: u32,
    /// Its number.
    pub number: u64,
    /// Where it lies in the segment, its head included.
    pub range: Range<usize>,
}

/// The records in a segment, and how many damaged places there are between and behind them.
#[must_use]
pub fn records(segment: &[u8]) -> (Vec<Record>, u64) {
    let (frames, damaged) = frame::scan(segment);
    let record = |frame: frame::Frame| {
        let frame::Frame { epoch, number, range } = frame;
        Record { epoch, number, range }
    };
    (frames.into_iter().map(record).collect(), damaged)
}

/// The record with this body, as it lies in a segment.
#[must_use]
pub fn record(epoch: u32, number: u64, body: &[u8]) -> Vec<u8> {
    frame::frame(epoch, number, body)
}

/// What a start makes of the body of a record: whether it is an entry, and then whether what is written for
/// that entry is read as the same.
#[must_use]
pub fn survives(body: &[u8]) -> Option<bool> {
    let entry = Entry::parse(body).ok()?;
    if let Some(pending) = &entry.pending {
        read(pending);
    }
    let again = entry.to_bytes().and_then(|bytes| Entry::parse(&bytes));
    Some(again.is_ok_and(|again| again == entry))
}

/// Reads what recovery reads of a batch.
fn read(pending: &Pending) {
    let (end, loss) = (pending.end(), pending.loss());
    let content: Result<_, Failure> = contents(pending);
    tracing::trace!(end.seq, loss = loss.is_some(), content = content.is_ok(), "read");
}
