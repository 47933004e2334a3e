//! `edge-agent status`: what the agent in a folder is doing.
//!
//! The agent keeps its spool to itself (a redb file has one opener), so this reads what it publishes:
//! `status.json`, written whole twice a second.

mod plain;
mod screen;
#[cfg(test)]
mod tests;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;
use telematics::Timestamp;
use telematics::time::MICROS_PER_SECOND;

use crate::clock;
use crate::status::{self, Status as State};

/// An agent that has not written its status for so long is not running.
const SILENT_SECONDS: i64 = 5;

/// Shows what an agent is doing: live signals, what leaves and what stays, what waits, what it earned.
///
/// A screen that goes on until `q` is pressed, or plain text where there is no terminal.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edge-agent status --data-dir /var/lib/axle-agent\n  \
    edge-agent status --json --data-dir /var/lib/axle-agent | jq .samples_acknowledged")]
pub(super) struct Status {
    /// Prints JSON, for programs.
    #[arg(long)]
    json: bool,
    /// Prints text once, also on a terminal.
    #[arg(long)]
    once: bool,
    /// Folder of the agent.
    #[arg(long)]
    data_dir: PathBuf,
}

impl Status {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<()> {
        let status = status::read(&self.data_dir)?;
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&status)?)?;
        } else if self.once || !std::io::stdout().is_terminal() {
            plain::print(&status, clock::now(), out)?;
        } else {
            screen::show(&self.data_dir)?;
        }
        Ok(())
    }
}

/// Whether the agent that wrote `status` still runs.
fn is_running(status: &State, now: Timestamp) -> bool {
    seconds_since(&status.updated_at, now).is_some_and(|seconds| seconds < SILENT_SECONDS)
}

/// What to tell loudly, if anything.
fn alarm(status: &State, now: Timestamp) -> Option<String> {
    if let Some(since) = &status.paused_since {
        return Some(format!("PAUSED since {since}: nothing is recorded"));
    }
    (!is_running(status, now)).then(|| format!("NOT RUNNING since {}", status.updated_at))
}

/// How long ago `time` was, in words; `never` when it is no time.
fn age(time: &str, now: Timestamp) -> String {
    match seconds_since(time, now) {
        None => "never".to_owned(),
        Some(seconds @ ..60) => format!("{} s", seconds.max(0)),
        Some(seconds @ 60..3_600) => format!("{} min", seconds / 60),
        Some(seconds @ 3_600..86_400) => format!("{} h", seconds / 3_600),
        Some(seconds) => format!("{} days", seconds / 86_400),
    }
}

fn seconds_since(time: &str, now: Timestamp) -> Option<i64> {
    let time: Timestamp = time.parse().ok()?;
    Some(now.micros_since(time) / MICROS_PER_SECOND)
}

/// What the car earned, and how old that news is.
fn earned(status: &State, now: Timestamp) -> String {
    match &status.tokens_earned {
        Some(earned) => format!("{earned} ({} ago)", age(&earned.as_of, now)),
        None => "not told yet".to_owned(),
    }
}

/// How many campaigns the car answered, and what they paid.
fn answered(status: &State) -> String {
    match status.claims_paid_micro_tokens {
        0 => status.claims_sent.to_string(),
        paid => format!("{}, paid {}", status.claims_sent, status::tokens(paid)),
    }
}

/// How a disclosure is told to the owner.
fn in_words(disclosure: &str) -> &'static str {
    match disclosure {
        "share" => "leaves",
        "prove" => "is proven",
        _ => "stays",
    }
}

/// A number of bytes as people read it.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "one decimal is shown")]
fn bytes(number: u64) -> String {
    match number {
        ..1_024 => format!("{number} B"),
        1_024..1_048_576 => format!("{:.1} KiB", number as f64 / 1_024.0),
        _ => format!("{:.1} MiB", number as f64 / 1_048_576.0),
    }
}
