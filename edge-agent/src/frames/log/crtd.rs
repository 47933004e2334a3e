//! CRTD: the logs of the Open Vehicle Monitoring System.
//!
//! ```text
//! 166.064000 CXX a comment
//! 166.064000 R11 21A FE 36 12 FE 69 05 07 AD
//! 166.064000 2R29 18DAF110 02 01
//! 166.064000 T11 7DF 02 01 0C
//! ```
//!
//! A digit before the type is the bus, 0 when there is none.

use super::fields::{Base, Data, EPOCH, Width, after, id, seconds, without_0x};
use super::line::{BrokenLine, Line};
use crate::frames::Frame;

/// True when `line` is one of such a log.
pub(super) fn begins(line: &str) -> bool {
    let is_comment = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        words.next().is_some_and(|time| time.contains('.'))
            && words.next().is_some_and(|kind| matches!(unbused(kind).1, "CXX" | "CVR" | "CEV"))
    };
    match parse(line) {
        Ok(Line::Data(..)) => true,
        Ok(Line::Skipped) => is_comment(line),
        _ => false,
    }
}

/// Reads one line.
pub(super) fn parse(line: &str) -> Result<Line<'_>, BrokenLine> {
    let mut words = line.split_ascii_whitespace();
    let Some(time) = words.next() else { return Ok(Line::Skipped) };
    let time = after(EPOCH, seconds(time).ok_or(BrokenLine::Time)?)?;
    let (bus, kind) = unbused(words.next().ok_or(BrokenLine::Fields)?);
    let width = match kind {
        "R11" => Width::Standard,
        "R29" => Width::Extended,
        "T11" | "T29" => return Ok(Line::Skipped),
        _ if kind.starts_with('C') => return Ok(Line::Skipped),
        _ => return Err(BrokenLine::Fields),
    };
    let number = words.next().ok_or(BrokenLine::Fields)?;
    let number = Base::Hex.number(without_0x(number)).ok_or(BrokenLine::Identifier)?;
    let id = id(number, width)?;
    let count = words.clone().count();
    let data = Data::of_fields(words, Base::Hex, Frame::BYTES_MAX);
    super::fields::data_line(bus, time, id, &data, count)
}

/// The bus and the type without it.
fn unbused(kind: &str) -> (&str, &str) {
    match kind.find(|c: char| !c.is_ascii_digit()) {
        Some(digits) if digits > 0 => kind.split_at(digits),
        _ => ("0", kind),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::frame::CanId;
    use super::*;

    #[test]
    fn frames_of_each_bus_are_read() {
        #[rustfmt::skip] // a table is read by column
        let cases: [(&str, &str, CanId, &[u8]); 4] = [
            ("1.5 R11 0000021A FE 36 ",  "0", CanId::Standard(0x21A),       &[0xfe, 0x36]),
            ("1.5 R11 21A",              "0", CanId::Standard(0x21A),       &[]),
            ("1.5 2R29 18DAF110 02 01",  "2", CanId::Extended(0x18DA_F110), &[2, 1]),
            ("1.5 1R29 1 02",            "1", CanId::Extended(1),           &[2]),
        ];
        for (line, bus, id, data) in cases {
            let Ok(Line::Data(actual, frame)) = parse(line) else { panic!("{line}") };
            assert_eq!((actual, frame.id, frame.data()), (bus, id, data), "{line}");
            assert_eq!(frame.time.as_micros(), 1_500_000);
            assert!(begins(line));
        }
        assert!(begins("1.5 CXX GVRET-PC Reverse Engineering Tool Output V138"));
        assert!(!begins(""));
    }

    #[test]
    fn what_is_no_data_is_told_apart() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("",                       Ok(Line::Skipped)),
            ("1.5 CXX a comment",      Ok(Line::Skipped)),
            ("1.5 1T11 7DF 02 01 0C",  Ok(Line::Skipped)),
            ("1.5",                    Err(BrokenLine::Fields)),
            ("1.5 R12 1",              Err(BrokenLine::Fields)),
            ("1.5 R11",                Err(BrokenLine::Fields)),
            ("x R11 1",                Err(BrokenLine::Time)),
            ("1.5 R11 800",            Err(BrokenLine::Identifier)),
            ("1.5 R11 1 0g",           Err(BrokenLine::Data)),
        ];
        for (line, expected) in cases {
            assert_eq!(parse(line), expected, "{line}");
        }
    }
}
