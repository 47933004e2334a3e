//! Commitments to what a car measured, and proofs about it.
//!
//! The car commits to [`Committable`] things and keeps them. The marketplace puts each commitment into a
//! [`leaf()`] of an epoch [`tree`]. Later the car proves a [`Statement`] about what is behind one leaf, and
//! shows nothing else. The statement in words and mathematics, and what a proof does *not* say, are in
//! this crate's `README.md`.
//!
//! **Invariant:** every field element that enters from outside is below the modulus, every curve point is
//! on its curve and in its subgroup; nothing here decodes without these checks.
//!
//! **Randomness** is an argument, of `rand`'s traits like everywhere else. Arkworks wants those of an
//! older `rand`, so one 32-byte seed crosses over, in `field.rs`.
//!
//! **Not here:** when windows are cut (`edge-agent`), where trees are kept and who is paid
//! (`marketplace`). Only `commands` and `keys::Folder` touch files.

pub mod ceremony;
mod circuit;
pub mod commands;
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
pub mod testing;
pub mod text;
pub mod tree;

pub use circuit::{Circuit, ClaimCircuit};
pub use commitment::{
    Blinding, Committable, NotABlinding, NotACommitment, digest_windows, extend_digest,
    parse_commitment,
};
pub use element::{IdentityCommitment, Leaf, NotAnElement, Nullifier, Payee, Root};
pub use encoding::ClassNumbers;
pub use fingerprint::{Fingerprint, NotAFingerprint};
pub use groth16::{DoesNotVerify, NoProver, ProveError, Prover, Refused, Verifier};
pub use identity::{NotASecret, Secret, leaf};
pub use keys::{ProvingKey, VerifyingKey};
pub use native::{Refusal, check, check_answer};
pub use poseidon::hash;
pub use proof::{NotAProof, Proof};
pub use statement::{Statement, Witness};
