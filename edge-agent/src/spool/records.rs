//! The form of what the spool keeps: batches and windows, as bytes.
//!
//! **Invariant:** fields at fixed widths, most significant byte first, payload last; a record that is
//! too short is refused, never guessed.

use telematics::window::Window;
use telematics::{BatchHash, BatchHeader, PolicyVersion, SealedBatch, Timestamp, VehicleId};

/// A batch that waits for the marketplace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The batch, as it is sent.
    pub batch: SealedBatch,
    /// Samples in it.
    pub samples: u32,
}

/// A window under *prove*: its values and blinding stay in the car, for proofs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptWindow {
    /// The values.
    pub window: Window,
    /// What hides them in the commitment: a field element, least significant byte first.
    pub blinding: [u8; 32],
}

impl Pending {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let header = &self.batch.header;
        [
            header.vehicle.as_bytes().as_slice(),
            &header.seq.to_be_bytes(),
            &header.prev_hash.0,
            &header.consent_version.number().to_be_bytes(),
            &self.samples.to_be_bytes(),
            &self.batch.signature,
            &self.batch.payload,
        ]
        .concat()
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let header = BatchHeader {
            vehicle: VehicleId::from_bytes(&take::<16>(&mut rest)?).ok()?,
            seq: u64::from_be_bytes(take(&mut rest)?),
            prev_hash: BatchHash(take(&mut rest)?),
            consent_version: PolicyVersion::new(u32::from_be_bytes(take(&mut rest)?)),
        };
        let samples = u32::from_be_bytes(take(&mut rest)?);
        let signature = take(&mut rest)?;
        let batch = SealedBatch { header, payload: rest.to_vec(), signature };
        Some(Self { batch, samples })
    }
}

impl KeptWindow {
    /// What it is kept under.
    pub(super) fn key(&self) -> (u16, i64) {
        (self.window.signal.number(), self.window.started_at.as_micros())
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let values = self.window.values.iter().flat_map(|value| value.raw().to_be_bytes());
        self.blinding.into_iter().chain(values).collect()
    }

    pub(super) fn parse((number, started_at): (u16, i64), bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let blinding = take(&mut rest)?;
        let mut values = [telematics::Value::from_raw(0); Window::LENGTH];
        for value in &mut values {
            *value = telematics::Value::from_raw(i64::from_be_bytes(take(&mut rest)?));
        }
        let signal = telematics::Signal::by_number(number.into()).ok()?;
        let window = Window { signal, started_at: Timestamp::from_micros(started_at), values };
        rest.is_empty().then_some(Self { window, blinding })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use telematics::testing::{self, T0};
    use telematics::{Signal, Value};

    use super::*;

    #[test]
    fn records_survive_their_bytes_and_short_ones_are_refused() {
        let batch = testing::batch(7, BatchHash([9; 32]), &testing::signing_key(1));
        let pending = Pending { batch, samples: 10 };
        let bytes = pending.to_bytes();
        assert_eq!(Pending::parse(&bytes), Some(pending));
        assert_eq!(Pending::parse(&bytes[..100]), None);

        let values =
            std::array::from_fn(|index| Value::from_raw(i64::try_from(index).unwrap() - 9));
        let signal = Signal::by_path("Vehicle.Speed").unwrap();
        let window = Window { signal, started_at: T0, values };
        let kept = KeptWindow { window, blinding: [3; 32] };
        let bytes = kept.to_bytes();
        assert_eq!(KeptWindow::parse(kept.key(), &bytes), Some(kept.clone()));
        assert_eq!(KeptWindow::parse(kept.key(), &bytes[..bytes.len() - 1]), None);
    }
}
