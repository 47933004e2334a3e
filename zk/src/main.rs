//! The `zk` program. Everything it does is in [`zk::commands`].

use std::io;

use clap::Parser as _;
use zk::commands::Cli;

fn main() -> anyhow::Result<()> {
    Cli::parse().run(&mut io::stdout().lock())
}
