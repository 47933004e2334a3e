//! The edge agent as a program of its own; see [`edge_agent`].

use clap::Parser;
use edge_agent::commands::Cli;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    Cli::parse().run().await
}
