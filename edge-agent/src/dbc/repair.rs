//! What is mended in a statement of a DBC file before the grammar reads it.
//!
//! - A 29-bit identifier is written with bit 31 set. Many files leave it out, and a parser that
//!   keeps 16 bits would then take one message for another.
//! - A name may not begin with a digit: `2017_5` becomes `N2017_5`.
//! - What decoding does not need and the grammar refuses (the range, the receivers and the unit of a
//!   signal, the sender of a message) is replaced by nothing in particular.
//!
//! **Invariant:** every repair is reported; a statement without faults comes out as it went in.

use std::borrow::Cow;
use std::ops::Range;

use super::report::Notes;
use super::text::Statement;

/// Bit that marks a 29-bit identifier.
const EXTENDED: u64 = 1 << 31;
/// The largest 11-bit identifier.
const STANDARD_MAX: u64 = 0x7FF;
/// The largest 29-bit identifier.
const EXTENDED_MAX: u64 = 0x1FFF_FFFF;

/// What a word of a statement means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Other,
    Id,
    Name,
}

/// Mends identifiers and names, and says so where they are defined.
///
/// An identifier that no frame can have is refused: a parser would keep some of its bits.
pub(super) fn mend<'a>(
    statement: &Statement<'a>,
    repairs: &mut Notes,
) -> Result<Cow<'a, str>, String> {
    let text = statement.text;
    // The grammar would read on, and keep 16 bits of an identifier that no one looked at.
    let behind = text.get(statement.keyword.len()..).unwrap_or_default();
    if !behind.starts_with([' ', '\t', '\r', '\n']) {
        return Err(format!("has no space behind {}", statement.keyword));
    }
    let is_definition = matches!(statement.keyword, "BO_" | "SG_");
    let mut mended = Cow::Borrowed(text);
    // From the end, so that the places before it stay where they are.
    for (kind, place) in words(statement).into_iter().rev() {
        let word = text.get(place.clone()).unwrap_or_default();
        let (by, why) = match kind {
            Word::Id => match word.parse::<u64>() {
                Ok(id) if !is_possible(id) => {
                    return Err(format!("identifier {id:#x} is none of 11 or 29 bits"));
                }
                Ok(id) if (STANDARD_MAX + 1..EXTENDED).contains(&id) => {
                    ((id | EXTENDED).to_string(), "set bit 31, which marks a 29-bit identifier")
                }
                // The grammar would take the digits for one and the rest for a name.
                Err(_) if word.starts_with(|first: char| first.is_ascii_digit()) => {
                    return Err(format!("`{word}` is no identifier"));
                }
                _ => continue,
            },
            Word::Name if word.starts_with(|first: char| first.is_ascii_digit()) => {
                (format!("N{word}"), "put N before the name, which begins with a digit")
            }
            Word::Name | Word::Other => continue,
        };
        mended.to_mut().replace_range(place, &by);
        if is_definition {
            repairs.push(statement.line, text, why);
        }
    }
    Ok(mended)
}

const fn is_possible(id: u64) -> bool {
    id <= EXTENDED_MAX || (EXTENDED <= id && id <= EXTENDED | EXTENDED_MAX)
}

/// The first words of a statement that are identifiers of messages or names of what they hold.
fn words(statement: &Statement<'_>) -> Vec<(Word, Range<usize>)> {
    use Word::{Id, Name, Other};
    let kinds: &[Word] = match statement.keyword {
        "SG_" => &[Other, Name],
        "BO_" | "VAL_" | "SIG_VALTYPE_" => &[Other, Id, Name],
        "SG_MUL_VAL_" => &[Other, Id, Name, Name],
        "BA_" => match after_name(statement.text) {
            "SG_" => &[Other, Other, Other, Id, Name],
            "BO_" => &[Other, Other, Other, Id],
            _ => &[],
        },
        _ => &[],
    };
    kinds.iter().copied().zip(places(statement.text)).collect()
}

/// The word behind the name of an attribute.
fn after_name(text: &str) -> &str {
    places(text).nth(2).and_then(|place| text.get(place)).unwrap_or_default()
}

/// The places of words: strings in quotes, or letters and digits.
fn places(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut end = 0;
    std::iter::from_fn(move || {
        let rest = text.get(end..)?;
        let rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let start = text.len() - rest.len();
        let length = match rest.strip_prefix('"') {
            Some(string) => 2 + string.find('"').unwrap_or(string.len().saturating_sub(1)),
            None => rest.find([' ', '\t', '\r', '\n', ':', '"']).unwrap_or(rest.len()).max(1),
        };
        end = start + length.min(rest.len());
        (!rest.is_empty()).then_some(start..end)
    })
}

