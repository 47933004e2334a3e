//! A folder of keys: `keys.json`, and for each circuit its proving key (`fact.pk`), its verifying key (`fact.vk`) and its
//! matrices (`fact.matrices`), which a prover needs as well.
//!
//! The only file access of this crate outside its commands.
//!
//! **Invariant:** a [`Folder`] was checked: each verifying key has the hash that `keys.json` pins, has no flaw, and is of
//! the circuit that is compiled in; development keys are there only if the caller allowed them. Proving keys are large,
//! so they are read and checked when asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use super::development::is_development;
use super::key::{NotAKey, ProvingKey, VerifyingKey};
use super::manifest::{Entry, Manifest, Origin};
use crate::circuit::Circuit;
use crate::fingerprint::Fingerprint;
use crate::groth16::{Matrices, NoMatrices, NoProver, NotMatrices, Prover, Verifier};

/// Which keys a caller takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allow {
    /// Only keys that convince somebody.
    CeremonyOnly,
    /// Also keys with which anyone can forge.
    DevelopmentToo,
}

/// A folder of keys, checked.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    manifest: Manifest,
    origin: Origin,
    verifying: BTreeMap<Circuit, VerifyingKey>,
}

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

impl Folder {
    /// Name of the list of keys.
    pub const MANIFEST: &'static str = "keys.json";

    /// Reads the verifying keys of `path` and checks them.
    ///
    /// # Errors
    /// Refused when a file is missing or not the pinned one, when a key is flawed or of another circuit than the
    /// one compiled in, and when the keys are for development and `allow` says no.
    pub fn load(path: &Path, allow: Allow) -> Result<Self, FolderError> {
        let file = path.join(Self::MANIFEST);
        let manifest: Manifest = serde_json::from_slice(&read(&file)?)
            .map_err(|source| FolderError::NotAManifest { file, source })?;
        let mut folder = Self {
            path: path.to_owned(),
            origin: manifest.origin,
            manifest,
            verifying: BTreeMap::new(),
        };
        for circuit in Circuit::ALL {
            let key = folder.read_verifying(circuit)?;
            if is_development(&key) {
                folder.origin = Origin::Development;
            }
            folder.verifying.insert(circuit, key);
        }
        if folder.origin == Origin::Development && allow == Allow::CeremonyOnly {
            return Err(FolderError::DevelopmentKeys { folder: folder.path });
        }
        Ok(folder)
    }

