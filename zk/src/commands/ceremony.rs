//! `zk ceremony`: out to the tool that makes keys among many, and back with the key.
//!
//! **Invariant:** [`import`] writes only what [`verify`] accepted, so a key of origin `ceremony` was
//! checked twice: here against circuit and powers of tau, by snarkjs for the contributors.

use std::fs::{self, File};
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use zk::ceremony::{Powers, Zkey, check, r1cs};

use super::circuit::CircuitName;
use super::node::NodeArgs;

/// Keys from many parties: export a circuit, check what came back, import it.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum CeremonyCommand {
    /// Write a circuit as `.r1cs`, from which snarkjs makes the first key.
    ///
    ///     zk ceremony export --circuit fact --out fact.r1cs
    #[command(verbatim_doc_comment)]
    Export(ExportArgs),
    /// Check a final key: its circuit, its points, its contributors.
    ///
    ///     zk ceremony verify --circuit fact --ptau pot15.ptau --zkey fact_final.zkey
    #[command(verbatim_doc_comment)]
    Verify(VerifyArgs),
    /// Check a final key and write it as our key files.
    ///
    ///     zk ceremony import --circuit fact --ptau pot15.ptau --zkey fact_final.zkey --out keys/
    #[command(verbatim_doc_comment)]
    Import(ImportArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// Which circuit.
    #[arg(long)]
    circuit: CircuitName,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Which circuit the key must be of.
    #[arg(long)]
    circuit: CircuitName,
    /// The powers of tau that phase 2 began with, prepared for phase 2.
    #[arg(long, value_name = "FILE")]
    ptau: PathBuf,
    /// The final key.
    #[arg(long, value_name = "FILE")]
    zkey: PathBuf,
    /// The `.r1cs` that was handed round: refused when it is not what `export` writes today.
    #[arg(long, value_name = "FILE")]
    r1cs: Option<PathBuf>,
    /// The first key, before anybody contributed. Saves snarkjs from making it again.
    #[arg(long, value_name = "FILE")]
    initial: Option<PathBuf>,
    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    verify: VerifyArgs,
    /// The folder to write the key files to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Runs the subcommand; `out` is where its findings go.
pub(crate) fn run(command: CeremonyCommand, out: &mut impl Write) -> anyhow::Result<()> {
    match command {
        CeremonyCommand::Export(arguments) => export(&arguments, out),
        CeremonyCommand::Verify(arguments) => verify(&arguments, out).map(drop),
        CeremonyCommand::Import(arguments) => import(&arguments, out),
    }
}

fn export(
    ExportArgs { circuit, out: file }: &ExportArgs,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let layout = circuit.layout()?;
    fs::write(file, r1cs::write(&layout)).with_context(|| format!("writing {}", file.display()))?;
    writeln!(
        out,
        "{}: {} constraints, {} public inputs; needs powers of tau of 2^{} or more",
        file.display(),
        layout.constraints(),
        layout.public(),
        layout.domain().ilog2(),
    )?;
    Ok(())
}

fn verify(arguments: &VerifyArgs, out: &mut impl Write) -> anyhow::Result<Zkey> {
    let VerifyArgs { circuit, ptau, zkey: file, .. } = arguments;
    let layout = circuit.layout()?;
    check_r1cs(arguments, &r1cs::write(&layout))?;
    let zkey = Zkey::read(open(file)?).with_context(|| format!("reading {}", file.display()))?;
    check::check_circuit(&layout, &zkey)?;
    writeln!(out, "the key is of the circuit {}", circuit.name())?;
    check::check_record(&zkey)?;
    let rng = &mut rand::rng();
    let powers = Powers::read(open(ptau)?, layout.domain(), rng)
        .with_context(|| format!("reading {}", ptau.display()))?;
    check::check_points(&layout, &zkey.key, &powers, rng)?;
    writeln!(out, "each point is what the circuit and the powers of tau make of it")?;
    ask_snarkjs(arguments, &r1cs::write(&layout))?;
    writeln!(out, "snarkjs accepts the chain of contributions:")?;
    list(&zkey, out)?;
    Ok(zkey)
}

/// A file of another circuit may have been handed round: better to hear it here.
fn check_r1cs(arguments: &VerifyArgs, expected: &[u8]) -> anyhow::Result<()> {
    let Some(file) = &arguments.r1cs else { return Ok(()) };
    let found = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    ensure!(
        found == expected,
        "{} is not the circuit {} of this version: `zk ceremony export` writes another file",
        file.display(),
        arguments.circuit.name()
    );
    Ok(())
}

/// Has snarkjs check what only it checks: that each contributor knew the secret of his step.
fn ask_snarkjs(arguments: &VerifyArgs, r1cs: &[u8]) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("making a work folder")?;
    let circuit = folder.path().join("circuit.r1cs");
    fs::write(&circuit, r1cs).context("writing the circuit for snarkjs")?;
    let absolute = |file: &Path| {
        fs::canonicalize(file).with_context(|| format!("looking for {}", file.display()))
    };
    let (ptau, zkey) = (absolute(&arguments.ptau)?, absolute(&arguments.zkey)?);
    // The short names of `zkey verify r1cs` and `zkey verify init`.
    let command = match &arguments.initial {
        Some(initial) => ["zkvi".into(), absolute(initial)?, ptau, zkey],
        None => ["zkv".into(), circuit, ptau, zkey],
    };
    let printed = arguments
        .node
        .run_snarkjs(folder.path(), command)
        .context("snarkjs zkey verify does not accept the key")?;
    // An exit code alone could come from a version that says nothing.
    ensure!(printed.contains("ZKey Ok!"), "snarkjs did not say that the key is good:\n{printed}");
    Ok(())
}

fn list(zkey: &Zkey, out: &mut impl Write) -> anyhow::Result<()> {
    let contributions = &zkey.record.contributions;
    for (number, contribution) in (1..).zip(contributions) {
        let name = contribution.name.as_deref().unwrap_or("(no name)");
        writeln!(out, "{number}. {name:?}")?;
        writeln!(out, "   {}", hex::encode(contribution.hash()))?;
        if let Some(beacon) = &contribution.beacon {
            let value = hex::encode(&beacon.value);
            writeln!(out, "   beacon {value}, hashed 2^{} times", beacon.iterations_log2)?;
        }
    }
    if contributions.last().is_some_and(|last| last.beacon.is_none()) {
        writeln!(out, "warning: no beacon ends the ceremony, so the last contributor chose delta")?;
    }
    Ok(())
}

fn import(arguments: &ImportArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let zkey = verify(&arguments.verify, out)?;
    let circuit = arguments.verify.circuit;
    super::key_files::write(&arguments.out, circuit.name(), &zkey.key)?;
    writeln!(out, "wrote the keys of {} to {}", circuit.name(), arguments.out.display())?;
    Ok(())
}

fn open(file: &Path) -> anyhow::Result<BufReader<File>> {
    let opened = File::open(file).with_context(|| format!("opening {}", file.display()))?;
    Ok(BufReader::new(opened))
}
