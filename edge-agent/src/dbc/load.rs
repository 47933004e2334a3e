//! Reads a DBC file and compiles it.
//!
//! What can not be used (a statement that the grammar refuses, a signal that no payload holds) is left
//! out and reported, and the rest of the file is used.
//!
//! **Invariant:** an error names the file; a file larger than [`BYTES_MAX`] is not read.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use super::compile::{RANGES_MAX, compile};
use super::grammar::{self, MessagePart, Parts};
use super::report::Report;
use super::table::IdTable;
use super::{Dbc, DbcError, text};
use crate::files;

/// Bytes of the largest file that is read. The largest of a real car has one.
const BYTES_MAX: u64 = 8 << 20;

impl Dbc {
    /// Reads and compiles a file.
    ///
    /// # Errors
    /// When the file can not be read, is too large, or is no DBC file.
    pub fn load(path: &Path) -> Result<Self, DbcError> {
        let refuse = |source| DbcError::Unreadable { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        let file = files::open(path).map_err(refuse)?;
        file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(refuse)?;
        Self::parse(path, &bytes)
    }

    /// Compiles the content of a file; `path` is for messages only.
    ///
    /// # Errors
    /// When the content is too large, or has no statement that could be used.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, DbcError> {
        if u64::try_from(bytes.len()).is_ok_and(|length| length > BYTES_MAX) {
            return Err(DbcError::TooLarge { path: path.to_owned(), max: BYTES_MAX });
        }
        let mut report = Report::default();
        let parts = grammar::read(&text::decode(bytes), &mut report);
        // A file may be as good as empty, but not without sense.
        if parts.messages.is_empty() && (parts.has_messages || !parts.has_head) {
            let first = report.left_out.kept().first();
            let reason = first.map_or_else(
                || "it defines no message (no line begins with BO_)".to_owned(),
                |note| format!("`{}` {}", note.what, note.why),
            );
            let line = first.map(|note| note.line);
            return Err(DbcError::Syntax { path: path.to_owned(), line, reason });
        }
        let mut left = RANGES_MAX;
        let compile = |part| compile(&parts, part, &mut left, &mut report);
        let messages: Vec<_> = parts.messages.iter().map(compile).collect();
        note_doubles(&parts, &mut report);
        report.repairs.sort();
        report.left_out.sort();
        warn(path, &report);
        let entries = (0..).zip(&messages).map(|(number, m)| (m.id, m.is_j1939, number));
        Ok(Self { by_id: IdTable::new(entries), messages, report })
    }
}

fn warn(path: &Path, report: &Report) {
    let (repaired, left_out) = (report.repairs.count(), report.left_out.count());
    if repaired + left_out > 0 {
        tracing::warn!(
            path = %path.display(), repaired, left_out,
            "the DBC file has faults; `edge-agent dbc check` lists them"
        );
    }
}

/// Of messages with one identifier, only the first decodes frames.
fn note_doubles(parts: &Parts, report: &mut Report) {
    let mut seen = HashMap::new();
    for MessagePart { line, message, .. } in &parts.messages {
        let first = seen.entry(message.id.raw()).or_insert(*line);
        if first != line {
            let why = format!(
                "has the identifier of the message in line {first}: only a mapping reaches it"
            );
            report.left_out.push(*line, &message.name, why);
        }
    }
}
