//! Writing a folder of keys, which `folder.rs` reads.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::folder::{Folder, FolderError, matrices_file, proving_file, verifying_file};
use super::key::ProvingKey;
use super::manifest::{Entry, Manifest, Origin};
use crate::circuit::{Circuit, ClaimCircuit};
use crate::fingerprint::Fingerprint;
use crate::groth16::Matrices;

/// Writes a folder of keys, the list last: a folder without it is not one.
///
/// # Errors
/// Refused when there is a list of keys already, or a file can not be written.
pub fn write(
    path: &Path,
    origin: Origin,
    keys: &BTreeMap<Circuit, ProvingKey>,
) -> Result<(), FolderError> {
    let list = path.join(Folder::MANIFEST);
    if list.exists() {
        return Err(FolderError::Exists { file: list });
    }
    let cannot = |file: &Path, source| FolderError::Write { file: file.to_owned(), source };
    fs::create_dir_all(path).map_err(|source| cannot(path, source))?;
    let mut circuits = BTreeMap::new();
    for (circuit, key) in keys {
        let matrices = matrices(*circuit)?;
        let (proving, verifying) = (key.to_bytes(), key.verifying().to_bytes());
        let stored = matrices.to_bytes();
        for (file, bytes) in [
            (proving_file(path, *circuit), &proving),
            (verifying_file(path, *circuit), &verifying),
            (matrices_file(path, *circuit), &stored),
        ] {
            fs::write(&file, bytes).map_err(|source| cannot(&file, source))?;
        }
        let entry = Entry {
            circuit: matrices.fingerprint(),
            constraints: matrices.constraints(),
            matrices: Fingerprint::of(&stored),
            proving_key: Fingerprint::of(&proving),
            verifying_key: Fingerprint::of(&verifying),
        };
        circuits.insert(circuit.name().to_owned(), entry);
    }
    let json = serde_json::to_string_pretty(&Manifest { origin, circuits });
    let json = json.map_err(|source| cannot(&list, source.into()))?;
    fs::write(&list, json + "\n").map_err(|source| cannot(&list, source))
}

fn matrices(circuit: Circuit) -> Result<Matrices, FolderError> {
    let matrices = Matrices::of(ClaimCircuit::blank(circuit));
    matrices.map_err(|source| FolderError::Circuit { circuit, source })
}
