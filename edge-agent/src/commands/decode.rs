//! `edge-agent decode`: a recording to samples, without network or identity.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use telematics::Sample;

use crate::config::LogFormat;
use crate::dbc::Dbc;
use crate::decoder::Decoder;
use crate::frames::LogReader;
use crate::mapping::Mapping;

/// Decodes a recording and prints one sample a line: time, signal, value, unit.
///
/// Needs no key and no network: for checking a mapping before it goes into a car. Without --map it
/// lists the messages and signals of the DBC file, to write a mapping from.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  edge-agent decode drive.log.gz --dbc car.dbc --map car.map.toml"
)]
pub(super) struct Decode {
    /// Log of candump, Vector (ASC), PEAK (TRC), `SavvyCAN` (GVRET, CRTD), BUSMASTER or Microchip, or CSV
    /// whose first line names its columns; plain or gzip.
    log: PathBuf,
    /// The car's DBC file.
    #[arg(long)]
    dbc: PathBuf,
    /// The mapping from its signals to VSS.
    #[arg(long)]
    map: Option<PathBuf>,
    /// Prints one JSON object a line, for programs.
    #[arg(long, requires = "map")]
    json: bool,
    /// Only frames of this interface, as the log calls it: can0 by candump, the number of a channel by
    /// most others.
    #[arg(long)]
    interface: Option<String>,
}

impl Decode {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<()> {
        super::logging::start(LogFormat::Text);
        let dbc = Dbc::load(&self.dbc)?;
        let Some(map) = &self.map else { return list(&dbc, out) };
        let mapping = Mapping::load(map, &dbc)?;
        let mut decoder = Decoder::new(dbc, &mapping);

        let mut log = LogReader::open(&self.log, self.interface.as_deref())?;
        let mut written = Ok(());
        while let Some(frame) = log.next_frame()? {
            decoder.decode(&frame, |sample| {
                if written.is_ok() {
                    written = writeln!(out, "{}", self.line(sample));
                }
            });
            if written.is_err() {
                break;
            }
        }
        let (form, lines) = (log.form(), log.lines_read());
        let (broken, error_frames) = (log.broken_lines(), log.error_frames());
        let (incomplete, out_of_range) = (decoder.incomplete(), decoder.out_of_range());
        tracing::info!(form, lines, broken, error_frames, incomplete, out_of_range, "decoded");
        // A reader that has seen enough (`| head`) is no failure.
        match written {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn line(&self, sample: Sample) -> String {
        if self.json {
            let (signal, time, value) = (sample.signal, sample.time, sample.physical());
            let unit = signal.unit();
            let (path, unit) = (signal.path(), unit.as_str());
            return json!({ "time": time.to_string(), "signal": path, "value": value, "unit": unit })
                .to_string();
        }
        sample_line(&sample)
    }
}

/// A sample for people.
pub(super) fn sample_line(sample: &Sample) -> String {
    let (signal, time, value) = (sample.signal, sample.time, sample.physical());
    let (decimals, unit) = (usize::from(signal.decimals()), signal.unit());
    format!("{time} {signal} {value:.decimals$} {unit}")
}

fn list(dbc: &Dbc, out: &mut impl Write) -> anyhow::Result<()> {
    for message in dbc.messages() {
        writeln!(out, "{} {}", message.id, message.name)?;
        for signal in &message.signals {
            writeln!(out, "    {} [{}]", signal.name, signal.unit)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_becomes_one_sample_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let dbc = "VERSION \"\"\n\nNS_ :\n\nBS_:\n\nBU_: X\n\nBO_ 180 SPEED: 8 X\n \
                   SG_ SPEED : 7|16@0+ (0.01,0) [0|250] \"m/s\" X\n";
        let map = "[\"Vehicle.Speed\"]\nmessage = \"SPEED\"\nsignal = \"SPEED\"\n";
        let log = "(1704067200.5) can0 0B4#03E8\nbroken\n(1704067201.5) can1 0B4#0000\n";
        let decode = |map: Option<PathBuf>, json| {
            let command = Decode {
                log: file("drive.log", log),
                dbc: file("car.dbc", dbc),
                map,
                json,
                interface: Some("can0".to_owned()),
            };
            let mut out = Vec::new();
            command.run(&mut out).unwrap();
            String::from_utf8(out).unwrap()
        };

        let samples = decode(Some(file("car.map.toml", map)), false);
        assert_eq!(samples, "2024-01-01T00:00:00.5Z Vehicle.Speed 36.00 km/h\n");
        let line: serde_json::Value =
            serde_json::from_str(&decode(Some(file("car.map.toml", map)), true)).unwrap();
        assert_eq!((&line["signal"], &line["value"]), (&json!("Vehicle.Speed"), &json!(36.0)));
        assert_eq!(decode(None, false), "0B4 SPEED\n    SPEED [m/s]\n");
    }
}
