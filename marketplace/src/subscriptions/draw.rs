//! The end of a period: what came in becomes an order, if it can be sold and paid.

use std::collections::BTreeMap;

use telematics::{Timestamp, VehicleId};

use super::verbs::{Subscription, SubscriptionId, WaitsFor, balance};
use super::{SubscriptionsError, queries};
use crate::config::Rules;
use crate::db::Conn;
use crate::identity::Buyer;
use crate::ledger::{self, Entry, EntryKind, IdempotencyKey, LedgerError};
use crate::trade::{self, Ask, OrderId, QuoteId, TradeError};

/// What came in by the end of a period, as it was measured in the lake.
#[derive(Clone, Debug)]
pub struct Period {
    /// Of which subscription.
    pub subscription: SubscriptionId,
    /// Names the quote to be made.
    pub quote: QuoteId,
    /// The version of the lake that was measured.
    pub lake_version: u64,
    /// The last batch in that version.
    pub last_arrival: i64,
    /// New rows of each vehicle.
    pub rows: BTreeMap<VehicleId, u64>,
}

/// What became of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// It was ordered.
    Ordered(OrderId),
    /// It brought nothing that could be ordered: what came waits for the next.
    Nothing(WaitsFor),
    /// Another process was first, or the buyer closed it.
    Over,
}

/// Subscriptions whose period is over, at most 100.
///
/// # Errors
/// When they can not be read.
pub fn due(conn: &mut Conn, now: Timestamp) -> Result<Vec<Subscription>, SubscriptionsError> {
    queries::due(conn, now)
}

/// Ends a period: quotes what came in, moves its price from the subscription to the buyer, and buys with it, all in one transaction.
///
/// # Errors
/// When the database fails. What can not be sold or paid is no error.
pub fn draw(
    conn: &mut Conn,
    period: &Period,
    rules: &Rules,
    now: Timestamp,
) -> Result<Drawn, SubscriptionsError> {
    let found = queries::subscription(conn, period.subscription)?;
    let is_due = |found: &Subscription| found.closed_at.is_none() && found.next_at <= now;
    let Some(mut subscription) = found.filter(is_due) else { return Ok(Drawn::Over) };
    subscription.next_at = next_at(&subscription, now);

    let drawn = order(conn, &subscription, period, rules, now)?;
    if let Drawn::Ordered(_) | Drawn::Nothing(WaitsFor::Rows) = drawn {
        subscription.after_arrival = period.last_arrival;
    }
    subscription.waits_for = match drawn {
        Drawn::Nothing(waits_for) => Some(waits_for),
        Drawn::Ordered(_) | Drawn::Over => None,
    };
    queries::advance(conn, &subscription)?;
    Ok(drawn)
}

/// The first end of a period that is to come. Those that nobody looked at are over.
fn next_at(subscription: &Subscription, now: Timestamp) -> Timestamp {
    let period = i64::from(subscription.period_seconds).saturating_mul(1_000_000).max(1);
    let late = now.micros_since(subscription.next_at).max(0);
    subscription.next_at.plus_micros((late / period).saturating_add(1).saturating_mul(period))
}

fn order(
    conn: &mut Conn,
    subscription: &Subscription,
    period: &Period,
    rules: &Rules,
    now: Timestamp,
) -> Result<Drawn, SubscriptionsError> {
    if period.rows.values().all(|rows| *rows == 0) {
        return Ok(Drawn::Nothing(WaitsFor::Rows));
    }
    let buyer = Buyer::of_standing_order(subscription.buyer);
    let ask = Ask {
        id: period.quote,
        dataset: subscription.dataset,
        purpose: subscription.purpose,
        lake_version: period.lake_version,
        after_arrival: subscription.after_arrival,
        rows: period.rows.clone(),
    };
    let quote = match trade::quote(conn, &buyer, &ask, rules, now) {
        Err(TradeError::TooFewVehicles { .. }) => return Ok(Drawn::Nothing(WaitsFor::Vehicles)),
        quoted => quoted?,
    };
    if balance(conn, subscription)? < quote.price {
        return Ok(Drawn::Nothing(WaitsFor::Tokens));
    }
    if quote.price.is_positive() {
        let key = draw_key(quote.id);
        let entry = Entry::transfer(EntryKind::Draw, &key, subscription.drawn(), quote.price);
        ledger::post(conn, &entry.map_err(LedgerError::from)?, now)?;
    }
    let key = IdempotencyKey::of_id(quote.id);
    let order = trade::purchase(conn, &buyer, quote.id, &key, rules, now)?;
    queries::insert_order(conn, subscription.id, order.id)?;
    Ok(Drawn::Ordered(order.id))
}

/// The key of the entry that pays for the order of a quote.
pub(super) fn draw_key(quote: QuoteId) -> String {
    format!("draw/{quote}")
}
