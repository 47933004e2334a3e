//! A claim as the spool keeps it: from the proof until the marketplace has answered.
//!
//! Not encrypted: but for the salt, all of it is sent.

use proto::v1;
use serde::{Deserialize, Serialize};
use telematics::{CampaignId, OwnerId, Timestamp};
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
    /// What it is paid, in micro-tokens.
    #[serde(default)]
    pub pay_micro_tokens: u64,
    /// When that is to be moved to the owner, in microseconds since 1970. Drawn when the marketplace has the claim.
    #[serde(default)]
    sweep_at_micros: Option<i64>,
    /// How far it is.
    pub state: ClaimState,
}

/// How far a claim is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClaimState {
    /// It waits for its time.
    Waiting,
    /// The marketplace has it, and has paid it to a payee that nobody knows.
    Sent,
    /// What it was paid is on the owner's account.
    Swept,
    /// The marketplace does not want it, in its words.
    Refused(String),
}

impl Claim {
    /// The claim that `proof` proves `statement`, to be sent at `due_at`, for this pay.
    #[must_use]
    pub fn new(
        statement: &Statement,
        proof: &Proof,
        salt: [u8; 16],
        due_at: Timestamp,
        pay_micro_tokens: u64,
    ) -> Self {
        Self {
            root: statement.root.to_string(),
            nullifier: statement.nullifier.to_string(),
            payee: statement.payee.to_string(),
            payee_salt: hex::encode(salt),
            proof: hex::encode(proof.to_bytes()),
            due_at_micros: due_at.as_micros(),
            pay_micro_tokens,
            sweep_at_micros: None,
            state: ClaimState::Waiting,
        }
    }

    /// Notes that the marketplace has it, and that its pay is to be moved at `sweep_at`.
    pub fn sent(&mut self, sweep_at: Timestamp) {
        self.state = ClaimState::Sent;
        self.sweep_at_micros = Some(sweep_at.as_micros());
    }

    /// When its pay is to be moved, while there is any that was not.
    #[must_use]
    pub fn sweep_at(&self) -> Option<Timestamp> {
        let is_open = self.state == ClaimState::Sent && self.pay_micro_tokens > 0;
        self.sweep_at_micros.filter(|_| is_open).map(Timestamp::from_micros)
    }

    /// The message that moves its pay to `owner`, or `None` when it is damaged.
    #[must_use]
    pub fn sweep(&self, owner: OwnerId) -> Option<v1::SweepPayeeRequest> {
        let salt = hex::decode(&self.payee_salt).ok()?;
        Some(v1::SweepPayeeRequest { owner_id: owner.to_vec(), salt })
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

/// What `claims` were paid, and how much of that is on the owner's account; in micro-tokens.
#[must_use]
pub(super) fn pay(claims: &[(CampaignId, Claim)]) -> [u64; 2] {
    let sum = |is_counted: fn(&ClaimState) -> bool| {
        let counted = claims.iter().filter(|(_, claim)| is_counted(&claim.state));
        counted.map(|(_, claim)| claim.pay_micro_tokens).fold(0, u64::saturating_add)
    };
    [
        sum(|state| matches!(state, ClaimState::Sent | ClaimState::Swept)),
        sum(|state| *state == ClaimState::Swept),
    ]
}

/// How many of `claims` wait, were sent and were refused.
#[must_use]
pub(super) fn counts(claims: &[(CampaignId, Claim)]) -> [u64; 3] {
    let mut counts = [0; 3];
    let [waiting, sent, refused] = &mut counts;
    for (_, claim) in claims {
        match claim.state {
            ClaimState::Waiting => *waiting += 1,
            ClaimState::Sent | ClaimState::Swept => *sent += 1,
            ClaimState::Refused(_) => *refused += 1,
        }
    }
    counts
}
