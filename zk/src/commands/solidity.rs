//! `zk solidity`: a contract that checks proofs on an EVM.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;

use super::circuit::CircuitName;
use super::key_files;

/// Write a Solidity contract that verifies proofs of one circuit under one key.
///
///     zk solidity --keys keys/ --circuit fact --out FactVerifier.sol
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct SolidityArgs {
    /// The folder of the key files.
    #[arg(long, value_name = "DIR")]
    keys: PathBuf,
    /// Which circuit.
    #[arg(long)]
    circuit: CircuitName,
    /// The file to write; the contract is called as it is.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Writes the contract.
pub(crate) fn run(arguments: &SolidityArgs) -> anyhow::Result<()> {
    let SolidityArgs { keys, circuit, out } = arguments;
    let key = key_files::read_verifying(keys, circuit.name())?;
    let name = out.file_stem().and_then(|name| name.to_str());
    let contract = zk::solidity::contract(name.unwrap_or_default(), circuit.name(), &key)?;
    fs::write(out, contract).with_context(|| format!("writing {}", out.display()))
}
