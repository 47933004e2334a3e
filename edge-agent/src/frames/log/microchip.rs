//! Logs of Microchip's CAN BUS Analyzer.
//!
//! ```text
//! //---------------------------------
//! Microchip Technology Inc.
//! CAN BUS Analyzer
//! Logging Started: 23/9/2015 22:17:43
//! //---------------------------------
//! 166064;RX;0x0000021A;8;0xFE;0x36;0x12;0xFE;0x69;0x05;0x07;0xAD;
//! ```
//!
//! Times are milliseconds since logging started. Whether the day or the month comes first is up to the
//! computer that logged: the day, unless there is no such month.

use telematics::Timestamp;

use super::fields::{
    Base, Data, EPOCH, Width, after, civil, data_line, decimal, id, time_of_day, without_0x,
};
use super::line::{BrokenLine, Line};

/// What the lines so far said.
#[derive(Clone, Debug, Default)]
pub(super) struct Microchip {
    start: Option<Timestamp>,
}

impl Microchip {
    /// True when `line` is in the head of such a log.
    pub(super) fn begins(line: &str) -> bool {
        line.starts_with("Microchip Technology")
    }

    /// Reads one line.
    pub(super) fn parse<'a>(&mut self, line: &'a str) -> Result<Line<'a>, BrokenLine> {
        if !line.starts_with(|c: char| c.is_ascii_digit()) {
            if let Some(start) = line.strip_prefix("Logging Started:") {
                self.start = date(start.trim());
            }
            // The head has the names of the maker, of the tool and whatever else; frames have digits.
            return if line.contains(';') { Err(BrokenLine::Time) } else { Ok(Line::Skipped) };
        }
        let mut fields = line.trim_end_matches(';').split(';').map(str::trim);
        let time = fields.next().and_then(|text| decimal(text, 3)).ok_or(BrokenLine::Time)?;
        let time = after(self.start.unwrap_or(EPOCH), time)?;
        match fields.next() {
            Some("RX") => {}
            Some("TX") => return Ok(Line::Skipped),
            _ => return Err(BrokenLine::Fields),
        }
        let number = fields.next().ok_or(BrokenLine::Fields)?;
        let number = Base::Hex.number(without_0x(number)).ok_or(BrokenLine::Identifier)?;
        let length = fields.next().and_then(|text| text.parse().ok()).ok_or(BrokenLine::Data)?;
        let data = Data::of_fields(fields, Base::Hex, length);
        data_line("0", time, id(number, Width::ByNumber)?, &data, length)
    }
}

fn date(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once(' ')?;
    let mut parts = date.split('/').map(|part| part.parse::<i64>().ok());
    let [first, second, year] = [parts.next()??, parts.next()??, parts.next()??];
    let (day, month) = if second > 12 { (second, first) } else { (first, second) };
    civil(year, month, day, time_of_day(time.trim())?)
}

#[cfg(test)]
mod tests {
    use super::super::super::frame::CanId;
    use super::*;

    fn read(start: &str, line: &str) -> Result<Line<'static>, BrokenLine> {
        let mut log = Microchip::default();
        assert_eq!(log.parse("Microchip Technology Inc."), Ok(Line::Skipped));
        assert_eq!(log.parse(&format!("Logging Started: {start}")), Ok(Line::Skipped));
        log.parse(line.to_owned().leak())
    }

    #[test]
    fn frames_are_read() {
        #[rustfmt::skip] // a table is read by column
        let cases: [(&str, &str, CanId, &[u8], &str); 3] = [
            ("23/9/2015 22:17:43", "1500;RX;0x0000021A;2;0xFE;0x36;", CanId::Standard(0x21A),       &[254, 54], "2015-09-23T22:17:44.5Z"),
            ("9/23/2015 22:17:43", "1500;RX;0x18DAF110;0;",           CanId::Extended(0x18DA_F110), &[],        "2015-09-23T22:17:44.5Z"),
            ("once",               "1.250;RX;0x21A;1;0xFE",           CanId::Standard(0x21A),       &[254],     "1970-01-01T00:00:00.00125Z"),
        ];
        for (start, line, id, data, time) in cases {
            let Ok(Line::Data("0", frame)) = read(start, line) else { panic!("{line}") };
            assert_eq!(
                (frame.id, frame.data(), frame.time.to_string()),
                (id, data, time.to_owned())
            );
        }
    }

    #[test]
    fn what_is_no_data_is_told_apart() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("",                       Ok(Line::Skipped)),
            ("//-------",              Ok(Line::Skipped)),
            ("1500;TX;0x1;0;",         Ok(Line::Skipped)),
            ("1500",                   Err(BrokenLine::Fields)),
            ("1500;RX",                Err(BrokenLine::Fields)),
            ("x;RX;0x1;0;",            Err(BrokenLine::Time)),
            ("15x;RX;0x1;0;",          Err(BrokenLine::Time)),
            ("1500;RX;0x20000000;0;",  Err(BrokenLine::Identifier)),
            ("1500;RX;0x1;2;0x00;",    Err(BrokenLine::Data)),
            ("1500;RX;0x1;;",          Err(BrokenLine::Data)),
        ];
        for (line, expected) in cases {
            assert_eq!(read("x", line), expected, "{line}");
        }
    }
}
