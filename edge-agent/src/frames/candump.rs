//! Lines written by `candump -l`.
//!
//! ```text
//! (1614868800.000125) can0 123#DEADBEEF          11-bit identifier
//! (1614868800.000125) can0 18DAF110#0102         29-bit: eight digits
//! (1614868800.000125) can0 123##1DEADBEEF        CAN FD, with its flags
//! (1614868800.000125) can0 123#R                 remote: carries no data, skipped
//! ```
//!
//! **Not here:** files of them, and the other forms of logs ([`super::log`]).

use telematics::Timestamp;

use super::frame::{CanId, Frame};
use super::log::{BrokenLine, Line};

/// Bit of an eight-digit identifier that marks an error frame.
const ERROR_FLAG: u32 = 0x2000_0000;

/// Reads one line, without its line break.
///
/// # Errors
/// Anything but the forms in the module's documentation is refused.
pub fn parse_line(line: &str) -> Result<Line<'_>, BrokenLine> {
    let mut fields = line.split_ascii_whitespace();
    let Some(time) = fields.next() else { return Ok(Line::Skipped) };
    let (interface, frame) = fields.next().zip(fields.next()).ok_or(BrokenLine::Fields)?;
    let time = parse_time(time).ok_or(BrokenLine::Time)?;
    let (id, data) = frame.split_once('#').ok_or(BrokenLine::Fields)?;
    let Some(id) = parse_id(id)? else { return Ok(Line::Error) };
    // `-x` says who sent it: `T` is this computer's own.
    if fields.next() == Some("T") {
        return Ok(Line::Skipped);
    }

    let (data, bytes_max) = match data.strip_prefix('#') {
        Some(fd) => (fd.get(1..).ok_or(BrokenLine::Data)?, Frame::BYTES_MAX),
        None if data.starts_with('R') => return Ok(Line::Skipped),
        // A ninth hexadecimal digit after `_` is a raw DLC above 8 and carries no byte.
        None => (data.split_once('_').map_or(data, |(data, _)| data), 8),
    };
    let mut bytes = [0; Frame::BYTES_MAX];
    let bytes = bytes.get_mut(..data.len() / 2).ok_or(BrokenLine::Data)?;
    hex::decode_to_slice(data, bytes).or(Err(BrokenLine::Data))?;
    if bytes.len() > bytes_max {
        return Err(BrokenLine::Data);
    }
    let frame = Frame::new(time, id, bytes).ok_or(BrokenLine::Data)?;
    Ok(Line::Data(interface, frame))
}

fn parse_time(text: &str) -> Option<Timestamp> {
    let (seconds, fraction) = text.strip_prefix('(')?.strip_suffix(')')?.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(seconds) || !digits(fraction) {
        return None;
    }
    let micros: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let seconds = seconds.parse::<i64>().ok()?.checked_mul(1_000_000)?;
    Some(Timestamp::from_micros(seconds + micros)).filter(|time| time.is_in_calendar())
}

/// The identifier, or `None` for that of an error frame.
fn parse_id(text: &str) -> Result<Option<CanId>, BrokenLine> {
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(BrokenLine::Identifier);
    }
    let number = u32::from_str_radix(text, 16).or(Err(BrokenLine::Identifier))?;
    match text.len() {
        3 if number <= 0x7FF => {
            Ok(Some(CanId::Standard(u16::try_from(number).or(Err(BrokenLine::Identifier))?)))
        }
        8 if number & ERROR_FLAG != 0 => Ok(None),
        8 if number <= 0x1FFF_FFFF => Ok(Some(CanId::Extended(number))),
        _ => Err(BrokenLine::Identifier),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(line: &str) -> Frame {
        match parse_line(line) {
            Ok(Line::Data("can0", frame)) => frame,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn every_form_of_a_frame_is_read() {
        #[rustfmt::skip] // a table is read by column
        let cases: [(&str, CanId, &[u8]); 6] = [
            ("(1.000125) can0 123#DEAD",          CanId::Standard(0x123),        &[0xde, 0xad]),
            ("(1.000125) can0 123#",              CanId::Standard(0x123),        &[]),
            ("(1.000125) can0 00000123#01",       CanId::Extended(0x123),        &[1]),
            ("(1.000125) can0 18DAF110#01 R",     CanId::Extended(0x18DA_F110),  &[1]),
            ("(1.000125) can0 123##1DEAD",        CanId::Standard(0x123),        &[0xde, 0xad]),
            ("(1.000125) can0 123#0102030405060708_F", CanId::Standard(0x123),   &[1, 2, 3, 4, 5, 6, 7, 8]),
        ];
        for (line, id, data) in cases {
            let frame = frame(line);
            assert_eq!((frame.id, frame.data()), (id, data), "{line}");
            assert_eq!(frame.time, Timestamp::from_micros(1_000_125), "{line}");
        }
        assert_eq!(frame("(1.5) can0 123#").time, Timestamp::from_micros(1_500_000));
        for line in ["", "(1.0) can0 123#R", "(1.0) can0 123#R8", "(1.0) can0 123#00 T"] {
            assert_eq!(parse_line(line), Ok(Line::Skipped), "{line}");
        }
        assert_eq!(parse_line("(1.0) can0 20000004#00"), Ok(Line::Error));
    }

    #[test]
    fn what_is_no_line_of_candump_is_refused() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("(1.0) can0",                          BrokenLine::Fields),
            ("(1.0) can0 123",                      BrokenLine::Fields),
            ("1.0 can0 123#00",                     BrokenLine::Time),
            ("(1) can0 123#00",                     BrokenLine::Time),
            ("(-1.0) can0 123#00",                  BrokenLine::Time),
            ("(99999999999999999999.0) can0 1#00",  BrokenLine::Time),
            ("(4102444800.0) can0 123#00",          BrokenLine::Time),
            ("(1.0) can0 800#00",                   BrokenLine::Identifier),
            ("(1.0) can0 12#00",                    BrokenLine::Identifier),
            ("(1.0) can0 +12#00",                   BrokenLine::Identifier),
            ("(1.0) can0 xyz#00",                   BrokenLine::Identifier),
            ("(1.0) can0 123#0",                    BrokenLine::Data),
            ("(1.0) can0 123#0g",                   BrokenLine::Data),
            ("(1.0) can0 123#010203040506070809",   BrokenLine::Data),
            ("(1.0) can0 123##",                    BrokenLine::Data),
        ];
        for (line, reason) in cases {
            assert_eq!(parse_line(line), Err(reason), "{line}");
        }
    }
}
