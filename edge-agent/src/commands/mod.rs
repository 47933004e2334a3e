//! The command line: one file per command.
//!
//! Parses, calls one thing, prints. `quickstart` embeds the same [`Cli`] as a subcommand.

mod ask;
mod consent;
mod dbc;
mod decode;
mod enroll;
mod logging;
mod pause;
mod prove;
mod record;
mod run;
mod simulate;
mod status;

use clap::{Args, Parser, Subcommand};

/// Reads a car's CAN bus, keeps what its owner does not share, and streams the rest, signed.
#[derive(Debug, Parser)]
#[command(name = "edge-agent", version, about)]
pub struct Cli {
    #[command(flatten)]
    agent: Agent,
}

/// The commands of an edge agent, for a program that embeds them.
#[derive(Debug, Args)]
pub struct Agent {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Enroll(enroll::Enroll),
    Run(run::Run),
    Ask(ask::Ask),
    Decode(decode::Decode),
    Dbc(dbc::DbcCommand),
    Simulate(simulate::Simulate),
    Record(record::Record),
    Status(status::Status),
    Consent(consent::Consent),
    Pause(pause::Pause),
    Resume(pause::Resume),
    Prove(Box<prove::Prove>),
}

impl Cli {
    /// Runs the command given.
    ///
    /// # Errors
    /// With a message for the owner.
    pub async fn run(self) -> anyhow::Result<()> {
        self.agent.run().await
    }
}

impl Agent {
    /// Runs the command given.
    ///
    /// # Errors
    /// With a message for the owner.
    pub async fn run(self) -> anyhow::Result<()> {
        let out = std::io::stdout;
        match self.command {
            Command::Enroll(command) => command.run().await,
            Command::Run(command) => command.run().await,
            Command::Ask(command) => command.run(&mut out()).await,
            Command::Decode(command) => command.run(&mut out().lock()),
            Command::Dbc(command) => command.run(&mut out().lock()),
            Command::Simulate(command) => command.run().await,
            Command::Record(command) => command.run(&mut out()).await,
            Command::Status(command) => command.run(&mut out().lock()),
            Command::Consent(command) => command.run(&mut out().lock()),
            Command::Pause(command) => command.run(&mut out()).await,
            Command::Resume(command) => command.run(&mut out()).await,
            Command::Prove(command) => command.run(&mut out()).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_command_teaches_with_an_example() {
        Cli::command().debug_assert();
        for command in Cli::command().get_subcommands() {
            let help = command.clone().render_long_help().to_string();
            assert!(help.contains("Example"), "{}", command.get_name());
        }
    }
}
