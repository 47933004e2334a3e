//! `keys.json`: what the files of a folder of keys are said to be.
//!
//! It pins each file by its hash and each key to the circuit it was made for. It is not believed about what
//! matters most: development keys are known by their points, whatever is written here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;

/// The file as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Where the keys come from.
    pub origin: Origin,
    /// An entry for each circuit, by its name.
    pub circuits: BTreeMap<String, Entry>,
}

/// Where keys come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// From the published seed: anyone can forge.
    Development,
    /// From a ceremony of many parties: forging takes all of them together.
    Ceremony,
}

/// The keys of one circuit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Fingerprint of the circuit that the keys were made for.
    pub circuit: Fingerprint,
    /// How many constraints it has.
    pub constraints: usize,
    /// SHA-256 of the file of its matrices.
    pub matrices: Fingerprint,
    /// SHA-256 of the proving key's file.
    pub proving_key: Fingerprint,
    /// SHA-256 of the verifying key's file, which is the key's fingerprint.
    pub verifying_key: Fingerprint,
}
