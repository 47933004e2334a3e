//! From the bytes of a DBC file to its statements.
//!
//! Bytes that are not UTF-8 are Windows-1252, as the tools that write these files use it (`°C`).
//! A statement begins with a word of the format. `BO_`, `SG_`, `VERSION` and `BS_` end with their
//! line, the others with a semicolon; where it is missing, the next statement at the beginning of a
//! line ends them.
//!
//! **Invariant:** every byte is looked at a bounded number of times, whatever the file holds.

use std::borrow::Cow;

/// Words that begin a statement which ends with a semicolon.
const CLOSED: [&str; 26] = [
    "BA_",
    "BA_DEF_",
    "BA_DEF_DEF_",
    "BA_DEF_DEF_REL_",
    "BA_DEF_REL_",
    "BA_DEF_SGTYPE_",
    "BA_REL_",
    "BA_SGTYPE_",
    "BO_TX_BU_",
    "CAT_",
    "CAT_DEF_",
    "CM_",
    "ENVVAR_DATA_",
    "EV_",
    "EV_DATA_",
    "FILTER",
    "NS_DESC_",
    "SGTYPE_",
    "SGTYPE_VAL_",
    "SG_MUL_VAL_",
    "SIGTYPE_VALTYPE_",
    "SIG_GROUP_",
    "SIG_TYPE_REF_",
    "SIG_VALTYPE_",
    "VAL_",
    "VAL_TABLE_",
];
/// Words that begin a statement which ends with its line.
const LINES: [&str; 4] = ["BO_", "SG_", "VERSION", "BS_"];
/// Words that begin a list of names, one or more a line.
const LISTS: [&str; 2] = ["NS_", "BU_"];

/// One statement of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Statement<'a> {
    /// The line where it begins, from 1.
    pub(super) line: usize,
    /// Its first word; empty when that is none of the format.
    pub(super) keyword: &'a str,
    /// All of it, without the semicolon or line break at the end.
    pub(super) text: &'a str,
    /// False when the semicolon that belongs at its end is missing.
    pub(super) is_closed: bool,
}

/// Reads text in UTF-8, or in Windows-1252 when it is not.
#[must_use]
pub(super) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => can_dbc::decode_cp1252(bytes)
            // Five codes are not assigned; Latin-1 gives every byte a character.
            .unwrap_or_else(|| bytes.iter().map(|byte| char::from(*byte)).collect()),
    }
}

/// The statements of `text`, in order.
pub(super) const fn statements(text: &str) -> Statements<'_> {
    Statements { rest: text, line: 1 }
}

/// See [`statements`].
pub(super) struct Statements<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Iterator for Statements<'a> {
    type Item = Statement<'a>;

    fn next(&mut self) -> Option<Statement<'a>> {
        loop {
            let start = self.rest.trim_start_matches([' ', '\t', '\r', '\n', ';', '\u{1a}', '\0']);
            self.skip(self.rest.len() - start.len());
            if self.rest.is_empty() {
                return None;
            }
            if !self.rest.starts_with("//") {
                break;
            }
            self.skip(line_end(self.rest));
        }
        let (line, keyword) = (self.line, word(self.rest));
        let (length, is_closed) = if LISTS.contains(&keyword) {
            (list_end(self.rest), true)
        } else if CLOSED.contains(&keyword) {
            closed_end(self.rest)
        } else {
            (line_end(self.rest), true)
        };
        let keyword = if is_keyword(keyword) { keyword } else { "" };
        let text = self.rest.get(..length).unwrap_or(self.rest).trim_end();
        self.skip(length);
        Some(Statement { line, keyword, text, is_closed })
    }
}

impl Statements<'_> {
    fn skip(&mut self, bytes: usize) {
        let (skipped, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.line += skipped.bytes().filter(|byte| *byte == b'\n').count();
        self.rest = rest;
    }
}

fn is_keyword(word: &str) -> bool {
    CLOSED.contains(&word) || LINES.contains(&word) || LISTS.contains(&word)
}

