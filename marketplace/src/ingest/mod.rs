//! Taking batches in: the way from a car's message to a receipt.
//!
//! [`check()`] decides everything that can be decided without the database, cheapest first, and is the
//! only maker of an [`AcceptedBatch`]. [`record()`] looks again at what may have changed meanwhile
//! (chain, consent, suspension) inside the transaction and keeps the batch. How plausible its samples are
//! is judged on the way, and said beside them: it is never a reason to refuse.
//!
//! **Invariant:** a [`Receipt`] is made in the transaction that keeps the batch, and shown only after
//! its commit: acknowledged means committed and on disk.
//!
//! **Not here:** tables ([`crate::archive`] has them), and streams (`api::grpc`).

mod check;
mod contents;
mod outcome;
mod plausibility;
mod position;
mod record;

pub use check::{AcceptedBatch, Standing, check, standing};
pub use outcome::{IngestError, Outcome, Receipt, Refusal};
pub use plausibility::Known;
pub use position::Position;
pub use record::record;
