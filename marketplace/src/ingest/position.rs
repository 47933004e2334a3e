//! Where a vehicle's chain ends, and where a batch stands towards that.

use telematics::{BatchHash, BatchHeader};

use crate::archive::Chain;

/// The end of a chain, also of one that has not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Position of the last batch, 0 before the first.
    pub last_seq: u64,
    /// Its hash.
    pub last_hash: BatchHash,
}

/// Where a batch stands towards the end of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It follows the last one.
    Next,
    /// At a position that is taken: a repetition, or a contradiction.
    Behind,
    /// At the next position, but after another batch than the last.
    Diverges,
    /// Batches before it are missing.
    Ahead,
}

impl Position {
    /// The end of `chain`.
    #[must_use]
    pub fn of(chain: Option<Chain>) -> Self {
        let begun = |chain: Chain| Self { last_seq: chain.last_seq, last_hash: chain.last_hash };
        chain.map_or(Self { last_seq: 0, last_hash: BatchHash::GENESIS }, begun)
    }

    /// The position to send next.
    #[must_use]
    pub const fn next_seq(self) -> u64 {
        self.last_seq.saturating_add(1)
    }

    pub(super) fn place(self, header: &BatchHeader) -> Place {
        if header.seq <= self.last_seq {
            Place::Behind
        } else if header.seq > self.next_seq() {
            Place::Ahead
        } else if header.prev_hash == self.last_hash {
            Place::Next
        } else {
            Place::Diverges
        }
    }
}

#[cfg(test)]
mod tests {
    use telematics::testing::{self, signing_key};

    use super::*;

    #[test]
    fn the_first_batch_follows_genesis() {
        let fresh = Position::of(None);
        let honest = testing::batch(1, BatchHash::GENESIS, &signing_key(1)).header;
        let at = |seq, prev_hash| fresh.place(&BatchHeader { seq, prev_hash, ..honest });

        assert_eq!(at(1, BatchHash::GENESIS), Place::Next);
        assert_eq!(at(1, BatchHash([1; 32])), Place::Diverges);
        assert_eq!(at(2, BatchHash::GENESIS), Place::Ahead);
    }
}
