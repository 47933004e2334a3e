//! The spool: sealed batches on disk until the marketplace has them, what is behind their commitments,
//! and claims.
//!
//! Two stores in the agent's folder. The **log** (`spool/`, [`log`]) is the truth: one record holds a
//! sealed batch, the progress in the source that belongs to it, what was counted and what is kept for
//! proofs, and counts once it is synced. A **redb** database (`spool.redb`) is what a log can not be:
//! records for proofs by commitment, claims, the acknowledged position, the epoch of the log. It is
//! written after the log, unsynced, and says up to which record it is applied; what a power cut takes
//! from it is applied again at the start. It is synced before a batch is sent for the first time, when
//! a receipt is noted, and before a segment goes. So its end of the chain also says which records the log
//! must have: one that is missing or damaged is a loss, stated in the chain under the car's signature.
//!
//! **Invariant:** what waits is the end of one chain; every position of it is a batch or within a loss.
//! Whatever may have been sent is never dropped or changed, so the marketplace sees one history.
//!
//! **Not here:** what may be in a batch ([`crate::consent`]) and the network ([`crate::uplink`]).

mod chain;
mod claims;
mod database;
mod entry;
mod error;
mod kept;
mod log;
mod lost;
mod records;
mod recover;
mod rewrite;
#[doc(hidden)]
pub mod segment;
mod sending;
mod state;
mod store;
mod tables;

#[cfg(test)]
mod power_cut;
#[cfg(test)]
mod sim;

pub use chain::Chain;
pub use error::SpoolError;
pub use kept::{KeptCounts, KeptRecord};
pub use records::Pending;
pub use store::{Cut, Spool, WhenFull};
