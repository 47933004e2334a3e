//! Claims: a statement and its proof in one file, which anyone can verify.

use serde::{Deserialize, Serialize};
use telematics::CampaignId;
use telematics::ids::NotAnId;

use super::{NotText, QuestionText, ScopeText};
use crate::element::NotAnElement;
use crate::proof::{NotAProof, Proof};
use crate::statement::Statement;

/// A statement and its proof, in text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimFile {
    /// The campaign that it is made to.
    pub campaign: String,
    /// Root of the epoch tree, 32 bytes in hex. That the marketplace published it is for the reader to
    /// look up.
    pub root: String,
    /// Stands for the vehicle in the campaign, 32 bytes in hex.
    pub nullifier: String,
    /// Who is to be paid, 32 bytes in hex.
    pub payee: String,
    /// Which cars and days.
    pub scope: ScopeText,
    /// What was asked, and is proven to be so.
    pub question: QuestionText,
    /// Fingerprint of the verifying key, 32 bytes in hex.
    pub verifying_key: String,
    /// The proof, 128 bytes in hex.
    pub proof: String,
}

/// Why a file holds no claim that can be verified.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NotAClaim {
    /// Not a campaign.
    #[error(transparent)]
    Campaign(#[from] NotAnId),
    /// Not a field element.
    #[error(transparent)]
    Element(#[from] NotAnElement),
    /// Not a question or a scope.
    #[error(transparent)]
    Text(#[from] NotText),
    /// Not hex.
    #[error("`proof` is not the hex form of {} bytes", Proof::BYTES)]
    NotHex,
    /// Not a proof.
    #[error(transparent)]
    Proof(#[from] NotAProof),
}

impl ClaimFile {
    /// Writes down what was proven, under the verifying key with this fingerprint.
    #[must_use]
    pub fn new(statement: &Statement, verifying_key: &str, proof: &Proof) -> Self {
        Self {
            campaign: statement.campaign.to_string(),
            root: statement.root.to_string(),
            nullifier: statement.nullifier.to_string(),
            payee: statement.payee.to_string(),
            scope: (&statement.scope).into(),
            question: (&statement.question).into(),
            verifying_key: verifying_key.to_owned(),
            proof: hex::encode(proof.to_bytes()),
        }
    }

    /// The statement alone.
    ///
    /// # Errors
    /// Whatever is no statement is refused, by field.
    pub fn statement(&self) -> Result<Statement, NotAClaim> {
        Ok(Statement {
            root: self.root.parse()?,
            campaign: CampaignId::parse(&self.campaign)?,
            nullifier: self.nullifier.parse()?,
            payee: self.payee.parse()?,
            scope: self.scope.clone().try_into()?,
            question: self.question.clone().try_into()?,
        })
    }

    /// Statement and proof, decoded with every check. Whether the proof proves the statement, under the
    /// key that the reader trusts, is for a verifier to say.
    ///
    /// # Errors
    /// Whatever is no statement or no proof is refused, by field.
    pub fn open(&self) -> Result<(Statement, Proof), NotAClaim> {
        let mut bytes = [0; Proof::BYTES];
        hex::decode_to_slice(&self.proof, &mut bytes).or(Err(NotAClaim::NotHex))?;
        Ok((self.statement()?, Proof::from_bytes(&bytes)?))
    }
}
