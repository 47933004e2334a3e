//! Logs of `BUSMASTER`.
//!
//! ```text
//! ***BUSMASTER Ver 2.4.0***
//! ***START DATE AND TIME 23:9:2015 22:17:28:928***
//! ***HEX***
//! ***SYSTEM MODE***
//! 22:20:14:992 Rx 0 0000021A s 8 FE 36 12 FE 69 05 07 AD
//! ```
//!
//! Milliseconds have up to three digits, or there are four of 100 µs. Times are of the day (SYSTEM),
//! since the start (ABSOLUTE) or since the line before (RELATIVE).

use telematics::Timestamp;
use telematics::time::MICROS_PER_DAY;

use super::fields::{
    Base, Data, EPOCH, Width, after, civil, data_line, id, time_of_day, without_0x,
};
use super::line::{BrokenLine, Line};

/// What times count from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    System,
    Absolute,
    Relative,
}

/// What the lines so far said.
#[derive(Clone, Debug, Default)]
pub(super) struct BusMaster {
    start: Option<Timestamp>,
    base: Base,
    mode: Mode,
    /// Since the start, or since its midnight in system mode.
    elapsed_micros: i64,
}

impl BusMaster {
    /// True when `line` is the head of such a log.
    pub(super) fn begins(line: &str) -> bool {
        line.starts_with("***BUSMASTER")
    }

    /// Reads one line.
    pub(super) fn parse<'a>(&mut self, line: &'a str) -> Result<Line<'a>, BrokenLine> {
        if let Some(head) = line.strip_prefix("***") {
            self.head(head.trim_end_matches('*'));
            return Ok(Line::Skipped);
        }
        let mut words = line.split_ascii_whitespace();
        let Some(time) = words.next() else { return Ok(Line::Skipped) };
        let time = self.time(time_of_day(time).ok_or(BrokenLine::Time)?)?;
        let (direction, channel, number) = (words.next(), words.next(), words.next());
        let [Some(direction), Some(channel), Some(number)] = [direction, channel, number] else {
            return Err(BrokenLine::Fields);
        };
        if [direction, channel, number].iter().any(|word| word.starts_with("ERR")) {
            return Ok(Line::Error);
        }
        match direction {
            "Rx" => {}
            "Tx" => return Ok(Line::Skipped),
            _ => return Err(BrokenLine::Fields),
        }
        let width = match words.next() {
            Some("s" | "S") => Width::Standard,
            Some("x" | "X") => Width::Extended,
            Some("sr" | "SR" | "xr" | "XR") => return Ok(Line::Skipped),
            _ => return Err(BrokenLine::Fields),
        };
        let number = self.base.number(without_0x(number)).ok_or(BrokenLine::Identifier)?;
        let length = words.next().and_then(|text| text.parse().ok()).ok_or(BrokenLine::Data)?;
        let data = Data::of_fields(words, self.base, length);
        data_line(channel, time, id(number, width)?, &data, length)
    }

    fn head(&mut self, text: &str) {
        match text {
            "HEX" => self.base = Base::Hex,
            "DEC" => self.base = Base::Dec,
            "SYSTEM MODE" => self.mode = Mode::System,
            "ABSOLUTE MODE" => self.mode = Mode::Absolute,
            "RELATIVE MODE" => self.mode = Mode::Relative,
            _ => {
                if let Some(start) = text.strip_prefix("START DATE AND TIME ") {
                    (self.start, self.elapsed_micros) = (date(start), 0);
                }
            }
        }
    }

    fn time(&mut self, micros: i64) -> Result<Timestamp, BrokenLine> {
        let start = self.start.unwrap_or(EPOCH);
        match self.mode {
            Mode::Absolute => after(start, micros),
            Mode::Relative => {
                self.elapsed_micros = self.elapsed_micros.saturating_add(micros);
                after(start, self.elapsed_micros)
            }
            Mode::System => {
                let days = self.elapsed_micros.div_euclid(MICROS_PER_DAY);
                let mut elapsed = days * MICROS_PER_DAY + micros;
                // A time far before the last one is of the day after: lines are in order, nearly.
                if elapsed + MICROS_PER_DAY / 2 < self.elapsed_micros {
                    elapsed += MICROS_PER_DAY;
                }
                self.elapsed_micros = elapsed.max(self.elapsed_micros);
                let midnight = start.as_micros().div_euclid(MICROS_PER_DAY) * MICROS_PER_DAY;
                after(Timestamp::from_micros(midnight), elapsed)
            }
        }
    }
}

