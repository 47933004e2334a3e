//! Delivery: a bought dataset as a file of its own, and who read it. Owns the tables `versions` and
//! `reads`.
//!
//! The rows are those of the quote, at the version of the lake that it froze, without the vehicles
//! whose owners withdrew their consent since. Vehicle ids are [`Pseudonyms`], made for one buyer and
//! one dataset, so that two buyers can not join what they bought.
//!
//! **Invariant:** a file that has a row in `versions` is whole, synced and paid for: the row and the
//! settlement are one transaction, after the file was renamed into place. [`deliver`] may be
//! repeated after a crash at any step.
//!
//! An owner gets what his own vehicles sent for nothing, as an [`Export`].
//!
//! **Not here:** prices and pay-outs ([`crate::trade`]).

mod audit;
mod error;
mod export;
mod file;
mod materialise;
mod pseudonym;
mod queries;
mod verbs;

pub use audit::audit;
pub use error::DeliveryError;
pub use export::Export;
pub use materialise::{Delivered, Depot, deliver};
pub use pseudonym::Pseudonyms;
pub use queries::versions;
pub use verbs::{Read, ReadId, Version, bought, reads_of, record_read, version};
