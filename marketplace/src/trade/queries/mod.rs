//! The only statements that name the tables of trade.

mod orders;
mod payouts;
mod quotes;

use telematics::ids::{Id, Kind};

use super::TradeError;

pub(super) use orders::{
    buyers_since, close_order, insert_order, order_by_key, order_by_quote, undelivered_before,
};
pub use orders::{each_order, order, orders, overdue, quote_of_order, undelivered};
pub(super) use payouts::insert_payouts;
pub use payouts::{earned_by, earned_of, payout_count, payouts_for, payouts_of};
pub(super) use quotes::{expire_quotes, find_quote, insert_quote};

/// Rows that one answer lists at most.
const ROWS_MAX: i64 = 10_000;
/// Rows that are read together of those that are read all.
const PAGE_ROWS: i64 = 500;

fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn read_count(table: &'static str, count: i64) -> Result<u64, TradeError> {
    u64::try_from(count).or(Err(TradeError::Damaged { table }))
}

fn read_id<K: Kind>(table: &'static str, bytes: &[u8]) -> Result<Id<K>, TradeError> {
    Id::from_bytes(bytes).or(Err(TradeError::Damaged { table }))
}
