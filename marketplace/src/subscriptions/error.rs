//! Why subscriptions refuse.

use super::SubscriptionId;
use super::verbs::PERIOD_SECONDS;
use crate::catalog::CatalogError;
use crate::ledger::{Amount, LedgerError};
use crate::trade::TradeError;

/// Why a subscription was refused, or could not be kept.
///
/// A refusal is shown to the buyer as written, so it says what to do. The last group is our fault.
#[derive(Debug, thiserror::Error)]
pub enum SubscriptionsError {
    /// Too often, or too rarely.
    #[error(
        "`period_seconds` is {period_seconds}; a period has {} to {} seconds",
        PERIOD_SECONDS.start(), PERIOD_SECONDS.end()
    )]
    BadPeriod {
        /// The period.
        period_seconds: u32,
    },
    /// Nothing is put in.
    #[error("{amount} tokens can not be put into a subscription: it is not more than zero")]
    NothingPutIn {
        /// What would be.
        amount: Amount,
    },
    /// Not the caller's; whether it exists is none of his business.
    #[error("you have no subscription {subscription}")]
    Unknown {
        /// The subscription named.
        subscription: SubscriptionId,
    },
    /// Nothing is ordered from it any more.
    #[error("{subscription} is closed; subscribe anew")]
    Closed {
        /// Which.
        subscription: SubscriptionId,
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
    /// Money could not be moved.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Rows could not be ordered.
    #[error(transparent)]
    Trade(#[from] TradeError),
    /// The database failed.
    #[error("cannot read or store subscriptions")]
    Storage(#[from] diesel::result::Error),
}
