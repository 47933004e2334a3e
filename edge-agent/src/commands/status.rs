//! `edge-agent status`: what the agent in a folder is doing.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::status;

/// Shows what an agent is doing: counts, what waits, what last went wrong.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edge-agent status --data-dir /var/lib/axle-agent\n  \
    edge-agent status --json --data-dir /var/lib/axle-agent | jq .samples_acknowledged")]
pub(super) struct Status {
    /// Prints JSON, for programs.
    #[arg(long)]
    json: bool,
    /// Folder of the agent.
    #[arg(long)]
    data_dir: PathBuf,
}

impl Status {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<()> {
        let status = status::read(&self.data_dir)?;
        if self.json {
            writeln!(out, "{}", serde_json::to_string_pretty(&status)?)?;
            return Ok(());
        }
        let counters = &status.counters;
        let yes = |flag| if flag { "yes" } else { "no" }.to_owned();
        let rows = [
            ("vehicle", status.vehicle_id),
            ("certificate until", status.certificate_expires_at),
            ("consent version", status.consent_version.to_string()),
            ("connected", yes(status.connected)),
            ("done", yes(status.done)),
            ("frames read", counters.frames_read.to_string()),
            ("frames dropped", counters.frames_dropped.to_string()),
            ("frames lost", counters.frames_lost.to_string()),
            ("broken lines", counters.broken_lines.to_string()),
            ("error frames", counters.error_frames.to_string()),
            ("bus interruptions", counters.bus_interruptions.to_string()),
            ("messages incomplete", counters.messages_incomplete.to_string()),
            ("samples decoded", counters.samples_decoded.to_string()),
            ("  shared", counters.samples_shared.to_string()),
            ("  proven", counters.samples_proven.to_string()),
            ("  kept by consent", counters.samples_kept.to_string()),
            ("out of range", counters.samples_out_of_range.to_string()),
            ("windows committed", counters.windows_committed.to_string()),
            ("summaries committed", counters.summaries_committed.to_string()),
            ("too large to commit", counters.commitments_too_large.to_string()),
            ("batches sealed", counters.batches_sealed.to_string()),
            ("batches acknowledged", status.batches_acknowledged.to_string()),
            ("samples acknowledged", status.samples_acknowledged.to_string()),
            ("bytes acknowledged", status.bytes_acknowledged.to_string()),
            (
                "batches waiting",
                format!("{} ({} bytes)", status.batches_pending, status.bytes_pending),
            ),
            (
                "kept for proofs",
                format!("{} ({} in a tree)", status.proofs_kept, status.proofs_placed),
            ),
            ("campaigns answered", status.claims_sent.to_string()),
            ("claims waiting", status.claims_waiting.to_string()),
            ("claims refused", status.claims_refused.to_string()),
            ("last claim error", status.last_claim_error.unwrap_or_else(|| "none".to_owned())),
            ("last error", status.last_error.unwrap_or_else(|| "none".to_owned())),
            ("as of", status.updated_at),
        ];
        for (name, value) in rows {
            writeln!(out, "{name:<22}{value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_shown_to_people_and_to_programs() {
        let folder = tempfile::tempdir().unwrap();
        let written = status::Status { samples_acknowledged: 4_711, ..status::Status::default() };
        status::write(&written, folder.path()).unwrap();
        let show = |json| {
            let mut out = Vec::new();
            Status { json, data_dir: folder.path().to_owned() }.run(&mut out).unwrap();
            String::from_utf8(out).unwrap()
        };

        assert!(show(false).contains("samples acknowledged  4711\n"), "{}", show(false));
        assert_eq!(serde_json::from_str::<status::Status>(&show(true)).unwrap(), written);
    }
}
