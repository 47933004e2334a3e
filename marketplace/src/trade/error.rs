//! Why trade refuses.

use telematics::Timestamp;

use super::{OrderId, QuoteId};
use crate::catalog::{CatalogError, DatasetId};
use crate::consent::ConsentError;
use crate::identity::IdentityError;
use crate::ledger::LedgerError;

/// Why a quote or an order was refused, or could not be kept.
///
/// A refusal is shown to the buyer as written, so it says what to do. The last group is our fault.
#[derive(Debug, thiserror::Error)]
pub enum TradeError {
    /// Somebody would stand alone in it.
    #[error(
        "{vehicles} vehicles share everything in {dataset} now, at least {vehicles_min} are needed \
         to sell it; ask again when more take part"
    )]
    TooFewVehicles {
        /// The dataset.
        dataset: DatasetId,
        /// Vehicles that could be sold.
        vehicles: u64,
        /// Vehicles needed.
        vehicles_min: u32,
    },
    /// More than an amount can hold.
    #[error("{rows} rows of {dataset} cost more than can be paid")]
    TooLarge {
        /// The dataset.
        dataset: DatasetId,
        /// Rows asked for.
        rows: u64,
    },
    /// Not the caller's quote; whether it exists is none of his business.
    #[error("you have no quote {quote}")]
    UnknownQuote {
        /// The quote named.
        quote: QuoteId,
    },
    /// Prices are held for a while only.
    #[error("{quote} could be bought until {expired_at}; ask for a new one")]
    Expired {
        /// The quote.
        quote: QuoteId,
        /// When it ended.
        expired_at: Timestamp,
    },
    /// One quote, one order.
    #[error("{quote} was bought before, as {order}; ask for a new quote to buy again")]
    AlreadyBought {
        /// The quote.
        quote: QuoteId,
        /// Its order.
        order: OrderId,
    },
    /// Not the caller's order.
    #[error("you have no order {order}")]
    UnknownOrder {
        /// The order named.
        order: OrderId,
    },
    /// Too late: it was settled or refunded.
    #[error("{order} is {status} already")]
    NotOpen {
        /// The order.
        order: OrderId,
        /// What it is.
        status: &'static str,
    },
    /// The promise was broken: the buyer gets his tokens back instead.
    #[error("{order} was to be delivered by {deliver_by}")]
    TooLate {
        /// The order.
        order: OrderId,
        /// Until when.
        deliver_by: Timestamp,
    },
    /// More rows were delivered than were bought.
    #[error("{order} was delivered with rows that its quote does not have")]
    NotInQuote {
        /// The order.
        order: OrderId,
    },
    /// The key was used for something else.
    #[error("the idempotency key `{key}` was used before for another quote")]
    KeyReused {
        /// The key.
        key: String,
    },
    /// A row that no longer reads as what it was.
    #[error("a row of table `{table}` is damaged")]
    Damaged {
        /// The table.
        table: &'static str,
    },
    /// Money could not be moved.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The dataset could not be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Consent could not be read.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// Vehicles could not be read.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The database failed.
    #[error("cannot read or store quotes and orders")]
    Storage(#[from] diesel::result::Error),
}
