//! Vector ASC: the text logs of `CANalyzer`, `CANoe` and of many converters.
//!
//! ```text
//! date Fri Feb 14 08:51:20 am 2020
//! base hex  timestamps absolute
//!    348.161550 1 123             Rx   d 8 12 34 56 78 90 AB CD EF  Length = …
//!    348.165350 1 12345678x       Rx   d 0
//!    348.170000 CANFD   1 Rx  123  Name  1 0 c 24 12 34 …
//!    348.180000 1 ErrorFrame
//! ```
//!
//! Times count from the date in the head; relative ones count from the event before. Events of other
//! kinds (statistics, chip states, other buses) are passed over.

use std::str::SplitAsciiWhitespace;

use telematics::Timestamp;

use super::super::frame::CanId;
use super::fields::{
    Base, Data, EPOCH, Width, after, civil, data_line, id, length_of, seconds, time_of_day,
};
use super::line::{BrokenLine, Line};

/// What the lines so far said.
#[derive(Clone, Debug, Default)]
pub(super) struct Asc {
    start: Option<Timestamp>,
    base: Base,
    is_relative: bool,
    elapsed_micros: i64,
}

impl Asc {
    /// True when `line` is the head of such a log.
    pub(super) fn begins(line: &str) -> bool {
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("date") => date(words).is_some(),
            Some("base") => matches!(words.next(), Some("hex" | "dec")),
            _ => false,
        }
    }

    /// Reads one line.
    pub(super) fn parse<'a>(&mut self, line: &'a str) -> Result<Line<'a>, BrokenLine> {
        let mut words = line.split_ascii_whitespace();
        let Some(first) = words.next() else { return Ok(Line::Skipped) };
        if !first.starts_with(|c: char| c.is_ascii_digit()) {
            return self.head(first, words);
        }
        let micros = seconds(first).ok_or(BrokenLine::Time)?;
        let before = if self.is_relative { self.elapsed_micros } else { 0 };
        self.elapsed_micros = before.checked_add(micros).ok_or(BrokenLine::Time)?;
        let time = after(self.start.unwrap_or(EPOCH), self.elapsed_micros)?;
        match words.next() {
            Some("CANFD") => self.flexible(time, words),
            Some(channel) if channel.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.classic(time, channel, words)
            }
            Some(_) => Ok(Line::Skipped),
            None => Err(BrokenLine::Fields),
        }
    }

    fn head<'a>(
        &mut self,
        first: &str,
        mut words: SplitAsciiWhitespace<'a>,
    ) -> Result<Line<'a>, BrokenLine> {
        match first.to_ascii_lowercase().as_str() {
            "date" => self.start = date(words),
            "begin" => self.start = self.start.or_else(|| date(words.skip(1))),
            "base" => {
                let base = words.next();
                self.base = if base == Some("dec") { Base::Dec } else { Base::Hex };
                self.is_relative = words.any(|word| word == "relative");
            }
            "end" | "internal" | "no" | "previous" | "comment" | "comment:" => {}
            comment if comment.starts_with("//") => {}
            _ => return Err(BrokenLine::Fields),
        }
        Ok(Line::Skipped)
    }

    fn classic<'a>(
        &self,
        time: Timestamp,
        channel: &'a str,
        mut words: SplitAsciiWhitespace<'a>,
    ) -> Result<Line<'a>, BrokenLine> {
        let number = match words.next() {
            Some("ErrorFrame") => return Ok(Line::Error),
            Some(number) => number,
            None => return Err(BrokenLine::Fields),
        };
        match words.next() {
            Some("Rx") => {}
            Some("Tx" | "TxRq") => return Ok(Line::Skipped),
            // `1 Statistic: D 0 R 0 …` and other events of a channel.
            Some(_) if number.ends_with(':') || self.id(number).is_err() => {
                return Ok(Line::Skipped);
            }
            _ => return Err(BrokenLine::Fields),
        }
        let id = self.id(number)?;
        match words.next() {
            Some("d" | "D") => {}
            Some("r" | "R") => return Ok(Line::Skipped),
            Some("e" | "E") => return Ok(Line::Error),
            _ => return Err(BrokenLine::Fields),
        }
        let code = words.next().and_then(code).ok_or(BrokenLine::Data)?;
        let length = length_of(code).ok_or(BrokenLine::Data)?;
        let data = Data::of_fields(words, self.base, length);
        // A classic frame may say a code above 8 and has 8 bytes then; some converters write frames of
        // CAN FD in this form.
        let length = if data.len() == 8 { length.min(8) } else { length };
        data_line(channel, time, id, &data, length)
    }

    /// `channel direction identifier [name] BRS ESI code length bytes…`
    fn flexible<'a>(
        &self,
        time: Timestamp,
        mut words: SplitAsciiWhitespace<'a>,
    ) -> Result<Line<'a>, BrokenLine> {
        let (channel, direction, number) = (words.next(), words.next(), words.next());
        let [Some(channel), Some(direction), Some(number)] = [channel, direction, number] else {
            return Err(BrokenLine::Fields);
        };
        if number == "ErrorFrame" {
            return Ok(Line::Error);
        }
        match direction {
            "Rx" => {}
            "Tx" | "TxRq" => return Ok(Line::Skipped),
            _ => return Err(BrokenLine::Fields),
        }
        let id = self.id(number)?;
        let is_flag = |word: &str| matches!(word, "0" | "1");
        let mut flag = words.next().ok_or(BrokenLine::Fields)?;
        if !is_flag(flag) {
            flag = words.next().ok_or(BrokenLine::Fields)?;
        }
        if !is_flag(flag) || !words.next().is_some_and(is_flag) {
            return Err(BrokenLine::Fields);
        }
        let code = words.next().and_then(code).ok_or(BrokenLine::Data)?;
        let length = words.next().and_then(|text| text.parse::<usize>().ok());
        let length = length.ok_or(BrokenLine::Data)?;
        if length == 0 && code != 0 {
            return Ok(Line::Skipped); // remote
        }
        let data = Data::of_fields(words, self.base, length);
        data_line(channel, time, id, &data, length)
    }

    fn id(&self, text: &str) -> Result<CanId, BrokenLine> {
        let (digits, width) = match text.strip_suffix(['x', 'X']) {
            Some(digits) => (digits, Width::Extended),
            None => (text, Width::Standard),
        };
        id(self.base.number(digits).ok_or(BrokenLine::Identifier)?, width)
    }
}

