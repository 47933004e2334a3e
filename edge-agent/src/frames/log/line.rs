//! What one line of a log says, or why it says nothing.

use super::super::frame::Frame;

/// What one line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A data frame, and the interface or channel it arrived on, as the log calls it.
    Data(&'a str, Frame),
    /// An error frame: the bus was disturbed.
    Error,
    /// Nothing to decode: a remote frame, one that the recorder sent, a comment, an empty line.
    Skipped,
}

/// Why a line can not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenLine {
    /// Something that every line has is not there.
    #[error("has too few fields, or one that is not known")]
    Fields,
    /// The time is not a number of the form, or not between 1970 and 2100.
    #[error("has no time that can be read")]
    Time,
    /// The identifier is not one of 11 or 29 bits.
    #[error("has no identifier of 11 or 29 bits")]
    Identifier,
    /// The data is not whole bytes, or not as long as the line says.
    #[error("has data that is not whole bytes, at most 8 (CAN) or 64 (CAN FD)")]
    Data,
    /// No line of a log is so long.
    #[error("is too long")]
    TooLong,
}
