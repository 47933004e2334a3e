//! Logs in CSV, of `SavvyCAN` (`GVRET` and generic), of converters, or one's own.
//!
//! ```text
//! Time Stamp,ID,Extended,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8
//! 166064000,0000021A,false,0,8,FE,36,12,FE,69,05,07,AD,
//! TimestampEpoch;BusChannel;ID;IDE;DLC;DataLength;Dir;EDL;BRS;DataBytes
//! 1581670628.161550;1;123;0;2;2;0;0;0;1234
//! ```
//!
//! The first line names the columns; [`super::columns`] says which names are known. Without a column of
//! times, frames are taken to be a millisecond apart.

use telematics::Timestamp;

use super::columns::{Column, Columns};
use super::fields::{
    Base, Data, EPOCH, Width, after, data_line, decimal, id, length_of, without_0x,
};
use super::line::{BrokenLine, Line};
use crate::frames::Frame;

/// What the lines so far said.
#[derive(Clone, Debug, Default)]
pub(super) struct Csv {
    columns: Option<Columns>,
    rows: i64,
}

/// What a row says.
#[derive(Clone, Copy)]
struct Row<'a> {
    time: Option<i64>,
    id: Option<u32>,
    width: Width,
    bus: &'a str,
    length: Option<usize>,
    code: Option<usize>,
    data: Data,
    is_data: bool,
    is_error: bool,
}

impl Csv {
    /// Reads one line.
    pub(super) fn parse<'a>(&mut self, line: &'a str) -> Result<Line<'a>, BrokenLine> {
        let Some(columns) = &self.columns else {
            self.columns = Columns::of_head(line);
            return if self.columns.is_some() || line.is_empty() {
                Ok(Line::Skipped)
            } else {
                Err(BrokenLine::Fields)
            };
        };
        if line.is_empty() {
            return Ok(Line::Skipped);
        }
        let row = Row::of(line, columns)?;
        let time = if columns.are_timeless() { self.rows * 1_000 } else { row.time()? };
        self.rows += 1;
        if row.is_error {
            return Ok(Line::Error);
        }
        if !row.is_data {
            return Ok(Line::Skipped);
        }
        row.line(after(EPOCH, time)?)
    }
}

impl<'a> Row<'a> {
    fn of(line: &'a str, columns: &Columns) -> Result<Self, BrokenLine> {
        let mut row = Self {
            time: None,
            id: None,
            width: Width::ByNumber,
            bus: "0",
            length: None,
            code: None,
            data: Data::new(),
            is_data: true,
            is_error: false,
        };
        let mut fields = line.split(columns.separator).map(|field| field.trim().trim_matches('"'));
        for column in &columns.columns {
            if *column == Column::Byte {
                // The bytes of shorter frames have columns too, which are empty or 00.
                let bytes = columns.columns.iter().filter(|column| **column == Column::Byte);
                let wanted = row.length.or(row.code).unwrap_or(Frame::BYTES_MAX);
                row.data = Data::of_fields(fields, Base::Hex, wanted.min(bytes.count()));
                break;
            }
            let Some(field) = fields.next() else { break };
            row.fill(*column, field)?;
        }
        Ok(row)
    }

    fn fill(&mut self, column: Column, field: &'a str) -> Result<(), BrokenLine> {
        match column {
            Column::Time { digits } => self.time = decimal(field, digits),
            Column::Id => self.id = Base::Hex.number(without_0x(field)),
            Column::Extended if is_true(field) => self.width = Width::Extended,
            Column::Extended => self.width = Width::Standard,
            Column::Bus => self.bus = field,
            Column::Length => self.length = field.parse().ok(),
            Column::Code => self.code = field.parse().ok().and_then(length_of),
            Column::Direction => self.is_data &= !matches!(field, "Tx" | "TX" | "tx" | "1"),
            Column::Remote => self.is_data &= !is_true(field),
            Column::Error => self.is_error = is_true(field),
            Column::Data => self.data = Data::of_hex(field).ok_or(BrokenLine::Data)?,
            Column::Byte | Column::Other => {}
        }
        Ok(())
    }

    fn time(&self) -> Result<i64, BrokenLine> {
        self.time.ok_or(BrokenLine::Time)
    }

    fn line(&self, time: Timestamp) -> Result<Line<'a>, BrokenLine> {
        let id = id(self.id.ok_or(BrokenLine::Identifier)?, self.width)?;
        let stated = self.length.or(self.code);
        // A classic frame may say a code above 8 and has 8 bytes then.
        let length = match stated {
            Some(length) if self.data.len() != 8 || length < 8 => length,
            _ => self.data.len(),
        };
        data_line(self.bus, time, id, &self.data, length)
    }
}

