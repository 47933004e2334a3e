//! Keys for development, with which anyone can forge.
//!
//! Their secret comes from the seed printed below. They exist so that both sides run the real code before there has been
//! a ceremony, and so that a stranger can try everything in a minute.
//!
//! **Invariant:** they are recognised by their fingerprints and by their points (the first points of such a key come from the
//! seed alone), whatever file they are in, and of whatever version of a circuit.

use ark_bn254::{Bn254, Fr, G1Projective, G2Projective};
use ark_ec::CurveGroup as _;
use ark_ff::UniformRand as _;
use ark_groth16::Groth16;
use ark_relations::gr1cs::SynthesisError;
use ark_std::rand::SeedableRng as _;
use ark_std::rand::rngs::StdRng;

use super::key::{NotAKey, ProvingKey, VerifyingKey};
use crate::circuit::{Circuit, ClaimCircuit};
use crate::groth16::qap::Circom;

/// Published on purpose. See above.
const SEED: &[u8; 32] = b"axle development keys, no secret";

/// Why no key could be made.
#[derive(Debug, thiserror::Error)]
pub enum NoKey {
    /// The circuit could not be laid out.
    #[error("the circuit can not be laid out")]
    Circuit(#[from] SynthesisError),
    /// What came out is no key, which takes a seed of one in `2^250`.
    #[error(transparent)]
    Key(#[from] NotAKey),
}

/// Makes the development key of `circuit`, **with which anyone can forge**. Takes seconds.
///
/// # Errors
/// Refused when the circuit can not be laid out.
pub fn development(circuit: Circuit) -> Result<ProvingKey, NoKey> {
    from_seed(circuit, *SEED)
}

/// Whether `key` shares a secret with the development keys.
#[must_use]
pub fn is_development(key: &VerifyingKey) -> bool {
    // The order of the generator of arkworks; a test holds the two together.
    let mut rng = StdRng::from_seed(*SEED);
    let [alpha, beta, _, delta] = [(); 4].map(|()| Fr::rand(&mut rng));
    let one = G1Projective::rand(&mut rng);
    let two = G2Projective::rand(&mut rng);
    let points = key.points();
    Circuit::ALL.iter().any(|circuit| circuit.development_key() == key.fingerprint())
        || points.alpha_g1 == (one * alpha).into_affine()
        || points.beta_g2 == (two * beta).into_affine()
        || points.delta_g2 == (two * delta).into_affine()
}

/// Setup by one party who knows everything.
pub(crate) fn from_seed(circuit: Circuit, seed: [u8; 32]) -> Result<ProvingKey, NoKey> {
    let points = Groth16::<Bn254, Circom>::generate_random_parameters_with_reduction(
        ClaimCircuit::blank(circuit),
        &mut StdRng::from_seed(seed),
    )?;
    Ok(ProvingKey::new(points, circuit.public_inputs())?)
}
