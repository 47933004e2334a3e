//! Transfers that are under way: what has arrived of each message so far.
//!
//! **Invariant:** at most [`OPEN_MAX`] are open, and none holds more bytes than it announced and
//! received. A key has one transfer. What ends without being whole is counted in `dropped`.

use telematics::Timestamp;
use telematics::time::MICROS_PER_SECOND;

use super::pdu::Pdu;

/// Transfers open at once. A car has some ten computers that answer, a truck some thirty.
const OPEN_MAX: usize = 64;
/// A clock that goes back by more was set: what was open belongs to another time.
const BACK_MICROS_MAX: i64 = 2 * MICROS_PER_SECOND;

/// The open transfers of one transport, by who sends what.
#[derive(Debug)]
pub(super) struct Transfers<K, M = ()> {
    open: Vec<Transfer<K, M>>,
    /// The last message that became whole.
    done: Vec<u8>,
    /// Buffers to use again, so that a bus in its stride allocates nothing.
    spare: Vec<Vec<u8>>,
    dropped: u64,
}

/// One transfer.
#[derive(Debug)]
pub(super) struct Transfer<K, M = ()> {
    key: K,
    /// What the transport knows about it besides.
    pub(super) matter: M,
    began: Timestamp,
    last: Timestamp,
    due: Timestamp,
    length: usize,
    bytes: Vec<u8>,
    /// Number that the next frame must have; what it counts is for the transport to say.
    pub(super) next: u32,
    /// Frames so far.
    pub(super) frames: u32,
    /// Bytes that every frame but the last must carry.
    pub(super) share: usize,
}

/// A message that has become whole.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole<'a> {
    pub(super) began: Timestamp,
    pub(super) frames: u32,
    pub(super) bytes: &'a [u8],
}

impl<'a> Whole<'a> {
    /// The message of `address`, whose last frame came at `ended`.
    pub(super) const fn into_pdu<A>(self, address: A, ended: Timestamp) -> Pdu<'a, A> {
        let Self { began, frames, bytes } = self;
        Pdu { address, began, ended, frames, payload: bytes, described: bytes }
    }
}

impl<K: Copy + PartialEq, M: Copy + Default> Transfers<K, M> {
    pub(super) const fn new() -> Self {
        Self { open: Vec::new(), done: Vec::new(), spare: Vec::new(), dropped: 0 }
    }

