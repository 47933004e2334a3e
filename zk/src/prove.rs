//! Making a proof.

use ark_bn254::Bn254;
use ark_groth16::Groth16;
use ark_relations::gr1cs::SynthesisError;
use rand::CryptoRng;

use crate::circuit::RangeCircuit;
use crate::field;
use crate::keys::Keys;
use crate::native::{self, Refusal};
use crate::proof::Proof;
use crate::statement::{Statement, Witness};

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The statement is not true of this witness.
    #[error("the statement does not hold, so it can not be proven")]
    Untrue(#[from] Refusal),
    /// The circuit could not be laid out.
    #[error("the circuit could not be laid out")]
    Synthesis(#[from] SynthesisError),
}

/// Proves `statement`, about half a second of work for one core.
///
/// # Errors
/// Refused when `witness` does not make the statement true. The prover itself would not notice: it
/// turns a false witness into a proof that does not verify.
pub fn prove(
    keys: &Keys,
    statement: &Statement,
    witness: &Witness,
    rng: &mut impl CryptoRng,
) -> Result<Proof, ProveError> {
    native::check(statement, witness)?;
    let circuit = RangeCircuit::new(*statement, witness.clone());
    let points = Groth16::<Bn254>::create_random_proof_with_reduction(
        circuit,
        &keys.proving,
        &mut field::ark_rng(rng),
    )?;
    Ok(Proof { points })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{KEYS, honest, rng, value};

    #[test]
    fn what_is_not_true_is_not_proven() {
        let (statement, mut witness) = honest();
        witness.window.values[9] = value(164);

        let error = prove(&KEYS, &statement, &witness, &mut rng(1)).unwrap_err();

        assert!(matches!(error, ProveError::Untrue(Refusal::OutsideRange { index: 9 })));
    }

    #[test]
    fn two_proofs_of_one_statement_differ() {
        let (statement, witness) = honest();
        let [one, two] =
            [1, 2].map(|seed| prove(&KEYS, &statement, &witness, &mut rng(seed)).unwrap());

        assert_ne!(one.to_bytes(), two.to_bytes());
    }
}
