//! How an order ends: the escrow goes to owners and market, or back to the buyer.

use std::collections::BTreeMap;

use telematics::{Timestamp, VehicleId};

use super::{Order, OrderId, OrderStatus, Payout, Quote, TradeError, queries};
use crate::config::Rules;
use crate::db::Conn;
use crate::identity;
use crate::ledger::{self, Account, Amount, Entry, EntryKind, LedgerError, Posting};
use crate::rewards::split;

/// Hundredths of a percent in a whole.
const BASIS_POINTS: u64 = 10_000;

/// What becomes of the rows of a quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Delivered,
    Withdrawn,
}

/// Who shares what was paid for delivered rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Payee {
    Owners,
    Market,
}

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
    let delivered_rows: u64 = delivered.values().sum();

    let parts = split(
        order.price,
        &BTreeMap::from([(Part::Delivered, delivered_rows), (Part::Withdrawn, withdrawn)]),
    );
    let fee_share = u64::from(rules.fee_basis_points).min(BASIS_POINTS);
    let earned = split(
        parts.share(&Part::Delivered),
        &BTreeMap::from([(Payee::Market, fee_share), (Payee::Owners, BASIS_POINTS - fee_share)]),
    );
    let payouts = payouts(conn, &order, delivered, earned.share(&Payee::Owners))?;
    let settled = Order {
        status: OrderStatus::Delivered,
        fee: earned.share(&Payee::Market),
        paid_out: earned.share(&Payee::Owners),
        refunded: parts.share(&Part::Withdrawn),
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
        let route = (order.escrow(), Account::Buyer(order.buyer));
        let key = format!("refund/{}", order.id);
        let entry = Entry::transfer(EntryKind::Refund, &key, route, order.price)
            .map_err(LedgerError::from)?;
        ledger::post(conn, &entry, now)?;
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
    amount: Amount,
) -> Result<Vec<Payout>, TradeError> {
    let ids: Vec<VehicleId> = delivered.keys().copied().collect();
    let vehicles = identity::vehicles(conn, &ids)?;
    // Every vehicle that contributed has an owner; one that is gone must not make money vanish.
    if vehicles.len() != ids.len() {
        return Err(TradeError::NotInQuote { order: order.id });
    }
    let shares = split(amount, delivered);
    let payout = |vehicle: identity::VehicleRecord| Payout {
        order: order.id,
        vehicle: vehicle.id,
        owner: vehicle.owner,
        rows: delivered.get(&vehicle.id).copied().unwrap_or(0),
        amount: shares.share(&vehicle.id),
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
    let given = order.price.checked_neg().unwrap_or_default();
    let mut postings = vec![
        Posting { account: order.escrow(), amount: given },
        Posting { account: Account::Fees, amount: order.fee },
        Posting { account: Account::Buyer(order.buyer), amount: order.refunded },
    ];
    postings.extend(
        payouts
            .iter()
            .map(|payout| Posting { account: Account::Owner(payout.owner), amount: payout.amount }),
    );
    let key = format!("settlement/{}", order.id);
    let entry = Entry::new(EntryKind::Settlement, &key, postings).map_err(LedgerError::from)?;
    ledger::post(conn, &entry, now)?;
    Ok(())
}
