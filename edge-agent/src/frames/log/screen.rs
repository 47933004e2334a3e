//! What `candump` shows on a screen.
//!
//! ```text
//!  (1614868800.000125)  can0  123   [8]  11 22 33 44 55 66 77 88
//!  (2021-03-04 12:00:00.000125)  can0  RX - -  123  [12]  11 22 …
//!  (000.010000)  can0  18DAF110   [3]  02 01 0C   '...'
//!  can0  20000004   [8]  00 08 00 00 00 00 00 00   ERRORFRAME
//!  can0  123   [0]  remote request
//! ```
//!
//! Times are of the epoch (`-ta`), dates (`-tA`), since the first frame (`-tz`) or since the one before
//! (`-td`); the last two look alike, and a log whose times often go back at its front is of the
//! latter.
//! Without times, frames are taken to be a millisecond apart.

use telematics::Timestamp;

use super::fields::{Base, Data, EPOCH, Width, after, civil, data_line, id, seconds, time_of_day};
use super::line::{BrokenLine, Line};

/// Bit of an eight-digit identifier that marks an error frame.
const ERROR_FLAG: u32 = 0x2000_0000;

/// What the lines so far said.
#[derive(Clone, Debug, Default)]
pub(super) struct Screen {
    is_relative: bool,
    elapsed_micros: i64,
    rows: i64,
}

impl Screen {
    /// True when `line` is one of such a log.
    pub(super) fn begins(line: &str) -> bool {
        !line.is_empty() && Self::default().parse(line).is_ok()
    }

    /// A reader of the log that begins with `head`.
    pub(super) fn of<'a>(head: impl Iterator<Item = &'a str>) -> Self {
        let times: Vec<_> = head.filter_map(|line| seconds(split_time(line)?.0)).collect();
        let backward = times.iter().zip(times.iter().skip(1)).filter(|(one, next)| next < one);
        // Frames of two interfaces may be shown a little out of order; gaps are as often shorter as
        // longer than the one before.
        let is_relative = times.first() == Some(&0) && backward.count() * 8 > times.len();
        Self { is_relative, ..Self::default() }
    }

    /// Reads one line.
    pub(super) fn parse<'a>(&mut self, line: &'a str) -> Result<Line<'a>, BrokenLine> {
        // What `-e` says about an error frame follows it, indented by a tab.
        if line.is_empty() || line.starts_with('\t') {
            return Ok(Line::Skipped);
        }
        let (time, rest) = match split_time(line) {
            Some((time, rest)) => (self.time(time)?, rest),
            None => (after(EPOCH, self.rows * 1_000)?, line),
        };
        let mut words = rest.split_ascii_whitespace();
        let interface = words.next().ok_or(BrokenLine::Fields)?;
        // `-x` puts direction and flags before the identifier, which is before the length.
        let (mut before, mut is_own) = ("", false);
        let length: Option<usize> = loop {
            let word = words.next().ok_or(BrokenLine::Fields)?;
            if let Some(length) = length(word) {
                break length.parse().ok();
            }
            is_own |= word == "TX";
            before = word;
        };
        let number = Base::Hex.number(before).ok_or(BrokenLine::Identifier)?;
        let width = match before.len() {
            3 => Width::Standard,
            8 => Width::Extended,
            _ => return Err(BrokenLine::Identifier),
        };
        self.rows += 1;
        if width == Width::Extended && number & ERROR_FLAG != 0 {
            return Ok(Line::Error);
        }
        let id = id(number, width)?;
        if is_own || words.clone().next() == Some("remote") {
            return Ok(Line::Skipped);
        }
        let length = length.ok_or(BrokenLine::Data)?;
        data_line(interface, time, id, &Data::of_fields(words, Base::Hex, length), length)
    }

    fn time(&mut self, text: &str) -> Result<Timestamp, BrokenLine> {
        if let Some((date, time)) = text.split_once(' ') {
            return self::date(date, time).ok_or(BrokenLine::Time);
        }
        let micros = seconds(text).ok_or(BrokenLine::Time)?;
        let before = if self.is_relative { self.elapsed_micros } else { 0 };
        self.elapsed_micros = before.checked_add(micros).ok_or(BrokenLine::Time)?;
        after(EPOCH, self.elapsed_micros)
    }
}

/// What is in the parentheses that `line` begins with, and what follows them.
fn split_time(line: &str) -> Option<(&str, &str)> {
    line.trim_start_matches(' ').strip_prefix('(')?.split_once(')')
}

