//! The head of a log in CSV: which column says what.
//!
//! Names are compared without case, spaces and signs. What is needed is an identifier (`id`, `can_id`,
//! `identifier`, `arbitration_id`, `address`, `addr`, `message_id`, `frame_id`) and data, in one column
//! (`data`, `data_bytes`, `payload`) or one a byte (`d0` or `d1` and so on, also `b…`, `byte…`,
//! `data…`). What is used when it is there:
//! - the time: `time`, `timestamp`, `timestamp_epoch`, `abs_time`, in seconds; with `_ms`, `_us` or
//!   `_ns` at the end in that unit;
//! - the bus: `bus`, `bus_channel`, `channel`, `interface`;
//! - whether the identifier has 29 bits: `extended`, `ide`, `is_extended`;
//! - the number of bytes: `len`, `length`, `data_length`; else the code: `dlc`;
//! - what it is: `dir`, `direction`, `remote`, `rtr`, `error`.

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// The time, as a number of which there are ten to this power in a second.
    Time {
        /// That power.
        digits: usize,
    },
    /// The identifier, in hexadecimal.
    Id,
    /// Whether the identifier has 29 bits.
    Extended,
    /// The interface or channel.
    Bus,
    /// How many bytes of data there are.
    Length,
    /// The data length code.
    Code,
    /// Who sent it.
    Direction,
    /// Whether it is a remote frame.
    Remote,
    /// Whether it is an error frame.
    Error,
    /// All bytes.
    Data,
    /// One byte.
    Byte,
    /// Something else.
    Other,
}

/// The columns of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// What lies between fields.
    pub(super) separator: char,
    /// In their order.
    pub(super) columns: Vec<Column>,
}

/// The most columns a log may have: 64 bytes, each by itself, and plenty of others.
const COLUMNS_MAX: usize = 128;

impl Columns {
    /// The columns that `line` names, if it names enough of them.
    pub(super) fn of_head(line: &str) -> Option<Self> {
        let separator = [';', ',', '\t'].into_iter().find(|separator| line.contains(*separator))?;
        let names = line.trim_start_matches('\u{feff}').split(separator).take(COLUMNS_MAX);
        let columns: Vec<_> = names.map(column).collect();
        let has = |wanted| columns.contains(&wanted);
        let has_data = has(Column::Data) || has(Column::Byte);
        (has(Column::Id) && has_data).then_some(Self { separator, columns })
    }

    /// True when no column is the time.
    pub(super) fn are_timeless(&self) -> bool {
        !self.columns.iter().any(|column| matches!(column, Column::Time { .. }))
    }
}

fn column(name: &str) -> Column {
    // The one form that writes microseconds without saying so is `GVRET`'s.
    if name == "Time Stamp" {
        return Column::Time { digits: 0 };
    }
    let name: String =
        name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    match name.as_str() {
        "id" | "canid" | "identifier" | "arbitrationid" | "address" | "addr" | "messageid"
        | "frameid" => Column::Id,
        "extended" | "ide" | "isextended" | "isextendedid" => Column::Extended,
        "bus" | "buschannel" | "channel" | "interface" => Column::Bus,
        "len" | "length" | "datalength" => Column::Length,
        "dlc" => Column::Code,
        "dir" | "direction" => Column::Direction,
        "remote" | "rtr" | "isremote" => Column::Remote,
        "error" | "iserror" => Column::Error,
        "data" | "databytes" | "payload" => Column::Data,
        _ if is_byte(&name) => Column::Byte,
        _ => time(&name).map_or(Column::Other, |digits| Column::Time { digits }),
    }
}

fn is_byte(name: &str) -> bool {
    let number = ["databyte", "data", "byte", "d", "b"].iter().find_map(|p| name.strip_prefix(p));
    number.is_some_and(|digits| digits.parse::<u8>().is_ok_and(|number| number <= 64))
}

/// Digits after the point that make such a time microseconds.
fn time(name: &str) -> Option<usize> {
    let rest = ["timestampepoch", "timestamp", "abstime", "time"]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))?;
    match rest {
        "" | "s" | "sec" | "seconds" => Some(6),
        "ms" => Some(3),
        "us" => Some(0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_many_tools_are_understood() {
        use Column::{
            Bus, Byte, Code, Data, Direction, Error, Extended, Id, Length, Other, Remote, Time,
        };
        const SECONDS: Column = Time { digits: 6 };
        #[rustfmt::skip] // a table is read by column
        let cases: [(&str, &[Column]); 6] = [
            ("ID,Data Bytes",                                             &[Id, Data]),
            ("Time Stamp,ID,Extended,Bus,LEN,D1,D2,D8",                   &[Time { digits: 0 }, Id, Extended, Bus, Length, Byte, Byte, Byte]),
            ("Time Stamp,ID,Extended,Dir,Bus,LEN,D1",                     &[Time { digits: 0 }, Id, Extended, Direction, Bus, Length, Byte]),
            ("TimestampEpoch;BusChannel;ID;IDE;DLC;DataLength;Dir;EDL;BRS;DataBytes", &[SECONDS, Bus, Id, Extended, Code, Length, Direction, Other, Other, Data]),
            ("time_ms\tCAN ID\tremote\terror\tpayload",                   &[Time { digits: 3 }, Id, Remote, Error, Data]),
            ("\u{feff}time,addr,bus,data",                                &[SECONDS, Id, Bus, Data]),
        ];
        for (line, columns) in cases {
            assert_eq!(Columns::of_head(line).unwrap().columns, columns, "{line}");
        }
    }

    #[test]
    fn a_head_without_identifier_or_data_is_none() {
        for line in ["", "ID", "ID,Name", "Data,Time", "0000021A,FE 36", "d,i,r"] {
            assert_eq!(Columns::of_head(line), None, "{line}");
        }
        assert!(Columns::of_head("id,data").unwrap().are_timeless());
    }
}
