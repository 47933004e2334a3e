//! The ledger: who is owed what.
//!
//! Money moves in one way: [`post`] appends an [`Entry`], a set of postings that sum to zero. What is to be given later, or
//! perhaps not, is reserved first ([`reserve`]) and then posted or freed. Entries are never edited: a mistake is undone by
//! posting its reverse. Owns the tables `accounts`, `entries`, `postings`, `seals`, `pending_transfers`, `pending_ends` and
//! `pending_open`.
//!
//! **Invariant:** over any set of whole entries, postings sum to zero, and no account but the issuance has less than is
//! pending of it, which is never less than nothing. [`Entry::new`], [`post`] and [`reserve`] refuse what would break it, and
//! the migrations' triggers and checks refuse it again.
//!
//! **Not here:** prices ([`crate::trade`]) and how revenue is shared ([`crate::rewards`]).

mod account;
mod amount;
mod audit;
mod deposit;
mod entry;
mod idempotency;
mod pending;
mod queries;
#[cfg(test)]
mod tests;

use telematics::BuyerId;
use telematics::ids::{Id, Kind};

use crate::identity::IdentityError;

pub use account::Account;
pub use amount::{Amount, NotAnAmount};
pub use audit::{Check, audit, count, holdings, is_posted};
pub use deposit::deposit;
pub use entry::{Entry, EntryKind, NotAnEntry, Posting};
pub use idempotency::{IdempotencyKey, NotAKey};
pub use pending::{
    Outcome, PendingId, Reservation, expire_pending, post_pending, reserve, void_pending,
};
pub use queries::{Balance, Posted, balance, post, post_linked};

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
    #[error("{account} has {available} tokens, {needed} are needed")]
    InsufficientFunds {
        /// Who should give.
        account: Account,
        /// What is there and not pending.
        available: Amount,
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
    /// A reservation of nothing or less.
    #[error("{amount} tokens can not be reserved: it is not more than zero")]
    NothingReserved {
        /// What was asked for.
        amount: Amount,
    },
    /// No such transfer.
    #[error("there is no {pending}")]
    UnknownPending {
        /// The transfer named.
        pending: PendingId,
    },
    /// A transfer ends once.
    #[error("{pending} is {outcome} already")]
    PendingEnded {
        /// Which.
        pending: PendingId,
        /// How it ended.
        outcome: Outcome,
    },
    /// An entry that does not do what was announced.
    #[error("of {amount} tokens that are pending as {pending}, the entry gives {given}")]
    NotWhatIsPending {
        /// Which.
        pending: PendingId,
        /// The most that can be given.
        amount: Amount,
        /// What would be.
        given: Amount,
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
