//! Proving and verifying keys of the range circuit.
//!
//! **The only keys there are today are for development.** They come from a seed that is printed
//! below, so anyone can work out their secret and forge a proof of anything. They exist so that both
//! sides run the real code; keys that convince somebody come from a ceremony of many parties.
//!
//! **Invariant:** a key is known by its [`Fingerprint`], and that of the development keys is pinned
//! by a test: when it changes, so did the circuit, and every verifier has to change with it.

use std::fmt;

use ark_bn254::Bn254;
use ark_groth16::{Groth16, PreparedVerifyingKey, ProvingKey, prepare_verifying_key};
use ark_serialize::CanonicalSerialize as _;
use ark_std::rand::SeedableRng as _;
use ark_std::rand::rngs::StdRng;
use sha2::{Digest as _, Sha256};

use crate::circuit::RangeCircuit;

/// Published on purpose. See above.
const DEVELOPMENT_SEED: &[u8; 32] = b"axle development keys, no secret";

/// What a prover needs, and the verifying key that belongs to it.
#[derive(Debug)]
pub struct Keys {
    pub(crate) proving: ProvingKey<Bn254>,
    verifying: VerifyingKey,
}

/// What a verifier needs.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    pub(crate) prepared: PreparedVerifyingKey<Bn254>,
}

/// SHA-256 of a verifying key in its compressed form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Keys {
    /// Makes the development keys, **with which anyone can forge**. Takes seconds: make them once
    /// and share them.
    #[must_use]
    pub fn development() -> Self {
        Self::from_seed(*DEVELOPMENT_SEED)
    }

    /// The key that verifies what these keys prove.
    #[must_use]
    pub const fn verifying(&self) -> &VerifyingKey {
        &self.verifying
    }

    #[expect(clippy::expect_used, reason = "no input: the circuit has a shape, or no test passes")]
    pub(crate) fn from_seed(seed: [u8; 32]) -> Self {
        let proving = Groth16::<Bn254>::generate_random_parameters_with_reduction(
            RangeCircuit::default(),
            &mut StdRng::from_seed(seed),
        )
        .expect("the circuit can be laid out");
        let verifying = VerifyingKey { prepared: prepare_verifying_key(&proving.vk) };
        Self { proving, verifying }
    }
}

impl VerifyingKey {
    /// Names this key.
    #[must_use]
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "writing into memory does not fail"
    )]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut bytes = Vec::new();
        self.prepared.vk.serialize_compressed(&mut bytes).expect("written into memory");
        Fingerprint(Sha256::digest(bytes).into())
    }
}

#[cfg(test)]
mod tests {
    use ark_bn254::{G1Affine, G2Affine};

    use crate::statement::PublicInput;
    use crate::testing::KEYS;

    /// Pinned: a new fingerprint is a new circuit.
    #[test]
    fn the_development_key_never_changes() {
        assert_eq!(
            KEYS.verifying().fingerprint().to_string(),
            "4176e7c4c57b1f979bd52aff7d3116836929f9d1f3b9aaf076cdc6078ad89e67"
        );
    }

    /// Under a key with gamma = delta, or with an identity in it, anything can be proven.
    #[test]
    fn the_key_has_none_of_the_known_weaknesses() {
        let key = &KEYS.proving.vk;

        assert_ne!(key.gamma_g2, key.delta_g2);
        assert_ne!(key.alpha_g1, G1Affine::identity());
        assert!(![key.beta_g2, key.gamma_g2, key.delta_g2].contains(&G2Affine::identity()));
        assert!(!key.gamma_abc_g1.contains(&G1Affine::identity()));
        assert_eq!(key.gamma_abc_g1.len(), 1 + PublicInput::COUNT);
    }
}
