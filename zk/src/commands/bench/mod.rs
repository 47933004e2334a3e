//! `zk bench`: what proving and verifying cost on this machine.
//!
//! Two numbers matter: the time and memory of a proof on the small computer in a car, and how many
//! proofs a second one core of a marketplace checks.

mod measure;
mod memory;
mod report;

use std::io::Write;
use std::path::PathBuf;

use crate::ceremony::Layout;
use crate::groth16;
use crate::keys::{self, Allow, Folder, Origin};
use crate::{Circuit, ClaimCircuit, Prover};
use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};

use self::measure::Measured;
use super::peers::{self, PeerArgs};

/// Measures proving and verifying on this machine, for every circuit.
///
/// Proofs are made in one thread and in two, verified in one. Peak memory is that of a process that
/// reads a key and makes one proof. Run it in a release build and on a quiet machine: `cargo run
/// --release -p zk -- bench`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    zk bench                       a table\n  \
    zk bench --json > bench.json   the same for programs\n  \
    zk bench --keys keys -n 21     with keys that are there, and steadier medians")]
pub(crate) struct Bench {
    /// How often each thing is measured; the median is shown.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Folder of keys. Without it, development keys are made first.
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// Only this circuit.
    #[arg(long, value_name = "NAME", value_parser = circuit)]
    circuit: Option<Circuit>,
    /// Measures snarkjs and snarkrs too, with the same keys and claims. zk/peers/README.md installs them.
    #[arg(long)]
    peers: bool,
    #[command(flatten)]
    tools: PeerArgs,
    /// Prints JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Makes one proof of the circuit and prints the peak memory of this process in bytes: what the
    /// bench runs as a process of its own.
    #[arg(long, hide = true, requires_all = ["keys", "circuit"])]
    only_prove: bool,
}

impl Bench {
    pub(super) fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let made;
        let folder = if let Some(folder) = &self.keys {
            folder.as_path()
        } else {
            made = tempfile::tempdir().context("cannot make a folder for keys")?;
            let keys = super::setup::development_keys()?;
            keys::write(made.path(), Origin::Development, &keys)?;
            made.path()
        };
        if let (true, Some(circuit)) = (self.only_prove, self.circuit) {
            return memory::prove_once(folder, circuit, out);
        }
        let measured = self.measure(folder)?;
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &measured)?;
            writeln!(out)?;
        } else {
            report::write(&measured, out)?;
        }
        Ok(())
    }

    fn measure(&self, keys: &std::path::Path) -> anyhow::Result<Vec<Measured>> {
        let circuits: Vec<_> = Circuit::ALL
            .into_iter()
            .filter(|each| self.circuit.is_none_or(|one| one == *each))
            .collect();
        let bar = ProgressBar::new(u64::try_from(circuits.len())?);
        bar.set_style(ProgressStyle::with_template("{bar:20} {pos}/{len}, {msg} ({elapsed})")?);
        bar.enable_steady_tick(std::time::Duration::from_millis(200));
        let folder = Folder::load(keys, Allow::DevelopmentToo)?;
        let mut all = Vec::new();
        for circuit in circuits {
            bar.set_message(format!("measuring circuit {circuit}"));
            let prover = folder.prover(circuit)?;
            let mut measured = measure::measure(&prover, memory::peak(keys, circuit)?, self.runs)?;
            if self.peers {
                bar.set_message(format!("measuring others on circuit {circuit}"));
                measured.peers = self.measure_peers(&prover)?;
            }
            all.push(measured);
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(all)
    }

    fn measure_peers(&self, prover: &Prover) -> anyhow::Result<Vec<peers::Peer>> {
        let (statement, witness) = crate::testing::honest(prover.circuit());
        let layout = Layout::from(prover.matrices());
        let assignment = groth16::assignment(ClaimCircuit::new(&statement, &witness)?)?;
        let (key, runs) = (prover.key(), self.runs);
        let work = peers::Work { key, layout: &layout, assignment: &assignment, runs };
        peers::measure(&self.tools, &work)
    }
}

fn circuit(name: &str) -> Result<Circuit, String> {
    let names: Vec<_> = Circuit::ALL.iter().map(|circuit| circuit.name()).collect();
    let found = Circuit::ALL.into_iter().find(|circuit| circuit.name() == name);
    found.ok_or_else(|| format!("there is no circuit {name}, only {}", names.join(", ")))
}
