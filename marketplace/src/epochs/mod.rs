//! The epoch trees: what cars committed to, in the order received, under roots that are published.
//!
//! Each accepted commitment is a leaf. [`append()`] puts the leaves of a batch behind the last one, in
//! the transaction that keeps the batch, and opens the next epoch when a tree is full. [`publish`] fixes
//! the open tree under a root; from then on a car can prove against it, whatever is appended later.
//!
//! Owns the tables `epochs`, `tree_nodes`, `roots` and `batch_leaves`.
//!
//! **Invariant:** append only. Complete nodes and published roots never change and are never removed, so a
//! path to any root of `roots` can be had at any time.
//!
//! **Not here:** the tree's rules ([`zk::tree`]), and whether a commitment may come in
//! ([`crate::ingest`]).

mod append;
mod error;
mod nodes;
mod queries;
mod read;
#[cfg(test)]
mod tests;

pub use append::{append, forget, leaves_of, publish};
pub use error::EpochsError;
pub use read::{
    Bucket, Epoch, PublishedRoot, ROOTS_MAX, bucket, committed, epoch, epochs, is_published,
    leaves, newest_root, roots,
};
