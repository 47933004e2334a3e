//! `zk ceremony`: out to the tool that makes keys among many, and back with the key.
//!
//! **Invariant:** [`import`] writes only what [`verify`] accepted, so a key of origin `ceremony` was
//! checked twice: here against circuit and powers of tau, by snarkjs for the contributors.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use crate::ceremony::{Powers, Zkey, check, r1cs};
use crate::keys::{self, Origin};
use crate::{Circuit, ProvingKey};
use anyhow::{Context as _, ensure};

use super::circuit::{Named, named};
use super::node::NodeArgs;

/// Keys from many parties: export a circuit, check what came back, import it. See CEREMONY.md.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum CeremonyCommand {
    /// Write a circuit as `.r1cs`, from which snarkjs makes the first key.
    #[command(after_help = "Example:\n  zk ceremony export --circuit fact --out fact.r1cs")]
    Export(ExportArgs),
    /// Check a final key: its circuit, its points, its contributors.
    #[command(
        after_help = "Example:\n  zk ceremony verify --circuit fact --ptau pot15.ptau --zkey fact_final.zkey"
    )]
    Verify(VerifyArgs),
    /// Check the final key of every circuit and write them as a folder of keys.
    #[command(
        after_help = "Example:\n  zk ceremony import --ptau pot15.ptau --zkey fact=fact_final.zkey … --out keys/"
    )]
    Import(ImportArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// Which circuit.
    #[arg(long, value_name = "NAME", value_parser = named)]
    circuit: Named,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct VerifyArgs {
    /// Which circuit the key must be of.
    #[arg(long, value_name = "NAME", value_parser = named)]
    circuit: Named,
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
    tools: Tools,
}

/// What every check needs.
#[derive(Debug, clap::Args)]
struct Tools {
    /// The powers of tau that phase 2 began with, prepared for phase 2.
    #[arg(long, value_name = "FILE")]
    ptau: PathBuf,
    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ImportArgs {
    /// The final key of a circuit. Once for each circuit, or once for the rehearsal.
    #[arg(long = "zkey", value_name = "NAME=FILE", required = true, value_parser = assigned)]
    zkeys: Vec<(Named, PathBuf)>,
    /// The folder to write the key files to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    tools: Tools,
}

impl CeremonyCommand {
    pub(super) fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        match self {
            Self::Export(arguments) => export(arguments, out),
            Self::Verify(arguments) => {
                let VerifyArgs { circuit, zkey, r1cs, initial, tools } = arguments;
                if let Some(file) = r1cs {
                    check_r1cs(*circuit, file)?;
                }
                verify(*circuit, zkey, initial.as_deref(), tools, out).map(drop)
            }
            Self::Import(arguments) => import(arguments, out),
        }
    }
}

fn assigned(text: &str) -> Result<(Named, PathBuf), String> {
    let (name, file) = text.split_once('=').ok_or("write NAME=FILE, as in fact=fact.zkey")?;
    Ok((named(name)?, PathBuf::from(file)))
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

fn verify(
    circuit: Named,
    file: &Path,
    initial: Option<&Path>,
    tools: &Tools,
    out: &mut impl Write,
) -> anyhow::Result<Zkey> {
    let layout = circuit.layout()?;
    let zkey = Zkey::read(open(file)?).with_context(|| format!("reading {}", file.display()))?;
    check::check_circuit(&layout, &zkey)?;
    writeln!(out, "{}: the key is of the circuit {circuit}", file.display())?;
    check::check_record(&zkey)?;
    let rng = &mut rand::rng();
    let powers = Powers::read(open(&tools.ptau)?, layout.domain(), rng)
        .with_context(|| format!("reading {}", tools.ptau.display()))?;
    check::check_points(&layout, &zkey.key, &powers, rng)?;
    writeln!(out, "each point is what the circuit and the powers of tau make of it")?;
    ask_snarkjs(circuit, file, initial, tools)?;
    writeln!(out, "snarkjs accepts the chain of contributions:")?;
    list(&zkey, out)?;
    Ok(zkey)
}

/// A file of another circuit may have been handed round: better to hear it here.
fn check_r1cs(circuit: Named, file: &Path) -> anyhow::Result<()> {
    let found = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    ensure!(
        found == r1cs::write(&circuit.layout()?),
        "{} is not the circuit {circuit} of this version: `zk ceremony export` writes another file",
        file.display(),
    );
    Ok(())
}

/// Has snarkjs check what only it checks: that each contributor knew the secret of his step.
fn ask_snarkjs(
    circuit: Named,
    zkey: &Path,
    initial: Option<&Path>,
    tools: &Tools,
) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("making a work folder")?;
    let r1cs = folder.path().join("circuit.r1cs");
    fs::write(&r1cs, r1cs::write(&circuit.layout()?)).context("writing the circuit for snarkjs")?;
    let absolute = |file: &Path| {
        fs::canonicalize(file).with_context(|| format!("looking for {}", file.display()))
    };
    let (ptau, zkey) = (absolute(&tools.ptau)?, absolute(zkey)?);
    // The short names of `zkey verify r1cs` and `zkey verify init`.
    let command = match initial {
        Some(initial) => ["zkvi".into(), absolute(initial)?, ptau, zkey],
        None => ["zkv".into(), r1cs, ptau, zkey],
    };
    let printed = tools
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
        writeln!(out, "warning: no beacon at the end, so the last contributor could choose a key")?;
    }
    Ok(())
}

/// All keys are checked before the first is written.
fn import(arguments: &ImportArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let ImportArgs { zkeys, out: folder, tools } = arguments;
    let mut keys = BTreeMap::new();
    for (circuit, file) in zkeys {
        let zkey = verify(*circuit, file, None, tools, out)?;
        let public = circuit.layout()?.public();
        let again = keys.insert(*circuit, ProvingKey::new(zkey.key, public)?);
        ensure!(again.is_none(), "the circuit {circuit} is named twice");
    }
    if let (1, Some(key)) = (keys.len(), keys.get(&Named::Rehearsal)) {
        return write_rehearsal(folder, key, out);
    }
    let key_of = |circuit| {
        let key = keys.remove(&Named::Claim(circuit));
        Ok((circuit, key.with_context(|| format!("no --zkey of the circuit {circuit}"))?))
    };
    let complete = Circuit::ALL.map(key_of).into_iter().collect::<anyhow::Result<_>>()?;
    ensure!(keys.is_empty(), "the keys of a rehearsal are not written beside real ones");
    keys::write(folder, Origin::Ceremony, &complete)?;
    writeln!(out, "wrote the keys of the ceremony to {}", folder.display())?;
    Ok(())
}

/// Without the list that makes it a folder of keys: nobody shall make a claim under them.
fn write_rehearsal(folder: &Path, key: &ProvingKey, out: &mut impl Write) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    for (kind, bytes) in [("pk", key.to_bytes()), ("vk", key.verifying().to_bytes())] {
        let file = folder.join(Named::Rehearsal.to_string()).with_extension(kind);
        fs::write(&file, bytes).with_context(|| format!("writing {}", file.display()))?;
    }
    writeln!(out, "wrote the keys of the rehearsal to {}", folder.display())?;
    Ok(())
}

fn open(file: &Path) -> anyhow::Result<BufReader<File>> {
    let opened = File::open(file).with_context(|| format!("opening {}", file.display()))?;
    Ok(BufReader::new(opened))
}
