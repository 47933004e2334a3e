//! The circuits and development keys of this version, by their fingerprints.
//!
//! Pinned, so that a program knows its circuits without laying them out, and so that no circuit changes
//! unnoticed: another fingerprint is another circuit, and every prover and verifier has to change with it.

use crate::circuit::Circuit;
use crate::fingerprint::Fingerprint;

impl Circuit {
    /// Names this version of the circuit: [`crate::groth16::Matrices::fingerprint`].
    #[must_use]
    pub fn fingerprint(self) -> Fingerprint {
        pinned(match self {
            Self::Fact => "6cc004c2eee9d79dd0ffeed98cdd8a25c29c0d95335e8de9c971165bce743e06",
            Self::Region => "89c37b6b41644d248949d3ceea3740f51925645a2880bcc84ed236ca3596590d",
            Self::Summary => "2e8b7033ba1b43174a1e359edc9a3b7c91eab732e9d0d4d70bcf07cde634779b",
        })
    }

    /// Fingerprint of the verifying key for development.
    #[must_use]
    pub fn development_key(self) -> Fingerprint {
        pinned(match self {
            Self::Fact => "8b32d919ce0a3a5f75e31fb4fed9c72c51e80cd03483994049c32a54ebd3ea30",
            Self::Region => "8bca42e94cd1e8a154b0d08eddb1de153a002064428425959468c4df8052674a",
            Self::Summary => "7c707e902e7d56c06eb748ad6472f83087ca603718462919703f91c6fc81893b",
        })
    }
}

/// A constant in hex. Were one misspelt, it would be the fingerprint of nothing, and no key would be taken.
fn pinned(hex: &str) -> Fingerprint {
    hex.parse().unwrap_or(Fingerprint([0; 32]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::ClaimCircuit;
    use crate::groth16::Matrices;
    use crate::keys::{development, is_development};

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
            let key = development(circuit).unwrap();

            assert_eq!(key.verifying().fingerprint(), circuit.development_key(), "{circuit}");
            assert!(is_development(key.verifying()), "{circuit}");
        }
        let other = crate::keys::from_seed(Circuit::Summary, [1; 32]).unwrap();
        assert!(!is_development(other.verifying()));
    }
}
