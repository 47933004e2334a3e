//! The spool: sealed batches on disk until the marketplace has them, what is behind their commitments,
//! and claims.
//!
//! A redb database in the agent's folder. [`Spool::append`] writes batch, chain head, progress in the
//! source and counters in one synced transaction, so a kill at any instant costs nothing that was
//! sealed and seals nothing twice.
//!
//! **Invariant:** the batches kept are the end of one chain without a gap; the first follows the last
//! acknowledged one. No sealed batch is dropped: a full spool refuses new ones instead.
//!
//! **Not here:** what may be in a batch ([`crate::consent`]) and the network ([`crate::uplink`]).

mod chain;
mod claims;
mod error;
mod kept;
mod records;
mod store;
mod tables;

pub use chain::Chain;
pub use error::SpoolError;
pub use kept::{KeptCounts, KeptRecord};
pub use records::Pending;
pub use store::{Cut, Spool};
