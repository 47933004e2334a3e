//! Why rewards refuse.

use telematics::Timestamp;

use crate::archive::ArchiveError;
use crate::identity::IdentityError;
use crate::ledger::LedgerError;

/// Why a week was not closed or paid, or could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum RewardsError {
    /// No such week, or not its turn.
    #[error("there is no week {week} of rewards")]
    Unknown {
        /// The week named.
        week: u32,
    },
    /// It is still going on.
    #[error("week {week} can be closed from {closes_at} on")]
    NotOver {
        /// The week.
        week: u32,
        /// From when on.
        closes_at: Timestamp,
    },
    /// A week is closed once.
    #[error("week {week} is closed already")]
    AlreadyClosed {
        /// The week.
        week: u32,
    },
    /// It is too early to pay.
    #[error("week {week} is paid from {vests_at} on")]
    NotVested {
        /// The week.
        week: u32,
        /// From when on.
        vests_at: Timestamp,
    },
    /// A week is paid once.
    #[error("week {week} is paid already")]
    AlreadyPaid {
        /// The week.
        week: u32,
    },
    /// A row that no longer reads as what it was.
    #[error("a row of table `{table}` is damaged")]
    Damaged {
        /// The table.
        table: &'static str,
    },
    /// What vehicles did could not be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Vehicles could not be read.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Nothing could be posted.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The file of a week could not be made.
    #[error("cannot write a week as a file")]
    File(#[from] serde_json::Error),
    /// The database failed.
    #[error("cannot read or store rewards")]
    Storage(#[from] diesel::result::Error),
}
