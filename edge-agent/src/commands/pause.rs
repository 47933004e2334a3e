//! `edge-agent pause` and `edge-agent resume`: the owner's privacy, without any server.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use telematics::Timestamp;

use crate::{clock, pause, status};

/// A running agent follows within this time, or it is not running.
const PATIENCE_TRIES: u32 = 40;
const TRY_PERIOD: Duration = Duration::from_millis(100);

/// Records nothing until `resume`: no samples, no windows, nothing to prove.
///
/// Holds until ended, whatever is restarted meanwhile. What was recorded before is still sent.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edge-agent pause --data-dir /var/lib/axle-agent\n\n\
    A signal turns the pause of a running agent around: systemctl kill -s USR1 axle-agent")]
pub(super) struct Pause {
    /// Folder of the agent.
    #[arg(long)]
    data_dir: PathBuf,
}

/// Ends the pause: records again what the owner shares or lets prove.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edge-agent resume --data-dir /var/lib/axle-agent")]
pub(super) struct Resume {
    /// Folder of the agent.
    #[arg(long)]
    data_dir: PathBuf,
}

impl Pause {
    pub(super) async fn run(self, out: &mut impl Write) -> anyhow::Result<()> {
        pause::begin(&self.data_dir, clock::now())?;
        let text = if follows(&self.data_dir, true).await {
            "Paused: nothing is recorded."
        } else {
            "Paused: no agent is awake here, and when one wakes or starts, it records nothing."
        };
        Ok(writeln!(out, "{text} `edge-agent resume` ends it.")?)
    }
}

impl Resume {
    pub(super) async fn run(self, out: &mut impl Write) -> anyhow::Result<()> {
        pause::end(&self.data_dir)?;
        let text = if follows(&self.data_dir, false).await {
            "Recording again what you share or let prove; `edge-agent consent` shows it."
        } else {
            "The pause is over. No agent is awake here."
        };
        Ok(writeln!(out, "{text}")?)
    }
}

/// Waits until the agent, if one runs, says that it is paused or not.
async fn follows(data_dir: &Path, paused: bool) -> bool {
    let since = clock::now();
    for _ in 0..PATIENCE_TRIES {
        if let Ok(status) = status::read(data_dir)
            && status.paused_since.is_some() == paused
            && status.updated_at.parse().is_ok_and(|written: Timestamp| written > since)
        {
            return true;
        }
        tokio::time::sleep(TRY_PERIOD).await;
    }
    false
}
