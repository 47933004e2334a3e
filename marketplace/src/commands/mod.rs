//! The command line. One struct a command, one file each.
//!
//! **Invariant:** what a command prints is for the caller and goes to the output it is given; logs
//! go to standard error.

mod account;
mod audit;
mod client;
mod load;
mod migrate;
mod owner;
mod rewards;
mod serve;
mod status;

use std::io;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::config::{Config, FILE_VARIABLE};

/// Takes in what cars share, sells it to buyers, and pays the owners.
///
/// `marketplace serve` is a working market on one machine, without any settings. Everything it
/// keeps is in one folder, `axle-data/marketplace`.
#[derive(Debug, clap::Parser)]
#[command(name = "marketplace", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Serve(serve::Serve),
    Migrate(migrate::Migrate),
    #[command(subcommand)]
    Account(account::Account),
    #[command(subcommand)]
    Owner(owner::Owner),
    Status(status::Status),
    Audit(audit::Audit),
    #[command(subcommand)]
    Rewards(rewards::Rewards),
    Load(load::Load),
}

impl Cli {
    /// Runs the command to its end.
    ///
    /// # Errors
    /// Whatever stopped it, with the object named.
    pub async fn run(self) -> anyhow::Result<()> {
        // Two providers are compiled in; without a choice rustls would refuse to guess.
        rustls::crypto::ring::default_provider().install_default().ok();
        let mut out = io::stdout();
        match self.command {
            Command::Serve(serve) => serve.run(&mut out).await,
            Command::Migrate(migrate) => migrate.run(&mut out),
            Command::Account(account) => account.run(&mut out).await,
            Command::Owner(owner) => owner.run(&mut out).await,
            Command::Status(status) => status.run(&mut out).await,
            Command::Audit(audit) => audit.run(&mut out).await,
            Command::Rewards(rewards) => rewards.run(&mut out),
            Command::Load(load) => load.run(&mut out).await,
        }
    }
}

/// Where the settings are.
#[derive(Clone, Debug, clap::Args)]
struct Settings {
    /// Settings in TOML; `marketplace.example.toml` explains each. Without it, the defaults.
    #[arg(long, value_name = "FILE", env = FILE_VARIABLE)]
    config: Option<PathBuf>,
}

impl Settings {
    fn load(&self) -> anyhow::Result<Config> {
        let file = self.config.as_deref();
        Config::load(file).with_context(|| match file {
            Some(file) => format!("cannot use the settings in {}", file.display()),
            None => "cannot use the settings in the environment".to_owned(),
        })
    }
}
