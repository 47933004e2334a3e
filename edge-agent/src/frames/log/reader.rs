//! A recording, read from front to back.
//!
//! **Invariant:** a position is a number of lines, so it means the same whatever they hold; a reader
//! that goes on at a position gives each frame the time it had when read from the front.

use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use super::form::Form;
use super::line::{BrokenLine, Line};
use super::lines::{Lines, Text};
use crate::frames::{Frame, candump};

/// Broken lines that are reported one by one; the rest is only counted.
const REPORTS_MAX: u64 = 5;

/// Why a log can not be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file can not be opened or read on, or is damaged gzip.
    #[error("cannot read the log {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No line is of a form that is known.
    #[error("{} is not a log of a known form: {}", path.display(), Form::NAMES)]
    Unknown {
        /// The file.
        path: PathBuf,
    },
}

/// A log, read from front to back.
pub struct LogReader {
    path: PathBuf,
    interface: Option<String>,
    lines: Lines,
    form: Form,
    broken_lines: u64,
    error_frames: u64,
}

impl LogReader {
    /// Opens a log; its form, and whether it is gzip, is told by its content. With an `interface`, the
    /// frames of others are passed over. It is called as the log calls it: `can0` by candump, the number
    /// of a channel by most others.
    ///
    /// # Errors
    /// When the file can not be opened, or is no log.
    pub fn open(path: &Path, interface: Option<&str>) -> Result<Self, LogError> {
        let refuse = |source| LogError::Unreadable { path: path.to_owned(), source };
        let lines = Lines::open(path).map_err(refuse)?;
        Self::of_lines(path, interface, lines)
    }

    /// Reads a log from elsewhere than a file, as [`Self::open`] does; `path` is for messages only.
    ///
    /// # Errors
    /// When it can not be read, or is no log.
    pub fn read(
        path: &Path,
        interface: Option<&str>,
        input: impl BufRead + Send + 'static,
    ) -> Result<Self, LogError> {
        let refuse = |source| LogError::Unreadable { path: path.to_owned(), source };
        Self::of_lines(path, interface, Lines::unpack(input).map_err(refuse)?)
    }

    fn of_lines(path: &Path, interface: Option<&str>, lines: Lines) -> Result<Self, LogError> {
        let (path, interface) = (path.to_owned(), interface.map(str::to_owned));
        let Some(form) = Form::of(lines.head()) else { return Err(LogError::Unknown { path }) };
        let form_name = form.name();
        tracing::debug!(path = %path.display(), form = form_name, "log opened");
        if Form::is_timeless(lines.head()) && matches!(form, Form::Csv(_)) {
            let path = path.display();
            tracing::warn!(%path, "the log has no times: frames are taken to be 1 ms apart");
        }
        Ok(Self { path, interface, lines, form, broken_lines: 0, error_frames: 0 })
    }

    /// The next data frame, or `None` at the end.
    ///
    /// # Errors
    /// When the file can not be read or is damaged gzip. Broken lines are no error.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<Frame>, LogError> {
        loop {
            let text = match self.lines.next() {
                Ok(Some(text)) => text,
                Ok(None) => return Ok(None),
                Err(source) => {
                    return Err(LogError::Unreadable { path: self.path.clone(), source });
                }
            };
            let reason = match parse(&mut self.form, text, self.interface.as_deref()) {
                Ok(Some(Step::Frame(frame))) => return Ok(Some(frame)),
                Ok(Some(Step::ErrorFrame)) => {
                    self.error_frames += 1;
                    continue;
                }
                Ok(None) => continue,
                Err(reason) => reason,
            };
            self.broken_lines += 1;
            report(&self.path, self.lines.count(), self.broken_lines, reason);
        }
    }

    /// Passes over lines until `lines` of them have been read. What is broken or an error frame in them
    /// has been counted before and is not again.
    ///
    /// # Errors
    /// When the file can not be read.
    pub fn skip_to_line(&mut self, lines: u64) -> Result<(), LogError> {
        while self.lines.count() < lines {
            match self.lines.next() {
                Ok(Some(text)) => {
                    if !self.form.has_no_memory() {
                        // The head of the log, and the times that later ones count from.
                        parse(&mut self.form, text, None).ok();
                    }
                }
                Ok(None) => break,
                Err(source) => {
                    return Err(LogError::Unreadable { path: self.path.clone(), source });
                }
            }
        }
        Ok(())
    }

    /// Lines read so far: the position to go on from.
    #[must_use]
    pub const fn lines_read(&self) -> u64 {
        self.lines.count()
    }

    /// Lines so far that are not of the log's form.
    #[must_use]
    pub const fn broken_lines(&self) -> u64 {
        self.broken_lines
    }

    /// Error frames so far, of every interface.
    #[must_use]
    pub const fn error_frames(&self) -> u64 {
        self.error_frames
    }

    /// What people call the log's form.
    #[must_use]
    pub const fn form(&self) -> &'static str {
        self.form.name()
    }
}

