//! Pieces of circuits. Each file argues why its constraints are enough.
//!
//! # Comparison
//! In a field nothing is greater than anything: `-1` is the largest element and also `0 - 1`. So the
//! circuits compare by widths: `value - low = a` and `high - value = b`, with `a` and `b` below `2^n`, for
//! bounds known to be below `2^n`. Adding the two gives `a + b = high - low`. The left side is an
//! integer below `2^(n + 1)`. Were `high < low`, the right side would be the modulus less a number below
//! `2^n`, which is more than that for every `n` used here (at most 64). So `high >= low`, the equations
//! hold for integers, and `value = low + a` lies between the bounds, below `2^n` itself. Neither of the
//! two is enough alone. An honest value fits, because `high - low` is below `2^n`.

mod pack;
mod poseidon;
mod range;

pub(crate) use pack::{hash_laid_out, pack};
pub(crate) use poseidon::hash;
pub(crate) use range::{enforce_bit, enforce_fits};
