//! The command line of the crate: keys, ceremonies, contracts.

mod commands;

use std::io::stdout;

use clap::Parser;

/// Keys and proofs of the zk crate.
#[derive(Debug, Parser)]
#[command(version)]
enum Arguments {
    /// Keys from many parties.
    #[command(subcommand)]
    Ceremony(commands::ceremony::CeremonyCommand),
    Solidity(commands::solidity::SolidityArgs),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse() {
        Arguments::Ceremony(command) => commands::ceremony::run(command, &mut stdout()),
        Arguments::Solidity(arguments) => commands::solidity::run(&arguments),
    }
}
