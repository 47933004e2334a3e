//! The edge agent: reads a car's CAN bus, keeps what its owner does not share, and streams the rest,
//! signed, to a marketplace.
//!
//! One sample goes through the modules in this order: [`frames`], [`transport`], [`dbc`], [`mapping`] and [`decoder`],
//! [`consent`], `batcher`, `seal`, `spool`, `uplink`. The agent puts them together; [`commands`] is
//! the command line.
//!
//! **Invariant:** nothing that the owner keeps is ever written to a disk or sent; what he lets prove is
//! written encrypted, and only commitments to it are sent.

pub mod agent;
pub mod answers;
pub mod batcher;
pub mod claims;
pub mod clock;
pub mod coarse;
pub mod commands;
pub mod config;
pub mod consent;
pub mod dbc;
pub mod decoder;
pub mod device_key;
pub mod enrol;
pub mod files;
pub mod frames;
pub mod identity;
pub mod kept;
pub mod live;
pub mod mapping;
pub mod metrics;
pub mod obd;
pub mod pause;
pub mod policy;
pub mod progress;
pub mod quiet;
pub mod resample;
pub mod seal;
pub mod simulate;
pub mod spool;
pub mod status;
mod summaries;
pub mod transport;
pub mod uplink;
pub mod vault;
pub mod windows;
