//! How revenue is shared.
//!
//! **Not here:** what an order is ([`crate::trade`] gives an amount and weights) and where tokens
//! are kept ([`crate::ledger`]).

mod split;

pub use split::{Split, split};
