//! Computing every sale again.

use std::collections::BTreeMap;

use super::shares::shares;
use super::{Licence, Order, OrderStatus, Payout, Quote, TradeError, queries};
use crate::db::Conn;
use crate::ledger::{self, Account, Amount, Check, EntryKind};

/// The checks of orders, as they fill.
struct Checks {
    quotes: Check,
    prices: Check,
    licences: Check,
    charges: Check,
    payouts: Check,
    escrow: Check,
    /// Orders that the ledger should know, by what it should know of them.
    entries: BTreeMap<&'static str, u64>,
}

/// Computes what each order must have cost, moved and paid, and compares.
///
/// # Errors
/// When orders, quotes or the ledger can not be read.
pub fn audit(conn: &mut Conn) -> Result<Vec<Check>, TradeError> {
    let mut checks = Checks {
        quotes: Check::of(
            "an order has the price of its quote, and a quote the rows of its vehicles",
        ),
        prices: Check::of("a price is what the price rule makes of what it follows from"),
        licences: Check::of("an order has the hash of its licence"),
        charges: Check::of("an order is charged once, and ends in one settlement or one refund"),
        payouts: Check::of("pay-outs, fee and refund are what the rules make of price and rows"),
        escrow: Check::of("escrow holds the price of every open order, and nothing else"),
        entries: BTreeMap::new(),
    };
    let mut escrows = ledger::holdings(conn, Account::Escrow([0; 16]))?;
    queries::each_order(conn, |conn, order| {
        let quote = queries::find_quote(conn, order.quote)?;
        let quote = quote.ok_or(TradeError::UnknownQuote { quote: order.quote })?;
        let payouts = queries::payouts_for(conn, order.id)?;
        checks.look_at_quote(&order, &quote);
        if let Some(hash) = order.licence_sha256 {
            let is_right = Licence::of(&order, &quote).sha256() == hash;
            let finding = || format!("{} says another licence than it gave", order.id);
            checks.licences.look(is_right, finding);
        }
        checks.look_at_payouts(&order, &quote, &payouts);
        let held = escrows.remove(order.id.as_bytes().as_slice()).unwrap_or_default();
        checks.look_at_escrow(&order, held);
        checks.look_at_charges(conn, &order, &payouts)
    })?;
    for (holder, held) in escrows {
        let finding = || format!("an escrow of no order holds {held}: {}", hex::encode(holder));
        checks.escrow.look(false, finding);
    }
    checks.count(conn)?;
    let Checks { quotes, prices, licences, charges, payouts, escrow, .. } = checks;
    Ok(vec![quotes, prices, licences, charges, payouts, escrow])
}

impl Checks {
    fn look_at_quote(&mut self, order: &Order, quote: &Quote) {
        let rows = quote.vehicles.values().copied().fold(0, u64::saturating_add);
        let is_right =
            order.price == quote.price && rows == quote.rows && order.buyer == quote.buyer;
        if let Some(inputs) = quote.price_inputs {
            let vehicles = u64::try_from(quote.vehicles.len()).unwrap_or(u64::MAX);
            let is_right = inputs.price() == Some(quote.price)
                && (inputs.rows, inputs.vehicles) == (quote.rows, vehicles);
            self.prices.look(is_right, || {
                let (id, price) = (quote.id, quote.price);
                format!(
                    "{id} costs {price}, and rule {} makes something else of {inputs:?}",
                    inputs.rule
                )
            });
        }
        self.quotes.look(is_right, || {
            let (id, price) = (order.id, order.price);
            format!(
                "{id} costs {price}; {} is of {rows} rows, says {} and costs {}",
                quote.id, quote.rows, quote.price
            )
        });
    }

    /// The end of an order, computed again from its quote, what was delivered, and the fee that it agreed on.
    fn look_at_payouts(&mut self, order: &Order, quote: &Quote, payouts: &[Payout]) {
        let delivered = payouts.iter().map(|payout| (payout.vehicle, payout.rows));
        let delivered = delivered.collect::<BTreeMap<_, _>>();
        let rows = delivered.values().copied().fold(0, u64::saturating_add);
        let is_within =
            delivered.iter().all(|(vehicle, rows)| quote.vehicles.get(vehicle) >= Some(rows));
        let is_right = match (order.status, order.fee_basis_points) {
            (OrderStatus::Paid, _) => payouts.is_empty() && order.refunded == Amount::ZERO,
            (OrderStatus::Refunded, _) => payouts.is_empty() && order.refunded == order.price,
            (OrderStatus::Delivered, None) => is_within,
            (OrderStatus::Delivered, Some(fee)) => {
                let withdrawn = quote.rows.saturating_sub(rows);
                let again = shares(order.price, &delivered, withdrawn, fee);
                let said = (order.fee, order.paid_out, order.refunded);
                let is_paid =
                    |payout: &Payout| payout.amount == again.vehicles.share(&payout.vehicle);
                is_within
                    && said == (again.fee, again.paid_out, again.refunded)
                    && payouts.iter().all(is_paid)
            }
        };
        self.payouts.look(is_right, || {
            let Order { id, fee, paid_out, refunded, .. } = order;
            format!("{id} says fee {fee}, paid out {paid_out}, refunded {refunded}")
        });
    }

    /// What the ledger must have of this order.
    fn look_at_charges(
        &mut self,
        conn: &mut Conn,
        order: &Order,
        payouts: &[Payout],
    ) -> Result<(), TradeError> {
        let mut wanted = Vec::new();
        if order.price.is_positive() {
            let purchase = order.purchase().to_vec();
            wanted.push((order.purchase_key(), EntryKind::Purchase, purchase));
            match order.status {
                OrderStatus::Paid => {}
                OrderStatus::Delivered => {
                    let settlement = order.settlement(payouts);
                    wanted.push((order.settlement_key(), EntryKind::Settlement, settlement));
                }
                OrderStatus::Refunded => {
                    wanted.push((order.refund_key(), EntryKind::Refund, order.refund().to_vec()));
                }
            }
        }
        for (key, kind, postings) in wanted {
            let is_right = ledger::is_posted(conn, &key, kind, &postings)?;
            self.charges.look(is_right, || format!("`{key}` is not posted as {} says", order.id));
            *self.entries.entry(kind.as_str()).or_default() += 1;
        }
        Ok(())
    }

    fn look_at_escrow(&mut self, order: &Order, held: Amount) {
        let is_open = order.status == OrderStatus::Paid;
        let owed = if is_open { order.price } else { Amount::ZERO };
        self.escrow.look(held == owed, || {
            format!("{} is {} and its escrow holds {held}", order.id, order.status.as_str())
        });
    }

    /// Nobody is charged or paid without an order.
    fn count(&mut self, conn: &mut Conn) -> Result<(), TradeError> {
        for kind in [EntryKind::Purchase, EntryKind::Settlement, EntryKind::Refund] {
            let (posted, known) = (ledger::count(conn, kind)?, self.entries.get(kind.as_str()));
            let known = known.copied().unwrap_or(0);
            self.charges.look(posted == known, || {
                format!("{posted} entries are a {}, of {known} orders", kind.as_str())
            });
        }
        Ok(())
    }
}