    /// Opens a transfer of `length` bytes, of which the first have come, and drops an earlier one with
    /// the same key. The next frame must come within `patience` and have the number `next`.
    pub(super) fn begin(
        &mut self,
        key: K,
        now: Timestamp,
        patience: i64,
        length: usize,
        next: u32,
    ) -> &mut Transfer<K, M> {
        self.drop_where(|open| open.key == key || open.is_stale(now));
        if self.open.len() >= OPEN_MAX
            && let Some((oldest, _)) = self.open.iter().enumerate().min_by_key(|(_, t)| t.last)
        {
            self.drop_at(oldest);
        }
        let bytes = self.spare.pop().unwrap_or_default();
        let due = now.plus_micros(patience);
        self.open.push(Transfer {
            key,
            matter: M::default(),
            began: now,
            last: now,
            due,
            length,
            bytes,
            next,
            frames: 1,
            share: 0,
        });
        let last = self.open.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "just pushed")]
        &mut self.open[last]
    }

    /// Where the transfer with this key is, if it is open and not too late.
    pub(super) fn position(&mut self, key: K, now: Timestamp) -> Option<usize> {
        let position = self.open.iter().position(|open| open.key == key)?;
        if self.open.get(position)?.is_stale(now) {
            self.drop_at(position);
            return None;
        }
        Some(position)
    }

    /// The transfer there.
    pub(super) fn at(&mut self, position: usize) -> Option<&mut Transfer<K, M>> {
        self.open.get_mut(position)
    }

    /// Gives up a transfer.
    pub(super) fn drop_at(&mut self, position: usize) {
        self.dropped += 1;
        let mut transfer = self.open.swap_remove(position);
        transfer.bytes.clear();
        self.spare.push(transfer.bytes);
    }

    /// Counts a message that could not even be opened.
    pub(super) const fn refuse(&mut self) {
        self.dropped += 1;
    }

    fn drop_where(&mut self, is_over: impl Fn(&Transfer<K, M>) -> bool) {
        while let Some(position) = self.open.iter().position(&is_over) {
            self.drop_at(position);
        }
    }

    /// Ends a transfer if it is whole.
    pub(super) fn take_whole(&mut self, position: usize) -> Option<Whole<'_>> {
        self.open.get(position).filter(|transfer| transfer.missing() == 0)?;
        let mut transfer = self.open.swap_remove(position);
        std::mem::swap(&mut self.done, &mut transfer.bytes);
        transfer.bytes.clear();
        self.spare.push(transfer.bytes);
        Some(Whole { began: transfer.began, frames: transfer.frames, bytes: &self.done })
    }

    /// A message that came whole in one frame, in parts to be put side by side.
    pub(super) fn whole_of(&mut self, now: Timestamp, parts: [&[u8]; 2]) -> Whole<'_> {
        self.done.clear();
        for part in parts {
            self.done.extend_from_slice(part);
        }
        Whole { began: now, frames: 1, bytes: &self.done }
    }

    /// Messages so far that did not become whole.
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl<K, M> Transfer<K, M> {
    /// Bytes that are still to come.
    pub(super) const fn missing(&self) -> usize {
        self.length.saturating_sub(self.bytes.len())
    }

    /// Adds the bytes of the next frame, at most as many as are missing; false when they are too few.
    pub(super) fn add_share(&mut self, bytes: &[u8]) -> bool {
        let is_enough = bytes.len() >= self.share.min(self.missing());
        self.add(bytes);
        self.frames += 1;
        is_enough
    }

    /// Adds bytes, at most as many as are missing.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        let wanted = bytes.len().min(self.missing());
        self.bytes.extend_from_slice(bytes.get(..wanted).unwrap_or_default());
    }

    /// Forgets all but the first bytes, which will be sent again.
    pub(super) fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
    }

    /// Notes that a sign of life came, and that the next must come within `patience`.
    pub(super) const fn hear(&mut self, now: Timestamp, patience: i64) {
        self.last = now;
        self.due = now.plus_micros(patience);
    }

    fn is_stale(&self, now: Timestamp) -> bool {
        now > self.due || self.last.micros_since(now) > BACK_MICROS_MAX
    }
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    #[test]
    fn the_oldest_is_dropped_when_there_are_too_many() {
        let mut transfers: Transfers<usize> = Transfers::new();
        for key in 0..=OPEN_MAX {
            let late = i64::try_from(key).unwrap();
            transfers.begin(key, T0.plus_micros(late), MICROS_PER_SECOND, 100, 1).add(&[0; 100]);
        }

        assert_eq!(transfers.open.len(), OPEN_MAX);
        assert_eq!(transfers.dropped(), 1);
        assert_eq!(transfers.position(0, T0), None);
        assert!(transfers.position(OPEN_MAX, T0).is_some());
    }

    #[test]
    fn what_waits_too_long_is_dropped() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("in time",                     1_000_000,  Some(0), 0),
            ("too late",                    1_000_001,  None,    1),
            ("a clock that goes back",     -2_000_000,  Some(0), 0),
            ("a clock that was set",       -2_000_001,  None,    1),
        ];
        for (name, micros, position, dropped) in cases {
            let mut transfers: Transfers<usize> = Transfers::new();
            transfers.begin(1, T0, MICROS_PER_SECOND, 100, 1);
            assert_eq!(transfers.position(1, T0.plus_micros(micros)), position, "{name}");
            assert_eq!(transfers.dropped(), dropped, "{name}");
        }
    }

    #[test]
    fn a_transfer_holds_no_more_than_it_announced() {
        let mut transfers: Transfers<usize> = Transfers::new();
        transfers.begin(1, T0, 1, 10, 1).add(&[7; 64]);

        assert_eq!(transfers.take_whole(0).unwrap().bytes, [7; 10]);
        assert!(transfers.open.is_empty());
        assert_eq!(transfers.spare.len(), 1);
    }

    #[test]
    fn beginning_anew_drops_what_was_begun() {
        let mut transfers: Transfers<usize> = Transfers::new();
        transfers.begin(1, T0, 1, 10, 1).add(&[1]);
        transfers.begin(1, T0, 1, 10, 1).add(&[2]);

        assert_eq!((transfers.open.len(), transfers.dropped()), (1, 1));
        assert_eq!(transfers.open[0].bytes, [2]);
    }
}
