//! `edge-agent simulate`: a drive that never happened, for trying things out, as a log or on a virtual bus.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use telematics::Timestamp;

use super::logging;
use crate::config::LogFormat;
use crate::simulate::{CYCLE_SECONDS, DBC, DriveProfile, MAP, VirtualBus, simulate, write_candump};

/// Writes the CAN frames of a simulated drive, as `candump -l` would log them, or sends them on a bus.
///
/// The same seed, start and length always give the same drive. Needs no key and no network. With `--interface`
/// this command TRANSMITS: it sends the frames of a whole car, and therefore on virtual interfaces only (`vcan`
/// and `vxcan`); any other is refused, whatever its name.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  edge-agent simulate --seed 7 --out drive.log --dbc-out car.dbc --map-out \
    car.map.toml\n\n  ip link add vcan0 type vcan && ip link set vcan0 up\n  edge-agent simulate --interface \
    vcan0 --speed 4"
)]
pub(super) struct Simulate {
    /// Decides on the car, the driver, the road and the weather.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// When the drive begins, as an RFC 3339 time.
    #[arg(long, default_value = "2026-03-01T08:00:00Z")]
    start: Timestamp,
    /// How long it lasts, in seconds. One driving cycle lasts 1800.
    #[arg(long, default_value_t = CYCLE_SECONDS, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// Log to write.
    #[arg(long, value_name = "FILE", default_value = "drive.log", conflicts_with = "interface")]
    out: PathBuf,
    /// Sends the drive on this virtual interface instead, in real time.
    #[arg(long)]
    interface: Option<String>,
    /// Pace on the interface: a multiple of real time.
    #[arg(long, default_value = "1", value_parser = parse_speed, requires = "interface")]
    speed: f64,
    /// Also writes the DBC that explains the frames.
    #[arg(long, value_name = "FILE")]
    dbc_out: Option<PathBuf>,
    /// Also writes the mapping from that DBC to VSS.
    #[arg(long, value_name = "FILE")]
    map_out: Option<PathBuf>,
}

impl Simulate {
    /// Writes the files, then sends.
    ///
    /// # Errors
    /// A file that can not be written, or an interface that can not be sent to, with its name.
    pub(super) async fn run(&self) -> anyhow::Result<()> {
        let profile = DriveProfile::from_seed(self.seed, self.start, self.seconds);
        let bus = self.interface.as_deref().map(VirtualBus::open).transpose()?;
        if bus.is_none() {
            self.write_log(&profile)?;
        }
        for (path, text) in [(&self.dbc_out, DBC), (&self.map_out, MAP)] {
            if let Some(path) = path {
                fs::write(path, text)
                    .with_context(|| format!("cannot write {}", path.display()))?;
            }
        }
        if let Some(bus) = bus {
            logging::start(LogFormat::Text);
            let frames = bus.play(simulate(&profile), self.speed).await?;
            tracing::info!(frames, "sent");
        }
        Ok(())
    }

    fn write_log(&self, profile: &DriveProfile) -> anyhow::Result<()> {
        let cannot_write = || format!("cannot write {}", self.out.display());
        let mut log = BufWriter::new(File::create(&self.out).with_context(cannot_write)?);
        write_candump(&mut log, "can0", simulate(profile)).with_context(cannot_write)?;
        log.flush().with_context(cannot_write)
    }
}

fn parse_speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed: &f64| (0.01..=1_000.0).contains(speed));
    speed.ok_or_else(|| format!("`{text}` is not a pace from 0.01 to 1000 times real time"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        simulate: Simulate,
    }

    fn parse(arguments: &[&str]) -> Result<Simulate, clap::Error> {
        let line = Line::try_parse_from([&["simulate"], arguments].concat())?;
        Ok(line.simulate)
    }

    #[tokio::test]
    async fn writes_the_drive_and_what_explains_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let [log, dbc, map] = ["drive.log", "car.dbc", "car.toml"].map(file);
        let arguments = ["--seconds", "2", "--out", &log, "--dbc-out", &dbc, "--map-out", &map];

        parse(&arguments).unwrap().run().await.unwrap();

        let written = fs::read_to_string(log).unwrap();
        assert!(written.starts_with("(1772352000.0000"), "{written}");
        assert!(written.contains(") can0 100#00000000"), "{written}");
        assert_eq!(fs::read_to_string(dbc).unwrap(), DBC);
        assert_eq!(fs::read_to_string(map).unwrap(), MAP);
    }

    #[tokio::test]
    async fn a_file_that_can_not_be_written_is_named() {
        let error = parse(&["--out", "/nowhere/drive.log"]).unwrap().run().await.unwrap_err();

        assert!(error.to_string().contains("/nowhere/drive.log"), "{error}");
    }

    #[test]
    fn a_start_that_is_no_time_and_a_drive_of_no_length_are_refused() {
        let error = parse(&["--start", "noon"]).err().unwrap();

        assert!(error.to_string().contains("`noon` is not an RFC 3339 time"), "{error}");
        assert!(parse(&["--seconds", "0"]).is_err());
    }

    #[tokio::test]
    async fn an_interface_that_is_not_virtual_is_refused_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let dbc = folder.path().join("car.dbc");
        let arguments = ["--interface", "lo", "--dbc-out", dbc.to_str().unwrap()];
        let error = parse(&arguments).unwrap().run().await.unwrap_err();

        assert!(error.to_string().contains("virtual interfaces only"), "{error}");
        assert!(!dbc.exists());
    }

    #[test]
    fn a_pace_needs_an_interface_and_a_log_none() {
        for refused in [
            ["--speed", "2", "--seed", "1"],
            ["--interface", "vcan0", "--out", "drive.log"],
            ["--interface", "vcan0", "--speed", "0"],
            ["--interface", "vcan0", "--speed", "nan"],
        ] {
            assert!(parse(&refused).is_err(), "{refused:?}");
        }
        assert!(parse(&["--interface", "vcan0", "--speed", "2.5"]).is_ok());
    }
}