/// The letters and underscores at the beginning of `text`.
fn word(text: &str) -> &str {
    let length = text.bytes().take_while(|byte| byte.is_ascii_uppercase() || *byte == b'_').count();
    text.get(..length).unwrap_or_default()
}

fn line_end(text: &str) -> usize {
    text.bytes().position(|byte| byte == b'\n').unwrap_or(text.len())
}

/// True when a statement begins here, at the beginning of a line.
///
/// A word of the format with nothing behind it is a name in the list of `NS_`.
fn begins(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '\t']);
    let word = word(line);
    let behind = line.get(word.len()..).unwrap_or_default();
    is_keyword(word)
        && behind.starts_with([' ', '\t', ':'])
        && !behind.get(..line_end(behind)).unwrap_or_default().trim().is_empty()
}

/// The end of a list of names: the line before the next statement.
fn list_end(text: &str) -> usize {
    let mut end = line_end(text);
    while let Some(rest) = text.get(end + 1..) {
        if begins(rest) {
            break;
        }
        end += 1 + line_end(rest);
    }
    end
}

/// The place of the semicolon outside strings, or the end of the line before the next statement.
fn closed_end(text: &str) -> (usize, bool) {
    let (mut in_string, mut after_backslash) = (false, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !(in_string && after_backslash) => in_string = !in_string,
            b';' if !in_string => return (index, true),
            b'\n' if !in_string && text.get(index + 1..).is_some_and(begins) => {
                return (index, false);
            }
            _ => {}
        }
        after_backslash = byte == b'\\' && !after_backslash;
    }
    (text.len(), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<(usize, &str, &str, bool)> {
        statements(text).map(|s| (s.line, s.keyword, s.text, s.is_closed)).collect()
    }

    #[test]
    fn a_statement_ends_with_its_line_or_its_semicolon() {
        let text = "VERSION \"1\"\r\n\r\nNS_ :\r\n\tCM_\r\n\tBA_\r\n\r\nBS_:\r\nBU_: A\r\n B\r\n\
                    BO_ 1 M: 8 A\r\n SG_ S : 0|8@1+ (1,0) [0|0] \";\" A\r\n\
                    CM_ \"two\r\nlines; BO_ 2 \\\"X\\\"\"; VAL_ 1 S 0 \"off\";\r\n// VAL_ 1 S\r\n";
        let keywords: Vec<_> = split(text).into_iter().map(|s| (s.0, s.1, s.3)).collect();

        let expected = [
            (1, "VERSION", true),
            (3, "NS_", true),
            (7, "BS_", true),
            (8, "BU_", true),
            (10, "BO_", true),
            (11, "SG_", true),
            (12, "CM_", true),
            (13, "VAL_", true),
        ];
        assert_eq!(keywords, expected);
        assert_eq!(split(text)[7].2, "VAL_ 1 S 0 \"off\"");
    }

    #[test]
    fn a_missing_semicolon_is_seen_at_the_next_statement_or_the_end() {
        let text = "VAL_ 1 S 0 \"a\"\n 1 \"b\"\n\nVAL_ 2 S 0 \"c\"";

        let expected = [
            (1, "VAL_", "VAL_ 1 S 0 \"a\"\n 1 \"b\"", false),
            (4, "VAL_", "VAL_ 2 S 0 \"c\"", false),
        ];
        assert_eq!(split(text), expected);
    }

    #[test]
    fn what_begins_with_no_word_of_the_format_is_a_line_without_keyword() {
        assert_eq!(
            split("hello\nBO_ 1 M: 8 A"),
            [(1, "", "hello", true), (2, "BO_", "BO_ 1 M: 8 A", true)]
        );
        assert_eq!(split(" \n;\n"), []);
    }

    #[test]
    fn text_that_is_not_utf_8_is_windows_1252() {
        assert_eq!(decode(b"\xb0C \x80"), "\u{b0}C \u{20ac}");
        assert_eq!(decode("°C".as_bytes()), "°C");
        assert_eq!(decode(b"\xef\xbb\xbfVERSION"), "VERSION");
    }
}
