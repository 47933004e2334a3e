//! Checking one proof.

use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::CurveGroup as _;
use ark_ec::bn::G2Prepared;
use ark_ec::pairing::{Pairing as _, PairingOutput};
use telematics::Question;

use crate::circuit::Circuit;
use crate::groth16::msm::{halves, msm};
use crate::keys::VerifyingKey;
use crate::proof::Proof;
use crate::statement::{Statement, question_inputs};

/// Verifies proofs of one circuit, with its key prepared.
///
/// The library underneath accepts too few and too many public inputs. Here their number is that of
/// the circuit, which the key is held against when the verifier is made and every statement when it
/// is verified.
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
    /// The equation does not hold: the proof is of another statement, under other keys, or of
    /// nothing.
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
    fn inputs_of(&self, statement: &Statement) -> Result<Vec<Fr>, DoesNotVerify> {
        self.fits(statement, statement.public_inputs())
    }

    /// The public inputs of `statements`, where those that ask the same one after another share the
    /// hashes of their question.
    pub(super) fn inputs_of_all<'a>(
        &self,
        statements: impl Iterator<Item = &'a Statement>,
    ) -> Vec<Result<Vec<Fr>, DoesNotVerify>> {
        let mut last: Option<(&Question, Vec<Fr>)> = None;
        let of = |statement: &'a Statement| {
            let known = last.take().filter(|(question, _)| **question == statement.question);
            let (_, inputs) = last
                .insert(known.unwrap_or_else(|| {
                    (&statement.question, question_inputs(&statement.question))
                }));
            self.fits(statement, statement.public_inputs_with(inputs))
        };
        statements.map(of).collect()
    }

    fn fits(&self, statement: &Statement, inputs: Vec<Fr>) -> Result<Vec<Fr>, DoesNotVerify> {
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
        let inputs = *constant + msm(bases, &halves(inputs));
        let points = proof.points();
        let left: [G1Affine; 3] = [points.a, inputs.into_affine(), points.c];
        let right = [points.b.into(), self.minus_gamma.clone(), self.minus_delta.clone()];
        let product = Bn254::multi_miller_loop(left, right);
        Bn254::final_exponentiation(product).is_some_and(|product| product == self.alpha_beta)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use telematics::question::ClassPattern;
    use telematics::testing::T0;
    use telematics::{CampaignId, Scope};

    use super::*;
    use crate::Root;
    use crate::element::Payee;
    use crate::keys;
    use crate::testing::{DAY, honest, prover, rng};

    static HONEST: LazyLock<(Statement, Proof)> = LazyLock::new(|| {
        let (statement, witness) = honest(Circuit::Summary);
        let proof = prover().prove(&statement, &witness, &mut rng(1)).unwrap();
        (statement, proof)
    });

    fn verify(statement: &Statement) -> Result<(), DoesNotVerify> {
        prover().verifier().verify(statement, &HONEST.1)
    }

    #[test]
    fn a_proof_of_one_statement_proves_no_other() {
        let honest = &HONEST.0;
        assert_eq!(verify(honest), Ok(()));

        let campaign = CampaignId::new(T0, [8; 10]);
        let class = honest.scope.class().clone();
        let others = [
            ("root", Statement { root: Root::new(ark_bn254::Fr::from(7)), ..honest.clone() }),
            ("campaign", Statement { campaign, ..honest.clone() }),
            ("payee", Statement { payee: Payee::of(&[5; 16], [4; 16]), ..honest.clone() }),
            (
                "day",
                Statement { scope: Scope::new(class, DAY - 3, DAY).unwrap(), ..honest.clone() },
            ),
            ("class", {
                let scope = Scope::new(ClassPattern::default(), DAY - 3, DAY + 3).unwrap();
                Statement { scope, ..honest.clone() }
            }),
        ];
        for (name, other) in others {
            let wrong = Err(DoesNotVerify::Wrong { circuit: Circuit::Summary });
            assert_eq!(verify(&other), wrong, "{name}");
        }
    }

    /// The library would take too few inputs if the missing are zero, and any number of extra ones.
    #[test]
    fn a_statement_with_another_number_of_inputs_is_refused() {
        for circuit in [Circuit::Fact, Circuit::Region] {
            let (statement, _) = honest(circuit);
            let error =
                DoesNotVerify::OtherCircuit { verifier: Circuit::Summary, statement: circuit };

            assert_eq!(verify(&statement), Err(error));
        }
    }

    #[test]
    fn swapped_and_changed_inputs_are_refused() {
        let verifier = prover().verifier();
        let inputs = HONEST.0.public_inputs();
        assert!(verifier.equation_holds(&inputs, &HONEST.1));
        for index in 0..inputs.len() {
            let mut changed = inputs.clone();
            changed[index] += Fr::from(1);
            assert!(!verifier.equation_holds(&changed, &HONEST.1), "input {index}");

            let mut swapped = inputs.clone();
            swapped.swap(index, (index + 1) % inputs.len());
            assert!(
                swapped == inputs || !verifier.equation_holds(&swapped, &HONEST.1),
                "input {index}"
            );
        }
    }

    #[test]
    fn a_key_for_another_number_of_inputs_makes_no_verifier() {
        let error = Verifier::new(Circuit::Fact, prover().key().verifying().clone()).unwrap_err();

        assert_eq!(
            error.to_string(),
            "the verifying key takes 8 public inputs, circuit fact has 12"
        );
    }

    #[test]
    fn a_proof_under_other_keys_is_refused() {
        let key = keys::from_seed(Circuit::Summary, [1; 32]).unwrap();
        let verifier = Verifier::new(Circuit::Summary, key.verifying().clone()).unwrap();

        assert!(verifier.verify(&HONEST.0, &HONEST.1).is_err());
    }

    #[test]
    fn points_in_the_wrong_places_prove_nothing() {
        let points = HONEST.1.points();
        let swapped = ark_groth16::Proof { a: points.c, b: points.b, c: points.a };
        let negated = ark_groth16::Proof { a: -points.a, ..points.clone() };
        let both = ark_groth16::Proof { a: -points.a, b: -points.b, c: points.c };
        for (points, holds) in [(swapped, false), (negated, false), (both, true)] {
            let proof = Proof::from_points(points);
            assert_eq!(prover().verifier().verify(&HONEST.0, &proof).is_ok(), holds);
        }
    }
}
