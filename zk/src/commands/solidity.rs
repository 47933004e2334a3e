//! `zk solidity`: a contract that verifies proofs on an EVM.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::VerifyingKey;
use crate::keys::{Allow, Folder};
use anyhow::Context as _;

use super::circuit::{Named, named};

/// Writes a Solidity contract that verifies proofs of one circuit under one key.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  zk solidity --keys keys --circuit fact --out FactVerifier.sol")]
pub(crate) struct Solidity {
    /// Folder of keys.
    #[arg(long, value_name = "DIR")]
    keys: PathBuf,
    /// Which circuit.
    #[arg(long, value_name = "NAME", value_parser = named)]
    circuit: Named,
    /// The file to write. The contract is named like it.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Says that you know what development keys are: anyone can forge proofs for this contract.
    #[arg(long)]
    dev: bool,
}

impl Solidity {
    pub(super) fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let Self { keys, circuit, out: file, dev } = self;
        let allow = if *dev { Allow::DevelopmentToo } else { Allow::CeremonyOnly };
        let key = verifying_key(keys, *circuit, allow)?;
        let name = file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let contract = crate::solidity::contract(name, &circuit.to_string(), &key)?;
        fs::write(file, contract).with_context(|| format!("writing {}", file.display()))?;
        writeln!(out, "{}: verifies under the key {}", file.display(), key.fingerprint())?;
        Ok(())
    }
}

fn verifying_key(folder: &Path, circuit: Named, allow: Allow) -> anyhow::Result<VerifyingKey> {
    match circuit {
        Named::Claim(circuit) => Ok(Folder::load(folder, allow)?.verifying(circuit)?.clone()),
        Named::Rehearsal => {
            let file = folder.join(circuit.to_string()).with_extension("vk");
            let bytes = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
            Ok(VerifyingKey::from_bytes(&bytes, circuit.layout()?.public())?)
        }
    }
}
