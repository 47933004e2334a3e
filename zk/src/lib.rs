//! Commitments to what a car measured, and proofs about it.
mod circuit;
mod commitment;
mod element;
mod encoding;
mod field;
mod gadgets;
mod identity;
mod native;
mod poseidon;
mod proof;
mod statement;
#[cfg(test)]
mod testing;
pub mod text;
pub mod tree;

pub use circuit::{Circuit, ClaimCircuit};
pub use commitment::{
    Blinding, Committable, NotABlinding, NotACommitment, digest_windows, parse_commitment,
};
pub use element::{IdentityCommitment, Leaf, NotAnElement, Nullifier, Payee, Root};
pub use encoding::ClassNumbers;
pub use identity::{NotASecret, Secret, leaf};
pub use native::{Refusal, check};
pub use poseidon::hash;
pub use proof::{NotAProof, Proof};
pub use statement::{Statement, Witness};
