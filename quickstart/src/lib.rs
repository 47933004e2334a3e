//! A marketplace and a fleet of cars on one machine, as separate processes.
//!
//! The tour ([`tour`]) is what `cargo run -p quickstart` shows; the journey tests use the same
//! pieces: [`child`] starts and kills the real programs, [`market`] speaks to the REST API as any
//! client would, [`car`] lays out and runs one car, [`buyer`] buys.
//!
//! **Invariant:** nothing here reaches into the marketplace or an agent: it has their command lines,
//! their files and their network doors, as a user has.

pub mod asking;
pub mod buyer;
pub mod car;
pub mod child;
pub mod fleet;
pub mod market;
pub mod report;
pub mod tour;
