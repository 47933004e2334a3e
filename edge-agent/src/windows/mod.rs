//! Windows: under *prove*, samples come onto the catalogue's grid, and 64 consecutive values become one
//! commitment. Latitude and longitude become places instead. Trips and days become summaries
//! ([`crate::summaries`]).
//!
//! A trip is the samples of the car without a pause of [`PAUSE_SECONDS`]; a day is one of UTC. Both go
//! by the time of the samples, so that a replay makes what the drive made.
//!
//! **Invariant:** commitments leave the car, values and blindings stay in it. Each commitment has a
//! blinding of its own.
//!
//! **Not here:** how a commitment is computed and what can be proven about it (`zk`); how values and
//! blindings are kept ([`crate::kept`]).

mod committer;
mod grid;
mod location;
mod open;
#[cfg(test)]
mod tests;

pub use committer::{Committer, Made};

/// A pause this long ends a trip. A clock that goes back by more was set: everything begins anew.
pub const PAUSE_SECONDS: i64 = 300;
