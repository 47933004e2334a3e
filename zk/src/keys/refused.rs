//! Why a folder of keys was refused.

use std::io;
use std::path::PathBuf;

use super::key::NotAKey;
use crate::circuit::Circuit;
use crate::fingerprint::Fingerprint;
use crate::groth16::{KeyOfAnotherCircuit, NoMatrices, NoProver, NotMatrices};

/// Why a folder of keys was refused, or could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file that is not there, or can not be read.
    #[error("can not read {}; `zk setup --dev` makes keys for development", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that can not be written.
    #[error("can not write {}", file.display())]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There are keys already.
    #[error("{} exists already: choose an empty folder", file.display())]
    Exists {
        /// The file.
        file: PathBuf,
    },
    /// `keys.json` is something else.
    #[error("{} is not a list of keys", file.display())]
    NotAManifest {
        /// The file.
        file: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A circuit without keys.
    #[error("{} has no keys of circuit {circuit}", folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// The circuit.
        circuit: Circuit,
    },
    /// A file was damaged, or exchanged.
    #[error("{} has the SHA-256 {actual}, not {expected} as keys.json says: fetch it again", file.display())]
    OtherFile {
        /// The file.
        file: PathBuf,
        /// Of its bytes.
        actual: Fingerprint,
        /// In `keys.json`.
        expected: Fingerprint,
    },
    /// The keys are of another version of the circuit.
    #[error(
        "the keys of circuit {circuit} were made for version {keys} of it, but this program has \
         version {compiled}: fetch the keys that belong to this program"
    )]
    OtherCircuit {
        /// The circuit.
        circuit: Circuit,
        /// In `keys.json`.
        keys: Fingerprint,
        /// In this program.
        compiled: Fingerprint,
    },
    /// A circuit that could not be laid out.
    #[error("circuit {circuit} can not be laid out")]
    Circuit {
        /// The circuit.
        circuit: Circuit,
        /// Why.
        source: NoMatrices,
    },
    /// A file that holds no matrices.
    #[error("{} holds no matrices", file.display())]
    NotMatrices {
        /// The file.
        file: PathBuf,
        /// Why.
        source: NotMatrices,
    },
    /// A verifying key that does not fit its circuit.
    #[error(transparent)]
    KeyOfAnotherCircuit(#[from] KeyOfAnotherCircuit),
    /// Key and matrices do not belong together.
    #[error(transparent)]
    NoProver(#[from] NoProver),
    /// A file that holds no key.
    #[error("{} holds no key", file.display())]
    NotAKey {
        /// The file.
        file: PathBuf,
        /// Why.
        source: NotAKey,
    },
    /// A proving key with another verifying key inside.
    #[error("{} does not belong to the verifying key beside it", file.display())]
    NotAPair {
        /// The file.
        file: PathBuf,
    },
    /// Keys with which anyone can forge, and a caller who does not want them.
    #[error(
        "the keys in {} are for development: anyone can forge proofs under them. Install the keys of \
         a ceremony, or allow development keys where nothing is at stake (`allow_dev_keys = true`)",
        folder.display()
    )]
    DevelopmentKeys {
        /// The folder.
        folder: PathBuf,
    },
}
