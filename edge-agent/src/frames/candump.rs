//! Logs written by `candump -l`, plain or gzip.
//!
//! ```text
//! (1614868800.000125) can0 123#DEADBEEF          11-bit identifier
//! (1614868800.000125) can0 18DAF110#0102         29-bit: eight digits
//! (1614868800.000125) can0 123##1DEADBEEF        CAN FD, with its flags
//! (1614868800.000125) can0 123#R                 remote: carries no data, skipped
//! ```
//!
//! **Invariant:** a broken line is counted, reported with its number and skipped: one damaged block
//! on a memory card must not cost the rest of a drive. A cursor is a number of lines, so that it
//! means the same whatever they hold.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use telematics::Timestamp;

use super::frame::{CanId, Frame};

/// Broken lines that are reported one by one; the rest is only counted.
const REPORTS_MAX: u64 = 5;
/// Bit of an eight-digit identifier that marks an error frame.
const ERROR_FLAG: u32 = 0x2000_0000;

/// What one line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A data frame, and the interface it arrived on.
    Data(&'a str, Frame),
    /// A remote or error frame, or an empty line: nothing to decode.
    Skipped,
}

/// Why a line is not one of `candump -l`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenLine {
    /// Not three fields.
    #[error("is not `(time) interface frame`")]
    Fields,
    /// The time is not seconds and a fraction in parentheses.
    #[error("has no time such as (1614868800.000125)")]
    Time,
    /// The identifier is not three or eight hexadecimal digits of 11 or 29 bits.
    #[error("has no identifier of 3 or 8 hexadecimal digits")]
    Identifier,
    /// The data is not whole bytes in hexadecimal, or too long.
    #[error("has data that is not whole hexadecimal bytes, at most 8 (CAN) or 64 (CAN FD)")]
    Data,
}

/// Why a log can not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the log {}", path.display())]
pub struct LogError {
    path: PathBuf,
    source: io::Error,
}

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
    let Some(id) = parse_id(id)? else { return Ok(Line::Skipped) };

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

/// A log, read from front to back.
pub struct LogReader {
    path: PathBuf,
    interface: Option<String>,
    input: Box<dyn BufRead + Send>,
    line: Vec<u8>,
    lines_read: u64,
    broken_lines: u64,
}

impl LogReader {
    /// Opens a log; gzip is told by its first two bytes. With an `interface`, the frames of others
    /// are passed over.
    ///
    /// # Errors
    /// When the file can not be opened.
    pub fn open(path: &Path, interface: Option<&str>) -> Result<Self, LogError> {
        let refuse = |source| LogError { path: path.to_owned(), source };
        let mut file = BufReader::new(File::open(path).map_err(refuse)?);
        let gzip = file.fill_buf().map_err(refuse)?.starts_with(&[0x1f, 0x8b]);
        let input: Box<dyn BufRead + Send> =
            if gzip { Box::new(BufReader::new(MultiGzDecoder::new(file))) } else { Box::new(file) };
        Ok(Self::new(path, interface, input))
    }

    fn new(path: &Path, interface: Option<&str>, input: Box<dyn BufRead + Send>) -> Self {
        let (path, interface) = (path.to_owned(), interface.map(str::to_owned));
        Self { path, interface, input, line: Vec::new(), lines_read: 0, broken_lines: 0 }
    }

    /// The next data frame, or `None` at the end.
    ///
    /// # Errors
    /// When the file can not be read or is damaged gzip. Broken lines are no error.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, LogError> {
        while self.read_line()? {
            // Logs are ASCII; what is not is a broken line like any other.
            let text = String::from_utf8_lossy(&self.line);
            match parse_line(&text) {
                Ok(Line::Data(interface, frame)) => {
                    if self.interface.as_deref().is_none_or(|wanted| wanted == interface) {
                        return Ok(Some(frame));
                    }
                }
                Ok(Line::Skipped) => {}
                Err(reason) => {
                    self.broken_lines += 1;
                    report(&self.path, self.lines_read, self.broken_lines, reason);
                }
            }
        }
        Ok(None)
    }

    /// Passes over lines until `lines` of them have been read, without looking at what they hold.
    ///
    /// # Errors
    /// When the file can not be read.
    pub fn skip_to_line(&mut self, lines: u64) -> Result<(), LogError> {
        while self.lines_read < lines && self.read_line()? {}
        Ok(())
    }

    /// Lines read so far: the position to go on from.
    #[must_use]
    pub const fn lines_read(&self) -> u64 {
        self.lines_read
    }

    /// Lines so far that were not of `candump -l`.
    #[must_use]
    pub const fn broken_lines(&self) -> u64 {
        self.broken_lines
    }

    fn read_line(&mut self) -> Result<bool, LogError> {
        self.line.clear();
        let read = self.input.read_until(b'\n', &mut self.line);
        let read = read.map_err(|source| LogError { path: self.path.clone(), source })?;
        self.lines_read += u64::from(read > 0);
        Ok(read > 0)
    }
}

fn report(path: &Path, line: u64, count: u64, reason: BrokenLine) {
    let path = path.display();
    match count {
        ..REPORTS_MAX => tracing::warn!(%path, line, "skipped a line that {reason}"),
        REPORTS_MAX => {
            tracing::warn!(%path, line, "skipped a line that {reason}; more are only counted");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

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
        for line in ["", "(1.0) can0 123#R", "(1.0) can0 123#R8", "(1.0) can0 20000004#00"] {
            assert_eq!(parse_line(line), Ok(Line::Skipped), "{line}");
        }
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

    const LOG: &str = "(1.0) can0 001#01\nbroken\n(2.0) can1 002#02\n\u{fffd}\n(3.0) can0 003#03\n";

    fn read_all(mut reader: LogReader) -> (Vec<CanId>, u64) {
        let mut ids = Vec::new();
        while let Some(frame) = reader.next_frame().unwrap() {
            ids.push(frame.id);
        }
        (ids, reader.broken_lines())
    }

    #[test]
    fn broken_lines_are_counted_and_the_rest_is_read() {
        let reader = LogReader::new(Path::new("x.log"), None, Box::new(Cursor::new(LOG)));

        let expected = [1, 2, 3].map(CanId::Standard).to_vec();
        assert_eq!(read_all(reader), (expected, 2));
    }

    #[test]
    fn a_reader_goes_on_where_a_cursor_says() {
        let mut reader = LogReader::new(Path::new("x.log"), None, Box::new(Cursor::new(LOG)));
        reader.skip_to_line(3).unwrap();

        assert_eq!(read_all(reader), (vec![CanId::Standard(3)], 1));
    }

    #[test]
    fn other_interfaces_are_passed_over() {
        let reader = LogReader::new(Path::new("x"), Some("can1"), Box::new(Cursor::new(LOG)));

        assert_eq!(read_all(reader).0, [CanId::Standard(2)]);
    }

    #[test]
    fn gzip_is_told_by_its_content_and_damage_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("drive.log");
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(LOG.as_bytes()).unwrap();
        let bytes = gzip.finish().unwrap();

        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(read_all(LogReader::open(&path, None).unwrap()).0.len(), 3);

        std::fs::write(&path, &bytes[..bytes.len() - 12]).unwrap();
        let mut damaged = LogReader::open(&path, None).unwrap();
        let error = std::iter::repeat_with(|| damaged.next_frame()).find_map(Result::err).unwrap();
        assert!(error.to_string().contains("drive.log"), "{error}");

        assert!(LogReader::open(&folder.path().join("none.log"), None).is_err());
    }
}
