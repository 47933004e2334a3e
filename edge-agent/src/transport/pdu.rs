//! A whole message, however many frames it took.

use telematics::Timestamp;

/// A message, put together. `A` says who sent it and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pdu<'a, A> {
    /// Who sent it and what it is.
    pub address: A,
    /// When its first frame arrived.
    pub began: Timestamp,
    /// When its last frame arrived.
    pub ended: Timestamp,
    /// Frames that carried bytes of it.
    pub frames: u32,
    /// What was sent.
    pub payload: &'a [u8],
    /// What was sent, as DBC files count its bytes: see the transport.
    pub described: &'a [u8],
}
