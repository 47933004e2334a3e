//! What is mended in a DBC file before it is parsed.
//!
//! A 29-bit identifier is written with bit 31 set. Many files leave it out, and a parser that keeps
//! 16 bits would then take one message for another. Bytes that are not UTF-8 are Windows-1252, as
//! the tools that write these files use it (`°C`).
//!
//! **Invariant:** every repair is reported; a file without faults comes out as it went in.

use std::borrow::Cow;

/// Bit that marks a 29-bit identifier.
const EXTENDED: u32 = 1 << 31;
/// The largest 11-bit identifier.
const STANDARD_MAX: u32 = 0x7FF;
/// Statements that begin with a message's identifier.
const STATEMENTS: [&str; 3] = ["BO_", "SIG_VALTYPE_", "SG_MUL_VAL_"];

/// A message whose identifier was mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The line of its definition, from 1.
    pub line: usize,
    /// The 29-bit identifier that the file states without bit 31.
    pub id: u32,
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

/// Sets bit 31 of identifiers that need it, and says which.
#[must_use]
pub(super) fn repair(text: &str) -> (String, Vec<Repair>) {
    let mut repaired = String::with_capacity(text.len() + 64);
    let mut repairs = Vec::new();
    for (index, line) in text.split_inclusive('\n').enumerate() {
        match faulty_id(line) {
            Some((statement, start, end, id)) => {
                repaired.push_str(line.get(..start).unwrap_or_default());
                repaired.push_str(&(id | EXTENDED).to_string());
                repaired.push_str(line.get(end..).unwrap_or_default());
                if statement == "BO_" {
                    repairs.push(Repair { line: index + 1, id });
                }
            }
            None => repaired.push_str(line),
        }
    }
    (repaired, repairs)
}

/// The statement, the place of its identifier in the line, and the identifier, if it lacks bit 31.
fn faulty_id(line: &str) -> Option<(&'static str, usize, usize, u32)> {
    let trimmed = line.trim_start();
    let statement = STATEMENTS.into_iter().find(|word| {
        let rest = trimmed.strip_prefix(word);
        rest.is_some_and(|rest| rest.starts_with([' ', '\t']))
    })?;
    let rest = trimmed.get(statement.len()..)?.trim_start();
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let id: u32 = rest.get(..digits)?.parse().ok()?;
    let start = line.len() - rest.len();
    (id > STANDARD_MAX && id < EXTENDED).then_some((statement, start, start + digits, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_without_bit_31_are_mended_and_reported() {
        let text = "BO_ 316495015 A: 8 X\n SG_ B : 0|8@1+ (1,0) [0|0] \"\" X\nBO_ 291 C: 8 X\n\
                    BO_ 2147483939 D: 8 X\nSIG_VALTYPE_ 316495015 B : 1;\n";
        let (repaired, repairs) = repair(text);

        assert_eq!(repairs, [Repair { line: 1, id: 0x12DD_54A7 }]);
        assert!(repaired.starts_with("BO_ 2463978663 A: 8 X\n"), "{repaired}");
        assert!(repaired.contains("BO_ 291 C"), "{repaired}");
        assert!(repaired.contains("BO_ 2147483939 D"), "{repaired}");
        assert!(repaired.ends_with("SIG_VALTYPE_ 2463978663 B : 1;\n"), "{repaired}");
    }

    #[test]
    fn a_file_without_faults_comes_out_as_it_went_in() {
        let text = "VERSION \"\"\r\n\r\nBO_ 36 K: 8 XXX\r\nCM_ \"BO_ 999999 is text\";";

        assert_eq!(repair(text), (text.to_owned(), Vec::new()));
    }

    #[test]
    fn text_that_is_not_utf_8_is_windows_1252() {
        assert_eq!(decode(b"\xb0C \x80"), "\u{b0}C \u{20ac}");
        assert_eq!(decode("°C".as_bytes()), "°C");
        assert_eq!(decode(b"\xef\xbb\xbfVERSION"), "VERSION");
    }
}
