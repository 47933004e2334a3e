//! Transport: messages that do not fit into one frame, put together again from what passes by.
//!
//! Three ways are in use: ISO-TP ([`isotp`]: OBD and UDS answers), the transport protocol of J1939
//! ([`j1939`]: trucks and machines) and fast packets of NMEA 2000 ([`fast_packet`]: boats). Each is a
//! state machine that is given frames and hands out whole messages. Which frames it is given is for
//! its caller to say: by their bytes alone, none can be told from other traffic.
//!
//! **Invariant:** a message is handed out whole and with every byte in its place, or dropped and counted.
//! Time is that of the frames; memory is bounded whatever arrives.
//!
//! **Not here:** asking for messages (the agent only listens), and what their bytes mean
//! ([`crate::dbc`]).

pub mod fast_packet;
pub mod isotp;
pub mod j1939;
mod pdu;
mod pgn;
mod reassembly;
#[cfg(test)]
mod tests;
mod transfers;

pub use fast_packet::FastPacket;
pub use isotp::IsoTp;
pub use j1939::J1939;
pub use pdu::Pdu;
pub use pgn::{Header, Pgn};
pub use reassembly::{Arrived, Reassembly, Taken, Transport};
