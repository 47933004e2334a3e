//! Commitments to windows, and proofs about what is inside them.
//!
//! The car commits to each [`telematics::window::Window`] of a signal under *prove* and keeps the
//! values. Later it can prove that they all lie in a range, and show nothing else. The statement in
//! words and mathematics, and what a proof does *not* say, are in this crate's `README.md`.
//!
//! **Invariant:** every field element that enters from outside is below the modulus, every curve
//! point is on its curve and in its subgroup; nothing here decodes without these checks.
//!
//! **Randomness** is an argument, of `rand`'s traits like everywhere else. Arkworks wants those of
//! an older `rand`, so one 32-byte seed crosses over, in `field.rs`.
//!
//! **Not here:** when windows are cut (`edge-agent`), who is paid for a proof (`marketplace`).

pub mod ceremony;
mod circuit;
mod commitment;
mod field;
mod file;
mod fingerprint;
mod gadgets;
pub mod groth16;
pub mod keys;
mod native;
mod poseidon;
mod proof;
pub mod solidity;
mod statement;
#[cfg(test)]
mod testing;

pub use circuit::{Circuit, ClaimCircuit, RangeCircuit};
pub use commitment::{Blinding, NotABlinding, NotACommitment, commit, parse_commitment};
pub use file::{NotAProofFile, ProofFile};
pub use fingerprint::Fingerprint;
pub use groth16::{DoesNotVerify, NoProver, ProveError, Prover, Refused, Verifier};
pub use keys::{ProvingKey, VerifyingKey};
pub use native::{Refusal, check};
pub use poseidon::hash;
pub use proof::{NotAProof, Proof};
pub use statement::{NotAStatement, PublicInput, Statement, Witness};
