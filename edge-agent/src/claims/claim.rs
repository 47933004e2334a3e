//! A claim as the spool keeps it: from the proof until the marketplace has answered.
//!
//! Not encrypted: but for the salt, all of it is sent.

use proto::v1;
use serde::{Deserialize, Serialize};
use telematics::{CampaignId, Timestamp};
use zk::{Proof, Statement};

/// A proof for a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// 32 bytes in hex, as the next two.
    root: String,
    nullifier: String,
    payee: String,
    /// 16 bytes in hex: with it the owner shows that the payee is his.
    payee_salt: String,
    /// 128 bytes in hex.
    proof: String,
    /// When it is to be sent, in microseconds since 1970. Drawn once, so that restarts tell nothing.
    due_at_micros: i64,
    /// How far it is.
    pub state: ClaimState,
}

/// How far a claim is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimState {
    /// It waits for its time.
    Waiting,
    /// The marketplace has it.
    Sent,
    /// The marketplace does not want it, in its words.
    Refused(String),
}

impl Claim {
    /// The claim that `proof` proves `statement`, to be sent at `due_at`.
    #[must_use]
    pub fn new(statement: &Statement, proof: &Proof, salt: [u8; 16], due_at: Timestamp) -> Self {
        Self {
            root: statement.root.to_string(),
            nullifier: statement.nullifier.to_string(),
            payee: statement.payee.to_string(),
            payee_salt: hex::encode(salt),
            proof: hex::encode(proof.to_bytes()),
            due_at_micros: due_at.as_micros(),
            state: ClaimState::Waiting,
        }
    }

    /// When it is to be sent.
    #[must_use]
    pub const fn due_at(&self) -> Timestamp {
        Timestamp::from_micros(self.due_at_micros)
    }

    /// True when it waits and its time has come.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.state == ClaimState::Waiting && self.due_at() <= now
    }

    /// The message that carries it, or `None` when it is damaged.
    #[must_use]
    pub fn request(&self, campaign: CampaignId) -> Option<v1::SubmitClaimRequest> {
        let bytes = |text: &str| hex::decode(text).ok();
        Some(v1::SubmitClaimRequest {
            campaign_id: campaign.to_vec(),
            root: bytes(&self.root)?,
            nullifier: bytes(&self.nullifier)?,
            payee: bytes(&self.payee)?,
            proof: bytes(&self.proof)?,
        })
    }
}

/// How many of `claims` wait, were sent and were refused.
#[must_use]
pub fn counts(claims: &[(CampaignId, Claim)]) -> [u64; 3] {
    let mut counts = [0; 3];
    let [waiting, sent, refused] = &mut counts;
    for (_, claim) in claims {
        match claim.state {
            ClaimState::Waiting => *waiting += 1,
            ClaimState::Sent => *sent += 1,
            ClaimState::Refused(_) => *refused += 1,
        }
    }
    counts
}
