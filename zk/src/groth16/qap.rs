//! From constraints to polynomials, in circom's form.
//!
//! Groth16 needs a multiple of the vanishing polynomial, `A B - C = H Z`. Arkworks keeps H by its
//! coefficients; circom and snarkjs keep it by its values on the odd coset of the domain (the odd powers
//! of a root of unity of twice the order), with the Lagrange polynomials of the doubled domain in the key. There
//! `Z = -2` everywhere, so nothing is divided, and one transform less is needed.
//!
//! **Invariant:** keys have this form everywhere, whether made here or brought from a ceremony.

use ark_bn254::Fr;
use ark_ff::{FftField as _, PrimeField};
use ark_groth16::r1cs_to_qap::{LibsnarkReduction, R1CSToQAP};
use ark_poly::EvaluationDomain;
use ark_relations::gr1cs::{ConstraintSystemRef, Matrix, SynthesisError};
use ark_relations::utils::matrix::mat_vec_mul;
use taceo_ark_algebra::fft::{Domain, bit_reverse, powers};

use crate::groth16::matrices::Matrices;

/// The reduction of circom, for `ark_groth16`'s generator (and its prover, in tests).
#[derive(Debug)]
pub(crate) struct Circom;

type Instance<F> = (Vec<F>, Vec<F>, Vec<F>, F, usize, usize);

impl R1CSToQAP for Circom {
    fn instance_map_with_evaluation<F: PrimeField, D: EvaluationDomain<F>>(
        cs: ConstraintSystemRef<F>,
        t: &F,
    ) -> Result<Instance<F>, SynthesisError> {
        LibsnarkReduction::instance_map_with_evaluation::<F, D>(cs, t)
    }

    fn witness_map_from_matrices<F: PrimeField, D: EvaluationDomain<F>>(
        matrices: &[Matrix<F>],
        num_inputs: usize,
        num_constraints: usize,
        full_assignment: &[F],
    ) -> Result<Vec<F>, SynthesisError> {
        let [a, b, _] = matrices else { return Err(SynthesisError::Unsatisfiable) };
        let too_large = SynthesisError::PolynomialDegreeTooLarge;
        let domain = D::new(num_constraints + num_inputs).ok_or(too_large)?;
        let shift = F::get_root_of_unity(2 * domain.size() as u64).ok_or(too_large)?;
        let coset = domain.get_coset(shift).ok_or(too_large)?;
        let to_coset = |values: &[F]| coset.fft(&domain.ifft(values));

        let mut a = mat_vec_mul(a, full_assignment);
        a.extend(full_assignment.iter().take(num_inputs));
        let mut b = mat_vec_mul(b, full_assignment);
        a.resize(domain.size(), F::zero());
        b.resize(domain.size(), F::zero());
        let ab: Vec<F> = a.iter().zip(&b).map(|(a, b)| *a * b).collect();
        let (a, b, c) = (to_coset(&a), to_coset(&b), to_coset(&ab));
        Ok(a.iter().zip(&b).zip(&c).map(|((a, b), c)| *a * b - c).collect())
    }

    fn h_query_scalars<F: PrimeField, D: EvaluationDomain<F>>(
        max_power: usize,
        t: F,
        _: F,
        delta_inverse: F,
    ) -> Result<Vec<F>, SynthesisError> {
        let mut scalars = powers_of(t, delta_inverse, 2 * max_power + 1);
        let domain = D::new(scalars.len()).ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
        domain.ifft_in_place(&mut scalars);
        Ok(scalars.into_iter().skip(1).step_by(2).collect())
    }
}

fn powers_of<F: PrimeField>(t: F, first: F, count: usize) -> Vec<F> {
    std::iter::successors(Some(first), |power| Some(*power * t)).take(count).collect()
}

/// The domain of one circuit, with what the transforms of its proofs share.
pub(crate) struct OddCoset {
    domain: Domain<Fr>,
    /// Powers of the root of unity that moves the domain onto its odd coset, bits of the index reversed.
    shifts: Vec<Fr>,
}

impl OddCoset {
    /// Of the domain that `size`, a power of two, asks for. `None` when the field has none so large.
    pub(crate) fn new(size: usize) -> Option<Self> {
        let domain = Domain::new(size)?;
        let root = Fr::get_root_of_unity(u64::try_from(size).ok()?.checked_mul(2)?)?;
        let mut shifts = powers(root, size);
        bit_reverse(&mut shifts);
        Some(Self { domain, shifts })
    }

    /// Values of `A B - C` on the odd coset, which are the scalars of a key's H query. A witness that does not
    /// satisfy the constraints gives values as well, and a proof that does not verify.
    pub(crate) fn h(&self, matrices: &Matrices, z: &[Fr]) -> Vec<Fr> {
        let [mut a, mut b] = matrices.evaluate(z);
        a.extend(z.iter().take(matrices.inputs()));
        a.resize(self.domain.size(), Fr::default());
        b.resize(self.domain.size(), Fr::default());
        let mut c: Vec<Fr> = a.iter().zip(&b).map(|(a, b)| *a * b).collect();

        rayon::join(
            || rayon::join(|| self.move_onto(&mut a), || self.move_onto(&mut b)),
            || self.move_onto(&mut c),
        );
        for ((a, b), c) in a.iter_mut().zip(&b).zip(&c) {
            *a = *a * b - c;
        }
        a
    }

    fn move_onto(&self, values: &mut [Fr]) {
        self.domain.ifft_in_to_out(values);
        for (value, shift) in values.iter_mut().zip(&self.shifts) {
            *value *= shift;
        }
        self.domain.fft_out_to_in(values);
    }
}
