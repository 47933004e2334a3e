//! DBC: what the bits of a bus's frames mean.
//!
//! A file is read once, at start, and compiled: every message becomes a list of signals with their
//! place, scale, unit and the multiplexor that decides whether they are there.
//!
//! **Invariant:** decoding allocates nothing and never fails: a signal that is cut off, or that the
//! multiplexor hides, is not there.
//!
//! **Not here:** which signals an owner's car means by a VSS path ([`crate::mapping`]).

mod layout;
mod load;
mod repair;
mod signal;

use std::path::PathBuf;

pub use layout::{Encoding, Layout, Order, Raw};
pub use repair::Repair;
pub use signal::{DbcSignal, Message, Presence};

use crate::frames::CanId;

/// A compiled DBC file.
#[derive(Debug)]
pub struct Dbc {
    messages: Vec<Message>,
    repairs: Vec<Repair>,
}

/// Why a DBC file can not be used.
#[derive(Debug, thiserror::Error)]
pub enum DbcError {
    /// It can not be read.
    #[error("cannot read the DBC file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It does not follow the grammar.
    #[error("{} is not a DBC file{}: {reason}", path.display(), at_line(*line))]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line where reading stopped, from 1, where known.
        line: Option<usize>,
        /// What was expected there.
        reason: String,
    },
    /// A signal that no frame can hold.
    #[error(
        "a signal of {length} bits from bit {start} can not be read: integers have 1 to 64 bits, \
         floats 32 or 64, in a frame of at most 512"
    )]
    Layout {
        /// Its start bit.
        start: u64,
        /// Its bits.
        length: u64,
    },
}

fn at_line(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(" at line {line}"))
}

impl Dbc {
    /// The message that frames with `id` carry.
    #[must_use]
    pub fn message_by_id(&self, id: CanId) -> Option<&Message> {
        self.messages.iter().find(|message| message.id == id)
    }

    /// The message called `name`.
    #[must_use]
    pub fn message(&self, name: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.name == name)
    }

    /// Every message, in the order of the file.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// What was mended in the file.
    #[must_use]
    pub fn repairs(&self) -> &[Repair] {
        &self.repairs
    }
}
