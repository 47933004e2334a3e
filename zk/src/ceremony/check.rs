//! Whether a key is the one that an honest ceremony makes for this very circuit.
//!
//! Three questions, each answered without trusting whoever sent the file:
//! 1. [`check_circuit`]: is it of the circuit that is compiled in, coefficient by coefficient?
//! 2. [`check_record`]: did somebody contribute, and is the key what the last one left behind?
//! 3. [`check_points`]: is each list of points what the powers of tau and the circuit make of it?
//!
//! # Soundness of the third
//! Both sides of each equation are linear in the list. Under weights drawn after the file is fixed,
//! lists that differ agree with a chance of one in the order of the group, about `2^-254`. For H the
//! weights are the values of a random polynomial that vanishes on the domain, for a prover never
//! uses others. C has no coefficients in the file: it is bound here, by L and IC.
//!
//! **Not here:** whether each contributor knew the secret of his step (`snarkjs zkey verify`).

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::pairing::Pairing as _;
use ark_ec::{AffineRepr as _, VariableBaseMSM as _};
use ark_ff::AdditiveGroup as _;
use ark_groth16::ProvingKey;
use ark_poly::{EvaluationDomain as _, Radix2EvaluationDomain};
use rand::CryptoRng;

use super::contributions::BrokenChain;
use super::layout::{Layout, Term};
use super::ptau::Powers;
use super::zkey::{Coefficient, Zkey, expected_coefficients};
use crate::field;

/// Why a key is not to be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotThisKey {
    /// Of a circuit of another shape.
    #[error("the key has {found} {what}, this circuit has {expected}: it is of another circuit")]
    OtherShape {
        /// What is counted.
        what: &'static str,
        /// In the key.
        found: usize,
        /// In the circuit.
        expected: usize,
    },
    /// Of a circuit of the same shape with another rule.
    #[error(
        "constraint {constraint} of the key is not that of this circuit (matrix {matrix}, wire \
         {wire})"
    )]
    OtherCoefficient {
        /// 0 for A, 1 for B.
        matrix: u32,
        /// Which constraint.
        constraint: u32,
        /// Which wire.
        wire: u32,
    },
    /// Its history does not hold together.
    #[error("the contributions do not make this key")]
    BrokenChain(#[from] BrokenChain),
    /// A phase 2 leaves gamma alone.
    #[error("gamma is not the generator: no ceremony of snarkjs leaves such a key")]
    OtherGamma,
    /// Under such a key anything can be proven.
    #[error("{element} of the key is a point at infinity")]
    Identity {
        /// Which element.
        element: &'static str,
    },
    /// Under such a key proofs can be forged.
    #[error("delta of the key is gamma: proofs of anything can be made")]
    DeltaIsGamma,
    /// The two halves of an element are of different secrets.
    #[error("{element} of the key is not the same in both groups")]
    Split {
        /// Which element.
        element: &'static str,
    },
    /// Made from other powers of tau.
    #[error("{element} of the key is not that of these powers of tau")]
    OtherPowers {
        /// Which element.
        element: &'static str,
    },
    /// Points that the circuit and the powers of tau do not give.
    #[error(
        "the {list} points of the key are not those of this circuit: the key is damaged, or forged"
    )]
    WrongPoints {
        /// Which list.
        list: &'static str,
    },
}

/// Checks that the key is of the circuit `layout`.
///
/// # Errors
/// Names the first count or coefficient that differs.
pub fn check_circuit(layout: &Layout, zkey: &Zkey) -> Result<(), NotThisKey> {
    let key = &zkey.key;
    let counts = [
        ("public inputs", key.vk.gamma_abc_g1.len(), layout.public() + 1),
        ("wires", key.a_query.len(), layout.wires()),
        ("rows", key.h_query.len(), layout.domain()),
        ("private wires", key.l_query.len(), layout.wires() - layout.public() - 1),
    ];
    for (what, found, expected) in counts {
        if found != expected {
            return Err(NotThisKey::OtherShape { what, found, expected });
        }
    }
    let mut expected = expected_coefficients(layout);
    let mut found = zkey.coefficients.clone();
    if found.len() != expected.len() {
        let (found, expected) = (found.len(), expected.len());
        return Err(NotThisKey::OtherShape { what: "coefficients", found, expected });
    }
    expected.sort_unstable();
    found.sort_unstable();
    match found.iter().zip(&expected).find(|(one, two)| one != two) {
        Some((&Coefficient { matrix, constraint, wire, .. }, _)) => {
            Err(NotThisKey::OtherCoefficient { matrix, constraint, wire })
        }
        None => Ok(()),
    }
}

