//! The mapping file: which signal of a car's bus is which signal of the catalogue.
//!
//! ```toml
//! ["Vehicle.Speed"]
//! message = "SPEED"
//! signal = "SPEED"
//! unit = "km/h"        # optional: when the DBC file leaves it out or spells it wrongly
//! interval_ms = 1000   # optional: at most one sample in this time
//! on_change = true     # optional: only what differs from the last sample
//! dead_band = 0.5      # optional: only what differs by more than this, in the catalogue's unit
//! resample = "mean"    # optional: one number for each interval: mean, min, max or last
//! transport = "iso-tp" # only for a message that takes several frames
//! ```
//!
//! A message of more than eight bytes is sent in several frames (unless the bus is CAN FD), and how is
//! for the owner to say, for the DBC file does not: `iso-tp` for what answers OBD and UDS requests,
//! `j1939` on trucks and machines, `fast-packet` on boats. Its bytes are counted as the DBC files of
//! such messages do: with `iso-tp` from a byte of length on, as in a single frame; else from the first.
//!
//! **Invariant:** a [`Mapping`] names only signals that exist on both sides, with a unit that
//! converts. Everything that can be wrong is refused at start, none of it while driving.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use telematics::unit::{Conversion, Incompatible, Unit, UnknownUnit};
use telematics::vss::UnknownSignal;
use telematics::{Signal, Value};

use crate::dbc::Dbc;
use crate::files;
use crate::resample::Resample;
use crate::transport::Transport;

/// One table of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    message: String,
    signal: String,
    unit: Option<String>,
    interval_ms: Option<NonZeroU32>,
    #[serde(default)]
    on_change: bool,
    dead_band: Option<f64>,
    resample: Option<Resample>,
    transport: Option<Transport>,
}

/// One signal of the bus and the signal of the catalogue that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Index of the message in the DBC.
    pub message: usize,
    /// Index of the signal in the message.
    pub source: usize,
    /// The signal of the catalogue.
    pub signal: Signal,
    /// From the bus's unit to the catalogue's.
    pub conversion: Conversion,
    /// Time that must lie between two samples.
    pub interval_micros: Option<i64>,
    /// By how much a sample must differ from the last one; none when it need not differ.
    pub dead_band: Option<Value>,
    /// Which number stands for each interval; none for the first value in it.
    pub resample: Option<Resample>,
    /// How the message is sent, when it takes several frames.
    pub transport: Option<Transport>,
}

/// A mapping file, checked against a DBC file and the catalogue.
#[derive(Debug)]
pub struct Mapping {
    targets: Vec<Target>,
}

/// Why a mapping file can not be used.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// It can not be read.
    #[error("cannot read the mapping {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not TOML of the expected form, or names one path twice.
    #[error("{} is not a mapping; see the example in the documentation", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// It is empty.
    #[error("{} maps no signal; add a table such as [\"Vehicle.Speed\"]", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A table can not be used.
    #[error("{}: [\"{vss}\"] from {message}.{signal}: {problem}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// The path in the table's head.
        vss: String,
        /// The message it names.
        message: String,
        /// The signal it names.
        signal: String,
        /// What is wrong with it, and what to do.
        problem: Box<Problem>,
    },
}

/// What is wrong with one table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The catalogue has no such path.
    #[error(transparent)]
    Path(#[from] UnknownSignal),
    /// The DBC file has no such message.
    #[error("the DBC file has no such message; `edge-agent decode` without --map lists them")]
    Message,
    /// The message has no such signal.
    #[error("the message has no such signal; it has {known}")]
    Signal {
        /// Those it has.
        known: String,
    },
    /// The dead band is no number to compare with.
    #[error("`dead_band = {0}` is not a number from 0 in the unit of the catalogue")]
    DeadBand(String),
    /// Numbers for intervals, without an interval.
    #[error("`resample` needs `interval_ms`, the interval that one number stands for")]
    Resample,
    /// The message has an identifier that the transport does not use.
    #[error("`j1939` and `fast-packet` carry messages with identifiers of 29 bits, this has 11")]
    Transport,
    /// Two tables say two things about one message.
    #[error("another table says a different `transport` for this message, or none")]
    Transports,
    /// The unit is none that we know.
    #[error("{0}; say `unit = \"…\"` with one of the catalogue's")]
    Unit(UnknownUnit),
    /// The unit measures something else.
    #[error("{0}; if the DBC file leaves the unit out, say `unit = \"…\"`")]
    Conversion(Incompatible),
}

