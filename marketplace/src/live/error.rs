//! Why live streams refuse.

use telematics::{Signal, Timestamp};

use super::LiveStreamId;
use super::verbs::HOURS_MAX;
use crate::catalog::{CatalogError, DatasetId};
use crate::consent::ConsentError;
use crate::identity::IdentityError;
use crate::ledger::{Amount, LedgerError};
use crate::trade::TradeError;

/// Why a live stream was refused, or could not be kept.
///
/// A refusal is shown to the buyer as written, so it says what to do. The last group is our fault.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// Too short, or so long that owners would wait for their share.
    #[error(
        "`hours` is {hours}; a stream is open for 1 to {HOURS_MAX} hours: open another when it is over"
    )]
    BadHours {
        /// How long it would be open.
        hours: u32,
    },
    /// Not one of the dataset's.
    #[error("{signal} is not in {dataset}; name signals of the dataset, or none for all")]
    NotInDataset {
        /// Which.
        signal: Signal,
        /// The dataset.
        dataset: DatasetId,
    },
    /// Not the caller's; whether it exists is none of his business.
    #[error("you have no live stream {stream}")]
    Unknown {
        /// The stream named.
        stream: LiveStreamId,
    },
    /// Nothing is sent any more.
    #[error("{stream} ended at {ended_at}; open another")]
    Over {
        /// Which.
        stream: LiveStreamId,
        /// When it was closed, or was over.
        ended_at: Timestamp,
    },
    /// What comes next would cost more than is left.
    #[error(
        "the next rows of {stream} would cost more than its cap of {cap} tokens; open another to go on"
    )]
    CapReached {
        /// Which.
        stream: LiveStreamId,
        /// What it may cost.
        cap: Amount,
    },
    /// A row that no longer reads as what it was.
    #[error("a row of table `{table}` is damaged")]
    Damaged {
        /// The table.
        table: &'static str,
    },
    /// The dataset could not be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Consent could not be read.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// Vehicles could not be read.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Money could not be moved.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Prices could not be computed.
    #[error(transparent)]
    Trade(#[from] TradeError),
    /// The database failed.
    #[error("cannot read or store live streams")]
    Storage(#[from] diesel::result::Error),
}
