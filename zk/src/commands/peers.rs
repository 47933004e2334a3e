//! How long other provers take, with the same key and the same assignment, in the same run.
//!
//! Two times are taken of each: what it says of itself inside one warm process, and what its command
//! takes from start to end, as somebody who calls it from a script sees it.
//!
//! **Invariant:** each number is of a proof that verified; a tool that fails is an error, not a fast
//! one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::ProvingKey;
use crate::ceremony::{Layout, Zkey, json, wtns};
use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use super::node::{NodeArgs, printed};

const SNARKJS_SCRIPT: &str = include_str!("peers.mjs");

/// The tools to measure.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PeerArgs {
    #[command(flatten)]
    node: NodeArgs,
    /// The program snarkrs.
    #[arg(long, value_name = "FILE", default_value = "snarkrs")]
    snarkrs: PathBuf,
}

/// What one tool costs. Times are medians, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Peer {
    /// The tool.
    pub(crate) name: &'static str,
    /// A proof inside a warm process.
    pub(crate) prove_ms: f64,
    /// A proof by the command, from start to end.
    pub(crate) prove_command_ms: f64,
    /// A verification inside a warm process, where the tool can be asked.
    pub(crate) verify_ms: Option<f64>,
    /// A verification by the command, from start to end.
    pub(crate) verify_command_ms: f64,
}

/// What is proven: the files of the tools are made from it.
pub(crate) struct Work<'a> {
    /// The key.
    pub(crate) key: &'a ProvingKey,
    /// The circuit.
    pub(crate) layout: &'a Layout,
    /// The value of each wire.
    pub(crate) assignment: &'a [ark_bn254::Fr],
    /// How often each thing is measured.
    pub(crate) runs: u32,
}

/// Measures snarkjs and snarkrs, in as many threads as they take.
pub(crate) fn measure(tools: &PeerArgs, work: &Work<'_>) -> anyhow::Result<Vec<Peer>> {
    let folder = tempfile::tempdir().context("making a work folder")?;
    let files = Files::write(folder.path(), work)?;
    let first = snarkjs(tools, &files, work.runs).context("measuring snarkjs")?;
    let second = snarkrs(&tools.snarkrs, &files, work.runs).with_context(|| {
        format!("measuring {}; zk/peers/README.md installs it", tools.snarkrs.display())
    })?;
    Ok(vec![first, second])
}

/// A folder in the layout that `snarkrs bench` reads.
struct Files {
    root: PathBuf,
    folder: PathBuf,
}

const ZKEY: &str = "circuit.zkey";
const WTNS: &str = "circuit.wtns";
const KEY: &str = "vkey.json";
const PUBLIC: &str = "public.json";
const PROOF: &str = "proof.json";

impl Files {
    fn write(root: &Path, work: &Work<'_>) -> anyhow::Result<Self> {
        let folder = root.join("circuit");
        fs::create_dir(&folder)?;
        let public = work.assignment.get(1..=work.layout.public()).context("a short assignment")?;
        let key = work.key.points();
        let script = root.join("peers.mjs");
        fs::write(script, SNARKJS_SCRIPT)?;
        fs::write(folder.join(ZKEY), Zkey::of(key.clone(), work.layout).write())?;
        fs::write(folder.join(WTNS), wtns::write(work.assignment))?;
        fs::write(folder.join(KEY), json::write_verifying_key(&key.vk))?;
        fs::write(folder.join(PUBLIC), json::write_public(public))?;
        Ok(Self { root: root.to_owned(), folder })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

fn snarkjs(tools: &PeerArgs, files: &Files, runs: u32) -> anyhow::Result<Peer> {
    #[derive(Deserialize)]
    struct Times {
        prove: Vec<f64>,
        verify: Vec<f64>,
    }
    let modules = tools.node.modules();
    let modules = modules.context("AXLE_NODE_MODULES does not say where snarkjs is")?;
    let mut script = Command::new("node");
    script.arg(files.root.join("peers.mjs")).arg(modules);
    script.args([ZKEY, WTNS, KEY].map(|name| files.file(name))).arg(runs.to_string());
    let times: Times = serde_json::from_str(&printed(&script.output().context("running node")?)?)?;
    let run = |arguments: &[&str]| {
        let printed = tools.node.run_snarkjs(&files.folder, arguments)?;
        Ok(printed)
    };
    let (prove_command_ms, verify_command_ms) = commands(runs, run)?;
    Ok(Peer {
        name: "snarkjs",
        prove_ms: median(times.prove)?,
        prove_command_ms,
        verify_ms: Some(median(times.verify)?),
        verify_command_ms,
    })
}

fn snarkrs(program: &Path, files: &Files, runs: u32) -> anyhow::Result<Peer> {
    let run = |folder: &Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        printed(&command.current_dir(folder).args(arguments).output()?)
    };
    let repeats = runs.to_string();
    let bench =
        ["bench", "--artifacts", ".", "--mode", "warm", "--reps", &repeats, "--csv", "times.csv"];
    run(&files.root, &bench)?;
    let prove_ms = median(column(&fs::read_to_string(files.root.join("times.csv"))?, "ms")?)?;
    let (prove_command_ms, verify_command_ms) =
        commands(runs, |arguments| run(&files.folder, arguments))?;
    Ok(Peer { name: "snarkrs", prove_ms, prove_command_ms, verify_ms: None, verify_command_ms })
}

/// The times of the commands `groth16 prove` and `groth16 verify`, which both tools have.
fn commands(
    runs: u32,
    run: impl Fn(&[&str]) -> anyhow::Result<String>,
) -> anyhow::Result<(f64, f64)> {
    let (mut prove, mut verify) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let started = Instant::now();
        run(&["groth16", "prove", ZKEY, WTNS, PROOF, PUBLIC])?;
        prove.push(started.elapsed().as_secs_f64() * 1e3);
        let started = Instant::now();
        let verdict = run(&["groth16", "verify", KEY, PUBLIC, PROOF])?;
        verify.push(started.elapsed().as_secs_f64() * 1e3);
        ensure!(verdict.contains("OK!"), "the proof does not verify: {verdict}");
    }
    Ok((median(prove)?, median(verify)?))
}

/// The numbers under a heading of a CSV file without quotes.
fn column(text: &str, heading: &str) -> anyhow::Result<Vec<f64>> {
    let mut lines = text.lines();
    let headings = lines.next().context("an empty CSV file")?;
    let index = headings.split(',').position(|each| each == heading);
    let index = index.with_context(|| format!("no column {heading}"))?;
    let cell = |line: &str| Ok(line.split(',').nth(index).context("a short line")?.parse()?);
    lines.map(cell).collect()
}

fn median(mut times: Vec<f64>) -> anyhow::Result<f64> {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().context("nothing was measured")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_found_by_its_heading() {
        let text = "host,rep,ms\na,0,12.5\na,1,11.5\n";

        assert_eq!(column(text, "ms").unwrap(), [12.5, 11.5]);
        assert!(column(text, "gpu_ms").is_err());
        assert!(column("", "ms").is_err());
    }

    #[test]
    fn the_median_of_nothing_is_an_error() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]).unwrap().to_bits(), 2.0_f64.to_bits());
        assert!(median(Vec::new()).is_err());
    }
}
