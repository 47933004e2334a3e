//! Windows: the unit of proof.
//!
//! A [`Window`] is [`Window::LENGTH`] consecutive values of one signal. Under *prove*, the car commits to each
//! window and sends only the commitment; the values stay in the car.
//!
//! **Invariant:** a window is complete: it has exactly [`Window::LENGTH`] values.
//!
//! **Not here:** how a commitment is computed and what can be proven about it (`zk`).

use std::fmt;

use crate::time::Timestamp;
use crate::value::Value;
use crate::vss::Signal;

/// Consecutive values of one signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The signal measured.
    pub signal: Signal,
    /// When the first value was measured.
    pub started_at: Timestamp,
    /// The values, in the order measured.
    pub values: [Value; Self::LENGTH],
}

impl Window {
    /// Values in a window.
    pub const LENGTH: usize = 64;
}

/// The 32 bytes that fix a window without showing it: a field element of BN254, least significant
/// byte first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Commitment(pub [u8; 32]);

impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What leaves the car of a window under *prove*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommittedWindow {
    /// The signal measured.
    pub signal: Signal,
    /// When the first value was measured.
    pub started_at: Timestamp,
    /// Binds the values.
    pub commitment: Commitment,
}
