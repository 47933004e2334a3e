//! Questions, scopes and claims as JSON: what buyers write, what cars hand over, what anyone can verify.
//!
//! Numbers are in the unit of their signal, days are dates, field elements and proofs are hex.
//!
//! **Invariant:** text becomes a domain type only through `TryFrom` or [`ClaimFile::open`], with every
//! check, and the error names the field.

mod claim;
mod figures;
mod question;
mod words;

pub use claim::{ClaimFile, NotAClaim};
pub use question::{BoundsText, NotText, QuestionText, ScopeText};
pub use words::{DEVELOPMENT_KEYS, InWords, NOT_PROVEN};
