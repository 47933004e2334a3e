//! Proofs, public inputs and verifying keys in snarkjs's JSON.
//!
//! **Invariant:** what is read is canonical (each number in decimal, without leading zeros, below
//! its modulus), on its curve and in its subgroup, and never longer than what a writer makes.

use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr as _;
use ark_ff::PrimeField;
use ark_groth16::VerifyingKey;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::elements;
use super::sections::BadFile;
use crate::proof::Proof;

/// Most bytes of a JSON file that are parsed; a proof has about 800.
pub const JSON_BYTES_MAX: usize = 64 << 10;

type Point = [String; 3];
type TwistPoint = [[String; 2]; 3];

#[derive(Serialize, Deserialize)]
struct ProofFile {
    pi_a: Point,
    pi_b: TwistPoint,
    pi_c: Point,
    protocol: String,
    curve: String,
}

/// `proof.json`.
#[must_use]
pub fn write_proof(proof: &Proof) -> String {
    let points = proof.points();
    json!({
        "pi_a": point(&points.a),
        "pi_b": twist_point(&points.b),
        "pi_c": point(&points.c),
        "protocol": "groth16",
        "curve": "bn128",
    })
    .to_string()
}

/// Reads a `proof.json`.
///
/// # Errors
/// Names the part that is not what it should be.
pub fn read_proof(text: &str) -> Result<Proof, BadFile> {
    let file: ProofFile = parse(text, "proof.json")?;
    if file.protocol != "groth16" || file.curve != "bn128" {
        return Err(BadFile::OtherCurve { part: "proof.json" });
    }
    let points = ark_groth16::Proof {
        a: read_point(&file.pi_a, "pi_a")?,
        b: read_twist_point(&file.pi_b, "pi_b")?,
        c: read_point(&file.pi_c, "pi_c")?,
    };
    Ok(Proof::from_points(points))
}

/// `public.json`.
#[must_use]
pub fn write_public(inputs: &[Fr]) -> String {
    json!(inputs.iter().map(Fr::to_string).collect::<Vec<_>>()).to_string()
}

/// Reads a `public.json` of exactly `expected` inputs.
///
/// # Errors
/// When there are more or fewer, or one is not below the modulus.
pub fn read_public(text: &str, expected: usize) -> Result<Vec<Fr>, BadFile> {
    const PART: &str = "public.json";
    let inputs: Vec<String> = parse(text, PART)?;
    if inputs.len() != expected {
        let [found, expected] =
            [inputs.len(), expected].map(|count| u64::try_from(count).unwrap_or(u64::MAX));
        return Err(BadFile::Unexpected { part: PART, found, expected });
    }
    inputs.iter().map(|input| number(input, PART)).collect()
}

/// `verification_key.json`.
#[must_use]
pub fn write_verifying_key(key: &VerifyingKey<Bn254>) -> String {
    json!({
        "protocol": "groth16",
        "curve": "bn128",
        "nPublic": key.gamma_abc_g1.len().saturating_sub(1),
        "vk_alpha_1": point(&key.alpha_g1),
        "vk_beta_2": twist_point(&key.beta_g2),
        "vk_gamma_2": twist_point(&key.gamma_g2),
        "vk_delta_2": twist_point(&key.delta_g2),
        "IC": key.gamma_abc_g1.iter().map(point).collect::<Vec<_>>(),
    })
    .to_string()
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str, part: &'static str) -> Result<T, BadFile> {
    if text.len() > JSON_BYTES_MAX {
        let [bytes, max] =
            [text.len(), JSON_BYTES_MAX].map(|count| u64::try_from(count).unwrap_or(u64::MAX));
        return Err(BadFile::TooLarge { file: part, bytes, max });
    }
    serde_json::from_str(text).or(Err(BadFile::Unreadable { part }))
}

/// The number that `text` is the one way to write.
fn number<F: PrimeField>(text: &str, part: &'static str) -> Result<F, BadFile> {
    const DIGITS_MAX: usize = 78;
    let is_decimal = text.len() <= DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_decimal || text.is_empty() {
        return Err(BadFile::Unreadable { part });
    }
    let ten = F::from(10_u64);
    let value = text.bytes().fold(F::ZERO, |value, digit| value * ten + F::from(digit - b'0'));
    if value.to_string() == text { Ok(value) } else { Err(BadFile::NotCanonical { part }) }
}

