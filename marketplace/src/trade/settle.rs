//! How an order ends: the escrow goes to owners and market, or back to the buyer.

use std::collections::BTreeMap;

use telematics::{Timestamp, VehicleId};

use super::shares::{Shares, shares};
use super::{Order, OrderId, OrderStatus, Payout, Quote, TradeError, queries};
use crate::config::Rules;
use crate::db::Conn;
use crate::identity;
use crate::ledger::{self, Entry, EntryKind, LedgerError};

/// Pays for what was delivered: rows of vehicles whose consent was withdrawn are refunded, the fee
/// is taken from the rest, and what remains is split over the delivered vehicles by their rows.
///
/// # Errors
/// Refuses orders that are not open, rows that were not bought, and deliveries after the deadline.
pub fn settle(
    conn: &mut Conn,
    order: OrderId,
    delivered: &BTreeMap<VehicleId, u64>,
    rules: &Rules,
    now: Timestamp,
) -> Result<Order, TradeError> {
    let (order, quote) = open(conn, order)?;
    if now > order.deliver_by {
        return Err(TradeError::TooLate { order: order.id, deliver_by: order.deliver_by });
    }
    let withdrawn = withdrawn_rows(&order, &quote, delivered)?;
    // Orders of before did not agree on a fee.
    let fee = order.fee_basis_points.unwrap_or(rules.fee_basis_points);
    let shares = shares(order.price, delivered, withdrawn, fee);
    let payouts = payouts(conn, &order, delivered, &shares)?;
    let settled = Order {
        status: OrderStatus::Delivered,
        fee: shares.fee,
        paid_out: shares.paid_out,
        refunded: shares.refunded,
        settled_at: Some(now),
        ..order
    };
    post_settlement(conn, &settled, &payouts, now)?;
    queries::insert_payouts(conn, &payouts)?;
    queries::close_order(conn, &settled)?;
    Ok(settled)
}

/// Gives the whole price back to the buyer.
///
/// # Errors
/// Refuses orders that are not open.
pub fn refund(conn: &mut Conn, order: OrderId, now: Timestamp) -> Result<Order, TradeError> {
    let (order, _) = open(conn, order)?;
    if order.price.is_positive() {
        let entry = Entry::new(EntryKind::Refund, &order.refund_key(), order.refund());
        ledger::post(conn, &entry.map_err(LedgerError::from)?, now)?;
    }
    let refunded = Order {
        status: OrderStatus::Refunded,
        refunded: order.price,
        settled_at: Some(now),
        ..order
    };
    queries::close_order(conn, &refunded)?;
    Ok(refunded)
}

fn open(conn: &mut Conn, id: OrderId) -> Result<(Order, Quote), TradeError> {
    let (order, quote) = queries::quote_of_order(conn, id)?;
    match order.status {
        OrderStatus::Paid => Ok((order, quote)),
        status => Err(TradeError::NotOpen { order: id, status: status.as_str() }),
    }
}

/// Rows that were bought and are not delivered.
fn withdrawn_rows(
    order: &Order,
    quote: &Quote,
    delivered: &BTreeMap<VehicleId, u64>,
) -> Result<u64, TradeError> {
    let mut withdrawn = quote.rows;
    for (vehicle, rows) in delivered {
        let bought = quote.vehicles.get(vehicle).copied().unwrap_or(0);
        if *rows > bought {
            return Err(TradeError::NotInQuote { order: order.id });
        }
        withdrawn = withdrawn.saturating_sub(*rows);
    }
    Ok(withdrawn)
}

fn payouts(
    conn: &mut Conn,
    order: &Order,
    delivered: &BTreeMap<VehicleId, u64>,
    shares: &Shares,
) -> Result<Vec<Payout>, TradeError> {
    let ids: Vec<VehicleId> = delivered.keys().copied().collect();
    let vehicles = identity::vehicles(conn, &ids)?;
    // Every vehicle that contributed has an owner; one that is gone must not make money vanish.
    if vehicles.len() != ids.len() {
        return Err(TradeError::NotInQuote { order: order.id });
    }
    let payout = |vehicle: identity::VehicleRecord| Payout {
        order: order.id,
        vehicle: vehicle.id,
        owner: vehicle.owner,
        rows: delivered.get(&vehicle.id).copied().unwrap_or(0),
        amount: shares.vehicles.share(&vehicle.id),
    };
    Ok(vehicles.into_iter().map(payout).collect())
}

fn post_settlement(
    conn: &mut Conn,
    order: &Order,
    payouts: &[Payout],
    now: Timestamp,
) -> Result<(), TradeError> {
    if !order.price.is_positive() {
        return Ok(());
    }
    let postings = order.settlement(payouts);
    let entry = Entry::new(EntryKind::Settlement, &order.settlement_key(), postings);
    ledger::post(conn, &entry.map_err(LedgerError::from)?, now)?;
    Ok(())
}
