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
#[inline]
pub fn parse_line(line: &str) -> Result<Line<'_>, BrokenLine> {
    let usual = parse_usual_line(line.as_bytes());
    match usual.and_then(|(interface, frame)| Some((str::from_utf8(interface).ok()?, frame))) {
        Some((interface, frame)) => Ok(Line::Data(interface, frame)),
        None => parse_any_line(line),
    }
}

/// The line that `candump -L` writes for a frame that was received on `interface`, without its line
/// break. More than eight bytes are CAN FD, also when its flags are not known: then none are written.
#[must_use]
pub fn format_line(interface: &str, frame: &Frame) -> String {
    let micros = frame.time.as_micros();
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let mark = match frame.fd_flags {
        Some(flags) => format!("##{flags:X}"),
        None if frame.data().len() > 8 => "##0".to_owned(),
        None => "#".to_owned(),
    };
    let data = hex::encode_upper(frame.data());
    format!("({seconds}.{fraction:06}) {interface} {}{mark}{data}", frame.id)
}

/// The line that nearly all are: microseconds, one interface, a data frame of CAN and nothing behind
/// it. `None` says nothing about any other line.
#[inline]
pub(super) fn parse_usual_line(line: &[u8]) -> Option<(&[u8], Frame)> {
    let bytes = line.strip_prefix(b"(")?;
    let point = bytes.iter().take(12).position(|byte| *byte == b'.')?;
    let (seconds, rest) = bytes.split_at_checked(point)?;
    let (fraction, rest) = rest.get(1..)?.split_first_chunk::<6>()?;
    let micros = decimal(seconds)?.checked_mul(1_000_000)? + decimal(fraction)?;
    let time = Some(Timestamp::from_micros(micros)).filter(|time| time.is_in_calendar())?;

    let rest = rest.strip_prefix(b") ")?;
    let length = rest.iter().position(|byte| *byte == b' ').filter(|length| *length > 0)?;
    let interface = rest.get(..length)?;
    let rest = rest.get(length + 1..)?;
    let (id, data) = match (rest.get(3), rest.get(8)) {
        (Some(b'#'), _) => {
            let (id, data) = rest.split_at_checked(3)?;
            let id = u16::try_from(hexadecimal(id)?).ok().filter(|id| *id <= 0x7FF)?;
            (CanId::Standard(id), data)
        }
        (_, Some(b'#')) => {
            let (id, data) = rest.split_at_checked(8)?;
            let id = hexadecimal(id).filter(|id| *id <= 0x1FFF_FFFF)?;
            (CanId::Extended(id), data)
        }
        _ => return None,
    };
    let (digits, odd) = data.get(1..)?.as_chunks();
    let length = u8::try_from(digits.len()).ok().filter(|length| *length <= 8)?;
    let (mut word, mut seen) = (0_u64, 0);
    for (index, [high, low]) in (0_u32..).zip(digits) {
        let (high, low) = (digit(*high), digit(*low));
        word |= u64::from(high << 4 | low & 0xF) << (8 * index);
        seen |= high | low;
    }
    if seen == NO_DIGIT || !odd.is_empty() {
        return None;
    }
    Some((interface, Frame::of_eight(time, id, length, word.to_le_bytes())))
}

/// What [`digit`] gives for a byte that is none; digits never add up to it.
const NO_DIGIT: u8 = 0xFF;

/// The value of each hexadecimal digit.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value: u8 = 0;
    while value < 16 {
        let lower = if value < 10 { b'0' + value } else { b'a' + value - 10 };
        #[expect(
            clippy::as_conversions,
            clippy::indexing_slicing,
            reason = "a byte, at build time"
        )]
        {
            digits[lower as usize] = value;
            digits[lower.to_ascii_uppercase() as usize] = value;
        }
        value += 1;
    }
    digits
};

#[inline]
fn digit(byte: u8) -> u8 {
    DIGITS.get(usize::from(byte)).copied().unwrap_or(NO_DIGIT)
}

/// A number of at most 12 digits.
#[inline]
fn decimal(digits: &[u8]) -> Option<i64> {
    let mut number = 0_i64;
    for byte in digits {
        let value = byte.wrapping_sub(b'0');
        if value > 9 {
            return None;
        }
        number = number * 10 + i64::from(value);
    }
    (!digits.is_empty()).then_some(number)
}

/// A number of at most eight digits.
#[inline]
fn hexadecimal(digits: &[u8]) -> Option<u32> {
    let mut number = 0;
    for byte in digits {
        let value = digit(*byte);
        if value == NO_DIGIT {
            return None;
        }
        number = number << 4 | u32::from(value);
    }
    Some(number)
}

/// Every form of a line, one field after the other.
fn parse_any_line(line: &str) -> Result<Line<'_>, BrokenLine> {
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
    use proptest::prelude::*;

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
    fn a_line_that_was_written_is_read_as_the_same_frame() {
        for line in [
            "(1614868800.000125) can0 123#DEADBEEF",
            "(1.000125) can0 18DAF110#",
            "(1.000125) can0 123##0000102030405060708090A0B",
        ] {
            assert_eq!(format_line("can0", &frame(line)), line);
        }
    }

    #[test]
    fn a_short_frame_of_can_fd_is_written_as_such() {
        let mut short = frame("(1.000125) can0 123#DEAD");
        short.fd_flags = Some(1);
        assert_eq!(format_line("can0", &short), "(1.000125) can0 123##1DEAD");
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

    proptest! {
        /// The fast way knows only lines that the careful way reads the same.
        #[test]
        fn the_usual_line_is_read_as_any_line(
            time in "[(]?[0-9]{0,13}[.]?[0-9]{5,7}[)]?",
            interface in "(can0|vcan12|é| )",
            id in "([0-9A-Fa-f]{3}|[0-9A-Fa-f]{8}|[0-9a-g]{1,9})",
            data in "#{1,2}[0-9a-fA-FR_g ]{0,20}|#([0-9A-F]{2}){0,9}",
        ) {
            let line = format!("{time} {interface} {id}{data}");
            if let Some((interface, frame)) = parse_usual_line(line.as_bytes()) {
                let interface = str::from_utf8(interface).unwrap();
                prop_assert_eq!(parse_any_line(&line), Ok(Line::Data(interface, frame)));
            }
        }
    }

    #[test]
    fn a_line_of_candump_is_a_usual_one() {
        for line in ["(1614868800.000125) can0 123#DEADBEEF", "(1.000125) vcan1 18DAF110#"] {
            assert!(parse_usual_line(line.as_bytes()).is_some(), "{line}");
        }
        assert!(parse_usual_line(b"(1614868800.000125) can0 123#DEADBEEG").is_none());
    }
}
