//! The ledger: who is owed what.
//!
//! Money moves in one way: [`post`] appends an [`Entry`], a set of postings that sum to zero.
//! Entries are never edited: a mistake is undone by posting its reverse. Owns the tables `accounts`,
//! `entries`, `postings` and `seals`.
//!
//! **Invariant:** over any set of whole entries, postings sum to zero, and no account but the
//! issuance goes below zero. [`Entry::new`] and [`post`] refuse both, and the migration's triggers
//! and checks refuse them again.
//!
//! **Not here:** prices ([`crate::trade`]) and how revenue is shared ([`crate::rewards`]).

mod account;
mod amount;
mod deposit;
mod entry;
mod idempotency;
mod queries;
#[cfg(test)]
mod tests;

use telematics::BuyerId;
use telematics::ids::{Id, Kind};

use crate::identity::IdentityError;

pub use account::Account;
pub use amount::{Amount, NotAnAmount};
pub use deposit::deposit;
pub use entry::{Entry, EntryKind, NotAnEntry, Posting};
pub use idempotency::{IdempotencyKey, NotAKey};
pub use queries::{Posted, balance, post};

/// An entry of the ledger.
pub enum EntryMark {}
impl Kind for EntryMark {
    const PREFIX: &'static str = "entry";
}
/// Names an entry.
pub type EntryId = Id<EntryMark>;

/// Why nothing was posted.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The account has less than it should give.
    #[error("{account} has {balance} tokens, {needed} are needed")]
    InsufficientFunds {
        /// Who should give.
        account: Account,
        /// What is there.
        balance: Amount,
        /// What should be given.
        needed: Amount,
    },
    /// The key was used for something else.
    #[error("the idempotency key `{key}` was used before for another request")]
    KeyReused {
        /// The key.
        key: String,
    },
    /// Nothing can be posted from it.
    #[error("not an entry")]
    NotAnEntry(#[from] NotAnEntry),
    /// A deposit of nothing or less.
    #[error("a deposit of {amount} tokens is not more than zero")]
    NothingDeposited {
        /// What was asked for.
        amount: Amount,
    },
    /// Nobody to credit.
    #[error("there is no buyer {buyer}")]
    UnknownBuyer {
        /// The buyer named.
        buyer: BuyerId,
    },
    /// Buyers could not be read.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The database refused, or is gone.
    #[error("cannot read or write the ledger")]
    Storage(#[from] diesel::result::Error),
}