/// A data length code: one hexadecimal digit, or a decimal number of two.
fn code(text: &str) -> Option<u32> {
    let base = if text.len() == 1 { Base::Hex } else { Base::Dec };
    base.number(text)
}

/// The date that `words` say in any order: month by name, day, time of day, year, am or pm.
fn date<'a>(words: impl Iterator<Item = &'a str>) -> Option<Timestamp> {
    const NOON: i64 = 12 * 3_600_000_000;
    let (mut year, mut month, mut day, mut micros, mut noon) = (None, None, None, None, None);
    for word in words {
        let word = word.trim_end_matches(',');
        let number = word.parse::<i64>().ok();
        match (number, word) {
            (Some(number), _) if word.len() == 4 => year = Some(number),
            (Some(number), _) if word.len() <= 2 => day = Some(number),
            (_, "am" | "AM") => noon = Some(0),
            (_, "pm" | "PM") => noon = Some(NOON),
            _ if word.contains(':') => micros = time_of_day(word),
            _ => month = month.or_else(|| month_of(word)),
        }
    }
    let micros = match (micros?, noon) {
        // `00:12:30 am` and `15:00:00 pm` are written too.
        (micros, Some(noon)) if micros < NOON => micros + noon,
        (micros, Some(0)) => micros % NOON,
        (micros, _) => micros,
    };
    civil(year?, month?, day?, micros)
}

