//! A proof as it is sent: 128 bytes.
//!
//! **Invariant:** holding a [`Proof`] means that its three points are on their curves and in their
//! subgroups. Whether it proves anything is for [`crate::Verifier`] to say.
//!
//! A proof can be re-randomised by anyone, so its bytes are no identity: never deduplicate by them.

use ark_bn254::Bn254;
use ark_serialize::CanonicalSerialize as _;

use crate::groth16::decode;

/// A Groth16 proof over BN254.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    points: ark_groth16::Proof<Bn254>,
}

/// Bytes that are no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAProof {
    /// Another number of bytes.
    #[error("a proof has {} bytes, this one {bytes}", Proof::BYTES)]
    WrongLength {
        /// How many were given.
        bytes: usize,
    },
    /// Not three points of the groups.
    #[error(
        "the bytes of the proof are not three points on the curves and in the subgroups of BN254"
    )]
    NotPoints,
}

impl Proof {
    /// Bytes of a proof: two compressed points of the first group and one of the second.
    pub const BYTES: usize = 128;

    /// Takes points that are known to be of their groups.
    pub(crate) const fn from_points(points: ark_groth16::Proof<Bn254>) -> Self {
        Self { points }
    }

    /// Its three points.
    pub(crate) const fn points(&self) -> &ark_groth16::Proof<Bn254> {
        &self.points
    }

    /// The bytes to send.
    #[must_use]
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "three compressed points always have this length"
    )]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        self.points.serialize_compressed(bytes.as_mut_slice()).expect("three points fit");
        bytes
    }

    /// Reads a proof that came from elsewhere.
    ///
    /// # Errors
    /// Another length, points off the curve and points outside the subgroup are refused.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotAProof> {
        let points = decode::proof_on_curves(bytes)?;
        if !decode::is_in_g2(&points.b) {
            return Err(NotAProof::NotPoints);
        }
        Ok(Self { points })
    }
}