    /// Where the keys come from, by their points rather than by what `keys.json` says.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        self.origin
    }

    /// What `keys.json` says.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The verifying key of `circuit`.
    ///
    /// # Errors
    /// None in practice: a folder without the keys of a circuit is not loaded.
    pub fn verifying(&self, circuit: Circuit) -> Result<&VerifyingKey, FolderError> {
        self.verifying.get(&circuit).ok_or_else(|| self.missing(circuit))
    }

    /// Reads the proving key of `circuit`, whose every point is checked.
    ///
    /// # Errors
    /// Refused when its file is missing or not the pinned one, when a point is not of its group, and when it does not
    /// belong to the verifying key.
    pub fn proving(&self, circuit: Circuit) -> Result<ProvingKey, FolderError> {
        self.read_proving(circuit, ProvingKey::from_bytes)
    }

    /// Reads the proving key of `circuit`, trusting its hash for the points. Quicker than
    /// [`Self::proving`]; for a folder that was checked as a whole when it was installed.
    ///
    /// # Errors
    /// Refused when its file is missing or not the pinned one, and when it does not belong to the verifying key.
    pub fn pinned_proving(&self, circuit: Circuit) -> Result<ProvingKey, FolderError> {
        self.read_proving(circuit, ProvingKey::from_pinned_bytes)
    }

    /// A verifier of `circuit`.
    ///
    /// # Errors
    /// None in practice: a folder without the keys of a circuit is not loaded.
    pub fn verifier(&self, circuit: Circuit) -> Result<Verifier, FolderError> {
        let key = self.verifying(circuit)?.clone();
        Verifier::new(circuit, key).or_else(|_| Err(self.missing(circuit)))
    }

    /// A prover of `circuit`, from its pinned proving key and its matrices.
    ///
    /// # Errors
    /// Refused when a file is missing or not the pinned one, or the matrices are not those of the circuit that is
    /// compiled in.
    pub fn prover(&self, circuit: Circuit) -> Result<Prover, FolderError> {
        let matrices = self.matrices(circuit)?;
        let key = Arc::new(self.pinned_proving(circuit)?);
        Ok(Prover::with_matrices(circuit, key, matrices)?)
    }

    /// Reads the matrices of `circuit`.
    ///
    /// # Errors
    /// Refused when their file is missing or not the pinned one, or they are not those of the circuit that is compiled in.
    pub fn matrices(&self, circuit: Circuit) -> Result<Matrices, FolderError> {
        let file = matrices_file(&self.path, circuit);
        let bytes = read_pinned(&file, self.entry(circuit)?.matrices)?;
        let matrices = Matrices::from_bytes(&bytes)
            .map_err(|source| FolderError::NotMatrices { file, source })?;
        let (keys, compiled) = (matrices.fingerprint(), circuit.fingerprint());
        if keys != compiled {
            return Err(FolderError::OtherCircuit { circuit, keys, compiled });
        }
        Ok(matrices)
    }

    /// The file of a circuit's proving key.
    #[must_use]
    pub fn proving_file(&self, circuit: Circuit) -> PathBuf {
        proving_file(&self.path, circuit)
    }

    /// The file of a circuit's verifying key.
    #[must_use]
    pub fn verifying_file(&self, circuit: Circuit) -> PathBuf {
        verifying_file(&self.path, circuit)
    }

    fn read_proving(
        &self,
        circuit: Circuit,
        decode: fn(&[u8], usize) -> Result<ProvingKey, NotAKey>,
    ) -> Result<ProvingKey, FolderError> {
        let file = self.proving_file(circuit);
        let bytes = read_pinned(&file, self.entry(circuit)?.proving_key)?;
        let key = decode(&bytes, circuit.public_inputs());
        let key = key.map_err(|source| FolderError::NotAKey { file: file.clone(), source })?;
        if key.verifying() != self.verifying(circuit)? {
            return Err(FolderError::NotAPair { file });
        }
        Ok(key)
    }

    fn read_verifying(&self, circuit: Circuit) -> Result<VerifyingKey, FolderError> {
        let entry = self.entry(circuit)?;
        let compiled = circuit.fingerprint();
        if entry.circuit != compiled {
            return Err(FolderError::OtherCircuit { circuit, keys: entry.circuit, compiled });
        }
        let file = self.verifying_file(circuit);
        let bytes = read_pinned(&file, entry.verifying_key)?;
        let key = VerifyingKey::from_bytes(&bytes, circuit.public_inputs());
        key.map_err(|source| FolderError::NotAKey { file, source })
    }

    /// What `keys.json` says of `circuit`.
    ///
    /// # Errors
    /// None in practice: a folder without the keys of a circuit is not loaded.
    pub fn entry(&self, circuit: Circuit) -> Result<&Entry, FolderError> {
        self.manifest.circuits.get(circuit.name()).ok_or_else(|| self.missing(circuit))
    }

    fn missing(&self, circuit: Circuit) -> FolderError {
        FolderError::Missing { folder: self.path.clone(), circuit }
    }
}

pub(super) fn proving_file(folder: &Path, circuit: Circuit) -> PathBuf {
    folder.join(circuit.name()).with_extension("pk")
}

pub(super) fn verifying_file(folder: &Path, circuit: Circuit) -> PathBuf {
    folder.join(circuit.name()).with_extension("vk")
}

pub(super) fn matrices_file(folder: &Path, circuit: Circuit) -> PathBuf {
    folder.join(circuit.name()).with_extension("matrices")
}

fn read(file: &Path) -> Result<Vec<u8>, FolderError> {
    fs::read(file).map_err(|source| FolderError::Read { file: file.to_owned(), source })
}

fn read_pinned(file: &Path, expected: Fingerprint) -> Result<Vec<u8>, FolderError> {
    let bytes = read(file)?;
    let actual = Fingerprint::of(&bytes);
    if actual != expected {
        return Err(FolderError::OtherFile { file: file.to_owned(), actual, expected });
    }
    Ok(bytes)
}
