//! What `zk` can be told to do, one file a command.

mod bench;
mod keys;
mod sample;
mod setup;

use std::io::Write;

/// Keys of the circuits that prove facts about drives, and what they cost.
#[derive(Debug, clap::Parser)]
#[command(
    name = "zk",
    version,
    after_help = "Examples:\n  \
        zk setup --dev --out keys    make keys for trying things out\n  \
        zk keys keys                 check a folder of keys and show what is in it\n  \
        zk bench                     measure proving and verifying on this machine"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Setup(setup::Setup),
    Keys(keys::Keys),
    Bench(bench::Bench),
}

impl Cli {
    /// Does what was asked and writes what there is to say to `out`.
    pub(crate) fn run(self, out: &mut impl Write) -> anyhow::Result<()> {
        match self.command {
            Command::Setup(setup) => setup.run(out),
            Command::Keys(keys) => keys.run(out),
            Command::Bench(bench) => bench.run(out),
        }
    }
}
