//! The market under load: this program again, as a process of its own, so that what it costs can be
//! told from what the load costs.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use super::usage::Usage;
use crate::config::Config;

/// A market that serves until this is stopped or dropped.
pub(super) struct Market {
    child: Child,
    /// Kept open: a market whose output is closed can not write to it.
    _output: BufReader<ChildStdout>,
    pub(super) grpc: String,
}

impl Market {
    /// Starts `marketplace serve` on free ports with `config_file`, and `config`'s folder and database.
    pub(super) async fn start(
        config: &Config,
        config_file: Option<&PathBuf>,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("serve")
            .env("AXLE_MARKETPLACE_DATA_DIR", &config.data_dir)
            .env("AXLE_MARKETPLACE_DATABASE_URL", config.database_url())
            .env("AXLE_MARKETPLACE_REST_ADDRESS", "127.0.0.1:0")
            .env("AXLE_MARKETPLACE_GRPC_ADDRESS", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        if let Some(file) = config_file {
            command.arg("--config").arg(file);
        }
        let mut child = command.spawn().context("cannot start `marketplace serve`")?;
        let output = child.stdout.take().context("`marketplace serve` has no output")?;
        let mut output = BufReader::new(output);
        let grpc = loop {
            let mut line = String::new();
            if output.read_line(&mut line).await? == 0 {
                anyhow::bail!("`marketplace serve` ended before its doors were open");
            }
            if let Some((_, address)) = line.split_once("https://") {
                break format!("https://{}", address.trim());
            }
        };
        Ok(Self { child, _output: output, grpc })
    }

    /// Ends it. When this returns, nobody holds its database any more.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// What it has used so far.
    pub(super) fn usage(&self) -> anyhow::Result<Usage> {
        Usage::of(self.child.id().context("the market ended under load; its log says why")?)
    }
}
