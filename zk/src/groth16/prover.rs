//! Making a proof.
//!
//! The prover keeps the matrices of its circuit, its key and the tables of its transforms; a proof
//! then costs the witness, three transforms each way and four multi-scalar multiplications. It runs
//! in the rayon pool of its caller, so a pool of one thread of low priority keeps it out of
//! everyone's way.
//!
//! **Invariant:** a false statement is refused before any work, and no proof leaves that does not
//! verify: a prover that is fed a false witness, the key of another circuit or a broken memory
//! would make such proofs without noticing. Looking costs a millisecond.

use std::fmt;
use std::iter::zip;
use std::sync::Arc;

use ark_bn254::{Fr, G1Projective};
use ark_ec::CurveGroup as _;
use ark_relations::gr1cs::SynthesisError;
use rand::CryptoRng;

use crate::circuit::{Circuit, ClaimCircuit};
use crate::field;
use crate::groth16::matrices::{Matrices, NoMatrices, assignment};
use crate::groth16::msm::{halves, msm, sum};
use crate::groth16::qap::OddCoset;
use crate::groth16::verifier::{DoesNotVerify, Verifier};
use crate::keys::ProvingKey;
use crate::native::{self, Refusal};
use crate::proof::Proof;
use crate::statement::{Statement, Witness};

/// Proves statements of one circuit.
pub struct Prover {
    circuit: Circuit,
    key: Arc<ProvingKey>,
    matrices: Matrices,
    coset: OddCoset,
    verifier: Verifier,
}

/// Why there is no prover of a key.
#[derive(Debug, thiserror::Error)]
pub enum NoProver {
    /// The circuit could not be laid out.
    #[error("circuit {circuit} can not be laid out")]
    Circuit {
        /// The circuit.
        circuit: Circuit,
        /// What went wrong.
        source: NoMatrices,
    },
    /// The key is of something else.
    #[error("the proving key does not have the shape of circuit {circuit}")]
    OtherShape {
        /// The circuit.
        circuit: Circuit,
    },
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The statement is of another circuit than the prover.
    #[error("this prover is of circuit {prover}, the statement of circuit {statement}")]
    OtherCircuit {
        /// The prover's.
        prover: Circuit,
        /// The statement's.
        statement: Circuit,
    },
    /// The statement is not true of this witness.
    #[error("the statement does not hold, so it can not be proven")]
    Untrue(#[from] Refusal),
    /// The witness could not be laid out.
    #[error("the witness could not be laid out")]
    Synthesis(#[from] SynthesisError),
    /// Circuit and plain rules disagree, the key is of another circuit, or a bit fell over.
    #[error("the proof that was made does not verify, so it was thrown away")]
    Broken(#[from] DoesNotVerify),
}

impl fmt::Debug for Prover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prover").field("circuit", &self.circuit).finish_non_exhaustive()
    }
}

impl Prover {
    /// A prover of `circuit` with its key, which lays the circuit out: a second and a hundred
    /// megabytes. [`crate::keys::Folder::prover`] reads the matrices instead.
    ///
    /// # Errors
    /// Refused when the key is of a circuit of another shape.
    pub fn new(circuit: Circuit, key: Arc<ProvingKey>) -> Result<Self, NoProver> {
        let matrices = Matrices::of(ClaimCircuit::blank(circuit))
            .map_err(|source| NoProver::Circuit { circuit, source })?;
        Self::with_matrices(circuit, key, matrices)
    }

    /// A prover of `circuit` with its key and its matrices.
    ///
    /// # Errors
    /// Refused when the key is of a circuit of another shape.
    pub fn with_matrices(
        circuit: Circuit,
        key: Arc<ProvingKey>,
        matrices: Matrices,
    ) -> Result<Self, NoProver> {
        let coset = OddCoset::new(matrices.domain_size())
            .filter(|_| key.has_the_shape_of(&matrices))
            .ok_or(NoProver::OtherShape { circuit })?;
        let verifier = Verifier::new(circuit, key.verifying().clone())
            .or(Err(NoProver::OtherShape { circuit }))?;
        Ok(Self { circuit, key, matrices, coset, verifier })
    }

    /// The circuit that it proves statements of.
    #[must_use]
    pub const fn circuit(&self) -> Circuit {
        self.circuit
    }