/// The number of a month by its English or German name.
fn month_of(word: &str) -> Option<i64> {
    const MONTHS: [&[&str]; 12] = [
        &["jan"],
        &["feb"],
        // CP1252 is no UTF-8: its `ä` has become U+FFFD.
        &["mar", "mär", "mrz", "m\u{fffd}r"],
        &["apr"],
        &["may", "mai"],
        &["jun"],
        &["jul"],
        &["aug"],
        &["sep"],
        &["oct", "okt"],
        &["nov"],
        &["dec", "dez"],
    ];
    let word = word.to_lowercase();
    let position = MONTHS.iter().position(|names| names.iter().any(|name| word.starts_with(name)));
    i64::try_from(position?).ok().map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(head: &str, line: &str) -> Result<Line<'static>, BrokenLine> {
        let mut asc = Asc::default();
        for line in head.lines() {
            assert_eq!(asc.parse(line), Ok(Line::Skipped), "{line}");
        }
        asc.parse(line.to_owned().leak())
    }

    #[test]
    fn every_form_of_a_frame_is_read() {
        const HEX: &str = "date Fri Feb 14 08:51:20 am 2020\nbase hex  timestamps absolute";
        const DEC: &str = "date Fri Feb 14 08:51:20 am 2020\nbase dec  timestamps absolute";
        #[rustfmt::skip] // a table is read by column
        let cases: [(&str, &str, CanId, &[u8]); 9] = [
            (HEX, "1.5 1 123  Rx d 2 12 34",                      CanId::Standard(0x123), &[0x12, 0x34]),
            (HEX, "1.5 1 123x Rx d 0 ",                           CanId::Extended(0x123), &[]),
            (DEC, "1.5 1 123  Rx d 2 12 34 Length = 2",           CanId::Standard(123),   &[12, 34]),
            (HEX, "1.5 1 123  Rx d 1 12 Length = 268000 BitCount = 138", CanId::Standard(0x123), &[0x12]),
            (HEX, "1.5 1 123  Rx d 9 1 2 3 4 5 6 7 8",            CanId::Standard(0x123), &[1, 2, 3, 4, 5, 6, 7, 8]),
            (HEX, "1.5 1 123  Rx d 9 1 2 3 4 5 6 7 8 9 a b c",    CanId::Standard(0x123), &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
            (HEX, "1.5 CANFD 1 Rx 123 1 0 2 2 12 34 130 0 1000",  CanId::Standard(0x123), &[0x12, 0x34]),
            (HEX, "1.5 CANFD 1 Rx 123x Motor 1 0 9 12 1 2 3 4 5 6 7 8 9 a b c 130", CanId::Extended(0x123), &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
            (HEX, "1.5 1 123  Rx D 1 ff",                         CanId::Standard(0x123), &[0xff]),
        ];
        for (head, line, id, data) in cases {
            let Ok(Line::Data("1", frame)) = read(head, line) else { panic!("{line}") };
            assert_eq!((frame.id, frame.data()), (id, data), "{line}");
            assert_eq!(frame.time.to_string(), "2020-02-14T08:51:21.5Z", "{line}");
        }
    }

    #[test]
    fn what_is_no_data_is_told_apart() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("1.5 1 ErrorFrame",                          Ok(Line::Error)),
            ("1.5 CANFD 1 Rx ErrorFrame Not Acknowledge", Ok(Line::Error)),
            ("1.5 1 123 Rx r 8",                          Ok(Line::Skipped)),
            ("1.5 CANFD 1 Rx 123 0 0 8 0 130 0 10",       Ok(Line::Skipped)),
            ("1.5 1 123 Tx d 1 00",                       Ok(Line::Skipped)),
            ("1.5 CANFD 1 Tx 123 0 0 1 1 00",             Ok(Line::Skipped)),
            ("1.5 1 Statistic: D 0 R 0 XD 0",             Ok(Line::Skipped)),
            ("1.5 Start of measurement",                  Ok(Line::Skipped)),
            ("1.5 CAN 1 Status:chip status error active", Ok(Line::Skipped)),
            ("// version 7.0.0",                          Ok(Line::Skipped)),
            ("no internal events logged",                 Ok(Line::Skipped)),
            ("",                                          Ok(Line::Skipped)),
            ("garbage",                                   Err(BrokenLine::Fields)),
            ("1.5",                                       Err(BrokenLine::Fields)),
            ("1.5 1",                                     Err(BrokenLine::Fields)),
            ("1.5 1 123 Rx",                              Err(BrokenLine::Fields)),
            ("1.x 1 123 Rx d 0",                          Err(BrokenLine::Time)),
            ("9999999999.0 1 123 Rx d 0",                 Err(BrokenLine::Time)),
            ("1.5 1 800 Rx d 0",                          Err(BrokenLine::Identifier)),
            ("1.5 1 12g Rx d 0",                          Err(BrokenLine::Identifier)),
            ("1.5 1 123 Rx d 2 12",                       Err(BrokenLine::Data)),
            ("1.5 1 123 Rx d 99 12",                      Err(BrokenLine::Data)),
            ("1.5 CANFD 1 Rx 123 0 0 9 65 12",            Err(BrokenLine::Data)),
            ("1.5 CANFD 1 Rx 123 2 0 9 12 12",            Err(BrokenLine::Fields)),
        ];
        for (line, expected) in cases {
            assert_eq!(read("base hex timestamps absolute", line), expected, "{line}");
        }
    }

    #[test]
    fn relative_times_count_from_the_event_before() {
        let head = "base hex timestamps relative\n1.0 Start of measurement\n0.25 1 Statistic: D 0";
        let Ok(Line::Data(_, frame)) = read(head, "0.5 1 1 Rx d 0") else { panic!() };

        assert_eq!(frame.time, Timestamp::from_micros(1_750_000));
    }

    #[test]
    fn dates_of_many_tools_are_read() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("Fri Feb 14 08:51:20 am 2020",       Some("2020-02-14T08:51:20Z")),
            ("Fri Feb 14 08:51:20 pm 2020",       Some("2020-02-14T20:51:20Z")),
            ("Fri Feb 14 12:51:20 am 2020",       Some("2020-02-14T00:51:20Z")),
            ("Fri Feb 14 12:51:20 pm 2020",       Some("2020-02-14T12:51:20Z")),
            ("Wed Sep 30 15:06:13.191 2017",      Some("2017-09-30T15:06:13.191Z")),
            ("Tue Mar 03 20:41:52.000 pm 2015",   Some("2015-03-03T20:41:52Z")),
            ("Wed, 08 Nov 2023 21:21:54 GMT",     Some("2023-11-08T21:21:54Z")),
            ("Don Okt 5 10:20:30 2023",           Some("2023-10-05T10:20:30Z")),
            ("Fre M\u{fffd}r 5 10:20:30 2023",    Some("2023-03-05T10:20:30Z")),
            ("Fri Feb 31 08:51:20 2020",          None),
            ("yesterday",                         None),
        ];
        for (text, expected) in cases {
            let actual = date(text.split_ascii_whitespace()).map(|time| time.to_string());
            assert_eq!(actual.as_deref(), expected, "{text}");
        }
    }
}
