//! Commitments to what a car measured, and proofs about it.

pub mod ceremony;
mod circuit;
mod commitment;
mod element;
mod encoding;
mod field;
mod fingerprint;
mod gadgets;
pub mod groth16;
mod identity;
pub mod keys;
mod native;
mod poseidon;
mod proof;
pub mod solidity;
mod statement;
#[cfg(test)]
mod testing;
pub mod tree;

pub use circuit::{Circuit, ClaimCircuit};
pub use commitment::{
    Blinding, Committable, NotABlinding, NotACommitment, digest_windows, parse_commitment,
};
pub use element::{IdentityCommitment, Leaf, NotAnElement, Nullifier, Payee, Root};
pub use encoding::ClassNumbers;
pub use fingerprint::{Fingerprint, NotAFingerprint};
pub use groth16::{DoesNotVerify, NoProver, ProveError, Prover, Refused, Verifier};
pub use identity::{NotASecret, Secret, leaf};
pub use keys::{ProvingKey, VerifyingKey};
pub use native::{Refusal, check};
pub use poseidon::hash;
pub use proof::{NotAProof, Proof};
pub use statement::{Statement, Witness};
