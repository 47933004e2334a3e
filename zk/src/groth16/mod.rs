//! Groth16 over BN254: from a circuit to matrices, proofs and verdicts.
//!
//! Nothing here knows what a statement says. [`crate::circuit`] gives constraints, [`crate::keys`]
//! gives keys; this module multiplies.

mod batch;
mod coefficient;
pub(crate) mod decode;
mod lines;
mod matrices;
mod msm;
mod prover;
pub(crate) mod qap;
mod stored;
mod verifier;

pub use batch::Refused;
pub use matrices::{Matrices, NoMatrices, assignment};
pub use prover::{NoProver, ProveError, Prover};
pub use stored::NotMatrices;
pub use verifier::{DoesNotVerify, KeyOfAnotherCircuit, Verifier};