/// What a reader cares about in a line.
enum Step {
    Frame(Frame),
    ErrorFrame,
}

#[inline]
fn parse(
    form: &mut Form,
    text: Text<'_>,
    interface: Option<&str>,
) -> Result<Option<Step>, BrokenLine> {
    let Text::Whole(bytes) = text else { return Err(BrokenLine::TooLong) };
    if form.is_candump()
        && let Some((of, frame)) = candump::parse_usual_line(bytes)
    {
        let is_wanted = interface.is_none_or(|wanted| wanted.as_bytes() == of);
        return Ok(is_wanted.then_some(Step::Frame(frame)));
    }
    // Logs are ASCII, but for names and dates in the language of whoever recorded them.
    let text = String::from_utf8_lossy(bytes);
    Ok(match form.parse(&text)? {
        Line::Data(of, frame) if interface.is_none_or(|wanted| wanted == of) => {
            Some(Step::Frame(frame))
        }
        Line::Error => Some(Step::ErrorFrame),
        Line::Data(..) | Line::Skipped => None,
    })
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
    use crate::frames::CanId;

    const LOG: &str = "(1.0) can0 001#01\nbroken\n(2.0) can1 002#02\n\u{fffd}\n\
        (2.5) can0 20000004#0008000000000000\n(3.0) can0 003#03\n";

    fn reader(text: &'static str, interface: Option<&str>) -> LogReader {
        LogReader::read(Path::new("drive.log"), interface, Cursor::new(text)).unwrap()
    }

    fn read_all(mut reader: LogReader) -> (Vec<CanId>, u64) {
        let mut ids = Vec::new();
        while let Some(frame) = reader.next_frame().unwrap() {
            ids.push(frame.id);
        }
        (ids, reader.broken_lines())
    }

    #[test]
    fn broken_lines_are_counted_and_the_rest_is_read() {
        let expected = [1, 2, 3].map(CanId::Standard).to_vec();
        assert_eq!(read_all(reader(LOG, None)), (expected, 2));
    }

    #[test]
    fn error_frames_are_counted() {
        let mut reader = reader(LOG, Some("can1"));
        while reader.next_frame().unwrap().is_some() {}

        assert_eq!(reader.error_frames(), 1);
    }

    #[test]
    fn a_reader_goes_on_where_a_position_says() {
        let mut reader = reader(LOG, None);
        reader.skip_to_line(3).unwrap();

        assert_eq!(read_all(reader), (vec![CanId::Standard(3)], 1));
    }

    #[test]
    fn a_reader_that_goes_on_knows_what_the_front_said() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            "date Fri Feb 14 08:51:20 am 2020\nbase dec timestamps relative\n1.0 1 100 Rx d 0\n1.0 1 100 Rx d 0\n0.5 1 100 Rx d 1 99\n",
            ";$FILEVERSION=1.1\n;$STARTTIME=43874.5\n;\n1) 1.0 Rx 0123 0\n2) 2.0 Rx 0123 1 12\n",
            "***BUSMASTER***\n***START DATE AND TIME 1:2:2020 23:59:00:0***\n***DEC***\n23:59:59:0 Rx 1 1 s 0\n00:00:01:0 Rx 1 99 s 1 99\n",
            "ID,Data\n\n1,00\n2,00\n3,01\n",
            "(0.0)  can0  123  [0]\n(0.5)  can0  123  [0]\n(0.2)  can0  123  [0]\n(0.1)  can0  123  [0]\n(0.7)  can0  124  [0]\n",
            "x\nMicrochip Technology Inc.\nLogging Started: 23/9/2015 22:17:43\n1;RX;0x1;0;\n2;RX;0x2;0;\n",
        ];
        for log in cases {
            let mut from_front = reader(log, None);
            let last = std::iter::from_fn(|| from_front.next_frame().unwrap()).last();
            let mut resumed = reader(log, None);
            resumed.skip_to_line(4).unwrap();

            assert!(last.is_some(), "{log}");
            assert_eq!(resumed.next_frame().unwrap(), last, "{log}");
            assert_eq!((resumed.lines_read(), resumed.broken_lines()), (5, 0), "{log}");
        }
    }

    #[test]
    fn other_interfaces_are_passed_over() {
        assert_eq!(read_all(reader(LOG, Some("can1"))).0, [CanId::Standard(2)]);
    }

    #[test]
    fn what_is_no_log_is_refused_by_name() {
        let input = Cursor::new("Dear diary\n");
        let error = LogReader::read(Path::new("diary.txt"), None, input).err().unwrap();

        let text = error.to_string();
        assert!(text.contains("diary.txt") && text.contains("PEAK TRC"), "{text}");
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
