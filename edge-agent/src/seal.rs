//! Packs, chains and signs: contents become a batch.
//!
//! **Invariant:** a batch names the vehicle of the key that signs it.

use ed25519_dalek::SigningKey;
use telematics::loss::Loss;
use telematics::payload::{self, Contents};
use telematics::{BatchHash, BatchHeader, PolicyVersion, SealedBatch, VehicleId};

/// Seals the batches of one vehicle.
#[derive(Clone)]
pub struct Sealer {
    vehicle: VehicleId,
    key: SigningKey,
}

/// The end of a chain: where the next batch goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Position of the last batch; 0 before the first.
    pub seq: u64,
    /// Its hash.
    pub hash: BatchHash,
}

impl Head {
    /// Before the first batch.
    pub const START: Self = Self { seq: 0, hash: BatchHash::GENESIS };

    /// The head that `batch` makes.
    #[must_use]
    pub fn after(batch: &SealedBatch) -> Self {
        Self { seq: batch.header.seq, hash: batch.hash() }
    }
}

impl Sealer {
    /// A sealer for `vehicle`, whose key is `key`.
    #[must_use]
    pub const fn new(vehicle: VehicleId, key: SigningKey) -> Self {
        Self { vehicle, key }
    }

    /// The vehicle whose batches these are.
    #[must_use]
    pub const fn vehicle(&self) -> VehicleId {
        self.vehicle
    }

    /// Seals `contents`, cut under `consent_version`, as the batch after `head`.
    #[must_use]
    pub fn seal(
        &self,
        head: Head,
        consent_version: PolicyVersion,
        contents: &Contents,
    ) -> SealedBatch {
        self.seal_payload(head, consent_version, payload::encode(contents))
    }

    /// Seals the statement of `loss` as what follows `head`.
    #[must_use]
    pub fn seal_loss(&self, head: Head, version: PolicyVersion, loss: &Loss) -> SealedBatch {
        self.seal_payload(head, version, loss.to_payload())
    }

    fn seal_payload(&self, head: Head, version: PolicyVersion, payload: Vec<u8>) -> SealedBatch {
        let header = BatchHeader {
            vehicle: self.vehicle,
            seq: head.seq + 1,
            prev_hash: head.hash,
            consent_version: version,
        };
        SealedBatch::seal(header, payload, &self.key)
    }
}

#[cfg(test)]
mod tests {
    use telematics::testing;

    use super::*;

    #[test]
    fn batches_follow_each_other_and_verify() {
        let key = testing::signing_key(1);
        let sealer = Sealer::new(testing::vehicle(1), key.clone());
        let contents =
            Contents { samples: testing::samples("Vehicle.Speed", 10), ..Contents::default() };

        let first = sealer.seal(Head::START, PolicyVersion::FIRST, &contents);
        let second = sealer.seal(Head::after(&first), PolicyVersion::FIRST, &contents);

        assert_eq!((first.header.seq, second.header.seq), (1, 2));
        assert_eq!(first.header.prev_hash, BatchHash::GENESIS);
        assert_eq!(second.header.prev_hash, first.hash());
        assert_eq!(second.verify(&key.verifying_key()), Ok(()));
        assert_eq!(payload::decode(&second.payload), Ok(contents));
    }
}
