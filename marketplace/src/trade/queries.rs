//! The only statements that name the tables of trade.

use std::collections::BTreeMap;

use diesel::prelude::*;
use telematics::ids::{Id, Kind};
use telematics::{BuyerId, Signal, Timestamp, VehicleId};

use super::{Order, OrderId, OrderStatus, Payout, Quote, QuoteId, TradeError};
use crate::db::Conn;
use crate::identity::{Buyer, Owner};
use crate::ledger::Amount;
use crate::schema::{orders, payouts, quote_vehicles, quotes};

/// Rows that one answer lists at most.
const ROWS_MAX: i64 = 10_000;

#[derive(Queryable, Selectable)]
#[diesel(table_name = quotes)]
struct QuoteRow {
    id: Vec<u8>,
    buyer_id: Vec<u8>,
    dataset_id: Vec<u8>,
    signals: String,
    lake_version: i64,
    row_count: i64,
    price: i64,
    created_at: i64,
    expires_at: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = orders)]
struct OrderRow {
    id: Vec<u8>,
    quote_id: Vec<u8>,
    buyer_id: Vec<u8>,
    idempotency_key: String,
    status: String,
    price: i64,
    fee: i64,
    paid_out: i64,
    refunded: i64,
    placed_at: i64,
    deliver_by: i64,
    settled_at: Option<i64>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = payouts)]
struct PayoutRow {
    order_id: Vec<u8>,
    vehicle_id: Vec<u8>,
    owner_id: Vec<u8>,
    row_count: i64,
    amount: i64,
}

