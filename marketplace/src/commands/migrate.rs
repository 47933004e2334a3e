//! `marketplace migrate`.

use std::fs;
use std::io::Write;

use anyhow::Context as _;

use super::Settings;
use crate::db::Db;

/// Brings the database to the form that this program needs.
///
/// `serve` does this by itself; run it alone to see what changes, before a new version serves.
#[derive(Debug, clap::Args)]
pub(super) struct Migrate {
    #[command(flatten)]
    settings: Settings,
}

impl Migrate {
    pub(super) fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let config = self.settings.load()?;
        fs::create_dir_all(&config.data_dir)
            .with_context(|| format!("cannot make data_dir {}", config.data_dir.display()))?;
        let applied = Db::open(&config.database_url())?.migrate()?;
        for name in &applied {
            writeln!(out, "applied {name}")?;
        }
        if applied.is_empty() {
            writeln!(out, "nothing to do")?;
        }
        Ok(())
    }
}
