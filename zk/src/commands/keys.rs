//! `zk keys`: checks a folder of keys and shows what is in it.

use std::io::Write;
use std::path::PathBuf;

use crate::Circuit;
use crate::keys::{Allow, Folder, Origin};
use comfy_table::{Table, presets};

use super::setup::WARNING;

/// Checks a folder of keys and shows what is in it.
///
/// Looks at everything: the hash of each file, every point of each key, the known weaknesses of
/// verifying keys, and that the keys are of the circuits in this very program.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  zk keys keys")]
pub(crate) struct Keys {
    /// The folder, with `keys.json` in it.
    folder: PathBuf,
}

impl Keys {
    pub(super) fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let folder = Folder::load(&self.folder, Allow::DevelopmentToo)?;
        let mut table = Table::new();
        table.load_preset(presets::UTF8_FULL_CONDENSED);
        table.set_header([
            "circuit",
            "constraints",
            "public inputs",
            "proving key",
            "verifying key",
        ]);
        for circuit in Circuit::ALL {
            let key = folder.proving(circuit)?;
            folder.matrices(circuit)?;
            let constraints = folder.entry(circuit)?.constraints;
            table.add_row([
                circuit.name().to_owned(),
                constraints.to_string(),
                circuit.public_inputs().to_string(),
                format!("{:.1} MB", megabytes(key.to_bytes().len())),
                key.verifying().fingerprint().to_string(),
            ]);
        }
        writeln!(out, "{table}")?;
        match folder.origin() {
            Origin::Development => writeln!(out, "{WARNING}")?,
            Origin::Ceremony => writeln!(
                out,
                "Said to be of a ceremony. That they are is for `zk ceremony verify` to show."
            )?,
        }
        Ok(())
    }
}

/// For people to read.
#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "shown with one decimal")]
pub(super) fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}
