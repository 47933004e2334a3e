//! PEAK TRC: the traces of PCAN tools, versions 1.0 to 1.3 and 2.0 to 2.1.
//!
//! ```text
//! ;$FILEVERSION=2.1
//! ;$STARTTIME=43874.3730111290
//! ;$COLUMNS=N,O,T,B,I,d,L,D
//!       1         0.200 DT 1     0123 Rx 01 12
//! ;$FILEVERSION=1.1
//!      1)         0.2  Rx         0123  1  12
//! ```
//!
//! Times are milliseconds since the start, which is in days since 1899-12-30. An identifier of eight
//! digits has 29 bits.

use telematics::Timestamp;

use super::super::frame::CanId;
use super::fields::{Base, Data, EPOCH, Width, after, data_line, decimal, id, length_of};
use super::line::{BrokenLine, Line};

/// Columns by their letter in `$COLUMNS`; `X` is the type of version 1, which is also the direction.
const COLUMNS_1_0: &[u8] = b"NOIlD";
const COLUMNS_1_1: &[u8] = b"NOXIlD";
const COLUMNS_1_2: &[u8] = b"NOBXIlD";
const COLUMNS_1_3: &[u8] = b"NOBXIRlD";
const COLUMNS_2: &[u8] = b"NOTIdlD";
/// More columns than there are letters.
const COLUMNS_MAX: usize = 26;

/// What the lines so far said.
#[derive(Clone, Debug)]
pub(super) struct Peak {
    start: Timestamp,
    columns: Vec<u8>,
}

/// What a line says in its columns.
#[derive(Clone, Copy, Default)]
struct Row<'a> {
    time: Option<&'a str>,
    bus: Option<&'a str>,
    kind: Option<&'a str>,
    id: Option<&'a str>,
    direction: Option<&'a str>,
    length: Option<usize>,
}

impl Default for Peak {
    fn default() -> Self {
        // A file without a version is of the first.
        Self { start: EPOCH, columns: COLUMNS_1_0.to_vec() }
    }
}

impl Peak {
    /// True when `line` is in the head of such a log.
    pub(super) fn begins(line: &str) -> bool {
        line.starts_with(";$FILEVERSION=") || line.starts_with(";$STARTTIME=")
    }

    /// Reads one line.
    pub(super) fn parse<'a>(&mut self, line: &'a str) -> Result<Line<'a>, BrokenLine> {
        if let Some(comment) = line.strip_prefix(';') {
            self.head(comment);
            return Ok(Line::Skipped);
        }
        let mut words = line.split_ascii_whitespace();
        let mut row = Row::default();
        for column in &self.columns {
            if *column == b'D' {
                break;
            }
            let Some(word) = words.next() else { break };
            row.fill(*column, word)?;
        }
        let Some(time) = row.time else {
            return if line.is_empty() { Ok(Line::Skipped) } else { Err(BrokenLine::Fields) };
        };
        let time = after(self.start, decimal(time, 3).ok_or(BrokenLine::Time)?)?;
        match row.kind {
            None | Some("Rx" | "Tx" | "DT" | "FD" | "FB" | "FE" | "BI") => {}
            Some("Error" | "ER") => return Ok(Line::Error),
            Some("Warng" | "RR" | "ST" | "EC" | "EV") => return Ok(Line::Skipped),
            Some(_) => return Err(BrokenLine::Fields),
        }
        match row.direction.or(row.kind) {
            Some("Tx") => return Ok(Line::Skipped),
            _ if words.clone().next() == Some("RTR") => return Ok(Line::Skipped),
            _ => {}
        }
        let length = row.length.ok_or(BrokenLine::Data)?;
        let data = Data::of_fields(words, Base::Hex, length);
        // A classic frame may say a code above 8 and has 8 bytes then.
        let length = if data.len() == 8 { length.min(8) } else { length };
        data_line(row.bus.unwrap_or("1"), time, row.id()?, &data, length)
    }

    fn head(&mut self, comment: &str) {
        let Some((key, value)) = comment.trim_start_matches('$').split_once('=') else { return };
        match key {
            "FILEVERSION" => {
                let columns = match value.trim() {
                    "1.1" => COLUMNS_1_1,
                    "1.2" => COLUMNS_1_2,
                    "1.3" => COLUMNS_1_3,
                    later if later.starts_with('2') => COLUMNS_2,
                    _ => COLUMNS_1_0,
                };
                self.columns = columns.to_vec();
            }
            "STARTTIME" => self.start = start(value.trim()).unwrap_or(EPOCH),
            "COLUMNS" => {
                let letters = value.split(',').filter_map(|letter| letter.trim().bytes().next());
                self.columns = letters.take(COLUMNS_MAX).collect();
            }
            _ => {}
        }
    }
}

