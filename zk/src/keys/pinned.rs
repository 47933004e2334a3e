//! The circuits and development keys of this version, by their fingerprints.
//!
//! Pinned, so that a program knows its circuits without laying them out, and so that no circuit
//! changes unnoticed: another fingerprint is another circuit, and every prover and verifier has to
//! change with it.

use crate::circuit::Circuit;
use crate::fingerprint::Fingerprint;

impl Circuit {
    /// Names this version of the circuit: [`crate::groth16::Matrices::fingerprint`].
    #[must_use]
    pub fn fingerprint(self) -> Fingerprint {
        pinned(match self {
            Self::Fact => "959dcb81e808842a1e9199edeeefd69ac920553f448d2c613952b72930ceaeff",
            Self::Region => "cbeff01d87a53d669c416d2dadfdda03675ad0d3760c51897519d64a8d486801",
            Self::Summary => "ee35c38801c02bfed09800627aac2d6cd128d8b01532ab3d26f986f2469be76b",
        })
    }

    /// Fingerprint of the verifying key for development.
    #[must_use]
    pub fn development_key(self) -> Fingerprint {
        pinned(match self {
            Self::Fact => "e6a9fda229b2881f486d53f16848e178633819278309acef50005ad1df1df94d",
            Self::Region => "d661c139a85e4102b438ca44e8f732eabaace1f92b26980978bc4b21eac66b55",
            Self::Summary => "c3a0c0afd029ebe3887f883f17d48e8ef8a68513d5871cceb498b007cd70b6d9",
        })
    }
}

/// A constant in hex. Were one misspelt, it would be the fingerprint of nothing, and no key would
/// be taken.
fn pinned(hex: &str) -> Fingerprint {
    hex.parse().unwrap_or(Fingerprint([0; 32]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::ClaimCircuit;
    use crate::groth16::Matrices;
    use crate::keys::is_development;
    use crate::testing::KEYS;

    #[test]
    fn no_circuit_changes_unnoticed() {
        for circuit in Circuit::ALL {
            let matrices = Matrices::of(ClaimCircuit::blank(circuit)).unwrap();

            assert_eq!(matrices.fingerprint(), circuit.fingerprint(), "{circuit}");
            assert_eq!(matrices.public_inputs(), circuit.public_inputs(), "{circuit}");
        }
    }

    #[test]
    fn development_keys_never_change_and_are_recognised() {
        for circuit in Circuit::ALL {
            let key = &KEYS[&circuit];

            assert_eq!(key.verifying().fingerprint(), circuit.development_key(), "{circuit}");
            assert!(is_development(key.verifying()), "{circuit}");
        }
        let other = crate::keys::from_seed(Circuit::Summary, [1; 32]).unwrap();
        assert!(!is_development(other.verifying()));
    }
}