impl Mapping {
    /// Reads a mapping file for `dbc`.
    ///
    /// # Errors
    /// When the file can not be read, or names something that does not exist.
    pub fn load(path: &Path, dbc: &Dbc) -> Result<Self, MappingError> {
        let refuse = |source| MappingError::Unreadable { path: path.to_owned(), source };
        let text = files::read_lines(path).map_err(refuse)?;
        Self::parse(path, &text, dbc)
    }

    /// Reads the content of a mapping file; `path` is for messages only.
    ///
    /// # Errors
    /// When it is malformed, or names something that does not exist.
    pub fn parse(path: &Path, text: &str, dbc: &Dbc) -> Result<Self, MappingError> {
        let entries: BTreeMap<String, Entry> = toml::from_str(text).map_err(|source| {
            MappingError::Syntax { path: path.to_owned(), source: Box::new(source) }
        })?;
        if entries.is_empty() {
            return Err(MappingError::Empty { path: path.to_owned() });
        }
        let mut targets: Vec<Target> = Vec::new();
        let resolve = |(vss, entry): (String, Entry), targets: &[Target]| {
            resolve(&vss, &entry, dbc, targets).map_err(|problem| MappingError::Table {
                path: path.to_owned(),
                vss,
                message: entry.message,
                signal: entry.signal,
                problem: Box::new(problem),
            })
        };
        for entry in entries {
            let target = resolve(entry, &targets)?;
            targets.push(target);
        }
        Ok(Self { targets })
    }

    /// What is mapped.
    #[must_use]
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }
}

fn resolve(vss: &str, entry: &Entry, dbc: &Dbc, others: &[Target]) -> Result<Target, Problem> {
    let signal = Signal::by_path(vss)?;
    let index = dbc.position(&entry.message).ok_or(Problem::Message)?;
    let message = dbc.messages().get(index).ok_or(Problem::Message)?;
    let transport = entry.transport;
    if transport.is_some_and(|transport| !transport.carries(message.id)) {
        return Err(Problem::Transport);
    }
    if others.iter().any(|other| other.message == index && other.transport != transport) {
        return Err(Problem::Transports);
    }
    let known = || message.signals.iter().map(|signal| signal.name.as_str()).collect::<Vec<_>>();
    let source = message
        .position(&entry.signal)
        .ok_or_else(|| Problem::Signal { known: known().join(", ") })?;
    let stated = message.signals.get(source).map(|signal| signal.unit.as_str());
    let unit = entry.unit.as_deref().or(stated).unwrap_or_default();
    let unit = Unit::parse(unit).map_err(Problem::Unit)?;
    if entry.resample.is_some() && entry.interval_ms.is_none() {
        return Err(Problem::Resample);
    }
    Ok(Target {
        message: index,
        source,
        signal,
        conversion: unit.conversion(signal.unit()).map_err(Problem::Conversion)?,
        dead_band: dead_band(entry, signal)?,
        resample: entry.resample,
        interval_micros: entry.interval_ms.map(|interval| i64::from(interval.get()) * 1_000),
        transport,
    })
}