pub(super) fn insert_quote(conn: &mut Conn, quote: &Quote) -> Result<(), TradeError> {
    let signals: Vec<&str> = quote.signals.iter().map(|signal| signal.path()).collect();
    diesel::insert_into(quotes::table)
        .values((
            quotes::id.eq(quote.id.to_vec()),
            quotes::buyer_id.eq(quote.buyer.to_vec()),
            quotes::dataset_id.eq(quote.dataset.to_vec()),
            quotes::signals.eq(signals.join("\n")),
            quotes::lake_version.eq(stored(quote.lake_version)),
            quotes::row_count.eq(stored(quote.rows)),
            quotes::price.eq(quote.price.micros()),
            quotes::created_at.eq(quote.created_at.as_micros()),
            quotes::expires_at.eq(quote.expires_at.as_micros()),
        ))
        .execute(conn)?;
    for (vehicle, rows) in &quote.vehicles {
        diesel::insert_into(quote_vehicles::table)
            .values((
                quote_vehicles::quote_id.eq(quote.id.to_vec()),
                quote_vehicles::vehicle_id.eq(vehicle.to_vec()),
                quote_vehicles::row_count.eq(stored(*rows)),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// A quote, whoever asked for it.
///
/// # Errors
/// When it can not be read.
pub fn find_quote(conn: &mut Conn, id: QuoteId) -> Result<Option<Quote>, TradeError> {
    let row: Option<QuoteRow> =
        quotes::table.find(id.to_vec()).select(QuoteRow::as_select()).first(conn).optional()?;
    let Some(row) = row else { return Ok(None) };
    let lines: Vec<(Vec<u8>, i64)> = quote_vehicles::table
        .filter(quote_vehicles::quote_id.eq(id.to_vec()))
        .select((quote_vehicles::vehicle_id, quote_vehicles::row_count))
        .load(conn)?;
    let line = |(vehicle, rows): (Vec<u8>, i64)| {
        Ok((read_id("quote_vehicles", &vehicle)?, read_count("quote_vehicles", rows)?))
    };
    let vehicles =
        lines.into_iter().map(line).collect::<Result<BTreeMap<VehicleId, u64>, TradeError>>()?;
    row.quote(vehicles).map(Some)
}

pub(super) fn insert_order(conn: &mut Conn, order: &Order) -> Result<(), TradeError> {
    diesel::insert_into(orders::table)
        .values((
            orders::id.eq(order.id.to_vec()),
            orders::quote_id.eq(order.quote.to_vec()),
            orders::buyer_id.eq(order.buyer.to_vec()),
            orders::idempotency_key.eq(&order.idempotency_key),
            orders::status.eq(order.status.as_str()),
            orders::price.eq(order.price.micros()),
            orders::fee.eq(order.fee.micros()),
            orders::paid_out.eq(order.paid_out.micros()),
            orders::refunded.eq(order.refunded.micros()),
            orders::placed_at.eq(order.placed_at.as_micros()),
            orders::deliver_by.eq(order.deliver_by.as_micros()),
            orders::settled_at.eq(order.settled_at.map(Timestamp::as_micros)),
        ))
        .execute(conn)?;
    Ok(())
}

/// Writes how an open order ended.
pub(super) fn close_order(conn: &mut Conn, order: &Order) -> Result<(), TradeError> {
    let open = orders::table
        .filter(orders::id.eq(order.id.to_vec()))
        .filter(orders::status.eq(OrderStatus::Paid.as_str()));
    let closed = diesel::update(open)
        .set((
            orders::status.eq(order.status.as_str()),
            orders::fee.eq(order.fee.micros()),
            orders::paid_out.eq(order.paid_out.micros()),
            orders::refunded.eq(order.refunded.micros()),
            orders::settled_at.eq(order.settled_at.map(Timestamp::as_micros)),
        ))
        .execute(conn)?;
    match closed {
        1 => Ok(()),
        _ => Err(TradeError::NotOpen { order: order.id, status: "closed" }),
    }
}

pub(super) fn insert_payouts(conn: &mut Conn, all: &[Payout]) -> Result<(), TradeError> {
    for payout in all {
        diesel::insert_into(payouts::table)
            .values((
                payouts::order_id.eq(payout.order.to_vec()),
                payouts::vehicle_id.eq(payout.vehicle.to_vec()),
                payouts::owner_id.eq(payout.owner.to_vec()),
                payouts::row_count.eq(stored(payout.rows)),
                payouts::amount.eq(payout.amount.micros()),
            ))
            .execute(conn)?;
    }
    Ok(())
}

pub(super) fn order_by_key(
    conn: &mut Conn,
    buyer: BuyerId,
    key: &str,
) -> Result<Option<Order>, TradeError> {
    let row: Option<OrderRow> = orders::table
        .filter(orders::buyer_id.eq(buyer.to_vec()))
        .filter(orders::idempotency_key.eq(key))
        .select(OrderRow::as_select())
        .first(conn)
        .optional()?;
    row.map(Order::try_from).transpose()
}

pub(super) fn order_by_quote(conn: &mut Conn, quote: QuoteId) -> Result<Option<Order>, TradeError> {
    let row: Option<OrderRow> = orders::table
        .filter(orders::quote_id.eq(quote.to_vec()))
        .select(OrderRow::as_select())
        .first(conn)
        .optional()?;
    row.map(Order::try_from).transpose()
}

/// An order of this buyer.
///
/// # Errors
/// Another's order is refused like one that does not exist.
pub fn order(conn: &mut Conn, buyer: &Buyer, id: OrderId) -> Result<Order, TradeError> {
    let row: Option<OrderRow> = orders::table
        .filter(orders::id.eq(id.to_vec()))
        .filter(orders::buyer_id.eq(buyer.id.to_vec()))
        .select(OrderRow::as_select())
        .first(conn)
        .optional()?;
    row.ok_or(TradeError::UnknownOrder { order: id })?.try_into()
}

/// The orders of this buyer, newest first, at most 10,000.
///
/// # Errors
/// When they can not be read.
pub fn orders(conn: &mut Conn, buyer: &Buyer) -> Result<Vec<Order>, TradeError> {
    let rows: Vec<OrderRow> = orders::table
        .filter(orders::buyer_id.eq(buyer.id.to_vec()))
        .order(orders::id.desc())
        .limit(ROWS_MAX)
        .select(OrderRow::as_select())
        .load(conn)?;
    rows.into_iter().map(Order::try_from).collect()
}

/// Orders that are paid and wait for their rows, oldest first.
///
/// # Errors
/// When they can not be read.
pub fn undelivered(conn: &mut Conn, now: Timestamp) -> Result<Vec<OrderId>, TradeError> {
    let ids: Vec<Vec<u8>> = orders::table
        .filter(orders::status.eq(OrderStatus::Paid.as_str()))
        .filter(orders::deliver_by.ge(now.as_micros()))
        .order(orders::id)
        .limit(ROWS_MAX)
        .select(orders::id)
        .load(conn)?;
    ids.iter().map(|id| read_id("orders", id)).collect()
}

/// Orders that should have been delivered by now and are not, oldest first.
///
/// # Errors
/// When they can not be read.
pub fn overdue(conn: &mut Conn, now: Timestamp) -> Result<Vec<OrderId>, TradeError> {
    let ids: Vec<Vec<u8>> = orders::table
        .filter(orders::status.eq(OrderStatus::Paid.as_str()))
        .filter(orders::deliver_by.lt(now.as_micros()))
        .order(orders::id)
        .limit(ROWS_MAX)
        .select(orders::id)
        .load(conn)?;
    ids.iter().map(|id| read_id("orders", id)).collect()
}

/// An order and what was bought with it, whoever bought it.
///
/// # Errors
/// When there is no such order.
pub fn quote_of_order(conn: &mut Conn, id: OrderId) -> Result<(Order, Quote), TradeError> {
    let row: Option<OrderRow> =
        orders::table.find(id.to_vec()).select(OrderRow::as_select()).first(conn).optional()?;
    let order: Order = row.ok_or(TradeError::UnknownOrder { order: id })?.try_into()?;
    let quote = find_quote(conn, order.quote)?;
    let quote = quote.ok_or(TradeError::UnknownQuote { quote: order.quote })?;
    Ok((order, quote))
}

/// What the vehicles of this owner earned, newest order first, at most 10,000.
///
/// # Errors
/// When it can not be read.
pub fn payouts_of(conn: &mut Conn, owner: &Owner) -> Result<Vec<Payout>, TradeError> {
    let rows: Vec<PayoutRow> = payouts::table
        .filter(payouts::owner_id.eq(owner.id.to_vec()))
        .order((payouts::order_id.desc(), payouts::vehicle_id))
        .limit(ROWS_MAX)
        .select(PayoutRow::as_select())
        .load(conn)?;
    rows.into_iter().map(Payout::try_from).collect()
}

/// How many vehicles an order paid.
///
/// # Errors
/// When it can not be read.
pub fn payout_count(conn: &mut Conn, order: OrderId) -> Result<u64, TradeError> {
    let count: i64 =
        payouts::table.filter(payouts::order_id.eq(order.to_vec())).count().get_result(conn)?;
    read_count("payouts", count)
}

fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn read_count(table: &'static str, count: i64) -> Result<u64, TradeError> {
    u64::try_from(count).or(Err(TradeError::Damaged { table }))
}

fn read_id<K: Kind>(table: &'static str, bytes: &[u8]) -> Result<Id<K>, TradeError> {
    Id::from_bytes(bytes).or(Err(TradeError::Damaged { table }))
}

impl QuoteRow {
    fn quote(self, vehicles: BTreeMap<VehicleId, u64>) -> Result<Quote, TradeError> {
        let table = "quotes";
        let signals = self.signals.lines().map(Signal::by_path).collect::<Result<Vec<_>, _>>();
        Ok(Quote {
            id: read_id(table, &self.id)?,
            buyer: read_id(table, &self.buyer_id)?,
            dataset: read_id(table, &self.dataset_id)?,
            signals: signals.or(Err(TradeError::Damaged { table }))?,
            lake_version: read_count(table, self.lake_version)?,
            vehicles,
            rows: read_count(table, self.row_count)?,
            price: Amount::from_micros(self.price),
            created_at: Timestamp::from_micros(self.created_at),
            expires_at: Timestamp::from_micros(self.expires_at),
        })
    }
}

impl TryFrom<OrderRow> for Order {
    type Error = TradeError;

    fn try_from(row: OrderRow) -> Result<Self, TradeError> {
        let table = "orders";
        Ok(Self {
            id: read_id(table, &row.id)?,
            quote: read_id(table, &row.quote_id)?,
            buyer: read_id(table, &row.buyer_id)?,
            idempotency_key: row.idempotency_key,
            status: OrderStatus::parse(&row.status).ok_or(TradeError::Damaged { table })?,
            price: Amount::from_micros(row.price),
            fee: Amount::from_micros(row.fee),
            paid_out: Amount::from_micros(row.paid_out),
            refunded: Amount::from_micros(row.refunded),
            placed_at: Timestamp::from_micros(row.placed_at),
            deliver_by: Timestamp::from_micros(row.deliver_by),
            settled_at: row.settled_at.map(Timestamp::from_micros),
        })
    }
}

impl TryFrom<PayoutRow> for Payout {
    type Error = TradeError;

    fn try_from(row: PayoutRow) -> Result<Self, TradeError> {
        let table = "payouts";
        Ok(Self {
            order: read_id(table, &row.order_id)?,
            vehicle: read_id(table, &row.vehicle_id)?,
            owner: read_id(table, &row.owner_id)?,
            rows: read_count(table, row.row_count)?,
            amount: Amount::from_micros(row.amount),
        })
    }
}
