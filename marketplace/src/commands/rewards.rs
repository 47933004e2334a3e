//! `marketplace rewards`: what anybody can do with the file of a week.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::Subcommand;

use crate::rewards::{self, Verified};

/// Computes weeks of rewards again.
#[derive(Debug, Subcommand)]
pub(super) enum Rewards {
    /// Computes pool, points and shares of a week from the facts in its file.
    ///
    /// Needs no marketplace. `GET /v1/rewards` lists the weeks, their files, and the SHA-256 that the file must have. Ends with an error
    /// when anything in the file is not what follows from its facts.
    Verify {
        /// A file of `GET /v1/rewards/{week}/facts.json`.
        file: PathBuf,
        /// The report as JSON, for programs.
        #[arg(long)]
        json: bool,
    },
}

impl Rewards {
    pub(super) fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        match self {
            Self::Verify { file, json } => verify(file, *json, out),
        }
    }
}

fn verify(file: &Path, json: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let verified =
        rewards::verify(&bytes).with_context(|| format!("cannot verify {}", file.display()))?;
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&verified)?)?;
    } else {
        show(&verified, out)?;
    }
    let count = verified.findings.len();
    ensure!(count == 0, "{count} things in the file do not follow from its facts");
    Ok(())
}

fn show(verified: &Verified, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "week      {}", verified.week)?;
    writeln!(out, "vehicles  {}", verified.vehicles)?;
    writeln!(out, "sha256    {}", verified.sha256)?;
    for finding in &verified.findings {
        writeln!(out, "{finding}")?;
    }
    if verified.findings.is_empty() {
        writeln!(out, "pool, points and shares are what follows from the facts")?;
    }
    Ok(())
}