/// What is in the brackets of a length: `[8]`, `[12]`. `{F}` is a classic frame of 8 bytes that says a
/// code above 8.
fn length(word: &str) -> Option<&str> {
    if let Some(text) = word.strip_prefix('[') {
        return text.strip_suffix(']');
    }
    word.strip_prefix('{').and_then(|text| text.strip_suffix('}')).map(|_| "8")
}

fn date(date: &str, time: &str) -> Option<Timestamp> {
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let [year, month, day] = [parts.next()??, parts.next()??, parts.next()??];
    civil(year, month, day, time_of_day(time.trim())?).filter(|time| time.is_in_calendar())
}

#[cfg(test)]
mod tests {
    use super::super::super::frame::CanId;
    use super::*;

    fn read(line: &str) -> Result<Line<'static>, BrokenLine> {
        Screen::default().parse(line.to_owned().leak())
    }

    #[test]
    fn every_form_of_a_frame_is_read() {
        #[rustfmt::skip] // a table is read by column
        let cases: [(&str, CanId, &[u8], i64); 7] = [
            (" (1.500000)  can0  123   [2]  11 22",                       CanId::Standard(0x123),       &[0x11, 0x22], 1_500_000),
            ("(1.500000)  can0  123   [2]  11 22   '.\"'",                CanId::Standard(0x123),       &[0x11, 0x22], 1_500_000),
            (" (1970-01-02 00:00:01.5)  can0  RX - -  123   [1]  11",     CanId::Standard(0x123),       &[0x11],       86_401_500_000),
            (" can0  18DAF110   [0] ",                                    CanId::Extended(0x18DA_F110), &[],           0),
            (" (1.5)  can0  RX B E  00000123  [12]  01 02 03 04 05 06 07 08 09 0A 0B 0C", CanId::Extended(0x123), &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], 1_500_000),
            (" (1.5)  can0  123  [01]  11",                               CanId::Standard(0x123),       &[0x11],       1_500_000),
            (" (1.5)  can0  123   {F}  01 02 03 04 05 06 07 08",          CanId::Standard(0x123),       &[1, 2, 3, 4, 5, 6, 7, 8], 1_500_000),
        ];
        for (line, id, data, micros) in cases {
            let Ok(Line::Data("can0", frame)) = read(line) else { panic!("{line}") };
            assert_eq!(
                (frame.id, frame.data(), frame.time.as_micros()),
                (id, data, micros),
                "{line}"
            );
            assert!(Screen::begins(line));
        }
    }

    #[test]
    fn what_is_no_data_is_told_apart() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("",                                                  Ok(Line::Skipped)),
            ("\tcontroller-problem{}",                            Ok(Line::Skipped)),
            (" can0  123   [0]  remote request",                  Ok(Line::Skipped)),
            (" can0  TX - -  123   [1]  11",                      Ok(Line::Skipped)),
            (" can0  20000004   [8]  00 08 00 00 00 00 00 00   ERRORFRAME", Ok(Line::Error)),
            (" can0",                                             Err(BrokenLine::Fields)),
            (" can0  123",                                        Err(BrokenLine::Fields)),
            (" (x)  can0  123   [1]  11",                         Err(BrokenLine::Time)),
            (" (2021-02-31 00:00:00.0)  can0  123   [1]  11",     Err(BrokenLine::Time)),
            (" can0  1234   [1]  11",                             Err(BrokenLine::Identifier)),
            (" can0  800   [1]  11",                              Err(BrokenLine::Identifier)),
            (" can0  123   [2]  11",                              Err(BrokenLine::Data)),
            (" can0  123   [x]  11",                              Err(BrokenLine::Data)),
            (" can0  123   [99]  11",                             Err(BrokenLine::Data)),
        ];
        for (line, expected) in cases {
            assert_eq!(read(line), expected, "{line}");
        }
    }

    #[test]
    fn times_since_the_frame_before_are_told_by_going_back() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("since the first", ["0.000000", "0.500000", "0.750000"], 750_000),
            ("since the last",  ["0.000000", "0.500000", "0.250000"], 750_000),
            ("of the epoch",    ["9.000000", "9.500000", "9.250000"], 9_250_000),
        ];
        for (name, times, expected) in cases {
            let lines = times.map(|time| format!(" ({time})  can0  123   [0] "));
            let mut screen = Screen::of(lines.iter().map(String::as_str));
            let frames = lines.iter().map(|line| screen.parse(line)).collect::<Vec<_>>();
            let Some(Ok(Line::Data(_, last))) = frames.last() else { panic!("{frames:?}") };
            assert_eq!(last.time.as_micros(), expected, "{name}");
        }
    }
}
