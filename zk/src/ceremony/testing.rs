//! A phase 1 and a key whose secrets are known, so that tests can break each apart.

use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr as _, PrimeGroup as _, ScalarMul as _};
use ark_ff::{AdditiveGroup as _, Field as _};
use ark_groth16::{ProvingKey, VerifyingKey};
use ark_poly::{EvaluationDomain as _, Radix2EvaluationDomain};

use super::contributions::{Contribution, Record};
use super::elements::{g1_bytes, g2_bytes, modulus};
use super::layout::{Layout, Term};
use super::ptau::Powers;
use super::sections::{Writer, count};
use super::zkey::Zkey;

/// What nobody may know about a real key.
pub(crate) struct Secrets {
    pub(crate) tau: Fr,
    pub(crate) alpha: Fr,
    pub(crate) beta: Fr,
    pub(crate) delta: Fr,
}

pub(crate) fn secrets() -> Secrets {
    let [tau, alpha, beta, delta] = [1_234_567, 891_011, 121_314, 151_617].map(Fr::from);
    Secrets { tau: tau.pow([5]), alpha, beta, delta }
}

impl Secrets {
    pub(crate) fn powers(&self, domain: usize) -> Powers {
        let tau: Vec<Fr> = std::iter::successors(Some(Fr::ONE), |power| Some(*power * self.tau))
            .take(2 * domain - 1)
            .collect();
        let times =
            |factor: Fr| tau[..domain].iter().map(|power| factor * power).collect::<Vec<_>>();
        Powers {
            tau_g1: g1(&tau),
            tau_g2: g2(&tau[..domain]),
            alpha_tau_g1: g1(&times(self.alpha)),
            beta_tau_g1: g1(&times(self.beta)),
            beta_g2: g2(&[self.beta])[0],
        }
    }

    /// What one honest contributor leaves, as snarkjs would write it.
    pub(crate) fn zkey(&self, layout: &Layout) -> Zkey {
        let mut zkey = Zkey::of(self.key(layout), layout);
        let s = g1(&[Fr::from(77)])[0];
        let sx = g1(&[self.delta * Fr::from(77)])[0];
        zkey.record = Record {
            circuit_hash: [9; 64],
            contributions: vec![Contribution::honest("Ada", zkey.key.delta_g1, s, sx, [9; 64])],
        };
        zkey
    }

    pub(crate) fn key(&self, layout: &Layout) -> ProvingKey<ark_bn254::Bn254> {
        let domain = Radix2EvaluationDomain::<Fr>::new(layout.domain()).unwrap();
        let lagrange = domain.evaluate_all_lagrange_coefficients(self.tau);
        let [mut a, b, c] =
            layout.rows().each_ref().map(|rows| columns(rows, &lagrange, layout.wires()));
        for wire in 0..=layout.public() {
            a[wire] += lagrange[layout.constraints() + wire];
        }
        let mixed: Vec<Fr> = (0..layout.wires())
            .map(|wire| self.beta * a[wire] + self.alpha * b[wire] + c[wire])
            .collect();
        let (public, private) = mixed.split_at(layout.public() + 1);
        let by_delta = self.delta.inverse().unwrap();
        let private: Vec<Fr> = private.iter().map(|value| *value * by_delta).collect();
        let double = Radix2EvaluationDomain::<Fr>::new(2 * layout.domain()).unwrap();
        let odd: Vec<Fr> = double
            .evaluate_all_lagrange_coefficients(self.tau)
            .chunks(2)
            .map(|pair| pair[1] * by_delta)
            .collect();
        ProvingKey {
            vk: VerifyingKey {
                alpha_g1: g1(&[self.alpha])[0],
                beta_g2: g2(&[self.beta])[0],
                gamma_g2: G2Affine::generator(),
                delta_g2: g2(&[self.delta])[0],
                gamma_abc_g1: g1(public),
            },
            beta_g1: g1(&[self.beta])[0],
            delta_g1: g1(&[self.delta])[0],
            a_query: g1(&a),
            b_g1_query: g1(&b),
            b_g2_query: g2(&b),
            h_query: g1(&odd),
            l_query: g1(&private),
        }
    }
}

/// The bytes of a `.ptau` file that holds `powers`.
pub(crate) fn ptau(powers: &Powers) -> Vec<u8> {
    let power = powers.tau_g2.len().ilog2().to_le_bytes();
    let header = [&count(32)[..], &modulus::<ark_bn254::Fq>(), &power, &power].concat();
    let list = |points: &[G1Affine]| points.iter().flat_map(g1_bytes).collect::<Vec<u8>>();
    let tau_g2: Vec<u8> = powers.tau_g2.iter().flat_map(g2_bytes).collect();
    Writer::new(*b"ptau", 1, 6)
        .section(1, &header)
        .section(2, &list(&powers.tau_g1))
        .section(3, &tau_g2)
        .section(4, &list(&powers.alpha_tau_g1))
        .section(5, &list(&powers.beta_tau_g1))
        .section(6, &g2_bytes(&powers.beta_g2))
        .finish()
}

fn columns(rows: &[Vec<Term>], lagrange: &[Fr], wires: usize) -> Vec<Fr> {
    let mut columns = vec![Fr::ZERO; wires];
    for (terms, basis) in rows.iter().zip(lagrange) {
        for (value, wire) in terms {
            columns[*wire] += *value * basis;
        }
    }
    columns
}

fn g1(scalars: &[Fr]) -> Vec<G1Affine> {
    G1Projective::generator().batch_mul(scalars)
}

fn g2(scalars: &[Fr]) -> Vec<G2Affine> {
    G2Projective::generator().batch_mul(scalars)
}

impl Layout {
    /// The same circuit, but for one coefficient of C.
    pub(crate) fn with_other_c(&self) -> Self {
        let mut other = self.clone();
        let changed = other.rows[2].iter_mut().flatten().next().unwrap();
        changed.0 += Fr::ONE;
        other
    }
}
