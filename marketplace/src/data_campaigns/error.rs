//! Why data campaigns refuse.

use super::DataCampaignId;
use super::verbs::{DAYS_MAX, TITLE_CHARS_MAX};
use crate::archive::ArchiveError;
use crate::campaigns::CampaignsError;
use crate::catalog::CatalogError;
use crate::consent::ConsentError;
use crate::identity::IdentityError;
use crate::ledger::LedgerError;

/// Why a data campaign was refused, or could not be kept.
///
/// A refusal is shown as written, so it says what to do. The last group is our fault.
#[derive(Debug, thiserror::Error)]
pub enum DataCampaignsError {
    /// Nothing to call it by, or too much.
    #[error(
        "the title has {chars} characters, or one that is not for reading; write 1 to {TITLE_CHARS_MAX}"
    )]
    BadTitle {
        /// How many it has.
        chars: usize,
    },
    /// No vehicle could ever be paid, or none soon.
    #[error("`days_min` is {days_min}; a campaign asks for 1 to {DAYS_MAX} days")]
    BadDays {
        /// How many it asks for.
        days_min: u32,
    },
    /// It would be over before anybody can have collected so many days.
    #[error(
        "a campaign that asks for {days_min} days can not close at {closes_at}; name a later time"
    )]
    ClosesTooEarly {
        /// How many it asks for.
        days_min: u32,
        /// When it would close.
        closes_at: telematics::Timestamp,
    },
    /// No such campaign.
    #[error("there is no data campaign {campaign}")]
    Unknown {
        /// The campaign named.
        campaign: DataCampaignId,
    },
    /// Another buyer's.
    #[error("{campaign} is not your data campaign")]
    NotYours {
        /// The campaign named.
        campaign: DataCampaignId,
    },
    /// What it would pay is no pay.
    #[error(transparent)]
    Terms(#[from] CampaignsError),
    /// A row that no longer reads as what it was.
    #[error("a row of table `{table}` is damaged")]
    Damaged {
        /// The table.
        table: &'static str,
    },
    /// The dataset could not be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Days could not be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Consent could not be read.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// Vehicles could not be read.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Money could not be moved.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The database failed.
    #[error("cannot read or store data campaigns")]
    Storage(#[from] diesel::result::Error),
}
