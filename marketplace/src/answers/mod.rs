//! Answers to requests that carry an idempotency key: a request that is repeated is answered as the first time, byte for
//! byte. Owns the table `answers`.
//!
//! **Invariant:** an answer is kept in the transaction that did what was asked, so there is one exactly when it was done. What
//! was refused has none: its key can be used again.
//!
//! **Not here:** which requests carry a key ([`crate::api`]).

mod in_flight;
mod queries;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::ledger::IdempotencyKey;

pub use in_flight::{InFlight, Turn};
pub use queries::{given, keep};

/// A request that is to happen once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    asker: String,
    key: IdempotencyKey,
    digest: [u8; 32],
}

impl Intent {
    /// What `asker` asks of `path` with `body`. How the body is spaced makes no other request.
    ///
    /// # Errors
    /// When the body can not be written as JSON.
    pub fn new(
        asker: String,
        key: IdempotencyKey,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Self, AnswersError> {
        let request = serde_json::to_vec(&(path, body))?;
        Ok(Self { asker, key, digest: Sha256::digest(request).into() })
    }
}

/// What a request was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// JSON.
    pub body: Vec<u8>,
}

/// Why a request is not answered.
#[derive(Debug, thiserror::Error)]
pub enum AnswersError {
    /// The key stands for another request.
    #[error("the idempotency key `{key}` was used before for another request")]
    KeyReused {
        /// The key.
        key: IdempotencyKey,
    },
    /// The first attempt has no answer yet.
    #[error(
        "a request with the idempotency key `{key}` is being answered; ask again in a second for its answer"
    )]
    InFlight {
        /// The key.
        key: IdempotencyKey,
    },
    /// A row that no longer reads as an answer.
    #[error("the answer to `{key}` is damaged")]
    Damaged {
        /// The key.
        key: IdempotencyKey,
    },
    /// Ours, and not to be had.
    #[error("cannot write what was asked as JSON")]
    Json(#[from] serde_json::Error),
    /// The database failed.
    #[error("cannot read or keep answers")]
    Storage(#[from] diesel::result::Error),
}
