//! Claims: how the car answers campaigns by itself, when its owner lets it.
//!
//! A task beside the pump. Every so often it asks which campaigns there are, looks for something kept
//! that makes a campaign's statement true, asks for the path of its leaf, proves in a thread of low
//! priority, and sends the proof after a random delay.
//!
//! **Invariant:** nothing here is sent over a connection that says which car it is: no client
//! certificate, a new connection for each errand, the path by way of 256 leaves, and a claim at a time
//! that is unrelated to when the car was asked or drove. A campaign that too few cars could answer is not
//! answered. What a marketplace could still use is the address that the connections come from.
//!
//! A claim is paid to a payee: a hash of the owner's account and a salt that only this car knows. Some days later the
//! car tells the salt, and the marketplace moves what the payee has to the owner. From then on it knows whose car
//! answered, though not which.
//!
//! **Not here:** what makes a statement true (`zk`); what a claim is worth (`marketplace`).

mod answering;
mod claim;
mod error;
mod find;
mod market;
mod thread;

pub use answering::{Answering, Settings};
pub(crate) use answering::{prepare, show, state, witness_leaf};
pub use claim::{Claim, ClaimState};
pub use error::ClaimError;
pub use find::{Found, find};
pub use market::Market;
pub use thread::{NotProven, ProvingThread};
