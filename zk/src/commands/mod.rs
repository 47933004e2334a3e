//! What `zk` can be told to do, one file a command.

mod bench;
mod ceremony;
mod circuit;
mod keys;
mod node;
mod peers;
mod setup;
mod solidity;
mod verify;

use std::io::Write;

/// Keys of the circuits that prove facts about drives, and what they cost.
#[derive(Debug, clap::Parser)]
#[command(
    name = "zk",
    version,
    after_help = "Examples:\n  \
        zk setup --dev --out keys    make keys for trying things out\n  \
        zk keys keys                 check a folder of keys and show what is in it\n  \
        zk verify claims.jsonl --keys keys\n                               \
        check a downloaded set of claims\n  \
        zk bench                     measure proving and verifying on this machine\n  \
        zk ceremony --help           make keys among many, that convince somebody\n  \
        zk solidity --help           a contract that verifies proofs"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Setup(setup::Setup),
    Keys(keys::Keys),
    Verify(verify::Verify),
    Bench(bench::Bench),
    #[command(subcommand)]
    Ceremony(ceremony::CeremonyCommand),
    Solidity(solidity::Solidity),
}

impl Cli {
    /// Does what was asked and writes what there is to say to `out`.
    pub fn run(self, out: &mut impl Write) -> anyhow::Result<()> {
        match self.command {
            Command::Setup(setup) => setup.run(out),
            Command::Keys(keys) => keys.run(out),
            Command::Verify(verify) => verify.run(out),
            Command::Bench(bench) => bench.run(out),
            Command::Ceremony(ceremony) => ceremony.run(out),
            Command::Solidity(solidity) => solidity.run(out),
        }
    }
}
