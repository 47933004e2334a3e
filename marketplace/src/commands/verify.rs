//! `marketplace verify`.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use zk::{Keys, ProofFile};

use super::Settings;
use crate::archive;
use crate::db::Db;

/// Checks a proof that a car's owner made with `edge-agent prove`.
///
/// The values of the window stay unknown: what is checked is that they all lie in the range stated, and
/// that this market held their commitment, and since when. A proof under the DEVELOPMENT KEYS of this
/// version can be forged by anyone; and no proof says that the sensor told the truth.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  marketplace verify proof.json --config marketplace.toml")]
pub(super) struct Verify {
    /// The file that `edge-agent prove` wrote.
    proof: PathBuf,
    #[command(flatten)]
    settings: Settings,
}

impl Verify {
    pub(super) async fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let name = self.proof.display();
        let text =
            fs::read_to_string(&self.proof).with_context(|| format!("cannot read {name}"))?;
        let file: ProofFile =
            serde_json::from_str(&text).with_context(|| format!("{name} is not a proof file"))?;
        let keys = tokio::task::spawn_blocking(Keys::development).await?;
        let (statement, proof) =
            file.open(keys.verifying()).with_context(|| format!("{name} can not be checked"))?;
        zk::verify(keys.verifying(), &statement, &proof)?;

        let db = Db::open(&self.settings.load()?.database_url())?;
        let commitment = statement.commitment();
        let known = db.read(move |conn| archive::committed(conn, commitment)).await?;
        let (window, received_at) = known.with_context(|| {
            format!("the proof holds, but no car has committed to {commitment} on this market")
        })?;
        let (signal, decimals) = (statement.signal(), statement.signal().decimals());
        let [low, high] = [statement.low(), statement.high()].map(|end| end.to_physical(decimals));
        writeln!(
            out,
            "{signal} was between {low} and {high} {} in all 64 values of the",
            signal.unit()
        )?;
        writeln!(
            out,
            "window that began at {} and was committed by {received_at}.",
            window.started_at
        )?;
        writeln!(out, "DEVELOPMENT KEYS: anyone could have forged this. It is for trying only.")?;
        Ok(())
    }
}
