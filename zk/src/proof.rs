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

#[cfg(test)]
mod tests {
    use ark_bn254::{Fq, G1Affine, G2Affine};
    use ark_ec::AffineRepr as _;
    use ark_ff::{BigInteger as _, PrimeField as _};

    use super::*;
    use crate::Circuit;
    use crate::testing::{honest, outside_the_subgroup, proof, prover};

    #[test]
    fn a_proof_survives_the_journey() {
        let proof = proof();

        assert_eq!(Proof::from_bytes(&proof.to_bytes()), Ok(proof));
    }

    #[test]
    fn another_length_is_refused() {
        let bytes = proof().to_bytes();
        for wrong in [&[][..], &bytes[..127], &[&bytes[..], &[0]].concat()] {
            assert_eq!(
                Proof::from_bytes(wrong),
                Err(NotAProof::WrongLength { bytes: wrong.len() })
            );
        }
    }

    #[test]
    fn points_that_nobody_computes_are_refused() {
        let honest = proof().points;
        let (one, two) = (G1Affine::identity(), G2Affine::identity());
        let with = |change: &dyn Fn(&mut ark_groth16::Proof<Bn254>)| {
            let mut points = honest.clone();
            change(&mut points);
            Proof::from_points(points).to_bytes()
        };
        let x_not_on_curve = (1_u64..100)
            .map(Fq::from)
            .find(|x| G1Affine::get_point_from_x_unchecked(*x, true).is_none())
            .unwrap();
        let cases = [
            ("A is the identity", with(&|points| points.a = one)),
            ("B is the identity", with(&|points| points.b = two)),
            ("C is the identity", with(&|points| points.c = one)),
            ("all are", with(&|points| *points = ark_groth16::Proof::default())),
            ("B is outside the subgroup", with(&|points| points.b = outside_the_subgroup())),
            (
                "A is off the curve",
                with(&|points| {
                    points.a = G1Affine::new_unchecked(x_not_on_curve, Fq::from(1));
                }),
            ),
            ("zeros", [0; Proof::BYTES]),
            ("ones", [0xff; Proof::BYTES]),
        ];
        for (name, bytes) in cases {
            assert_eq!(Proof::from_bytes(&bytes), Err(NotAProof::NotPoints), "{name}");
        }
    }

    /// Each coordinate plus the modulus, where that fits (it does for the first, which is 1), and
    /// each unused combination of flags.
    #[test]
    fn a_proof_has_one_encoding() {
        let mut points = proof().points().clone();
        points.a = G1Affine::generator();
        let bytes = Proof::from_points(points).to_bytes();
        let mut tried = 0;
        for start in [0, 32, 64, 96] {
            let mut coordinate: [u8; 32] = bytes[start..start + 32].try_into().unwrap();
            let flags = coordinate[31] & 0b1100_0000;
            coordinate[31] &= 0b0011_1111;
            let mut number = ark_ff::BigInt::<4>::default();
            for (limb, bytes) in number.0.iter_mut().zip(coordinate.as_chunks::<8>().0) {
                *limb = u64::from_le_bytes(*bytes);
            }
            number.add_with_carry(&Fq::MODULUS);
            let aliased: [u8; 32] = number.to_bytes_le().try_into().unwrap();
            if aliased[31] & 0b1100_0000 == 0 {
                let mut wrong = bytes;
                wrong[start..start + 32].copy_from_slice(&aliased);
                wrong[start + 31] |= flags;
                assert_eq!(Proof::from_bytes(&wrong), Err(NotAProof::NotPoints), "{start}");
                tried += 1;
            }
        }
        assert!(tried > 0);
        for (place, flag) in [(31, 0x40), (63, 0x40), (63, 0x80), (95, 0x40), (127, 0x40)] {
            let mut wrong = bytes;
            wrong[place] |= flag;
            assert_eq!(Proof::from_bytes(&wrong), Err(NotAProof::NotPoints), "{place}");
        }
    }

    /// Either the bytes are no points any more, or the points prove nothing.
    #[test]
    fn a_flipped_bit_is_never_accepted() {
        let (statement, _) = honest(Circuit::Summary);
        let bytes = proof().to_bytes();
        for byte in [0, 16, 31, 32, 63, 64, 95, 96, 127] {
            for bit in [0, 5, 7] {
                let mut wrong = bytes;
                wrong[byte] ^= 1 << bit;
                let accepted = Proof::from_bytes(&wrong)
                    .is_ok_and(|proof| prover().verifier().verify(&statement, &proof).is_ok());
                assert!(!accepted, "byte {byte}, bit {bit}");
            }
        }
    }
}
