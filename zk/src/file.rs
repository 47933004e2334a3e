//! A proof with its statement, as the file that a car's owner hands to a buyer.
//!
//! JSON, so that programs of any kind can read it: numbers in fixed point at the signal's decimals, bytes
//! in hex.
//!
//! **Invariant:** [`ProofFile::open`] returns only what decodes with every check; the file names the
//! keys it was made with, and a file of other keys is refused before anything is verified.

use serde::{Deserialize, Serialize};
use telematics::value::Value;
use telematics::vss::UnknownSignal;
use telematics::window::Commitment;
use telematics::{Signal, Timestamp};

use crate::fingerprint::Fingerprint;
use crate::keys::VerifyingKey;
use crate::proof::{NotAProof, Proof};
use crate::statement::{NotAStatement, Statement};

/// A statement and its proof, in text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofFile {
    /// VSS path of the signal.
    pub signal: String,
    /// When the window began, RFC 3339. Bound by the commitment, but not among the public inputs: the
    /// market's record of the commitment says it too.
    pub started_at: String,
    /// The committed window: 32 bytes, in hex.
    pub commitment: String,
    /// Lowest value, in fixed point at the signal's decimals.
    pub low: i64,
    /// Highest value, likewise.
    pub high: i64,
    /// Fingerprint of the verifying key, in hex.
    pub keys_fingerprint: String,
    /// The proof: 128 bytes, in hex.
    pub proof: String,
}

/// Why a file holds no proof that can be checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAProofFile {
    /// A field is not the hex of the bytes it should be.
    #[error("`{field}` is not the hex form of {bytes} bytes")]
    NotHex {
        /// The field.
        field: &'static str,
        /// Bytes it should have.
        bytes: usize,
    },
    /// Made with keys that the reader does not use.
    #[error(
        "made with the keys {stated}, but the keys here are {expected}; ask for a proof under these"
    )]
    OtherKeys {
        /// In the file.
        stated: String,
        /// The reader's.
        expected: Fingerprint,
    },
    /// Not a signal of the catalogue.
    #[error(transparent)]
    UnknownSignal(#[from] UnknownSignal),
    /// States nothing.
    #[error(transparent)]
    NotAStatement(#[from] NotAStatement),
    /// Not a proof.
    #[error(transparent)]
    NotAProof(#[from] NotAProof),
}

impl ProofFile {
    /// Writes down what was proven.
    #[must_use]
    pub fn new(
        statement: &Statement,
        started_at: Timestamp,
        key: &VerifyingKey,
        proof: &Proof,
    ) -> Self {
        Self {
            signal: statement.signal().path().to_owned(),
            started_at: started_at.to_string(),
            commitment: statement.commitment().to_string(),
            low: statement.low().raw(),
            high: statement.high().raw(),
            keys_fingerprint: key.fingerprint().to_string(),
            proof: hex::encode(proof.to_bytes()),
        }
    }

    /// Decodes statement and proof, for [`crate::Verifier`] under `key`.
    ///
    /// # Errors
    /// A file of other keys, and anything that does not decode with every check, is refused.
    pub fn open(&self, key: &VerifyingKey) -> Result<(Statement, Proof), NotAProofFile> {
        let expected = key.fingerprint();
        if self.keys_fingerprint != expected.to_string() {
            return Err(NotAProofFile::OtherKeys {
                stated: self.keys_fingerprint.clone(),
                expected,
            });
        }
        let commitment = Commitment(from_hex("commitment", &self.commitment)?);
        let (low, high) = (Value::from_raw(self.low), Value::from_raw(self.high));
        let statement = Statement::new(commitment, Signal::by_path(&self.signal)?, low, high)?;
        let proof = Proof::from_bytes(&from_hex::<{ Proof::BYTES }>("proof", &self.proof)?)?;
        Ok((statement, proof))
    }
}

fn from_hex<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], NotAProofFile> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).or(Err(NotAProofFile::NotHex { field, bytes: N }))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{honest, keys, prover, rng};

    fn file() -> ProofFile {
        let (statement, witness) = honest();
        let proof = prover().prove(&statement, &witness, &mut rng(1)).unwrap();
        ProofFile::new(&statement, witness.window.started_at, keys().verifying(), &proof)
    }

    #[test]
    fn what_was_written_verifies_when_read() {
        let (statement, proof) = file().open(keys().verifying()).unwrap();

        assert_eq!(statement, honest().0);
        assert_eq!(prover().verifier().verify(&statement, &proof), Ok(()));
    }

    #[test]
    fn a_file_that_says_something_else_does_not_verify() {
        let honest = file();
        let other = ProofFile { low: honest.low + 1, ..honest };
        let (statement, proof) = other.open(keys().verifying()).unwrap();

        assert!(prover().verifier().verify(&statement, &proof).is_err());
    }

    #[test]
    fn what_does_not_decode_is_refused_by_field() {
        let honest = file();
        let text = |text: &str| text.to_owned();
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (ProofFile { keys_fingerprint: text("00"), ..honest.clone() },        "made with the keys 00"),
            (ProofFile { signal: text("Vehicle.Mood"), ..honest.clone() },        "Vehicle.Mood"),
            (ProofFile { commitment: text("abcd"), ..honest.clone() },            "`commitment`"),
            (ProofFile { commitment: "ff".repeat(32), ..honest.clone() },         "nothing can be proven"),
            (ProofFile { high: honest.low - 1, ..honest.clone() },                "is empty"),
            (ProofFile { proof: text("zz"), ..honest.clone() },                   "`proof`"),
            (ProofFile { proof: "ff".repeat(Proof::BYTES), ..honest.clone() },    "not three points"),
        ];
        for (file, expected) in cases {
            let error = file.open(keys().verifying()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
