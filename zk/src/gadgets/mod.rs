//! Pieces of circuits. Each file argues why its constraints are enough.

mod poseidon;
mod range;

pub(crate) use poseidon::hash;
pub(crate) use range::{enforce_between, enforce_fits};
