//! Checking one proof.

use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::bn::G2Prepared;
use ark_ec::pairing::{Pairing as _, PairingOutput};
use ark_ec::{CurveGroup as _, VariableBaseMSM as _};

use crate::circuit::Circuit;
use crate::keys::VerifyingKey;
use crate::proof::Proof;
use crate::statement::Statement;

/// Verifies proofs of one circuit, with its key prepared.
///
/// The library underneath accepts too few and too many public inputs. Here their number is that of the circuit, which the
/// key is held against when the verifier is made and every statement when it is verified.
#[derive(Clone, Debug)]
pub struct Verifier {
    circuit: Circuit,
    key: VerifyingKey,
    alpha_beta: PairingOutput<Bn254>,
    pub(super) minus_beta: G2Prepared<ark_bn254::Config>,
    pub(super) minus_gamma: G2Prepared<ark_bn254::Config>,
    pub(super) minus_delta: G2Prepared<ark_bn254::Config>,
}

/// A key that does not fit the circuit it is said to be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the verifying key takes {key} public inputs, circuit {circuit} has {}", circuit.public_inputs())]
pub struct KeyOfAnotherCircuit {
    circuit: Circuit,
    key: usize,
}

/// A proof that does not prove the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DoesNotVerify {
    /// The statement is of another circuit than the verifier.
    #[error("this verifier is of circuit {verifier}, the statement of circuit {statement}")]
    OtherCircuit {
        /// The verifier's.
        verifier: Circuit,
        /// The statement's.
        statement: Circuit,
    },
    /// The equation does not hold: the proof is of another statement, under other keys, or of nothing.
    #[error("the proof does not verify for the statement of circuit {circuit}")]
    Wrong {
        /// The statement's.
        circuit: Circuit,
    },
}

impl Verifier {
    /// A verifier of `circuit` with its key.
    ///
    /// # Errors
    /// Refused when the key takes another number of public inputs.
    pub fn new(circuit: Circuit, key: VerifyingKey) -> Result<Self, KeyOfAnotherCircuit> {
        if key.public_inputs() != circuit.public_inputs() {
            return Err(KeyOfAnotherCircuit { circuit, key: key.public_inputs() });
        }
        let points = key.points();
        Ok(Self {
            circuit,
            alpha_beta: Bn254::pairing(points.alpha_g1, points.beta_g2),
            minus_beta: G2Affine::from(-points.beta_g2).into(),
            minus_gamma: G2Affine::from(-points.gamma_g2).into(),
            minus_delta: G2Affine::from(-points.delta_g2).into(),
            key,
        })
    }

    /// The circuit that it verifies statements of.
    #[must_use]
    pub const fn circuit(&self) -> Circuit {
        self.circuit
    }

    /// The key that it verifies with.
    #[must_use]
    pub const fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// Checks that `proof` proves `statement`, about a millisecond of work.
    ///
    /// # Errors
    /// Refused when the proof is of another statement, under other keys, or of nothing at all.
    pub fn verify(&self, statement: &Statement, proof: &Proof) -> Result<(), DoesNotVerify> {
        let inputs = self.inputs_of(statement)?;
        if self.equation_holds(&inputs, proof) {
            return Ok(());
        }
        Err(DoesNotVerify::Wrong { circuit: self.circuit })
    }

    /// The public inputs of a statement of this circuit, as many as the key takes.
    pub(super) fn inputs_of(&self, statement: &Statement) -> Result<Vec<Fr>, DoesNotVerify> {
        let inputs = statement.public_inputs().to_vec();
        if statement.circuit() != self.circuit || inputs.len() != self.key.public_inputs() {
            let (verifier, statement) = (self.circuit, statement.circuit());
            return Err(DoesNotVerify::OtherCircuit { verifier, statement });
        }
        Ok(inputs)
    }

    /// `e(A, B) = e(alpha, beta) e(IC(inputs), gamma) e(C, delta)`.
    fn equation_holds(&self, inputs: &[Fr], proof: &Proof) -> bool {
        let Some((constant, bases)) = self.key.points().gamma_abc_g1.split_first() else {
            return false;
        };
        let inputs = *constant + ark_bn254::G1Projective::msm_unchecked(bases, inputs);
        let points = proof.points();
        let left: [G1Affine; 3] = [points.a, inputs.into_affine(), points.c];
        let right = [points.b.into(), self.minus_gamma.clone(), self.minus_delta.clone()];
        let product = Bn254::multi_miller_loop(left, right);
        Bn254::final_exponentiation(product).is_some_and(|product| product == self.alpha_beta)
    }
}
