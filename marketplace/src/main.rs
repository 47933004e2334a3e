//! The `marketplace` program. Everything it does is in [`marketplace::commands`].

use clap::Parser as _;
use marketplace::commands::Cli;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    Cli::parse().run().await
}
