//! Why campaigns refuse.

use telematics::{Campaign, CampaignId, Timestamp};
use zk::{Nullifier, Root};

use super::Terms;
use crate::epochs::EpochsError;
use crate::identity::IdentityError;
use crate::ledger::{Amount, LedgerError};

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
    /// Nobody would prove anything for it.
    #[error("`pay_per_vehicle` is {pay_per_vehicle}; a campaign pays more than zero")]
    PaysNothing {
        /// What it would pay.
        pay_per_vehicle: Amount,
    },
    /// Nobody, or more than there ever will be.
    #[error(
        "`vehicles_max` is {vehicles_max}; a campaign pays 1 to {} vehicles",
        Terms::VEHICLES_MAX
    )]
    BadVehiclesMax {
        /// How many it would pay.
        vehicles_max: u32,
    },
    /// More than an amount can hold.
    #[error(
        "{pay_per_vehicle} tokens to each of {vehicles_max} vehicles are more than can be paid"
    )]
    TooLarge {
        /// What it would pay each.
        pay_per_vehicle: Amount,
        /// How many.
        vehicles_max: u32,
    },
    /// Whoever answers would stand alone.
    #[error(
        "{vehicles} vehicles of this class take part, at least {vehicles_min} are needed so that nobody can tell \
         who answers; ask a wider class"
    )]
    TooFewVehicles {
        /// Vehicles of the class.
        vehicles: u32,
        /// Vehicles needed.
        vehicles_min: u32,
    },
    /// Two campaigns of a buyer, one subtracted from the other, would say what a few vehicles answer.
    #[error(
        "this campaign and your {other} ask about the same signal and days, of classes that differ by {vehicles} \
         vehicles: what these answer could be told from the two; ask the same class again, or one that differs by at \
         least {vehicles_min}"
    )]
    TellsApart {
        /// The campaign that is there already.
        other: CampaignId,
        /// By how many vehicles they differ.
        vehicles: u32,
        /// By how many they may.
        vehicles_min: u32,
    },
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
    /// Vehicles could not be read.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Money could not be moved.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
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
    /// A payee is for one claim.
    #[error("the payee of this claim was used before; draw another salt and prove anew")]
    PayeeUsed,
    /// Too few to hide among.
    #[error(
        "{vehicles} vehicles could have made a claim to {campaign}, fewer than the {vehicles_min} that hide who did: retry \
         when more take part"
    )]
    TooFewToHide {
        /// The campaign.
        campaign: CampaignId,
        /// How many could have, as last counted.
        vehicles: u32,
        /// How many it takes.
        vehicles_min: u32,
    },
    /// Never paid, or another owner's.
    #[error("no claim was paid to the payee of this owner and salt")]
    UnknownPayee,
    /// Not a proof, or not of this statement.
    #[error("{0}")]
    WrongProof(#[from] zk::Refused),
}