fn is_true(field: &str) -> bool {
    matches!(field, "1" | "true" | "True" | "TRUE" | "T")
}

#[cfg(test)]
mod tests {
    use super::super::super::frame::CanId;
    use super::*;

    const GVRET: &str = "Time Stamp,ID,Extended,Dir,Bus,LEN,D1,D2,D3,D4,D5,D6,D7,D8";
    const CONVERTER: &str = "TimestampEpoch;BusChannel;ID;IDE;DLC;DataLength;Dir;EDL;BRS;DataBytes";

    fn read(head: &str, line: &str) -> Result<Line<'static>, BrokenLine> {
        let mut log = Csv::default();
        assert_eq!(log.parse(head), Ok(Line::Skipped), "{head}");
        log.parse(line.to_owned().leak())
    }

    #[test]
    fn frames_are_read_by_the_names_of_their_columns() {
        #[rustfmt::skip] // a table is read by column
        let cases: [(&str, &str, &str, CanId, &[u8]); 7] = [
            (GVRET,                  "1500000,0000021A,false,Rx,2,3,FE,36,12,0,0,0,0,0,", "2", CanId::Standard(0x21A),  &[0xfe, 0x36, 0x12]),
            (GVRET,                  "1500000,0000021A,true,Rx,2,0,,,,,,,,",     "2", CanId::Extended(0x21A),  &[]),
            (CONVERTER,              "1.5;1;123;0;2;2;0;0;0;1234",               "1", CanId::Standard(0x123),  &[0x12, 0x34]),
            (CONVERTER,              "1.5;1;123;1;9;12;0;1;1;0102030405060708090A0B0C", "1", CanId::Extended(0x123), &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
            ("time_ms,id,data",      "1500,0x800,0x1234",                        "0", CanId::Extended(0x800),  &[0x12, 0x34]),
            ("time,id,dlc,data",     "1.5,\"123\",15,\"01 02 03 04 05 06 07 08\"", "0", CanId::Standard(0x123), &[1, 2, 3, 4, 5, 6, 7, 8]),
            ("time,id,b0,b1,b2",     "1.5,123,01,02,",                           "0", CanId::Standard(0x123),  &[1, 2]),
        ];
        for (head, line, bus, id, data) in cases {
            let Ok(Line::Data(actual, frame)) = read(head, line) else { panic!("{line}") };
            assert_eq!((actual, frame.id, frame.data()), (bus, id, data), "{line}");
            assert_eq!(frame.time.as_micros(), 1_500_000, "{line}");
        }
    }

    #[test]
    fn without_times_frames_are_a_millisecond_apart() {
        let mut log = Csv::default();
        for line in ["ID,Data Bytes", "0000021A,FE 36"] {
            log.parse(line).unwrap();
        }
        let Ok(Line::Data("0", frame)) = log.parse("0000023A,00 37") else { panic!() };
        assert_eq!(frame.time.as_micros(), 1_000);
    }

    #[test]
    fn what_is_no_data_is_told_apart() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (GVRET,                 "",                                   Ok(Line::Skipped)),
            (GVRET,                 "1500000,1,false,Tx,0,1,00",          Ok(Line::Skipped)),
            (CONVERTER,             "1.5;1;123;0;2;2;1;0;0;1234",         Ok(Line::Skipped)),
            ("time,id,rtr,data",    "1.5,1,true,",                        Ok(Line::Skipped)),
            ("time,id,error,data",  "1.5,0,True,00",                      Ok(Line::Error)),
            (GVRET,                 "x,1,false,Rx,0,0",                   Err(BrokenLine::Time)),
            (GVRET,                 "1500000",                            Err(BrokenLine::Identifier)),
            (GVRET,                 "1500000,800,false,Rx,0,0",           Err(BrokenLine::Identifier)),
            (GVRET,                 "1500000,1,false,Rx,0,2,00",          Err(BrokenLine::Data)),
            (GVRET,                 "1500000,1,false,Rx,0,2,00,xx",       Err(BrokenLine::Data)),
            (CONVERTER,             "1.5;1;123;0;2;2;0;0;0;123",          Err(BrokenLine::Data)),
            (CONVERTER,             "1.5;1;123;0;2;2;0;0;0;123456",       Err(BrokenLine::Data)),
        ];
        for (head, line, expected) in cases {
            assert_eq!(read(head, line), expected, "{line}");
        }
        assert_eq!(Csv::default().parse("no,head"), Err(BrokenLine::Fields));
    }
}