/// `on_change` is a dead band of nothing.
fn dead_band(entry: &Entry, signal: Signal) -> Result<Option<Value>, Problem> {
    let Some(band) = entry.dead_band else {
        return Ok(entry.on_change.then_some(Value::from_raw(0)));
    };
    let value = Value::from_physical(band, signal.decimals()).ok().filter(|_| band >= 0.0);
    value.map(Some).ok_or_else(|| Problem::DeadBand(band.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dbc() -> Dbc {
        let text = "VERSION \"\"\n\nNS_ :\n\nBS_:\n\nBU_: X\n\nBO_ 180 SPEED: 8 X\n \
                    SG_ SPEED : 47|16@0+ (0.01,0) [0|250] \"m/s\" X\n \
                    SG_ ON : 0|1@0+ (1,0) [0|1] \"\" X\n \
                    SG_ ODD : 1|1@0+ (1,0) [0|1] \"furlong\" X\n";
        Dbc::parse(Path::new("car.dbc"), text.as_bytes()).unwrap()
    }

    fn parse(text: &str) -> Result<Mapping, MappingError> {
        Mapping::parse(Path::new("car.map.toml"), text, &dbc())
    }

    #[test]
    fn a_table_names_a_signal_on_both_sides() {
        let mapping = parse(
            "[\"Vehicle.Speed\"]\nmessage = \"SPEED\"\nsignal = \"SPEED\"\ninterval_ms = 100\n\
             [\"Vehicle.ADAS.ABS.IsEngaged\"]\nmessage = \"SPEED\"\nsignal = \"ON\"\n\
             unit = \"boolean\"\n",
        );
        let mapping = mapping.unwrap();
        let speed = mapping.targets().iter().find(|t| t.signal.path() == "Vehicle.Speed").unwrap();

        assert!((speed.conversion.apply(10.0) - 36.0).abs() < 1e-9);
        assert_eq!(speed.interval_micros, Some(100_000));
        assert_eq!(mapping.targets().len(), 2);
    }

    #[test]
    fn what_does_not_exist_is_refused_by_name() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            // path               message    signal    more                 the message says
            ("Vehicle.Sped",      "SPEED",   "SPEED",  "",                  "`Vehicle.Sped` is not a signal"),
            ("Vehicle.Speed",     "SPEEDS",  "SPEED",  "",                  "no such message"),
            ("Vehicle.Speed",     "SPEED",   "SPED",   "",                  "it has SPEED, ON, ODD"),
            ("Vehicle.Speed",     "SPEED",   "ODD",    "",                  "unknown unit `furlong`"),
            ("Vehicle.Speed",     "SPEED",   "SPEED",  "unit = \"kPa\"",    "kPa can not be converted to km/h"),
            ("Vehicle.Speed",     "SPEED",   "ON",     "",                  "say `unit"),
            ("Vehicle.Speed",     "SPEED",   "SPEED",  "dead_band = -1.0",  "`dead_band = -1` is not"),
            ("Vehicle.Speed",     "SPEED",   "SPEED",  "resample = \"max\"", "needs `interval_ms`"),
            ("Vehicle.Speed",     "SPEED",   "SPEED",  "dead_band = nan",   "`dead_band = NaN` is not"),
        ];
        for (vss, message, signal, more, expected) in cases {
            let text =
                format!("[\"{vss}\"]\nmessage = \"{message}\"\nsignal = \"{signal}\"\n{more}\n");
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            for name in ["car.map.toml", vss, message, signal] {
                assert!(error.contains(name), "{name}: {error}");
            }
        }
    }

    #[test]
    fn a_transport_is_said_once_for_a_message_and_fits_it() {
        let table = |path: &str, signal: &str, more: &str| {
            format!("[\"{path}\"]\nmessage = \"SPEED\"\nsignal = \"{signal}\"\n{more}\n")
        };
        let (speed, abs) = ("Vehicle.Speed", "Vehicle.ADAS.ABS.IsEngaged");
        let (iso_tp, boolean) = ("transport = \"iso-tp\"", "unit = \"boolean\"");
        let both = format!("{iso_tp}\n{boolean}");

        let mapping = parse(&(table(speed, "SPEED", iso_tp) + &table(abs, "ON", &both))).unwrap();
        assert!(mapping.targets().iter().all(|t| t.transport == Some(Transport::IsoTp)));
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (table(speed, "SPEED", iso_tp) + &table(abs, "ON", boolean), "another table says"),
            (table(speed, "SPEED", "transport = \"j1939\""),           "identifiers of 29 bits"),
        ];
        for (text, expected) in cases {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let unknown = table(speed, "SPEED", "transport = \"pigeon\"");
        assert!(matches!(parse(&unknown), Err(MappingError::Syntax { .. })));
    }

    #[test]
    fn a_hostile_file_is_refused_in_few_words() {
        crate::files::tests::check_hostile_toml(|path| {
            Mapping::load(path, &dbc()).map_err(|error| crate::status::chain_text(&error))
        });
    }

    #[test]
    fn a_malformed_file_is_refused() {
        let table = "[\"Vehicle.Speed\"]\nmessage = \"SPEED\"\nsignal = \"SPEED\"\n";
        let twice = format!("{table}{table}");
        let misspelt = format!("{table}intervall_ms = 5\n");
        let never = format!("{table}interval_ms = 0\n");

        for text in [&twice, &misspelt, &never, "[oops", "x = 1"] {
            assert!(matches!(parse(text), Err(MappingError::Syntax { .. })), "{text}");
        }
        assert!(matches!(parse("# nothing\n"), Err(MappingError::Empty { .. })));
        assert!(Mapping::load(Path::new("/nowhere.toml"), &dbc()).is_err());
    }
}