impl<'a> Row<'a> {
    fn fill(&mut self, column: u8, word: &'a str) -> Result<(), BrokenLine> {
        match column {
            b'O' => self.time = Some(word),
            b'B' => self.bus = Some(word),
            b'T' | b'X' => self.kind = Some(word),
            b'I' => self.id = Some(word),
            b'd' => self.direction = Some(word),
            b'l' => self.length = word.parse().ok(),
            b'L' => self.length = word.parse().ok().and_then(length_of),
            // The number of the line, reserved columns and those of other protocols.
            _ => {}
        }
        let has_text = matches!(self.kind, Some("ST" | "EC" | "ER" | "EV" | "Warng" | "Error"));
        let misses_length = matches!(column, b'l' | b'L') && self.length.is_none();
        if misses_length && !has_text { Err(BrokenLine::Data) } else { Ok(()) }
    }

    fn id(&self) -> Result<CanId, BrokenLine> {
        let text = self.id.ok_or(BrokenLine::Fields)?;
        let width = if text.len() > 4 { Width::Extended } else { Width::Standard };
        id(Base::Hex.number(text).ok_or(BrokenLine::Identifier)?, width)
    }
}

/// A number of days since 1899-12-30, to the microsecond.
fn start(text: &str) -> Option<Timestamp> {
    const DIGITS: usize = 10;
    const SCALE: i128 = 10_000_000_000;
    const DAYS_TO_1970: i128 = 25_569;
    const MICROS_PER_DAY: i128 = 86_400_000_000;
    let days = i128::from(decimal(text, DIGITS)?) - DAYS_TO_1970 * SCALE;
    let micros = (days * MICROS_PER_DAY + SCALE / 2).div_euclid(SCALE);
    Some(Timestamp::from_micros(micros.try_into().ok()?)).filter(|time| time.is_in_calendar())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str, line: &str) -> Result<Line<'static>, BrokenLine> {
        let mut log = Peak::default();
        for line in head.lines() {
            assert_eq!(log.parse(line), Ok(Line::Skipped), "{line}");
        }
        log.parse(line.to_owned().leak())
    }

    #[test]
    fn frames_of_each_version_are_read() {
        #[rustfmt::skip] // a table is read by column
        let cases: [(&str, &str, &str, CanId, &[u8]); 9] = [
            // head                                              line                                    bus   identifier                     data
            ("",                                                 "1) 1500 0123 2 12 34",                 "1", CanId::Standard(0x123),        &[0x12, 0x34]),
            (";$FILEVERSION=1.1",                                "1) 1500.0 Rx 18DAF110 1 12",           "1", CanId::Extended(0x18DA_F110),  &[0x12]),
            (";$FILEVERSION=1.2",                                "1) 1500.000 2 Rx 0123 0",              "2", CanId::Standard(0x123),        &[]),
            (";$FILEVERSION=1.3",                                "1) 1500.000 2 Rx 0123 - 1 12",         "2", CanId::Standard(0x123),        &[0x12]),
            (";$FILEVERSION=2.0",                                "1 1500.000 DT 0123 Rx 1 12",           "1", CanId::Standard(0x123),        &[0x12]),
            (";$FILEVERSION=2.0\n;$COLUMNS=N,O,T,I,d,l,D",       "1 1500.000 DT 00000123 Rx 1 12",       "1", CanId::Extended(0x123),        &[0x12]),
            (";$FILEVERSION=2.1\n;$COLUMNS=N,O,T,B,I,d,R,L,D",   "1 1500.000 DT 2 0123 Rx - 1 12",       "2", CanId::Standard(0x123),        &[0x12]),
            (";$FILEVERSION=2.1\n;$COLUMNS=N,O,T,B,I,d,L,D",     "1 1500.000 FB 2 0123 Rx 9 1 2 3 4 5 6 7 8 9 a b c", "2", CanId::Standard(0x123), &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
            (";$FILEVERSION=2.1\n;$COLUMNS=N,O,T,B,I,d,L,D",     "1 1500.000 DT 2 0123 Rx 15 1 2 3 4 5 6 7 8", "2", CanId::Standard(0x123),  &[1, 2, 3, 4, 5, 6, 7, 8]),
        ];
        for (head, line, bus, id, data) in cases {
            let Ok(Line::Data(actual, frame)) = read(head, line) else { panic!("{line}") };
            assert_eq!((actual, frame.id, frame.data()), (bus, id, data), "{line}");
            assert_eq!(frame.time.as_micros(), 1_500_000, "{line}");
        }
    }

    #[test]
    fn the_start_is_in_days() {
        let Ok(Line::Data(_, frame)) = read(";$STARTTIME=43874.3730111290", "1) 10 0123 0") else {
            panic!()
        };
        assert_eq!(frame.time.to_string(), "2020-02-13T08:57:08.171546Z");
        assert_eq!(start("1"), None);
        assert_eq!(start("99999999999999999999"), None);
    }

    #[test]
    fn what_is_no_data_is_told_apart() {
        const ONE: &str = ";$FILEVERSION=1.1";
        const TWO: &str = ";$FILEVERSION=2.1\n;$COLUMNS=N,O,T,B,I,d,L,D";
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (ONE, "",                                             Ok(Line::Skipped)),
            (ONE, ";   Start time: 24.03.2003 12:52:32.541",      Ok(Line::Skipped)),
            (ONE, "1) 1.5 Rx 0123 8 RTR",                         Ok(Line::Skipped)),
            (ONE, "1) 1.5 Tx 0123 1 00",                          Ok(Line::Skipped)),
            (ONE, "1) 1.5 Warng FFFFFFFF 4 00 00 00 08 BUSHEAVY", Ok(Line::Skipped)),
            (ONE, "1) 1.5 Error 0008 4 00 19 08 08",              Ok(Line::Error)),
            (TWO, "1 1.5 RR 1 0123 Rx 8",                         Ok(Line::Skipped)),
            (TWO, "1 1.5 DT 1 0123 Tx 1 00",                      Ok(Line::Skipped)),
            (TWO, "1 1.5 ST 1 - Rx - 00 00 00 08",                Ok(Line::Skipped)),
            (TWO, "1 1.5 EV User-defined event",                  Ok(Line::Skipped)),
            (TWO, "1 1.5 ER 1 - Rx 5 04 00 02 00 00",             Ok(Line::Error)),
            (ONE, "1)",                                           Err(BrokenLine::Fields)),
            (ONE, "1) 1.5 Zz 0123 0",                             Err(BrokenLine::Fields)),
            (ONE, "1) x Rx 0123 0",                               Err(BrokenLine::Time)),
            (ONE, "1) 1.5 Rx 0800 0",                             Err(BrokenLine::Identifier)),
            (ONE, "1) 1.5 Rx 20000000 0",                         Err(BrokenLine::Identifier)),
            (ONE, "1) 1.5 Rx 0123 2 00",                          Err(BrokenLine::Data)),
            (ONE, "1) 1.5 Rx 0123 x 00",                          Err(BrokenLine::Data)),
            (ONE, "1) 1.5 Rx 0123",                               Err(BrokenLine::Data)),
            (TWO, "1 1.5 DT 1 0123 Rx 16 00",                     Err(BrokenLine::Data)),
        ];
        for (head, line, expected) in cases {
            assert_eq!(read(head, line), expected, "{line}");
        }
    }
}