/// A signal that the grammar refuses, without what decoding does not need.
pub(super) fn without_ornaments(signal: &str) -> Option<String> {
    let (place, rest) = signal.split_once(')')?;
    // `1.` and `.5` are numbers to everybody but the grammar.
    let (head, scale) = place.split_once('(')?;
    let (factor, offset) = scale.split_once(',')?;
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let (factor, offset) = (number(factor)?, number(offset)?);
    let unit = rest.split('"').nth(1).unwrap_or_default();
    Some(format!("{head}({factor:e},{offset:e}) [0|0] \"{unit}\" Vector__XXX"))
}

/// A message that the grammar refuses, without its sender.
pub(super) fn without_sender(message: &str) -> Option<String> {
    let (head, rest) = message.split_once(':')?;
    let size = rest.split_whitespace().next()?;
    Some(format!("{}: {size} Vector__XXX", head.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::super::text::statements;
    use super::*;

    fn mended(text: &str) -> (String, usize) {
        let mut repairs = Notes::default();
        let lines: Vec<_> = statements(text).map(|s| mend(&s, &mut repairs).unwrap()).collect();
        (lines.join("\n"), repairs.count())
    }

    #[test]
    fn each_fault_is_mended_and_reported_where_it_is_defined() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("BO_ 316495015 A: 8 X",          "BO_ 2463978663 A: 8 X",          1),
            ("BO_ 2048 A: 8 X",               "BO_ 2147485696 A: 8 X",          1),
            ("BO_ 2047 A: 8 X",               "BO_ 2047 A: 8 X",                0),
            ("BO_ 2147483939 A: 8 X",         "BO_ 2147483939 A: 8 X",          0),
            ("BO_ 1 2017_5: 8 X",             "BO_ 1 N2017_5: 8 X",             1),
            ("SG_ 2017_5 m0 : 0|8@1+ (1,0)",  "SG_ N2017_5 m0 : 0|8@1+ (1,0)",  1),
            ("SIG_VALTYPE_ 316495015 B : 1;", "SIG_VALTYPE_ 2463978663 B : 1",  0),
            ("VAL_ 1 2017_5 0 \"off\";",      "VAL_ 1 N2017_5 0 \"off\"",       0),
            ("SG_MUL_VAL_ 4096 1A 2B 1-1;",   "SG_MUL_VAL_ 2147487744 N1A N2B 1-1", 0),
            ("BA_ \"X Y\" SG_ 4096 1A 7;",    "BA_ \"X Y\" SG_ 2147487744 N1A 7", 0),
            ("BA_ \"X\" BO_ 4096 7;",         "BA_ \"X\" BO_ 2147487744 7",     0),
            ("BA_ \"X\" 4096;",               "BA_ \"X\" 4096",                 0),
            ("CM_ SG_ 4096 1A \"x\";",        "CM_ SG_ 4096 1A \"x\"",          0),
        ];
        for (text, expected, repairs) in cases {
            assert_eq!(mended(text), (expected.to_owned(), repairs), "{text}");
        }
    }

    #[test]
    fn an_identifier_that_no_frame_has_is_refused() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("1073741824",           "11 or 29 bits"),
            ("3221225472",           "11 or 29 bits"),
            ("4294967295",           "11 or 29 bits"),
            ("99999999999",          "11 or 29 bits"),
            ("99999999999999999999", "no identifier"),
            ("2147436488N",          "no identifier"),
        ];
        for (id, why) in cases {
            let text = format!("BO_ {id} A: 8 X");
            let error = mend(&statements(&text).next().unwrap(), &mut Notes::default());
            assert!(error.unwrap_err().contains(why), "{id}");
        }
        let glued = mend(&statements("BO_65537 A: 8 X").next().unwrap(), &mut Notes::default());
        assert!(glued.unwrap_err().contains("no space behind BO_"));
    }

    #[test]
    fn a_signal_keeps_its_place_scale_and_unit() {
        let signal = "SG_ A m1 : 7|8@0+ (1.,-.5) [-1.#INF|1.#INF] \"°C\" A B, C";

        let expected = "SG_ A m1 : 7|8@0+ (1e0,-5e-1) [0|0] \"°C\" Vector__XXX";
        assert_eq!(without_ornaments(signal).as_deref(), Some(expected));
        assert_eq!(without_ornaments("SG_ A : 7|8@0+ (1,x) [0|0] \"\" A"), None);
        assert_eq!(without_sender("BO_ 1 A : 8").as_deref(), Some("BO_ 1 A: 8 Vector__XXX"));
    }
}
