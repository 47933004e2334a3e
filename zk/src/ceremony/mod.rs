//! The doors to other people's tools: iden3's files, and the ceremony that they carry.
//!
//! A key that convinces somebody is made by many parties with snarkjs, because that is the tool
//! which others audit. [`r1cs`] writes what it starts from, [`Zkey`] reads what it ends with, and
//! [`check`] says whether that is the key of this very circuit. [`json`] and [`wtns`] are what other
//! provers and verifiers speak.
//!
//! **Invariant:** input is limited in size before it is parsed; a damaged or hostile file is an
//! error that names the part, never a panic and never a large allocation.
//!
//! **Not here:** where key files are kept, and how other programs are called (`commands`).

pub mod check;
mod contributions;
mod elements;
pub mod json;
mod layout;
mod ptau;
pub mod r1cs;
mod rehearsal;
mod sections;
#[cfg(test)]
mod testing;
pub mod wtns;
mod zkey;

pub use contributions::{Beacon, BrokenChain, Contribution, Record};
pub use layout::{Layout, Term};
pub use ptau::{NotPowers, Powers};
pub use rehearsal::Rehearsal;
pub use sections::BadFile;
pub use zkey::{Coefficient, ZKEY_BYTES_MAX, Zkey};
