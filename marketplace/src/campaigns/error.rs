//! Why campaigns refuse.

use telematics::{Campaign, CampaignId, Timestamp};
use zk::{Nullifier, Root};

use crate::epochs::EpochsError;

/// Why a campaign was refused, or could not be kept.
///
/// A refusal is shown to the buyer as written, so it says what to do. The last group is our fault.
#[derive(Debug, thiserror::Error)]
pub enum CampaignsError {
    /// Nothing to call it by, or too much.
    #[error("the title has {chars} characters; write 1 to {}", Campaign::TITLE_CHARS_MAX)]
    BadTitle {
        /// How many it has.
        chars: usize,
    },
    /// A character that is not for reading, which not every database can keep.
    #[error("the title has a control character; leave it out")]
    ControlInTitle,
    /// No claim could ever be taken.
    #[error("the campaign would have closed at {closes_at}; name a time to come")]
    ClosesInThePast {
        /// When it would close.
        closes_at: Timestamp,
    },
    /// Its numbers can not be written down without being rounded.
    #[error("a bound has more digits than can be written down exactly; leave it out or round it")]
    NotExact,
    /// No such campaign.
    #[error("there is no campaign {campaign}")]
    Unknown {
        /// The campaign named.
        campaign: CampaignId,
    },
    /// Another buyer's.
    #[error("{campaign} is not your campaign")]
    NotYours {
        /// The campaign named.
        campaign: CampaignId,
    },
    /// A row that no longer reads as what it was.
    #[error("a row of table `{table}` is damaged")]
    Damaged {
        /// The table.
        table: &'static str,
    },
    /// Roots could not be looked up.
    #[error(transparent)]
    Epochs(#[from] EpochsError),
    /// The database failed.
    #[error("cannot read or store campaigns")]
    Storage(#[from] diesel::result::Error),
}

/// Why a claim was refused. Shown to the car as written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimRefusal {
    /// No such campaign.
    #[error("there is no campaign {campaign}")]
    UnknownCampaign {
        /// The campaign named.
        campaign: CampaignId,
    },
    /// Too late.
    #[error("{campaign} takes no claims since {closed_at}")]
    Closed {
        /// The campaign.
        campaign: CampaignId,
        /// When it closed.
        closed_at: Timestamp,
    },
    /// A tree that this market never had, or not at a minute's mark.
    #[error("root {root} was never published; fetch the newest root of the epoch and prove anew")]
    UnknownRoot {
        /// The root stated.
        root: Root,
    },
    /// One vehicle, one payee.
    #[error("the vehicle with nullifier {nullifier} has claimed this campaign for another payee")]
    OtherPayee {
        /// The nullifier.
        nullifier: Nullifier,
    },
    /// Not a proof, or not of this statement.
    #[error("{0}")]
    WrongProof(#[from] zk::Refused),
}
