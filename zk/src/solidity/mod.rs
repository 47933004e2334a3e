//! A Solidity contract that verifies Groth16 proofs under one key.
//!
//! The contract reverts on anything but a proof: `InputNotInField(index)` for an input at or above
//! the modulus (it would be an alias of another statement), `ProofInvalid()` for everything else.
//! Points off the curve, outside the subgroup and coordinates at or above their modulus are refused
//! by the precompiles of EIP-196 and EIP-197; too few inputs by the decoder of Solidity, too many by
//! a check of our own, because the decoder ignores what follows.
//!
//! **Not here:** who may claim what, and nullifiers: a contract that pays must keep those itself.

use ark_bn254::{Fq, G1Affine, G2Affine};
use ark_ec::AffineRepr as _;
use ark_ff::{BigInteger as _, PrimeField as _};

use crate::VerifyingKey;

const TEMPLATE: &str = include_str!("verifier.sol");

/// What cannot be put into a contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAContract {
    /// Not a name that Solidity accepts.
    #[error("`{name}` is no name of a contract: letters and digits, beginning with a letter")]
    BadName {
        /// The name.
        name: String,
    },
    /// Under such a key anything can be proven.
    #[error("the verifying key holds a point at infinity")]
    Identity,
}

/// The source of a contract called `name`, for the proofs of `circuit` under `key`.
///
/// # Errors
/// When the name or the key will not do.
pub fn contract(name: &str, circuit: &str, key: &VerifyingKey) -> Result<String, NotAContract> {
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric());
    if !is_name {
        return Err(NotAContract::BadName { name: name.to_owned() });
    }
    let inputs = key.public_inputs();
    let fingerprint = key.fingerprint().to_string();
    let key = key.points();
    let mut constants = constant_g1("ALPHA", &key.alpha_g1)?;
    for (name, point) in [("BETA", key.beta_g2), ("GAMMA", key.gamma_g2), ("DELTA", key.delta_g2)] {
        constants.push_str(&constant_g2(name, &-point)?);
    }
    let mut sum = String::new();
    for (index, point) in key.gamma_abc_g1.iter().enumerate() {
        constants.push_str(&constant_g1(&format!("IC{index}"), point)?);
        if index > 0 {
            sum.push_str(&term(index));
        }
    }
    let replaced = [
        ("{name}", name),
        ("{circuit}", circuit),
        ("{fingerprint}", &fingerprint),
        ("{inputs}", &inputs.to_string()),
        ("{calldata}", &(4 + 32 * (8 + inputs)).to_string()),
        ("{constants}", constants.trim()),
        ("{sum}", sum.trim()),
    ];
    let fill = |text: String, (mark, value): (&str, &str)| text.replace(mark, value);
    Ok(replaced.into_iter().fold(TEMPLATE.to_owned(), fill))
}

/// Adds one input times its point to the sum.
fn term(index: usize) -> String {
    format!("        _addTerm(sum, IC{index}_X, IC{index}_Y, inputs[{}]);\n", index - 1)
}

fn constant_g1(name: &str, point: &G1Affine) -> Result<String, NotAContract> {
    let (x, y) = point.xy().ok_or(NotAContract::Identity)?;
    let axes = [("X", x), ("Y", y)];
    Ok(axes.map(|(axis, value)| constant(&format!("{name}_{axis}"), value)).concat())
}

/// The imaginary part comes first, as the precompile of the pairing wants it.
fn constant_g2(name: &str, point: &G2Affine) -> Result<String, NotAContract> {
    let (x, y) = point.xy().ok_or(NotAContract::Identity)?;
    let axes = [("X1", x.c1), ("X0", x.c0), ("Y1", y.c1), ("Y0", y.c0)];
    Ok(axes.map(|(axis, value)| constant(&format!("MINUS_{name}_{axis}"), value)).concat())
}

fn constant(name: &str, value: Fq) -> String {
    let digits = hex::encode(value.into_bigint().to_bytes_be());
    format!("    uint256 private constant {name} = 0x{digits};\n")
}

/// The arguments of a call of `verify`: the proof as the contract wants it, 256 bytes.
#[must_use]
pub fn proof_words(proof: &crate::Proof) -> Vec<[u8; 32]> {
    let points = proof.points();
    let coordinates = [
        points.a.x,
        points.a.y,
        points.b.x.c1,
        points.b.x.c0,
        points.b.y.c1,
        points.b.y.c0,
        points.c.x,
        points.c.y,
    ];
    let word = |value: &Fq| {
        let mut word = [0; 32];
        word.iter_mut().zip(value.into_bigint().to_bytes_be()).for_each(|(to, from)| *to = from);
        word
    };
    coordinates.iter().map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::key;

    #[test]
    fn a_contract_holds_the_key_and_nothing_is_left_to_fill_in() {
        let key = key().verifying();

        let source = contract("SummaryVerifier", "summary", key).unwrap();

        assert!(source.contains("contract SummaryVerifier {"));
        assert!(source.contains(&key.fingerprint().to_string()));
        assert_eq!(source.matches("_addTerm(sum, IC").count(), key.public_inputs());
        for mark in ["{name}", "{inputs}", "{sum}", "{constants}", "{calldata}", "{fingerprint}"] {
            assert!(!source.contains(mark), "{mark}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for name in ["", "9Lives", "A B", "A{}", "A;"] {
            let error = contract(name, "summary", key().verifying()).unwrap_err();
            assert_eq!(error, NotAContract::BadName { name: name.to_owned() });
        }
    }
}
