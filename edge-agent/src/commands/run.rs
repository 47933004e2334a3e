//! `edge-agent run`: the agent itself.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::logging;
use crate::agent::{self, WhenDone};
use crate::config::AgentConfig;

/// Reads the bus (or replays a recording) and streams what the owner shares.
///
/// Ends on SIGTERM or Ctrl-C: seals the open batch, sends what it can in five seconds, and keeps the
/// rest on disk. Killed at any instant, it goes on where it was.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edge-agent run --config /etc/axle/agent.toml\n\nEvery key of \
    the file can be set by a variable: AXLE_AGENT_LOG_FORMAT=json edge-agent run …")]
pub(super) struct Run {
    /// Settings; see axle-agent.example.toml.
    #[arg(long)]
    config: PathBuf,
    /// Ends with success when a replay has ended and every batch is acknowledged.
    #[arg(long)]
    exit_when_done: bool,
}

impl Run {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let config = AgentConfig::load(&self.config)?;
        logging::start(config.log_format);
        let when_done = if self.exit_when_done { WhenDone::Exit } else { WhenDone::Stay };
        let stop = CancellationToken::new();
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        let signalled = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            tracing::info!("told to stop");
            signalled.cancel();
        });
        Ok(agent::run(&config, when_done, stop).await?)
    }
}
