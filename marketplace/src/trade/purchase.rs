//! Buying a quote.

use sha2::{Digest, Sha256};
use telematics::{Timestamp, VehicleId};

use super::quote::{enough, quoted};
use super::{Licence, Order, OrderId, OrderStatus, QuoteId, TradeError, queries};
use crate::config::Rules;
use crate::consent;
use crate::db::Conn;
use crate::failpoint::Failpoint;
use crate::identity::Buyer;
use crate::ledger::{self, Amount, Entry, EntryKind, IdempotencyKey, LedgerError};

/// Buys a quote: moves its price from the buyer to the order's escrow.
///
/// Safe to retry: the same key gives back the first order, and charges once. Consent is asked again:
/// a quote of which too few vehicles are left is not sold.
///
/// # Errors
/// Refuses quotes that are another's, expired or bought, and buyers without the money.
pub fn purchase(
    conn: &mut Conn,
    buyer: &Buyer,
    quote: QuoteId,
    key: &IdempotencyKey,
    rules: &Rules,
    now: Timestamp,
) -> Result<Order, TradeError> {
    if let Some(first) = queries::order_by_key(conn, buyer.id, key.as_str())? {
        let reused = || TradeError::KeyReused { key: key.to_string() };
        return if first.quote == quote { Ok(first) } else { Err(reused()) };
    }
    let quote = quoted(conn, buyer, quote)?;
    if let Some(order) = queries::order_by_quote(conn, quote.id)? {
        return Err(TradeError::AlreadyBought { quote: quote.id, order: order.id });
    }
    if now > quote.expires_at {
        return Err(TradeError::Expired { quote: quote.id, expired_at: quote.expires_at });
    }
    let vehicles: Vec<VehicleId> = quote.vehicles.keys().copied().collect();
    let sharing = consent::sharing(conn, &vehicles, &quote.signals, quote.purpose)?;
    enough(quote.dataset, sharing.len(), rules)?;

    let mut order = Order {
        id: order_id(quote.id, now),
        quote: quote.id,
        buyer: buyer.id,
        idempotency_key: key.to_string(),
        status: OrderStatus::Paid,
        price: quote.price,
        fee: Amount::ZERO,
        paid_out: Amount::ZERO,
        refunded: Amount::ZERO,
        fee_basis_points: Some(rules.fee_basis_points),
        placed_at: now,
        deliver_by: now.plus_seconds(rules.deliver_within_seconds.into()),
        settled_at: None,
        licence_sha256: None,
    };
    order.licence_sha256 = Some(Licence::of(&order, &quote).sha256());
    queries::insert_order(conn, &order)?;
    Failpoint::PurchaseOrdered.reach();
    if order.price.is_positive() {
        let entry = Entry::new(EntryKind::Purchase, &order.purchase_key(), order.purchase());
        ledger::post(conn, &entry.map_err(LedgerError::from)?, now)?;
    }
    Failpoint::PurchasePosted.reach();
    Ok(order)
}

/// A quote becomes one order at most, so its id says enough: no randomness is needed.
fn order_id(quote: QuoteId, now: Timestamp) -> OrderId {
    let digest: [u8; 32] = Sha256::digest(quote.as_bytes()).into();
    OrderId::new(now, digest.first_chunk().copied().unwrap_or_default())
}
