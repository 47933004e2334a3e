//! Frames: what the bus carries, and where an agent reads it from.
//!
//! A source is a live CAN interface ([`socket`]) or a log of one ([`log`]); the set is closed, so
//! [`FrameSource`] is an enum.
//!
//! **Invariant:** an 11-bit and a 29-bit identifier of the same number are different identifiers.
//!
//! **Not here:** what the bytes mean ([`crate::dbc`]).

pub mod bus_errors;
pub mod candump;
mod channel;
mod frame;
pub mod links;
pub mod log;
pub mod socket;
mod source;

pub use bus_errors::BusErrors;
pub use frame::{CanId, Frame};
pub use log::{LogError, LogReader};
pub use socket::SocketReader;
pub use source::{FrameError, FrameSource, Replay};
