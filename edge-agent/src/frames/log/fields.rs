//! Numbers, bytes and times as logs write them.
//!
//! **Invariant:** nothing here allocates but [`civil`], which reads the date of a whole log.

use telematics::Timestamp;
use telematics::time::MICROS_PER_SECOND;

use super::super::frame::{CanId, Frame};
use super::line::{BrokenLine, Line};

/// Base of the numbers in a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Base {
    /// As most logs.
    #[default]
    Hex,
    /// As ASC and `BUSMASTER` can be told to.
    Dec,
}

impl Base {
    /// The number that `text` is, without a sign.
    pub(super) fn number(self, text: &str) -> Option<u32> {
        let radix = match self {
            Self::Hex => 16,
            Self::Dec => 10,
        };
        // `from_str_radix` would take a plus sign.
        text.bytes().all(|byte| byte.is_ascii_alphanumeric()).then_some(())?;
        u32::from_str_radix(text, radix).ok()
    }
}

/// `text` without the `0x` that some tools write.
pub(super) fn without_0x(text: &str) -> &str {
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text)
}

/// The identifier of this number and width.
pub(super) fn id(number: u32, width: Width) -> Result<CanId, BrokenLine> {
    match (width, u16::try_from(number)) {
        (Width::Standard | Width::ByNumber, Ok(short)) if short <= 0x7FF => {
            Ok(CanId::Standard(short))
        }
        (Width::Extended | Width::ByNumber, _) if number <= 0x1FFF_FFFF => {
            Ok(CanId::Extended(number))
        }
        _ => Err(BrokenLine::Identifier),
    }
}

/// How wide an identifier is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// 11 bits.
    Standard,
    /// 29 bits.
    Extended,
    /// 11 bits when it fits: the form does not say.
    ByNumber,
}

