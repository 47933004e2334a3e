//! One CAN or CAN FD data frame, copied out of the kernel or a log.
//!
//! **Invariant:** a frame has at most [`Frame::BYTES_MAX`] bytes, and no heap allocation.

use std::fmt;

use telematics::Timestamp;

/// The identifier of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CanId {
    /// 11 bits.
    Standard(u16),
    /// 29 bits.
    Extended(u32),
}

impl fmt::Display for CanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(id) => write!(f, "{id:03X}"),
            Self::Extended(id) => write!(f, "{id:08X}"),
        }
    }
}

/// A data frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When it arrived, by the kernel's clock.
    pub time: Timestamp,
    /// Its identifier.
    pub id: CanId,
    /// Number of the bus that it was on: that of its interface in the settings, from 0.
    pub bus: u8,
    /// The flags of a CAN FD frame, as Linux has them; `None` for a classic frame, or when it is not known.
    pub fd_flags: Option<u8>,
    length: u8,
    bytes: [u8; Self::BYTES_MAX],
}

impl Frame {
    /// Data bytes of the longest CAN FD frame.
    pub const BYTES_MAX: usize = 64;

    /// The frame of the first bus with these bytes, or `None` when there are more than a frame can carry.
    #[must_use]
    pub fn new(time: Timestamp, id: CanId, data: &[u8]) -> Option<Self> {
        let mut bytes = [0; Self::BYTES_MAX];
        bytes.get_mut(..data.len())?.copy_from_slice(data);
        let length = u8::try_from(data.len()).ok()?;
        Some(Self { time, id, bus: 0, fd_flags: None, length, bytes })
    }

    /// The frame with the first `length` of these bytes, at most eight; the others are zero.
    #[inline]
    pub(super) fn of_eight(time: Timestamp, id: CanId, length: u8, eight: [u8; 8]) -> Self {
        let mut bytes = [0; Self::BYTES_MAX];
        if let Some(first) = bytes.first_chunk_mut() {
            *first = eight;
        }
        Self { time, id, bus: 0, fd_flags: None, length: length.min(8), bytes }
    }

    /// The data bytes received.
    #[inline]
    #[must_use]
    pub fn data(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_holds_what_it_was_given() {
        let frame = Frame::new(Timestamp::from_micros(1), CanId::Standard(0x25), &[1, 2]).unwrap();

        assert_eq!(frame.data(), [1, 2]);
        assert!(Frame::new(frame.time, frame.id, &[0; 65]).is_none());
    }

    #[test]
    fn identifiers_of_one_number_differ_by_width() {
        assert_ne!(CanId::Standard(0x25), CanId::Extended(0x25));
        assert_eq!(CanId::Standard(0x25).to_string(), "025");
        assert_eq!(CanId::Extended(0x25).to_string(), "00000025");
    }
}
