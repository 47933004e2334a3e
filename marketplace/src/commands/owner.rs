//! `marketplace owner`: what owners of vehicles do themselves.
//!
//! It goes through the REST API with the owner's key, so it works from any machine and may do no more than its
//! owner.

use std::io::{self, BufRead, IsTerminal as _, Write};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Subcommand;
use indicatif::ProgressBar;
use serde_json::Value as Json;
use telematics::VehicleId;
use tokio::time::{sleep, timeout};

use super::Settings;
use super::client::{Client, text};

/// Between two looks at how far the marketplace is.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// What the owner types to say yes.
const YES: &str = "erase";

/// What owners of vehicles do themselves, with their own keys.
#[derive(Debug, Subcommand)]
pub(super) enum Owner {
    Erase(Erase),
}

impl Owner {
    pub(super) async fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        match self {
            Self::Erase(erase) => erase.run(out).await,
        }
    }
}

/// Erases everything that a vehicle sent. It can not be undone.
///
/// From the moment you say yes the vehicle can send nothing any more and nothing of it is sold. The marketplace then
/// removes its rows from every file: database, lake, the lake's log. That takes two turns of its jobs, four seconds
/// unless its operator chose otherwise, and the time to write those files anew that had the vehicle among
/// others. What stays: what you were paid, the end of its chain (so that its key can not begin another), and what
/// buyers had bought before, which can not be called back from them.
///
/// Asking again is safe, and tells how far it is. Exit code: 0 when it is erased (with --no-wait: when it is asked for),
/// 1 when the marketplace refuses or is not done in time (it goes on by itself), 2 when the command does not read.
/// Examples:
///
///   marketplace owner erase vehicle_… --key-file owner.key --url URL
///   marketplace owner erase vehicle_… --key-file owner.key --yes --json
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Erase {
    /// Such as `vehicle_0190a5b8c3d27e4f8a9b0c1d2e3f4a5b`; `GET /v1/vehicles` lists yours.
    vehicle: VehicleId,
    /// File with your key, as you got it with your account.
    #[arg(long, value_name = "FILE", env = "AXLE_OWNER_KEY_FILE")]
    key_file: PathBuf,
    /// Where the marketplace is. Default: on this machine, where the settings say.
    #[arg(long)]
    url: Option<String>,
    /// Says yes before it is asked. Needed where nobody can be asked.
    #[arg(long)]
    yes: bool,
    /// Ends when the marketplace knows, instead of when it is done.
    #[arg(long)]
    no_wait: bool,
    /// How long to wait until it is done.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, conflicts_with = "no_wait")]
    wait_seconds: u64,
    /// The last answer of the marketplace as it is, for programs.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Erase {
    async fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let vehicle = self.vehicle;
        let url = self.url.as_deref();
        let client = Client::open(("owner", &self.key_file), url, &self.settings.load()?)?;
        if !self.yes {
            if !io::stdin().is_terminal() {
                bail!(
                    "erasing {vehicle} can not be undone, and nobody is here to be asked: say --yes"
                );
            }
            confirm(vehicle, &mut io::stdin().lock(), &mut io::stderr())?;
        }
        let failed = || format!("cannot erase {vehicle}");
        let asked = client.post(&path(vehicle)).await.with_context(failed)?;
        let told =
            if self.no_wait { asked } else { self.wait(&client).await.with_context(failed)? };
        if self.json {
            writeln!(out, "{told:#}")?;
        } else {
            show(&told, out)?;
        }
        Ok(())
    }

    /// Waits until nothing is left.
    async fn wait(&self, client: &Client) -> anyhow::Result<Json> {
        // Draws on standard error, and only where people look.
        let progress = ProgressBar::new_spinner().with_message("the marketplace erases");
        let finished = async {
            loop {
                let told = client.get(&path(self.vehicle)).await?;
                if told.get("status").is_some_and(|status| status == "finished") {
                    return Ok(told);
                }
                progress.tick();
                sleep(LOOK_EVERY).await;
            }
        };
        let seconds = self.wait_seconds;
        let told = timeout(Duration::from_secs(seconds), finished).await;
        progress.finish_and_clear();
        told.unwrap_or_else(|_| {
            bail!(
                "not done after {seconds} s; the marketplace goes on by itself: ask again to see how far it is"
            )
        })
    }
}

fn path(vehicle: VehicleId) -> String {
    format!("/v1/vehicles/{vehicle}/erasure")
}

/// Asks whether it is meant.
fn confirm(
    vehicle: VehicleId,
    input: &mut impl BufRead,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    writeln!(
        out,
        "Everything that {vehicle} sent will be erased, and it can send nothing any more."
    )?;
    write!(out, "This can not be undone. Type `{YES}` to go on: ")?;
    out.flush()?;
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    if answer.trim() != YES {
        bail!("{vehicle} is as it was: nothing was erased");
    }
    Ok(())
}

fn show(told: &Json, out: &mut impl Write) -> anyhow::Result<()> {
    let field = |name: &str| text(&told[name]);
    writeln!(out, "{}", field("vehicle"))?;
    writeln!(out, "asked for  {}", field("requested_at"))?;
    match told["finished_at"].as_str() {
        Some(at) => writeln!(out, "erased     {at}")?,
        None => writeln!(out, "erased     not yet: ask again to see how far it is")?,
    }
    writeln!(out, "note       {}", field("note"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use telematics::testing::vehicle;

    use super::*;

    #[test]
    fn only_the_word_itself_is_a_yes() {
        for (answer, is_yes) in [
            ("erase\n", true),
            (" erase \n", true),
            ("", false),
            ("y\n", false),
            ("ERASE\n", false),
        ] {
            let mut asked = Vec::new();
            let confirmed = confirm(vehicle(1), &mut answer.as_bytes(), &mut asked);
            assert_eq!(confirmed.is_ok(), is_yes, "{answer:?}");
            let asked = String::from_utf8(asked).unwrap();
            assert!(asked.contains(&vehicle(1).to_string()), "{asked}");
            if let Err(error) = confirmed {
                assert!(error.to_string().contains(&vehicle(1).to_string()), "{error}");
            }
        }
    }

    #[test]
    fn people_read_how_far_it_is() {
        let told = |finished_at: Json| {
            let told = json!({
                "vehicle": "vehicle_1", "status": "requested", "requested_at": "2024-01-01T00:00:00Z",
                "finished_at": finished_at, "note": "what was sold stays sold",
            });
            let mut shown = Vec::new();
            show(&told, &mut shown).unwrap();
            String::from_utf8(shown).unwrap()
        };
        assert!(told(Json::Null).contains("not yet"));
        let done = told(json!("2024-01-01T00:00:04Z"));
        assert!(done.contains("00:00:04") && done.contains("stays sold"), "{done}");
    }
}
