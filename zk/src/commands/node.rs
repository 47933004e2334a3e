//! Finds and runs the tools that live on npm.
//!
//! They are installed outside this repository, from the pinned list in `peers/`:
//! `npm install --prefix "$AXLE_NODE_MODULES" …` as its README says.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, bail};

/// Where the tools are.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct NodeArgs {
    /// snarkjs: its program, or its `cli.cjs`. Otherwise that of `--node-modules`, or of the PATH.
    #[arg(long, value_name = "FILE")]
    snarkjs: Option<PathBuf>,
    /// The folder that the packages of `zk/peers` are installed in (it has a `node_modules`).
    #[arg(long, env = "AXLE_NODE_MODULES", value_name = "DIR")]
    node_modules: Option<PathBuf>,
}

impl NodeArgs {
    /// The folder `node_modules`, for programs that import packages.
    pub(crate) fn modules(&self) -> Option<PathBuf> {
        self.node_modules.as_ref().map(|folder| folder.join("node_modules"))
    }

    fn snarkjs(&self) -> PathBuf {
        let installed = || self.modules().map(|modules| modules.join("snarkjs/build/cli.cjs"));
        self.snarkjs.clone().or_else(installed).unwrap_or_else(|| PathBuf::from("snarkjs"))
    }

    /// Runs snarkjs in `folder` and returns what it printed, or its own words when it refuses.
    pub(crate) fn run_snarkjs<A: AsRef<OsStr>>(
        &self,
        folder: &Path,
        arguments: impl IntoIterator<Item = A>,
    ) -> anyhow::Result<String> {
        let program = self.snarkjs();
        let mut command = command(&program);
        command.current_dir(folder).args(arguments);
        let output = command.output().with_context(|| {
            format!(
                "{} does not run: install node and the packages of zk/peers, then say where with \
                 --snarkjs or AXLE_NODE_MODULES",
                program.display()
            )
        })?;
        printed(&output)
    }
}

/// A script is run by node, anything else runs itself.
fn command(program: &Path) -> Command {
    let is_script = program
        .extension()
        .is_some_and(|extension| ["cjs", "js", "mjs"].iter().any(|script| extension == *script));
    if !is_script {
        return Command::new(program);
    }
    let mut command = Command::new("node");
    command.arg(program);
    command
}

/// What a program printed, if it was content. snarkjs says on stdout what is wrong.
pub(crate) fn printed(output: &Output) -> anyhow::Result<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    bail!("it refuses:\n{}{}", text.trim(), String::from_utf8_lossy(&output.stderr).trim())
}
