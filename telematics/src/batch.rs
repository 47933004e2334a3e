//! Batches: signed, hash-chained runs of samples of one vehicle.
//!
//! A batch is the unit of upload, acknowledgement and audit. Each names the hash of the one before,
//! so a vehicle's batches form a chain that can neither lose a link nor grow a second end unnoticed.
//!
//! **Invariant:** what is signed is [`SealedBatch::canonical_bytes`], nothing else, and its SHA-256 is
//! the batch's hash. Two batches with the same canonical bytes are the same batch.
//!
//! **Not here:** what is in the payload ([`crate::payload`]), and what the market does with a chain
//! that forks (`marketplace`'s ingest module).

use std::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::consent::PolicyVersion;
use crate::ids::VehicleId;

/// Separates these bytes from everything else that a device key might sign.
const DOMAIN: &[u8] = b"axle/batch/v1\0";

/// SHA-256 of a batch's canonical bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BatchHash(pub [u8; 32]);

impl BatchHash {
    /// What the first batch of a vehicle names as the one before it.
    pub const GENESIS: Self = Self([0; 32]);
}

impl fmt::Display for BatchHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for BatchHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where a batch stands and under which consent it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// The vehicle whose samples these are.
    pub vehicle: VehicleId,
    /// Position in the vehicle's chain, from 1.
    pub seq: u64,
    /// Hash of the batch with the position before; [`BatchHash::GENESIS`] at position 1.
    pub prev_hash: BatchHash,
    /// The consent policy that decided what is in it.
    pub consent_version: PolicyVersion,
}

/// A batch as it is sent, stored and audited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedBatch {
    /// Where it stands.
    pub header: BatchHeader,
    /// Samples, packed by [`crate::payload::encode`].
    pub payload: Vec<u8>,
    /// Ed25519 (RFC 8032) over the canonical bytes.
    pub signature: [u8; 64],
}

/// A signature that the vehicle's key did not make over these bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature of batch {seq} was not made by the key of {vehicle} over these bytes")]
pub struct WrongSignature {
    /// The vehicle named in the batch.
    pub vehicle: VehicleId,
    /// Its position.
    pub seq: u64,
}

impl SealedBatch {
    /// Signs a batch.
    #[must_use]
    pub fn seal(header: BatchHeader, payload: Vec<u8>, key: &SigningKey) -> Self {
        let signature = key.sign(&canonical_bytes(&header, &payload)).to_bytes();
        Self { header, payload, signature }
    }

    /// The bytes that are signed and hashed: a domain tag, then every field at a fixed width, most
    /// significant byte first, with the payload last and its length before it.
    #[must_use]
    pub fn canonical_bytes(&self) -> Vec<u8> {
        canonical_bytes(&self.header, &self.payload)
    }

    /// The hash that the next batch names.
    #[must_use]
    pub fn hash(&self) -> BatchHash {
        BatchHash(Sha256::digest(self.canonical_bytes()).into())
    }

    /// Checks the signature.
    ///
    /// # Errors
    /// Refused when `key` did not make it over these bytes. Strict: small-order keys and
    /// non-canonical encodings are refused, so that every verifier agrees.
    pub fn verify(&self, key: &VerifyingKey) -> Result<(), WrongSignature> {
        let BatchHeader { vehicle, seq, .. } = self.header;
        key.verify_strict(&self.canonical_bytes(), &Signature::from_bytes(&self.signature))
            .or(Err(WrongSignature { vehicle, seq }))
    }
}

fn canonical_bytes(header: &BatchHeader, payload: &[u8]) -> Vec<u8> {
    let length = u64::try_from(payload.len()).unwrap_or(u64::MAX);
    [
        DOMAIN,
        header.vehicle.as_bytes(),
        &header.seq.to_be_bytes(),
        &header.prev_hash.0,
        &header.consent_version.number().to_be_bytes(),
        &length.to_be_bytes(),
        payload,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn an_untouched_batch_verifies() {
        let key = testing::signing_key(1);
        let batch = testing::batch(1, BatchHash::GENESIS, &key);

        assert_eq!(batch.verify(&key.verifying_key()), Ok(()));
    }

    #[test]
    fn another_key_does_not_verify() {
        let batch = testing::batch(1, BatchHash::GENESIS, &testing::signing_key(1));

        assert!(batch.verify(&testing::signing_key(2).verifying_key()).is_err());
    }

    /// Whatever is changed, one bit at a time, both the hash and the verdict notice.
    #[test]
    fn every_bit_of_every_field_is_bound() {
        let key = testing::signing_key(1);
        let batch = testing::batch(1, BatchHash::GENESIS, &key);
        let mut vehicle = *batch.header.vehicle.as_bytes();
        vehicle[15] ^= 1;

        let mut tampered = vec![batch.clone(); 5];
        tampered[0].header.vehicle = VehicleId::from_bytes(&vehicle).unwrap();
        tampered[1].header.seq ^= 1;
        tampered[2].header.prev_hash.0[31] ^= 1;
        tampered[3].header.consent_version = batch.header.consent_version.next();
        tampered[4].payload.push(0);
        for bit in 0..batch.payload.len() * 8 {
            let mut flipped = batch.clone();
            flipped.payload[bit / 8] ^= 1 << (bit % 8);
            tampered.push(flipped);
        }

        for other in tampered {
            assert!(other.verify(&key.verifying_key()).is_err());
            assert_ne!(other.hash(), batch.hash());
        }
    }

    /// Pinned: a change here would orphan every chain in the field.
    #[test]
    fn canonical_bytes_never_change() {
        let batch = testing::batch(1, BatchHash::GENESIS, &testing::signing_key(1));
        let bytes = SealedBatch { payload: vec![0xab, 0xcd], ..batch }.canonical_bytes();

        let expected = [
            hex::encode(b"axle/batch/v1\0"),
            "018cc251f400700080000000000000ff".to_owned(),
            "0000000000000001".to_owned(),
            "00".repeat(32),
            "00000001".to_owned(),
            "0000000000000002".to_owned(),
            "abcd".to_owned(),
        ];
        assert_eq!(hex::encode(bytes), expected.concat());
    }
}
