//! The log of the spool: records in segments of a few megabytes, only appended and synced.
//!
//! A record counts when [`Log::append`] has returned: the segment's place in its folder and the bytes are
//! synced by then. Nothing is appended behind bytes that may be torn: every start, and every write that
//! failed, opens a new segment. Segments go as a whole, when nobody needs a record of theirs.
//!
//! **Invariant:** numbers of records only grow, also over those that failed. A record belongs to an epoch;
//! a reader wants one epoch and does not see the others, so that a whole chain can be written anew
//! beside the old one and take its place in one step.
//!
//! **Not here:** what is in a record ([`super::entry`]), and which epoch is in force (redb).

pub(super) mod frame;
mod storage;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

pub(super) use frame::BODY_BYTES_MAX;
pub(super) use storage::{Disk, Storage};

use super::tables::length;

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the segment.
    pub(super) segment: u64,
    offset: u64,
    /// Bytes of the record as it lies there.
    pub(super) length: usize,
}

impl Place {
    /// True for the first record of its segment.
    pub(super) const fn is_first(&self) -> bool {
        self.offset == 0
    }
}

/// When a record is to be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durable {
    /// When appending returns.
    Now,
    /// After [`Log::sync`].
    Later,
}

/// A record that was found at the start.
pub(super) struct Found {
    pub(super) number: u64,
    pub(super) place: Place,
    pub(super) body: Vec<u8>,
}

/// The segments, and the one that is appended to.
pub(super) struct Log {
    storage: Box<dyn Storage>,
    segment_bytes: u64,
    /// Bytes of each segment.
    segments: BTreeMap<u64, u64>,
    /// The segment that is appended to.
    open: Option<u64>,
    next_number: u64,
    /// The epoch of what is appended.
    pub(super) epoch: u32,
}

impl Log {
    /// The log in `storage`, with segments of about `segment_bytes`.
    pub(super) fn open(storage: Box<dyn Storage>, segment_bytes: u64) -> io::Result<Self> {
        let segments = storage.list()?.into_iter().map(|segment| (segment, 0)).collect();
        Ok(Self { storage, segment_bytes, segments, open: None, next_number: 1, epoch: 1 })
    }

    /// Goes on in `epoch`, with numbers above `number`.
    pub(super) fn go_on(&mut self, epoch: u32, number: u64) {
        self.epoch = epoch;
        self.next_number = self.next_number.max(number.saturating_add(1));
    }

    /// The segments there are, in order.
    pub(super) fn segments(&self) -> Vec<u64> {
        self.segments.keys().copied().collect()
    }

    /// The records of the present epoch in a segment, and how many damaged places there are.
    pub(super) fn scan(&mut self, segment: u64) -> io::Result<(Vec<Found>, u64)> {
        let content = self.storage.read(segment)?;
        self.segments.insert(segment, length(&content));
        let (frames, damaged) = frame::scan(&content);
        let mut found = Vec::with_capacity(frames.len());
        for frame::Frame { epoch, number, range } in frames {
            self.next_number = self.next_number.max(number.saturating_add(1));
            if epoch != self.epoch {
                continue;
            }
            let offset = u64::try_from(range.start).unwrap_or(u64::MAX);
            let place = Place { segment, offset, length: range.len() };
            let body = content.get(range.start + frame::HEAD_BYTES..range.end);
            found.push(Found { number, place, body: body.unwrap_or_default().to_vec() });
        }
        Ok((found, damaged))
    }

    /// Appends a record. When it fails, the record may be there or not, and never in half.
    pub(super) fn append(&mut self, body: &[u8], durable: Durable) -> io::Result<(u64, Place)> {
        let number = self.next_number;
        self.next_number = number.saturating_add(1);
        let bytes = frame::frame(self.epoch, number, body);
        let result = self.write(&bytes, durable);
        if result.is_err() {
            self.open = None;
        }
        let place = result?;
        Ok((number, place))
    }

    fn write(&mut self, bytes: &[u8], durable: Durable) -> io::Result<Place> {
        let segment = self.segment_with_room()?;
        let held = self.segments.entry(segment).or_default();
        let place = Place { segment, offset: *held, length: bytes.len() };
        *held += length(bytes);
        self.storage.append(bytes)?;
        if durable == Durable::Now {
            self.storage.sync()?;
        }
        Ok(place)
    }

    fn segment_with_room(&mut self) -> io::Result<u64> {
        if let Some(open) = self.open {
            if self.segments.get(&open).is_some_and(|bytes| *bytes < self.segment_bytes) {
                return Ok(open);
            }
            // Records that were to be durable later.
            self.storage.sync()?;
        }
        let next = self.segments.last_key_value().map_or(1, |(last, _)| last.saturating_add(1));
        self.segments.insert(next, 0);
        self.open = None;
        self.storage.create(next)?;
        self.storage.sync_folder()?;
        self.open = Some(next);
        Ok(next)
    }

    /// Makes durable what was appended.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if self.open.is_some() { self.storage.sync() } else { Ok(()) }
    }

    /// Ends the present segment: the next record begins one, and is of `epoch`.
    pub(super) fn end_segment(&mut self, epoch: u32) -> io::Result<()> {
        let synced = self.sync();
        (self.open, self.epoch) = (None, epoch);
        synced
    }

    /// The body of the record at `place`, or `None` when it is damaged.
    pub(super) fn read(&self, place: Place) -> io::Result<Option<Vec<u8>>> {
        match self.storage.read_at(place.segment, place.offset, place.length) {
            Ok(bytes) => Ok(frame::body(bytes)),
            Err(error) => match error.kind() {
                io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound => Ok(None),
                _ => Err(error),
            },
        }
    }

    /// Removes the segments that are not in `needed` and not appended to.
    pub(super) fn keep_only(&mut self, needed: &BTreeSet<u64>) -> io::Result<()> {
        let keeps = |segment: &u64| needed.contains(segment) || self.open == Some(*segment);
        let gone: Vec<_> = self.segments.keys().copied().filter(|one| !keeps(one)).collect();
        for segment in &gone {
            match self.storage.remove(*segment) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.segments.remove(segment),
            };
        }
        if gone.is_empty() { Ok(()) } else { self.storage.sync_folder() }
    }
}

#[cfg(test)]
mod tests;
