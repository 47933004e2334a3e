//! Losses: what a car had to give up, stated under its signature.
//!
//! A loss takes the place of a batch in the chain: its bytes are the payload of a sealed batch. When it
//! stands for batches that are gone, its bridge names the last of them, and the chain goes on from there:
//! the batches behind it stay as they were sealed. So a gap is explained, and can not be forged.
//!
//! ```text
//! payload = "axle/loss/v1\0" reason:u8 batches:u64 samples:u64 frames:u64 span bridge
//! span    = 0 | 1 first:i64 last:i64            microseconds
//! bridge  = 0 | 1 seq:u64 hash:32
//! ```
//!
//! **Invariant:** fixed widths, most significant byte first, one encoding of each loss.
//!
//! **Not here:** samples ([`crate::payload`]). No payload of samples begins as a loss does.

use crate::batch::{BatchHash, SealedBatch};
use crate::time::Timestamp;

const DOMAIN: &[u8] = b"axle/loss/v1\0";
/// Positions that a bridge may lead over: a batch each second for ten years.
const BRIDGE_MAX: u64 = 400_000_000;

/// Why something was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossReason {
    /// The disk given to batches was full, and the oldest were dropped.
    SpoolFull,
    /// The disk given to batches was full, and the bus was not read.
    BusNotRead,
    /// Batches could not be read from the disk any more.
    Damaged,
}

/// The batch behind which a chain goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// Position of the last batch that is gone.
    pub seq: u64,
    /// Its hash.
    pub hash: BatchHash,
}

/// What was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Why.
    pub reason: LossReason,
    /// Batches.
    pub batches: u64,
    /// Samples in them, as far as is known.
    pub samples: u64,
    /// Frames of the bus that were not read.
    pub frames: u64,
    /// Times of the first and the last of it, when they are known.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Where the chain goes on, when batches are gone from it.
    pub bridge: Option<Bridge>,
}

/// Bytes that begin as a loss and are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotALoss {
    /// Of another length or form.
    #[error("the statement of a loss is cut short, goes on after its end or has unknown parts")]
    Malformed,
    /// A bridge that does not lead on, or further than a car can have made batches.
    #[error("the loss at position {seq} leads to {to}, which is before it or too far")]
    LeadsAstray {
        /// Its position.
        seq: u64,
        /// Where it leads.
        to: u64,
    },
}

impl Bridge {
    /// The end of a chain with `batch` in it, whose hash is given: the batch itself, unless it states a
    /// loss that leads on.
    #[must_use]
    pub fn behind(batch: &SealedBatch, hash: BatchHash) -> Self {
        let loss = Loss::of(batch).ok().flatten();
        loss.and_then(|loss| loss.bridge).unwrap_or(Self { seq: batch.header.seq, hash })
    }
}

impl Loss {
    /// A loss of nothing, for a reason.
    #[must_use]
    pub const fn new(reason: LossReason) -> Self {
        Self { reason, batches: 0, samples: 0, frames: 0, span: None, bridge: None }
    }

    /// Adds what was lost between `first` and `last`.
    pub fn extend(&mut self, (first, last): (Timestamp, Timestamp)) {
        let (from, to) = self.span.unwrap_or((first, last));
        self.span = Some((from.min(first), to.max(last)));
    }

    /// The payload that states it.
    #[must_use]
    pub fn to_payload(&self) -> Vec<u8> {
        let reason = match self.reason {
            LossReason::SpoolFull => 1,
            LossReason::BusNotRead => 2,
            LossReason::Damaged => 3,
        };
        let mut bytes = [DOMAIN, &[reason]].concat();
        for number in [self.batches, self.samples, self.frames] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.push(self.span.is_some().into());
        if let Some((first, last)) = self.span {
            bytes.extend(first.as_micros().to_be_bytes());
            bytes.extend(last.as_micros().to_be_bytes());
        }
        bytes.push(self.bridge.is_some().into());
        if let Some(bridge) = self.bridge {
            bytes.extend(bridge.seq.to_be_bytes());
            bytes.extend(bridge.hash.0);
        }
        bytes
    }

    /// The loss that `payload` states, or `None` when it is a payload of samples.
    ///
    /// # Errors
    /// When it begins as a loss and is none.
    pub fn read(payload: &[u8]) -> Result<Option<Self>, NotALoss> {
        let Some(mut rest) = payload.strip_prefix(DOMAIN) else { return Ok(None) };
        let loss = Self::parse(&mut rest).filter(|_| rest.is_empty());
        loss.ok_or(NotALoss::Malformed).map(Some)
    }

