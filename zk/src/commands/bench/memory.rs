//! Peak memory of a proof, in a process that does nothing else.

use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::Circuit;
use crate::keys::{Allow, Folder};
use anyhow::Context as _;

use crate::testing;

/// Runs this program again, for one proof of `circuit`, and returns its peak memory in bytes.
pub(super) fn peak(keys: &Path, circuit: Circuit) -> anyhow::Result<u64> {
    let output = Command::new(std::env::current_exe()?)
        .args(["bench", "--only-prove", "--circuit", circuit.name(), "--keys"])
        .arg(keys)
        .output()
        .context("cannot run this program again")?;
    let error = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "the process that proves failed: {error}");
    String::from_utf8_lossy(&output.stdout).trim().parse().context("it printed no number")
}

/// What that process does: as the agent does, in a pool of one thread.
pub(super) fn prove_once(
    keys: &Path,
    circuit: Circuit,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (statement, witness) = testing::honest(circuit);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    pool.install(|| -> anyhow::Result<()> {
        let prover = Folder::load(keys, Allow::DevelopmentToo)?.prover(circuit)?;
        prover.prove(&statement, &witness, &mut rand::rng())?;
        Ok(())
    })?;
    writeln!(out, "{}", high_water()?)?;
    Ok(())
}

/// The most memory this process ever held.
fn high_water() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("needs Linux")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()).context("no VmHWM")?;
    Ok(kilobytes.parse::<u64>()? * 1_024)
}
