//! A proving key and a verifying key, and their bytes.
//!
//! **Invariant:** the points are on their curves and in their subgroups and the verifying key has no flaw.
//! Reading checks every point; [`ProvingKey::from_pinned_bytes`] alone leaves out those of the proving key, for
//! bytes whose hash is known to be that of a key that was checked once.
//!
//! Keys have circom's form, see `groth16/qap.rs`.

use ark_bn254::Bn254;
use ark_serialize::{CanonicalDeserialize as _, CanonicalSerialize as _};

use super::lint::{Flaw, lint};
use crate::fingerprint::Fingerprint;
use crate::groth16::Matrices;

/// What a verifier needs.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifyingKey {
    points: ark_groth16::VerifyingKey<Bn254>,
    fingerprint: Fingerprint,
}

/// What a prover needs, and the verifying key that belongs to it.
#[derive(Clone, Debug)]
pub struct ProvingKey {
    points: ark_groth16::ProvingKey<Bn254>,
    verifying: VerifyingKey,
}

/// Bytes or points that are no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAKey {
    /// Not points, or points off their curves or outside their subgroups.
    #[error("the bytes of the key are not points on the curves and in the subgroups of BN254")]
    NotPoints,
    /// Something follows the key.
    #[error("{bytes} bytes follow the key")]
    TrailingBytes {
        /// How many.
        bytes: usize,
    },
    /// Points with which nothing should be proven.
    #[error("nothing proven under this key would mean anything")]
    Flawed(#[from] Flaw),
}

impl VerifyingKey {
    /// Takes a verifying key for `public_inputs` inputs, wherever it comes from.
    ///
    /// # Errors
    /// Refused when it has a [`Flaw`].
    pub fn new(
        points: ark_groth16::VerifyingKey<Bn254>,
        public_inputs: usize,
    ) -> Result<Self, NotAKey> {
        lint(&points, public_inputs)?;
        let fingerprint = Fingerprint::of(&compressed(&points));
        Ok(Self { points, fingerprint })
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// Refused when a point is not of its group, something follows, or the key has a [`Flaw`].
    pub fn from_bytes(mut bytes: &[u8], public_inputs: usize) -> Result<Self, NotAKey> {
        let points = ark_groth16::VerifyingKey::deserialize_compressed(&mut bytes);
        let points = points.or(Err(NotAKey::NotPoints))?;
        ends(bytes)?;
        Self::new(points, public_inputs)
    }

    /// The bytes to keep: compressed points, in the order of arkworks.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        compressed(&self.points)
    }

    /// Names this key: SHA-256 of its bytes.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// How many public inputs it takes.
    #[must_use]
    pub const fn public_inputs(&self) -> usize {
        self.points.gamma_abc_g1.len().saturating_sub(1)
    }

    /// Its points.
    #[must_use]
    pub const fn points(&self) -> &ark_groth16::VerifyingKey<Bn254> {
        &self.points
    }
}

impl ProvingKey {
    /// Takes a proving key in circom's form for `public_inputs` inputs, whose points are known to be of their groups.
    ///
    /// # Errors
    /// Refused when its verifying key has a [`Flaw`].
    pub fn new(
        points: ark_groth16::ProvingKey<Bn254>,
        public_inputs: usize,
    ) -> Result<Self, NotAKey> {
        let verifying = VerifyingKey::new(points.vk.clone(), public_inputs)?;
        let variables = points.a_query.len();
        let private = variables.saturating_sub(public_inputs + 1);
        for (query, actual, expected) in [
            ("B in the first group", points.b_g1_query.len(), variables),
            ("B in the second group", points.b_g2_query.len(), variables),
            ("L", points.l_query.len(), private),
            ("H", points.h_query.len(), points.h_query.len().next_power_of_two()),
        ] {
            if actual != expected {
                return Err(Flaw::WrongQuery { query, actual, expected }.into());
            }
        }
        Ok(Self { points, verifying })
    }

    /// Reads what [`Self::to_bytes`] wrote, and checks every point.
    ///
    /// # Errors
    /// Refused when a point is not of its group, something follows, or the key has a [`Flaw`].
    pub fn from_bytes(mut bytes: &[u8], public_inputs: usize) -> Result<Self, NotAKey> {
        let points = ark_groth16::ProvingKey::deserialize_uncompressed(&mut bytes);
        let points = points.or(Err(NotAKey::NotPoints))?;
        ends(bytes)?;
        Self::new(points, public_inputs)
    }

    /// Reads what [`Self::to_bytes`] wrote, without a look at whether each point is of its group.
    ///
    /// For bytes whose hash is that of a key that was checked with [`Self::from_bytes`] when it was made or imported.
    /// Its verifying key is checked even so, and a prover verifies each proof it makes.
    ///
    /// # Errors
    /// Refused when the bytes are too few, something follows, or the key has a [`Flaw`].
    pub fn from_pinned_bytes(mut bytes: &[u8], public_inputs: usize) -> Result<Self, NotAKey> {
        let points = ark_groth16::ProvingKey::deserialize_uncompressed_unchecked(&mut bytes);
        let points = points.or(Err(NotAKey::NotPoints))?;
        ends(bytes)?;
        Self::new(points, public_inputs)
    }

    /// The bytes to keep: points as they are, which are quicker to read than compressed ones.
    #[must_use]
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "writing into memory does not fail"
    )]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.points.uncompressed_size());
        self.points.serialize_uncompressed(&mut bytes).expect("written into memory");
        bytes
    }

    /// The key that verifies what this one proves.
    #[must_use]
    pub const fn verifying(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// Its points.
    #[must_use]
    pub const fn points(&self) -> &ark_groth16::ProvingKey<Bn254> {
        &self.points
    }

    /// Whether the numbers of its points are those of a key of `matrices`.
    pub(crate) const fn has_the_shape_of(&self, matrices: &Matrices) -> bool {
        self.verifying.public_inputs() == matrices.public_inputs()
            && self.points.l_query.len() == matrices.witnesses()
            && self.points.h_query.len() == matrices.domain_size()
    }
}

#[expect(clippy::expect_used, reason = "writing into memory does not fail")]
fn compressed(points: &ark_groth16::VerifyingKey<Bn254>) -> Vec<u8> {
    let mut bytes = Vec::new();
    points.serialize_compressed(&mut bytes).expect("written into memory");
    bytes
}

const fn ends(rest: &[u8]) -> Result<(), NotAKey> {
    if rest.is_empty() { Ok(()) } else { Err(NotAKey::TrailingBytes { bytes: rest.len() }) }
}