    /// The matrices of its circuit.
    #[must_use]
    pub const fn matrices(&self) -> &Matrices {
        &self.matrices
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &ProvingKey {
        &self.key
    }

    /// Verifies what it proves.
    #[must_use]
    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// Proves `statement`, some tenths of a second of work for one core.
    ///
    /// # Errors
    /// Refused when `witness` does not make the statement true, or the statement is of another
    /// circuit.
    pub fn prove(
        &self,
        statement: &Statement,
        witness: &Witness,
        rng: &mut impl CryptoRng,
    ) -> Result<Proof, ProveError> {
        if statement.circuit() != self.circuit {
            let (prover, statement) = (self.circuit, statement.circuit());
            return Err(ProveError::OtherCircuit { prover, statement });
        }
        native::check(statement, witness)?;
        let assignment = assignment(ClaimCircuit::new(statement, witness)?)?;
        let proof = self.prove_assignment(&assignment, rng);
        self.verifier.verify(statement, &proof)?;
        Ok(proof)
    }

    /// The last step of [`Self::prove`]: what other provers do when they are handed all wires.
    pub(crate) fn prove_assignment(&self, assignment: &[Fr], rng: &mut impl CryptoRng) -> Proof {
        self.combine(assignment, field::draw(rng), field::draw(rng))
    }

    /// The proof of an assignment, blinded by `r` and `s`: section 3.2 of <https://ia.cr/2016/260>.
    #[expect(clippy::many_single_char_names, reason = "the names of the paper")]
    fn combine(&self, assignment: &[Fr], r: Fr, s: Fr) -> Proof {
        let key = self.key.points();
        let scalars = halves(assignment);
        let private = scalars.get(self.matrices.inputs()..).unwrap_or_default();

        let (private_part, (a, (b, b_in_g1))) = rayon::join(
            || {
                let quotient = halves(&self.coset.h(&self.matrices, assignment));
                sum(zip(&key.l_query, private).chain(zip(&key.h_query, &quotient)))
            },
            || {
                rayon::join(
                    || msm(&key.a_query, &scalars),
                    || {
                        rayon::join(
                            || msm(&key.b_g2_query, &scalars),
                            || msm(&key.b_g1_query, &scalars),
                        )
                    },
                )
            },
        );
        let a = a + key.vk.alpha_g1 + key.delta_g1 * r;
        let b = b + key.vk.beta_g2 + key.vk.delta_g2 * s;
        let b_in_g1: G1Projective = b_in_g1 + key.beta_g1 + key.delta_g1 * s;
        let c = private_part + a * s + b_in_g1 * r - key.delta_g1 * (r * s);
        Proof::from_points(ark_groth16::Proof {
            a: a.into_affine(),
            b: b.into_affine(),
            c: c.into_affine(),
        })
    }
}

#[cfg(test)]
mod tests {
    use ark_bn254::Bn254;
    use ark_groth16::Groth16;
    use ark_std::rand::SeedableRng as _;
    use ark_std::rand::rngs::StdRng;

    use super::*;
    use crate::groth16::qap::Circom;
    use crate::testing::{KEYS, honest, prover, rng};

    #[test]
    fn two_proofs_of_one_statement_differ_and_verify() {
        let (statement, witness) = honest(Circuit::Summary);
        let prove = |seed| prover().prove(&statement, &witness, &mut rng(seed)).unwrap();
        let [one, two] = [1, 2].map(prove);

        assert_ne!(one.to_bytes(), two.to_bytes());
        assert_eq!(prover().verifier().verify(&statement, &one), Ok(()));
        assert_eq!(prover().verifier().verify(&statement, &two), Ok(()));
    }

    /// The prover of arkworks, over the same key and reduction, makes the same proof from the same
    /// blinding.
    #[test]
    fn the_proof_is_that_of_the_library() {
        let (statement, witness) = honest(Circuit::Summary);
        let circuit = ClaimCircuit::new(&statement, &witness).unwrap();
        let [r, s] = [11, 13].map(Fr::from);
        let expected = Groth16::<Bn254, Circom>::create_proof_with_reduction(
            circuit.clone(),
            prover().key().points(),
            r,
            s,
        );

        let proof = prover().combine(&assignment(circuit).unwrap(), r, s);
        assert_eq!(proof.points(), &expected.unwrap());
    }

    #[test]
    fn what_is_not_true_is_not_proven() {
        let (statement, mut witness) = honest(Circuit::Summary);
        witness.day += 100;

        let error = prover().prove(&statement, &witness, &mut rng(1)).unwrap_err();
        assert!(matches!(error, ProveError::Untrue(_)), "{error}");
    }

    #[test]
    fn a_statement_of_another_circuit_is_not_proven() {
        let (statement, witness) = honest(Circuit::Fact);

        let error = prover().prove(&statement, &witness, &mut rng(1)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "this prover is of circuit summary, the statement of circuit fact"
        );
    }

    #[test]
    fn a_key_of_another_circuit_makes_no_prover() {
        let key = Arc::new(KEYS[&Circuit::Region].clone());

        let error = Prover::new(Circuit::Summary, key).unwrap_err();
        assert!(matches!(error, NoProver::OtherShape { circuit: Circuit::Summary }));
    }

    /// The right shape and the wrong points: found when the proof is looked at.
    #[test]
    fn no_proof_leaves_that_does_not_verify() {
        let mut points = prover().key().points().clone();
        points.h_query.reverse();
        let inputs = Circuit::Summary.public_inputs();
        let key = Arc::new(ProvingKey::new(points, inputs).unwrap());
        let matrices = prover().matrices().clone();
        let broken = Prover::with_matrices(Circuit::Summary, key, matrices).unwrap();
        let (statement, witness) = honest(Circuit::Summary);

        let error = broken.prove(&statement, &witness, &mut rng(1)).unwrap_err();
        assert!(matches!(error, ProveError::Broken(_)), "{error}");
    }

    /// Arkworks' own reduction gives keys of another form, which must not be taken for ours.
    #[test]
    fn a_key_in_the_form_of_the_library_makes_no_prover() {
        let points = Groth16::<Bn254>::generate_random_parameters_with_reduction(
            ClaimCircuit::blank(Circuit::Summary),
            &mut StdRng::seed_from_u64(1),
        );

        assert!(ProvingKey::new(points.unwrap(), Circuit::Summary.public_inputs()).is_err());
    }
}
