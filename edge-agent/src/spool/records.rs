//! The form of a batch that waits, as bytes.
//!
//! **Invariant:** fields at fixed widths, most significant byte first, payload last; a record that is
//! too short is refused, never guessed.

use telematics::{BatchHash, BatchHeader, PolicyVersion, SealedBatch, VehicleId};

/// A batch that waits for the marketplace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The batch, as it is sent.
    pub batch: SealedBatch,
    /// Samples in it.
    pub samples: u32,
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

pub(super) fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*head)
}

#[cfg(test)]
mod tests {
    use telematics::testing;

    use super::*;

    #[test]
    fn records_survive_their_bytes_and_short_ones_are_refused() {
        let batch = testing::batch(7, BatchHash([9; 32]), &testing::signing_key(1));
        let pending = Pending { batch, samples: 10 };
        let bytes = pending.to_bytes();
        assert_eq!(Pending::parse(&bytes), Some(pending));
        assert_eq!(Pending::parse(&bytes[..100]), None);
    }
}
