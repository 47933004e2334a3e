//! Erasure: an owner takes back everything that a vehicle sent. Owns the table `erasures`.
//!
//! [`request`] shuts the vehicle out at once; the job does the rest, step by step: [`erase_records`], the
//! lake, the files of the database, [`finish`]. Each step may be repeated, so a crash between any two is
//! made good by the next turn.
//!
//! **Invariant:** an erasure is finished only when nothing of what the vehicle sent is left in any file of the
//! market, but in what buyers had bought before: that can not be called back.
//!
//! **Not here:** what was paid for it, which the ledger keeps, and the leaves of the epoch trees, which say
//! nothing.

mod queries;
mod verbs;

pub use verbs::{
    Erasure, ErasureError, erase_records, erased_rows, erasure, finish, request, unfinished,
};
