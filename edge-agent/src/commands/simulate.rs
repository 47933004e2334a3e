//! `edge-agent simulate`: writes a drive that never happened, for trying things out.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use telematics::Timestamp;

use crate::simulate::{CYCLE_SECONDS, DBC, DriveProfile, MAP, simulate, write_candump};

/// Writes the CAN frames of a simulated drive, as `candump -l` would log them.
///
/// The same seed, start and length always give the same drive. Needs no key and no network.
#[derive(Debug, clap::Args)]
pub struct Simulate {
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
    #[arg(long, value_name = "FILE", default_value = "drive.log")]
    out: PathBuf,
    /// Also writes the DBC that explains the frames.
    #[arg(long, value_name = "FILE")]
    dbc_out: Option<PathBuf>,
    /// Also writes the mapping from that DBC to VSS.
    #[arg(long, value_name = "FILE")]
    map_out: Option<PathBuf>,
}

impl Simulate {
    /// Writes the files.
    ///
    /// # Errors
    /// A file that can not be written, with its name.
    pub fn run(&self) -> anyhow::Result<()> {
        let cannot_write = || format!("cannot write {}", self.out.display());
        let profile = DriveProfile::from_seed(self.seed, self.start, self.seconds);

        let mut log = BufWriter::new(File::create(&self.out).with_context(cannot_write)?);
        write_candump(&mut log, "can0", simulate(&profile)).with_context(cannot_write)?;
        log.flush().with_context(cannot_write)?;

        for (path, text) in [(&self.dbc_out, DBC), (&self.map_out, MAP)] {
            if let Some(path) = path {
                fs::write(path, text)
                    .with_context(|| format!("cannot write {}", path.display()))?;
            }
        }
        Ok(())
    }
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

    #[test]
    fn writes_the_drive_and_what_explains_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let [log, dbc, map] = ["drive.log", "car.dbc", "car.toml"].map(file);
        let arguments = ["--seconds", "2", "--out", &log, "--dbc-out", &dbc, "--map-out", &map];

        parse(&arguments).unwrap().run().unwrap();

        let written = fs::read_to_string(log).unwrap();
        assert!(written.starts_with("(1772352000.0000"), "{written}");
        assert!(written.contains(") can0 100#00000000"), "{written}");
        assert_eq!(fs::read_to_string(dbc).unwrap(), DBC);
        assert_eq!(fs::read_to_string(map).unwrap(), MAP);
    }

    #[test]
    fn a_file_that_can_not_be_written_is_named() {
        let error = parse(&["--out", "/nowhere/drive.log"]).unwrap().run().unwrap_err();

        assert!(error.to_string().contains("/nowhere/drive.log"), "{error}");
    }

    #[test]
    fn a_start_that_is_no_time_and_a_drive_of_no_length_are_refused() {
        let error = parse(&["--start", "noon"]).err().unwrap();

        assert!(error.to_string().contains("`noon` is not an RFC 3339 time"), "{error}");
        assert!(parse(&["--seconds", "0"]).is_err());
    }
}
