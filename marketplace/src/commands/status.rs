//! `marketplace status`.

use std::io::Write;
use std::path::PathBuf;

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::Value as Json;

use super::Settings;
use super::client::{Client, text};
use super::serve::OPERATOR_KEY_FILE;
use crate::config::Config;

/// Shows how the marketplace that runs with these settings is doing.
///
/// Of each job: when it last ran, how long that took and what it did, the last time that it had anything
/// to do, and its last failure; and how many batches wait for the lake. All since it was started.
#[derive(Debug, clap::Args)]
pub(super) struct Status {
    /// The answer of `GET /v1/status` as it is, for programs.
    #[arg(long)]
    json: bool,
    /// File with an operator's key. Default: the one that the first start made in `data_dir`.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

impl Status {
    pub(super) async fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let config = self.settings.load()?;
        let status = self.ask(&config).await?;
        if self.json {
            writeln!(out, "{status:#}")?;
        } else {
            show(&status, out)?;
        }
        Ok(())
    }

    async fn ask(&self, config: &Config) -> anyhow::Result<Json> {
        let file = self.key_file.clone().unwrap_or_else(|| config.data_dir.join(OPERATOR_KEY_FILE));
        Client::open(("operator", &file), None, config)?.get("/v1/status").await
    }
}

fn show(status: &Json, out: &mut impl Write) -> anyhow::Result<()> {
    let number = |name: &str| text(&status[name]);
    writeln!(out, "batches    {} with {} samples", number("batches"), number("samples"))?;
    writeln!(out, "waiting    {} batches are not in the lake yet", number("batches_waiting"))?;
    writeln!(out, "lake       version {}\n", number("lake_version"))?;
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header(["job", "last ran", "took", "last did", "at", "per second", "state"]);
    let jobs = || status["jobs"].as_array().into_iter().flatten();
    for job in jobs() {
        table.add_row(line(job));
    }
    writeln!(out, "{table}")?;
    for job in jobs().filter(|job| !job["last_failure"].is_null()) {
        let failure = &job["last_failure"];
        let (at, message) = (text(&failure["at"]), text(&failure["message"]));
        writeln!(out, "\n{} failed at {at}: {message}", text(&job["job"]))?;
    }
    Ok(())
}

/// What the table says of one job.
fn line(job: &Json) -> [String; 7] {
    let (last, work) = (&job["last"], &job["last_with_work"]);
    let took = match last["milliseconds"].as_i64() {
        Some(milliseconds) => format!("{milliseconds} ms"),
        None => "-".to_owned(),
    };
    let did = match work["done"].as_u64() {
        Some(done) => format!("{done} {}", text(&job["unit"])),
        None => "nothing yet".to_owned(),
    };
    let state = match (job["running_since"].as_str(), job["failing"].as_bool()) {
        (Some(since), _) => format!("at work since {since}"),
        (None, Some(true)) => "failing".to_owned(),
        _ if last.is_null() => "not run yet".to_owned(),
        _ => "waiting".to_owned(),
    };
    let (at, worked_at) = (text(&last["at"]), text(&work["at"]));
    [text(&job["job"]), at, took, did, worked_at, text(&work["per_second"]), state]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn people_read_what_a_job_did_and_why_it_fails() {
        let turn = |done| json!({ "at": "2024-01-01T00:00:00Z", "milliseconds": 12, "done": done, "per_second": 83 });
        let status = json!({
            "batches": 7, "samples": 70, "batches_waiting": 2, "lake_version": 3,
            "jobs": [{
                "job": "flush", "unit": "rows moved", "running_since": null, "failing": true,
                "last": turn(0), "last_with_work": turn(50),
                "last_failure": { "at": "2024-01-02T00:00:00Z", "message": "the disk is full" },
            }],
        });
        let mut shown = Vec::new();
        show(&status, &mut shown).unwrap();
        let shown = String::from_utf8(shown).unwrap();
        for part in ["2 batches are not in the lake", "50 rows moved", "12 ms", "83", "failing"] {
            assert!(shown.contains(part), "{part} is not in\n{shown}");
        }
        assert!(
            shown.contains("flush failed at 2024-01-02T00:00:00Z: the disk is full"),
            "{shown}"
        );
    }
}
