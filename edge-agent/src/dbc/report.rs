//! What happened while a DBC file was loaded: what was mended, and what could not be used.
//!
//! **Invariant:** at most [`Notes::KEPT_MAX`] notes of a kind are kept, the rest is counted: a
//! hostile file does not fill the memory with complaints about itself.

/// The story of one load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What was mended, so that it could be used.
    pub repairs: Notes,
    /// What was left out.
    pub left_out: Notes,
}

/// Notes in the order they were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    kept: Vec<Note>,
    more: usize,
}

/// One line of the file, and what was done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The line, from 1.
    pub line: usize,
    /// The statement, message or signal.
    pub what: String,
    /// What was done with it, and why.
    pub why: String,
}

impl Notes {
    /// Notes that are kept.
    pub const KEPT_MAX: usize = 1_000;
    /// Characters of a name or statement that are shown.
    const WHAT_MAX: usize = 80;

    /// Those that were kept, in the order of the file.
    #[must_use]
    pub fn kept(&self) -> &[Note] {
        &self.kept
    }

    /// How many there were, kept or not.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.kept.len() + self.more
    }

    /// Adds one.
    pub(super) fn push(&mut self, line: usize, what: &str, why: impl Into<String>) {
        if self.kept.len() < Self::KEPT_MAX {
            let what = what.split_whitespace().collect::<Vec<_>>().join(" ");
            let what = what.chars().take(Self::WHAT_MAX).collect();
            self.kept.push(Note { line, what, why: why.into() });
        } else {
            self.more += 1;
        }
    }

    /// Puts them in the order of the file.
    pub(super) fn sort(&mut self) {
        self.kept.sort_by_key(|note| note.line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_beyond_the_limit_are_counted() {
        let mut notes = Notes::default();
        for line in 0..Notes::KEPT_MAX + 5 {
            notes.push(line, "a  very\nlong ", "why");
        }

        assert_eq!((notes.kept().len(), notes.count()), (1_000, 1_005));
        assert_eq!(notes.kept()[0].what, "a very long");
    }
}
