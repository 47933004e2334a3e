//! `cargo run -p quickstart`: from a CAN frame to a paid owner, in one command.
//!
//! The binary is three programs in one, so that one build gives a process tree: without a subcommand
//! it is the tour; `quickstart marketplace …`, `quickstart edge-agent …` and `quickstart zk …` are the real programs,
//! which the tour starts as its children.

use clap::{Parser, Subcommand};
use quickstart::tour::{self, Tour};

/// Starts a marketplace and a fleet of simulated cars on this machine, lets a buyer find, buy and
/// download a dataset, and pays the owners of the cars in it.
///
/// Everything is kept in one folder; a second start goes on where the first one stopped.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    tour: Tour,
    #[command(subcommand)]
    program: Option<Program>,
}

const EXAMPLES: &str = "Examples:
  quickstart                       stay up after the tour, to explore (Ctrl-C ends it)
  quickstart --once                end after the tour
  quickstart --once --drive drive.log.gz --dbc car.dbc --map car.map.toml
                                   with one more car that replays a candump recording";

/// The real programs, as children of the tour run them.
#[derive(Debug, Subcommand)]
enum Program {
    /// The marketplace's own command line.
    Marketplace(marketplace::commands::Cli),
    /// The edge agent's own command line.
    EdgeAgent(edge_agent::commands::Cli),
    /// The command line of keys and proofs.
    Zk(zk::commands::Cli),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.program {
        Some(Program::Marketplace(program)) => program.run().await,
        Some(Program::EdgeAgent(program)) => program.run().await,
        Some(Program::Zk(program)) => program.run(&mut std::io::stdout()),
        None => tour::run(&cli.tour, &mut std::io::stdout()).await,
    }
}
