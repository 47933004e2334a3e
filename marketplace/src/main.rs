//! The `marketplace` program. Everything it does is in [`marketplace::commands`].

use clap::Parser as _;
use marketplace::commands::Cli;
use tikv_jemallocator::Jemalloc;

// Batches and columns come and go on every thread. The system's allocator kept more and more of their memory.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    Cli::parse().run().await
}
