//! `zk`: keys, and measurements.
//!
//! Everything it does is in the library; the commands read files, show progress and print.

mod commands;

use std::io;

use clap::Parser as _;

fn main() -> anyhow::Result<()> {
    commands::Cli::parse().run(&mut io::stdout().lock())
}