/// A decimal number times `10^digits`, cut after that many decimals: `decimal("1.5", 3)` is 1500.
pub(super) fn decimal(text: &str, digits: usize) -> Option<i64> {
    let (whole, fraction) = text.split_once(['.', ',']).unwrap_or((text, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let tail = fraction.bytes().chain(std::iter::repeat(b'0')).take(digits);
    whole.bytes().chain(tail).try_fold(0_i64, |sum, digit| {
        sum.checked_mul(10)?.checked_add(i64::from(digit.checked_sub(b'0')?))
    })
}

/// `seconds` with a fraction, in microseconds.
pub(super) fn seconds(text: &str) -> Option<i64> {
    decimal(text, 6)
}

/// A time of day in microseconds, from `hours:minutes:seconds` and then a fraction after `.`, or after
/// `:` a number of milliseconds, or of 100 µs when it has four digits.
pub(super) fn time_of_day(text: &str) -> Option<i64> {
    let mut parts = text.splitn(4, ':');
    let [hours, minutes, rest] = [parts.next()?, parts.next()?, parts.next()?];
    let whole = |text: &str, max: i64| decimal(text, 0).filter(|number| *number <= max);
    let seconds = seconds(rest).filter(|micros| *micros < 61 * MICROS_PER_SECOND)?;
    let fraction = match parts.next() {
        Some(digits) if digits.len() <= 3 => decimal(digits, 3)?,
        Some(digits) => decimal(digits, 2).filter(|_| digits.len() == 4)?,
        None => 0,
    };
    Some(
        (whole(hours, 23)? * 60 + whole(minutes, 59)?) * 60 * MICROS_PER_SECOND
            + seconds
            + fraction,
    )
}

/// The time of a date and a time of day. Logs do not say in which zone: it is taken for UTC.
pub(super) fn civil(year: i64, month: i64, day: i64, micros_of_day: i64) -> Option<Timestamp> {
    let midnight = format!("{year:04}-{month:02}-{day:02}T00:00:00Z");
    Some(midnight.parse::<Timestamp>().ok()?.plus_micros(micros_of_day))
}

/// The time `micros` after `start`, if something can have been measured then.
pub(super) fn after(start: Timestamp, micros: i64) -> Result<Timestamp, BrokenLine> {
    let time = start.plus_micros(micros);
    time.is_in_calendar().then_some(time).ok_or(BrokenLine::Time)
}

/// Where a recording begins that does not say when: the epoch.
pub(super) const EPOCH: Timestamp = Timestamp::from_micros(0);

/// Bytes that a data length code stands for (ISO 11898-1).
pub(super) fn length_of(code: u32) -> Option<usize> {
    const LENGTHS: [usize; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64];
    LENGTHS.get(usize::try_from(code).ok()?).copied()
}

/// The data of a frame, gathered byte by byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct Data {
    bytes: [u8; Frame::BYTES_MAX],
    length: usize,
}

impl Data {
    /// No bytes.
    pub(super) const fn new() -> Self {
        Self { bytes: [0; Frame::BYTES_MAX], length: 0 }
    }

    /// The bytes that `fields` begin with, at most `max`. Ends before the first that is none.
    pub(super) fn of_fields<'a>(
        fields: impl Iterator<Item = &'a str>,
        base: Base,
        max: usize,
    ) -> Self {
        let mut data = Self::new();
        for field in fields.take(max) {
            let byte = Some(without_0x(field)).filter(|text| text.len() <= 3);
            let byte = byte.and_then(|text| base.number(text)).and_then(|n| u8::try_from(n).ok());
            let Some(byte) = byte else { break };
            if !data.push(byte) {
                break;
            }
        }
        data
    }

    /// Bytes in hexadecimal, with or without spaces and `0x`.
    pub(super) fn of_hex(text: &str) -> Option<Self> {
        let mut data = Self::new();
        for digits in text.split_ascii_whitespace() {
            let digits = without_0x(digits);
            let end = data.length.checked_add(digits.len().div_ceil(2))?;
            hex::decode_to_slice(digits, data.bytes.get_mut(data.length..end)?).ok()?;
            data.length = end;
        }
        Some(data)
    }

    /// Adds a byte, if there is room.
    fn push(&mut self, byte: u8) -> bool {
        let Some(place) = self.bytes.get_mut(self.length) else { return false };
        *place = byte;
        self.length += 1;
        true
    }

    /// How many they are.
    pub(super) const fn len(&self) -> usize {
        self.length
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// A line with a frame of these bytes, of which there must be `length`.
pub(super) fn data_line<'a>(
    channel: &'a str,
    time: Timestamp,
    id: CanId,
    data: &Data,
    length: usize,
) -> Result<Line<'a>, BrokenLine> {
    if data.len() != length {
        return Err(BrokenLine::Data);
    }
    let frame = Frame::new(time, id, data.bytes()).ok_or(BrokenLine::Data)?;
    Ok(Line::Data(channel, frame))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("0",                   6, Some(0)),
            ("1.5",                 3, Some(1_500)),
            ("1,5",                 3, Some(1_500)),
            ("1.23456789",          6, Some(1_234_567)),
            ("1614868800.000125",   6, Some(1_614_868_800_000_125)),
            ("9223372036854.775808",6, None),
            ("",                    6, None),
            (".5",                  6, None),
            ("-1.5",                6, None),
            ("1e3",                 6, None),
            ("١.٥",                 6, None),
        ];
        for (text, digits, expected) in cases {
            assert_eq!(decimal(text, digits), expected, "{text}");
        }
        assert_eq!(Base::Hex.number("+1f"), None);
        assert_eq!(Base::Dec.number("31"), Some(31));
        assert_eq!(without_0x("0x1F"), "1F");
    }

    #[test]
    fn times_of_day_are_read() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("22:20:14:992",    Some(80_414_992_000)),
            ("22:20:14:9921",   Some(80_414_992_100)),
            ("22:20:14:22",     Some(80_414_022_000)),
            ("22:20:14:0022",   Some(80_414_002_200)),
            ("22:20:14:99219",  None),
            ("22:20:14.5",      Some(80_414_500_000)),
            ("00:00:00",        Some(0)),
            ("24:00:00",        None),
            ("22:60:00",        None),
            ("22:20",           None),
            ("22:20:1x",        None),
        ];
        for (text, expected) in cases {
            assert_eq!(time_of_day(text), expected, "{text}");
        }
    }

    #[test]
    fn identifiers_are_as_wide_as_said() {
        assert_eq!(id(0x7FF, Width::ByNumber), Ok(CanId::Standard(0x7FF)));
        assert_eq!(id(0x800, Width::ByNumber), Ok(CanId::Extended(0x800)));
        assert_eq!(id(0x800, Width::Standard), Err(BrokenLine::Identifier));
        assert_eq!(id(0x123, Width::Extended), Ok(CanId::Extended(0x123)));
        assert_eq!(id(0x2000_0000, Width::Extended), Err(BrokenLine::Identifier));
    }

    #[test]
    fn data_ends_where_it_is_no_longer_bytes() {
        let fields = |text: &'static str| text.split(' ');
        assert_eq!(
            Data::of_fields(fields("0xFE 36 12 Length"), Base::Hex, 8).bytes(),
            [254, 54, 18]
        );
        assert_eq!(Data::of_fields(fields("254 54 256"), Base::Dec, 8).bytes(), [254, 54]);
        assert_eq!(Data::of_fields(fields("01 02 03"), Base::Hex, 2).bytes(), [1, 2]);
        assert_eq!(Data::of_hex("FE36 12").unwrap().bytes(), [254, 54, 18]);
        assert!(Data::of_hex("FE3").is_none());
        assert!(Data::of_hex(&"00".repeat(65)).is_none());
    }
}
