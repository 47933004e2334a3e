//! `edge-agent prove`: a statement about the latest committed window, and its proof.

use std::io::Write;
use std::num::NonZeroU64;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;
use telematics::Signal;
use telematics::value::Value;

use crate::files::{self, Readers};
use crate::spool::{KeptWindow, Spool};

/// Proves that the latest committed window of a signal lies in a range, and shows nothing else.
///
/// Stop the agent first: it has the windows open. The proof is made with DEVELOPMENT KEYS, with which
/// anyone can forge: good for trying, worth nothing. And no proof says that the sensor told the truth.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edge-agent prove \
    --signal Vehicle.Powertrain.TractionBattery.StateOfHealth \\\n      --low 80 --high 100 \
    --out proof.json --data-dir /var/lib/axle-agent")]
pub(super) struct Prove {
    /// The signal, which the owner lets prove.
    #[arg(long, value_parser = Signal::by_path)]
    signal: Signal,
    /// Lowest value, in the signal's unit.
    #[arg(long, allow_negative_numbers = true)]
    low: f64,
    /// Highest value, in the signal's unit.
    #[arg(long, allow_negative_numbers = true)]
    high: f64,
    /// Where to write the proof.
    #[arg(long)]
    out: PathBuf,
    /// Folder of the agent.
    #[arg(long)]
    data_dir: PathBuf,
}

impl Prove {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<()> {
        let signal = self.signal;
        let spool = Spool::open(&self.data_dir, NonZeroU64::MAX)?;
        let kept = spool.newest_window(signal)?.with_context(|| {
            format!(
                "no window of {signal} was committed yet; is its group ({}) on prove?",
                signal.group()
            )
        })?;
        let file = self.prove(&kept)?;
        let text = serde_json::to_vec_pretty(&file)?;
        files::replace(&self.out, &text, Readers::Everyone)?;
        writeln!(out, "DEVELOPMENT KEYS: anyone can forge this proof. It is for trying only.")?;
        writeln!(
            out,
            "{signal} from {} to {} {}: {}",
            self.low,
            self.high,
            signal.unit(),
            self.out.display()
        )?;
        Ok(())
    }

    fn prove(&self, kept: &KeptWindow) -> anyhow::Result<zk::ProofFile> {
        let (signal, decimals) = (self.signal, self.signal.decimals());
        let low = Value::from_physical(self.low, decimals)?;
        let high = Value::from_physical(self.high, decimals)?;
        ensure!(low <= high, "--low {} is above --high {}", self.low, self.high);
        let blinding = zk::Blinding::from_bytes(&kept.blinding)?;
        let commitment = zk::commit(&kept.window, blinding);
        let statement = zk::Statement::new(commitment, signal, low, high)?;
        let witness = zk::Witness { window: kept.window.clone(), blinding };

        let keys = zk::Keys::development();
        let proof = zk::prove(&keys, &statement, &witness, &mut rand::rng())?;
        zk::verify(keys.verifying(), &statement, &proof)
            .context("the proof just made does not verify")?;
        Ok(zk::ProofFile::new(&statement, kept.window.started_at, keys.verifying(), &proof))
    }
}

#[cfg(test)]
mod tests {
    use telematics::{PolicyVersion, testing};

    use super::*;
    use crate::seal::Sealer;
    use crate::spool::Cut;
    use crate::windows::Windows;

    #[test]
    fn the_latest_window_is_proven_and_a_false_statement_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut windows = Windows::default();
        let samples = testing::samples("Vehicle.Speed", 64);
        let made = samples.iter().find_map(|s| windows.push(*s, &mut rand::rng()));
        let mut cut = Cut { windows: vec![made.unwrap().1], ..Cut::default() };
        let spool = Spool::open(folder.path(), NonZeroU64::MAX).unwrap();
        let policy = telematics::Policy::new(PolicyVersion::FIRST, [].into());
        let sealer = Sealer::new(testing::vehicle(1), testing::signing_key(1));
        spool.append(&sealer, &policy, &mut cut).unwrap();
        drop(spool);

        let out = folder.path().join("proof.json");
        let prove = |high| {
            let signal = Signal::by_path("Vehicle.Speed").unwrap();
            let data_dir = folder.path().to_owned();
            let command = Prove { signal, low: 0.0, high, out: out.clone(), data_dir };
            let mut text = Vec::new();
            command.run(&mut text).map(|()| String::from_utf8(text).unwrap())
        };

        assert!(prove(0.5).unwrap_err().to_string().contains("does not hold"));
        assert!(prove(-1.0).is_err());
        assert!(!out.exists());
        assert!(prove(1.0).unwrap().contains("DEVELOPMENT KEYS"));
        assert!(std::fs::read_to_string(&out).unwrap().contains("\"high\": 100"));
    }
}
