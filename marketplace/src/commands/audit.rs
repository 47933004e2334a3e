//! `marketplace audit`.

use std::io::Write;

use anyhow::ensure;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::json;

use super::Settings;
use crate::audit::Books;
use crate::db::Db;
use crate::ledger::Check;

/// Computes again what every account, order and pay-out must be, and says what is not.
///
/// Replays the ledger, prices and shares each order by the rules it agreed on, computes each week of rewards from its facts, and
/// looks for the files that were paid for and for what the search index should have. Changes nothing, and may run beside
/// `serve`. Ends with an error when anything is found.
#[derive(Debug, clap::Args)]
pub(super) struct Audit {
    /// The report as JSON, for programs.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Audit {
    pub(super) async fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let config = self.settings.load()?;
        let books = Books::of(Db::open(&config.database_url())?, &config);
        let checks = books.audit().await?;
        let findings: usize = checks.iter().map(|check| check.findings.len()).sum();
        if self.json {
            writeln!(out, "{:#}", json!({ "findings": findings, "checks": checks }))?;
        } else {
            show(&checks, out)?;
        }
        ensure!(findings == 0, "the audit found {findings} things that are not as they must be");
        Ok(())
    }
}

fn show(checks: &[Check], out: &mut impl Write) -> anyhow::Result<()> {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(["rule", "looked at", "found"]);
    for Check { rule, examined, findings } in checks {
        let found =
            if findings.is_empty() { "nothing".to_owned() } else { findings.len().to_string() };
        table.add_row([(*rule).to_owned(), examined.to_string(), found]);
    }
    writeln!(out, "{table}")?;
    for finding in checks.iter().flat_map(|check| &check.findings) {
        writeln!(out, "{finding}")?;
    }
    Ok(())
}