    /// The loss in `batch`, if it is one that leads on from its position.
    ///
    /// # Errors
    /// See [`NotALoss`].
    pub fn of(batch: &SealedBatch) -> Result<Option<Self>, NotALoss> {
        let loss = Self::read(&batch.payload)?;
        let bridge = loss.and_then(|loss| loss.bridge);
        let seq = batch.header.seq;
        let leads_on = seq..=seq.saturating_add(BRIDGE_MAX);
        match bridge.filter(|bridge| !leads_on.contains(&bridge.seq)) {
            Some(astray) => Err(NotALoss::LeadsAstray { seq, to: astray.seq }),
            None => Ok(loss),
        }
    }

    fn parse(rest: &mut &[u8]) -> Option<Self> {
        let reason = match u8::from_be_bytes(take(rest)?) {
            1 => LossReason::SpoolFull,
            2 => LossReason::BusNotRead,
            3 => LossReason::Damaged,
            _ => return None,
        };
        let mut number = || Some(u64::from_be_bytes(take(rest)?));
        let (batches, samples, frames) = (number()?, number()?, number()?);
        let mut loss = Self { batches, samples, frames, ..Self::new(reason) };
        if flag(rest)? {
            let mut time = || Some(Timestamp::from_micros(i64::from_be_bytes(take(rest)?)));
            loss.span = Some((time()?, time()?));
        }
        if flag(rest)? {
            let seq = u64::from_be_bytes(take(rest)?);
            loss.bridge = Some(Bridge { seq, hash: BatchHash(take(rest)?) });
        }
        Some(loss)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*head)
}

fn flag(rest: &mut &[u8]) -> Option<bool> {
    match take(rest)? {
        [0] => Some(false),
        [1] => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::{self, Contents};
    use crate::testing::{self, T0};

    fn full() -> Loss {
        let mut loss = Loss::new(LossReason::SpoolFull);
        (loss.batches, loss.samples, loss.frames) = (3, 600, 7);
        loss.extend((T0.plus_seconds(5), T0.plus_seconds(9)));
        loss.extend((T0, T0.plus_seconds(1)));
        loss.bridge = Some(Bridge { seq: 9, hash: BatchHash([9; 32]) });
        loss
    }

    #[test]
    fn a_loss_survives_its_payload_and_has_one_form() {
        for loss in [full(), Loss::new(LossReason::BusNotRead), Loss::new(LossReason::Damaged)] {
            let payload = loss.to_payload();
            assert_eq!(Loss::read(&payload), Ok(Some(loss)));
            assert_eq!(payload::decode(&payload), Ok(Contents::default()), "no samples");
            for length in DOMAIN.len()..payload.len() {
                assert_eq!(Loss::read(&payload[..length]), Err(NotALoss::Malformed), "{length}");
            }
            assert_eq!(Loss::read(&[payload, vec![0]].concat()), Err(NotALoss::Malformed));
        }
        assert_eq!(full().span, Some((T0, T0.plus_seconds(9))));
    }

    #[test]
    fn unknown_parts_are_refused() {
        for (at, byte) in [(DOMAIN.len(), 0), (DOMAIN.len(), 4), (DOMAIN.len() + 25, 2)] {
            let mut payload = full().to_payload();
            payload[at] = byte;
            assert_eq!(Loss::read(&payload), Err(NotALoss::Malformed), "byte {at}");
            assert!(payload::decode(&payload).is_err(), "byte {at}");
        }
    }

    #[test]
    fn samples_are_no_loss() {
        let batch = testing::batch(1, BatchHash::GENESIS, &testing::signing_key(1));
        assert_eq!(Loss::of(&batch), Ok(None));
    }

    #[test]
    fn a_bridge_leads_on_and_never_back() {
        let mut batch = testing::batch(1, BatchHash::GENESIS, &testing::signing_key(1));
        batch.payload = full().to_payload();
        batch.header.seq = 9;
        assert_eq!(Loss::of(&batch), Ok(Some(full())));
        assert_eq!(Some(Bridge::behind(&batch, batch.hash())), full().bridge);

        batch.header.seq = 10;
        assert_eq!(Loss::of(&batch), Err(NotALoss::LeadsAstray { seq: 10, to: 9 }));
        batch.header.seq = 1;
        let mut far = full();
        far.bridge = Some(Bridge { seq: BRIDGE_MAX + 2, hash: BatchHash([9; 32]) });
        batch.payload = far.to_payload();
        assert_eq!(Loss::of(&batch), Err(NotALoss::LeadsAstray { seq: 1, to: BRIDGE_MAX + 2 }));

        batch.header.seq = 10;
        batch.payload = Loss::new(LossReason::BusNotRead).to_payload();
        let end = Bridge { seq: 10, hash: batch.hash() };
        assert_eq!(Bridge::behind(&batch, batch.hash()), end);
    }
}