/// Only points with a third coordinate of one: a proof never holds the point at infinity.
fn read_point([x, y, z]: &Point, part: &'static str) -> Result<G1Affine, BadFile> {
    let (x, y): (Fq, Fq) = (number(x, part)?, number(y, part)?);
    let point = elements::g1(x, y).filter(|point| z == "1" && !point.is_zero());
    point.ok_or(BadFile::NotInGroup { part })
}

fn read_twist_point([x, y, z]: &TwistPoint, part: &'static str) -> Result<G2Affine, BadFile> {
    let pair =
        |[c0, c1]: &[String; 2]| Ok::<_, BadFile>(Fq2::new(number(c0, part)?, number(c1, part)?));
    let point =
        elements::g2(pair(x)?, pair(y)?).filter(|point| z == &["1", "0"] && !point.is_zero());
    point.ok_or(BadFile::NotInGroup { part })
}

fn point(point: &G1Affine) -> Point {
    if point.is_zero() {
        return ["0", "1", "0"].map(str::to_owned);
    }
    [point.x.to_string(), point.y.to_string(), "1".to_owned()]
}

fn twist_point(point: &G2Affine) -> TwistPoint {
    if point.is_zero() {
        return [["0", "0"], ["1", "0"], ["0", "0"]].map(|pair| pair.map(str::to_owned));
    }
    let pair = |number: &Fq2| [number.c0.to_string(), number.c1.to_string()];
    [pair(&point.x), pair(&point.y), ["1", "0"].map(str::to_owned)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::proof;

    #[test]
    fn a_proof_survives_its_journey() {
        let proof = proof();

        assert_eq!(read_proof(&write_proof(&proof)), Ok(proof));
    }

    #[test]
    fn a_proof_that_is_none_is_refused_by_its_part() {
        let honest = write_proof(&proof());
        let x = proof().points().a.x.to_string();
        let alias = (num_bigint(&x) + num_bigint(&Fq::MODULUS.to_string())).to_string();
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (honest.replace(&x, &alias),                      BadFile::NotCanonical { part: "pi_a" }),
            (honest.replace(&x, &format!("0{x}")),            BadFile::NotCanonical { part: "pi_a" }),
            (honest.replace(&x, "-1"),                        BadFile::Unreadable { part: "pi_a" }),
            (honest.replace(&x, ""),                          BadFile::Unreadable { part: "pi_a" }),
            (honest.replace(&x, "1"),                         BadFile::NotInGroup { part: "pi_a" }),
            (honest.replace("bn128", "bls12381"),             BadFile::OtherCurve { part: "proof.json" }),
            (honest[..honest.len() - 1].to_owned(),           BadFile::Unreadable { part: "proof.json" }),
            (honest.replace("[\"1\",\"0\"]", "[\"0\",\"0\"]"), BadFile::NotInGroup { part: "pi_b" }),
        ];
        for (text, expected) in cases {
            assert_eq!(read_proof(&text), Err(expected), "{text}");
        }
    }

    #[test]
    fn public_inputs_are_counted_and_canonical() {
        let inputs = [Fr::from(7_u64), -Fr::from(1_u64)];
        let text = write_public(&inputs);
        let part = "public.json";

        assert_eq!(read_public(&text, 2), Ok(inputs.to_vec()));
        assert_eq!(read_public(&text, 3), Err(BadFile::Unexpected { part, found: 2, expected: 3 }));
        let modulus = format!("[\"{}\"]", Fr::MODULUS);
        assert_eq!(read_public(&modulus, 1), Err(BadFile::NotCanonical { part }));
        let long = " ".repeat(JSON_BYTES_MAX + 1);
        assert!(matches!(read_public(&long, 1), Err(BadFile::TooLarge { .. })));
    }

    fn num_bigint(text: &str) -> num_bigint::BigUint {
        text.parse().unwrap()
    }
}
