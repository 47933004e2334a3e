//! The verifying keys under which this market takes proofs, and what has to be said where one is shown.
//!
//! **Invariant:** holding [`Keys`] means that every key was checked: pinned by its hash, of the circuit
//! compiled in, and not for development unless the operator allowed that.
//!
//! **Not here:** where keys come from (`zk`), and claims ([`crate::campaigns`]).

use std::collections::BTreeMap;
use std::path::Path;

use rand::CryptoRng;
use zk::keys::{Allow, Folder, FolderError, Origin};
use zk::{Circuit, Fingerprint, Refused, Statement, Verifier, VerifyingKey};

/// The keys of all circuits, ready to verify with.
#[derive(Clone, Debug)]
pub struct Keys {
    origin: Origin,
    verifiers: BTreeMap<Circuit, Verifier>,
}

impl Keys {
    /// Reads and checks the keys in `folder`.
    ///
    /// # Errors
    /// Files that are missing or not the pinned ones, keys of other circuits, and development keys unless
    /// `allow_development`, are refused by name.
    pub fn open(folder: &Path, allow_development: bool) -> Result<Self, FolderError> {
        let allow = if allow_development { Allow::DevelopmentToo } else { Allow::CeremonyOnly };
        let folder = Folder::load(folder, allow)?;
        let verifier = |circuit| Ok::<_, FolderError>((circuit, folder.verifier(circuit)?));
        let verifiers = Circuit::ALL.into_iter().map(verifier).collect::<Result<_, _>>()?;
        Ok(Self { origin: folder.origin(), verifiers })
    }

    /// Whether anyone can forge under them.
    #[must_use]
    pub fn are_for_development(&self) -> bool {
        self.origin == Origin::Development
    }

    /// The key of each circuit.
    pub fn iter(&self) -> impl Iterator<Item = (Circuit, &VerifyingKey)> {
        self.verifiers.iter().map(|(circuit, verifier)| (*circuit, verifier.key()))
    }

    /// The key of `circuit`.
    #[must_use]
    pub fn key(&self, circuit: Circuit) -> Option<&VerifyingKey> {
        self.verifiers.get(&circuit).map(Verifier::key)
    }

    /// Verifies claims of `circuit` together, and names the key that they were verified under.
    pub fn verify(
        &self,
        circuit: Circuit,
        claims: &[(&Statement, &[u8])],
        rng: &mut impl CryptoRng,
    ) -> Vec<Result<Fingerprint, Refused>> {
        let Some(verifier) = self.verifiers.get(&circuit) else { return Vec::new() };
        let key = verifier.key().fingerprint();
        let verdicts = verifier.verify_received(claims, rng);
        verdicts.into_iter().map(|verdict| verdict.map(|()| key)).collect()
    }
}