/// `day:month:year hours:minutes:seconds:milliseconds`.
fn date(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once(' ')?;
    let mut parts = date.split(':').map(|part| part.parse::<i64>().ok());
    let [day, month, year] = [parts.next()??, parts.next()??, parts.next()??];
    civil(year, month, day, time_of_day(time.trim())?)
}

#[cfg(test)]
mod tests {
    use super::super::super::frame::CanId;
    use super::*;

    fn read(head: &str, line: &str) -> Result<Line<'static>, BrokenLine> {
        let mut log = BusMaster::default();
        for line in head.lines() {
            assert_ne!(log.parse(line), Ok(Line::Error), "{line}");
        }
        log.parse(line.to_owned().leak())
    }

    const HEAD: &str =
        "***BUSMASTER Ver 3.2.2***\n***START DATE AND TIME 23:9:2015 22:17:28:928***";

    #[test]
    fn frames_are_read_in_each_mode() {
        #[rustfmt::skip] // a table is read by column
        let cases: [(&str, &str, CanId, &[u8], &str); 5] = [
            ("***SYSTEM MODE***",   "22:20:14:992 Rx 1 0000021A s 1 FE", CanId::Standard(0x21A), &[254], "2015-09-23T22:20:14.992Z"),
            ("22:20:14:992 Rx 1 0x1 s 0", "00:00:01:500 Rx 1 0x21A x 1 FE", CanId::Extended(0x21A), &[254], "2015-09-24T00:00:01.5Z"),
            ("***ABSOLUTE MODE***", "00:00:01:0001 Rx 1 0x21A x 0",      CanId::Extended(0x21A), &[],    "2015-09-23T22:17:29.9281Z"),
            ("***RELATIVE MODE***\n00:00:01:0 Rx 1 1 s 0", "00:00:01:0 Rx 1 1 s 0", CanId::Standard(1), &[], "2015-09-23T22:17:30.928Z"),
            ("***DEC***",           "22:20:14:992 Rx 1 538 s 1 254",     CanId::Standard(538),   &[254], "2015-09-23T22:20:14.992Z"),
        ];
        for (head, line, id, data, time) in cases {
            let line = read(&format!("{HEAD}\n{head}"), line);
            let Ok(Line::Data("1", frame)) = line else { panic!("{line:?}") };
            assert_eq!((frame.id, frame.data()), (id, data));
            assert_eq!(frame.time.to_string(), time);
        }
    }

    #[test]
    fn what_is_no_data_is_told_apart() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("",                                Ok(Line::Skipped)),
            ("***[STOP LOGGING SESSION]***",    Ok(Line::Skipped)),
            ("22:20:14:992 Tx 1 0x1 s 0",       Ok(Line::Skipped)),
            ("22:20:14:992 Rx 1 0x1 sr 0",      Ok(Line::Skipped)),
            ("22:20:14:992 Rx 1 ERR 1 2",       Ok(Line::Error)),
            ("22:20:14:992 Rx 1",               Err(BrokenLine::Fields)),
            ("22:20:14:992 Rx 1 0x1 q 0",       Err(BrokenLine::Fields)),
            ("22:20:99:992 Rx 1 0x1 s 0",       Err(BrokenLine::Time)),
            ("22:20:14:992 Rx 1 0x800 s 0",     Err(BrokenLine::Identifier)),
            ("22:20:14:992 Rx 1 0x1 s 2 00",    Err(BrokenLine::Data)),
            ("22:20:14:992 Rx 1 0x1 s",         Err(BrokenLine::Data)),
        ];
        for (line, expected) in cases {
            assert_eq!(read(HEAD, line), expected, "{line}");
        }
    }
}