/// Checks that the key is the outcome of its contributions, of which there is at least one, and has
/// none of the weaknesses under which proofs can be forged.
///
/// # Errors
/// Names the contribution or the element.
pub fn check_record(zkey: &Zkey) -> Result<(), NotThisKey> {
    let Zkey { key, record, .. } = zkey;
    let vk = &key.vk;
    let elements = [
        ("alpha", vk.alpha_g1 == G1Affine::identity()),
        ("beta", vk.beta_g2 == G2Affine::identity()),
        ("gamma", vk.gamma_g2 == G2Affine::identity()),
        ("delta", vk.delta_g2 == G2Affine::identity()),
        ("IC", vk.gamma_abc_g1.contains(&G1Affine::identity())),
    ];
    if let Some((element, _)) = elements.into_iter().find(|(_, is_identity)| *is_identity) {
        return Err(NotThisKey::Identity { element });
    }
    if vk.gamma_g2 != G2Affine::generator() {
        return Err(NotThisKey::OtherGamma);
    }
    record.check(&key.delta_g1)?;
    if vk.delta_g2 == vk.gamma_g2 {
        return Err(NotThisKey::DeltaIsGamma);
    }
    if !same_multiple(&key.delta_g1, &vk.delta_g2) {
        return Err(NotThisKey::Split { element: "delta" });
    }
    if !same_multiple(&key.beta_g1, &vk.beta_g2) {
        return Err(NotThisKey::Split { element: "beta" });
    }
    Ok(())
}

/// Checks that each point is what the circuit and the powers of tau make of it. Wants
/// [`check_circuit`] to have passed.
///
/// # Errors
/// Names the first list or element that differs.
pub fn check_points(
    layout: &Layout,
    key: &ProvingKey<Bn254>,
    powers: &Powers,
    rng: &mut impl CryptoRng,
) -> Result<(), NotThisKey> {
    let [alpha, beta] = [&powers.alpha_tau_g1, &powers.beta_tau_g1].map(|list| list.first());
    let elements = [
        ("alpha", alpha == Some(&key.vk.alpha_g1)),
        ("beta", beta == Some(&key.beta_g1) && key.vk.beta_g2 == powers.beta_g2),
    ];
    if let Some((element, _)) = elements.into_iter().find(|(_, is_equal)| !is_equal) {
        return Err(NotThisKey::OtherPowers { element });
    }
    let expected = Expected { layout, powers };
    let weights: Vec<Fr> = (0..layout.wires()).map(|_| field::draw(rng)).collect();
    let [a, b, _] = expected.polynomials(&weights);
    let (public, private) = halves(&weights, layout.public() + 1);
    let delta = key.vk.delta_g2;
    let private_weights = weights.get(layout.public() + 1..).unwrap_or_default();
    let vanishing = Vanishing::draw(layout.domain(), rng);
    let lists = [
        ("A", msm(&key.a_query, &weights) == msm(&powers.tau_g1, &a)),
        ("B1", msm(&key.b_g1_query, &weights) == msm(&powers.tau_g1, &b)),
        ("B2", msm_g2(&key.b_g2_query, &weights) == msm_g2(&powers.tau_g2, &b)),
        ("IC", msm(&key.vk.gamma_abc_g1, &weights) == expected.combination(&public)),
        (
            "L",
            Bn254::pairing(msm(&key.l_query, private_weights), delta)
                == Bn254::pairing(expected.combination(&private), G2Affine::generator()),
        ),
        (
            "H",
            Bn254::pairing(msm(&key.h_query, &vanishing.on_odd_coset), delta)
                == Bn254::pairing(vanishing.at_tau(powers), G2Affine::generator()),
        ),
    ];
    match lists.into_iter().find(|(_, is_equal)| !is_equal) {
        Some((list, _)) => Err(NotThisKey::WrongPoints { list }),
        None => Ok(()),
    }
}

