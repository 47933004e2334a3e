//! DBC: what the bits of a bus's frames mean.
//!
//! A file is read once, at start, and compiled: every message becomes a list of signals with their
//! place, scale, unit and the multiplexor that decides whether they are there.
//!
//! **Invariant:** decoding allocates nothing and never fails: a signal that is cut off, or that the
//! multiplexor hides, is not there.
//!
//! **Not here:** which signals an owner's car means by a VSS path ([`crate::mapping`]).

mod compile;
mod grammar;
mod j1939;
mod layout;
mod load;
mod plan;
mod presence;
mod repair;
mod report;
mod signal;
mod table;
#[cfg(test)]
mod tests;
mod text;

use std::path::PathBuf;

pub use j1939::Meaning;
pub use layout::{Encoding, Layout, Order, Raw};
pub(crate) use plan::Plan;
pub use report::{Note, Notes, Report};
pub use signal::{DbcSignal, Message, Presence};
pub(crate) use table::IdTable;

use crate::frames::CanId;
use crate::transport::Pgn;

/// A compiled DBC file.
#[derive(Debug)]
pub struct Dbc {
    messages: Vec<Message>,
    by_id: IdTable,
    report: Report,
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
    /// It is larger than any DBC file.
    #[error("{} is larger than {max} bytes, the most that is read of a DBC file", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit.
        max: u64,
    },
    /// Nothing in it can be used.
    #[error("{} is not a DBC file{}: {reason}", path.display(), at_line(*line))]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The first line that could not be read, from 1, where there is one.
        line: Option<usize>,
        /// What is wrong with it.
        reason: String,
    },
    /// A signal that no frame can hold.
    #[error(
        "a signal of {length} bits from bit {start} can not be read: integers have 1 to 64 bits, \
         floats 16, 32 or 64, from bit 0 to 524287"
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
    /// The message that frames with `id` carry: the one of that identifier, else in J1939 the first
    /// of its parameter group.
    #[must_use]
    #[inline]
    pub fn message_by_id(&self, id: CanId) -> Option<&Message> {
        self.messages.get(self.by_id.find(id)?)
    }

    /// The message that carries the parameter group `group` (see [`Pgn`]), whatever the
    /// file says of its protocol: for payloads that a J1939 transport reassembled.
    #[must_use]
    pub fn message_by_group(&self, group: u32) -> Option<&Message> {
        let declared = self.by_id.find_group(group).and_then(|index| self.messages.get(index));
        declared.or_else(|| {
            let carries = |id| Pgn::of(id).is_some_and(|carried| carried.number() == group);
            self.messages.iter().find(|message| carries(message.id))
        })
    }

    /// The message called `name`, long or short.
    #[must_use]
    pub fn message(&self, name: &str) -> Option<&Message> {
        self.messages.get(self.position(name)?)
    }

    /// The index of the message called `name`, long or short.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        let by_name = |called: fn(&Message) -> &str| {
            self.messages.iter().position(|message| called(message) == name)
        };
        by_name(|message| &message.name).or_else(|| by_name(|message| &message.short_name))
    }

    /// Every message, in the order of the file.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// What was mended and what was left out.
    #[must_use]
    pub const fn report(&self) -> &Report {
        &self.report
    }
}
