//! Sales that can not be delivered any more, because the version of the lake that they pin is gone.

use telematics::Timestamp;

use super::{OrderId, TradeError, queries, refund};
use crate::db::Conn;

/// Ends every open quote that pins a version of the lake before `version`, and gives back what was paid for
/// those of them that were bought and not delivered. Whoever buys such a quote is told that it has expired, and
/// asks for another.
///
/// Returns the orders that were refunded.
///
/// # Errors
/// Fails when the database does.
pub fn lapse(conn: &mut Conn, version: u64, now: Timestamp) -> Result<Vec<OrderId>, TradeError> {
    queries::expire_quotes(conn, version, now)?;
    let orders = queries::undelivered_before(conn, version)?;
    for order in &orders {
        refund(conn, *order, now)?;
    }
    Ok(orders)
}