/// What the lists of points should add up to.
struct Expected<'a> {
    layout: &'a Layout,
    powers: &'a Powers,
}

impl Expected<'_> {
    /// `beta A + alpha B + C` of the weighted wires, at tau.
    fn combination(&self, weights: &[Fr]) -> G1Projective {
        let [a, b, c] = self.polynomials(weights);
        msm(&self.powers.beta_tau_g1, &a)
            + msm(&self.powers.alpha_tau_g1, &b)
            + msm(&self.powers.tau_g1, &c)
    }

    /// The polynomials that take, on the domain, the values of the rows of A, B and C.
    fn polynomials(&self, weights: &[Fr]) -> [Vec<Fr>; 3] {
        let [a, b, c] = self
            .layout
            .rows()
            .each_ref()
            .map(|rows| rows.iter().map(|terms| evaluate(terms, weights)).collect::<Vec<Fr>>());
        let public = weights.iter().take(self.layout.public() + 1).copied();
        let a = a.into_iter().chain(public).collect();
        let domain = Radix2EvaluationDomain::<Fr>::new(self.layout.domain());
        // Each layout that can be checked fits a domain, or no key would be of it.
        [a, b, c].map(|values| domain.map(|domain| domain.ifft(&values)).unwrap_or_default())
    }
}

/// A random polynomial `q(x) (x^n - 1)` of degree below `2n - 1`.
struct Vanishing {
    quotient: Vec<Fr>,
    on_odd_coset: Vec<Fr>,
}

impl Vanishing {
    fn draw(n: usize, rng: &mut impl CryptoRng) -> Self {
        let quotient: Vec<Fr> = (1..n).map(|_| field::draw(rng)).collect();
        let double = Radix2EvaluationDomain::<Fr>::new(2 * n);
        let coset = double
            .and_then(|double| Radix2EvaluationDomain::<Fr>::new(n)?.get_coset(double.group_gen()));
        let mut on_odd_coset = coset.map(|coset| coset.fft(&quotient)).unwrap_or_default();
        // There, x^n is minus one.
        for value in &mut on_odd_coset {
            *value = -value.double();
        }
        Self { quotient, on_odd_coset }
    }

    fn at_tau(&self, powers: &Powers) -> G1Projective {
        let above = powers.tau_g1.get(self.quotient.len() + 1..).unwrap_or_default();
        msm(above, &self.quotient) - msm(&powers.tau_g1, &self.quotient)
    }
}

/// `weights` with everything from `at` on set to zero, and with everything before.
fn halves(weights: &[Fr], at: usize) -> (Vec<Fr>, Vec<Fr>) {
    let keep = |public: bool| {
        let kept = |(index, weight): (usize, &Fr)| {
            if (index < at) == public { *weight } else { Fr::ZERO }
        };
        weights.iter().enumerate().map(kept).collect()
    };
    (keep(true), keep(false))
}

fn evaluate(terms: &[Term], weights: &[Fr]) -> Fr {
    let term = |(value, wire): &Term| weights.get(*wire).map_or(Fr::ZERO, |weight| *value * weight);
    terms.iter().map(term).sum()
}

/// The sum of as many products as both lists have.
fn msm(points: &[G1Affine], weights: &[Fr]) -> G1Projective {
    let shared = points.len().min(weights.len());
    let both = points.get(..shared).zip(weights.get(..shared));
    both.map(|(points, weights)| G1Projective::msm_unchecked(points, weights)).unwrap_or_default()
}

fn msm_g2(points: &[G2Affine], weights: &[Fr]) -> G2Projective {
    let shared = points.len().min(weights.len());
    let both = points.get(..shared).zip(weights.get(..shared));
    both.map(|(points, weights)| G2Projective::msm_unchecked(points, weights)).unwrap_or_default()
}

/// Whether two points are the same multiple of their generators.
fn same_multiple(one: &G1Affine, two: &G2Affine) -> bool {
    Bn254::pairing(one, G2Affine::generator()) == Bn254::pairing(G1Affine::generator(), two)
}

#[cfg(test)]
mod tests;
