//! Orders in the database.

use diesel::dsl;
use diesel::prelude::*;
use telematics::{BuyerId, Timestamp};

use super::{PAGE_ROWS, ROWS_MAX, find_quote, read_count, read_id, stored};
use crate::catalog::DatasetId;
use crate::db::Conn;
use crate::identity::Buyer;
use crate::ledger::Amount;
use crate::schema::{orders, quotes};
use crate::trade::{Order, OrderId, OrderStatus, Quote, QuoteId, TradeError};

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
    fee_basis_points: Option<i32>,
    licence_sha256: Option<Vec<u8>>,
}

pub(in crate::trade) fn insert_order(conn: &mut Conn, order: &Order) -> Result<(), TradeError> {
    let fee_basis_points = order.fee_basis_points.map(i32::try_from).transpose();
    let fee_basis_points = fee_basis_points.or(Err(TradeError::Damaged { table: "orders" }))?;
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
            orders::fee_basis_points.eq(fee_basis_points),
            orders::licence_sha256.eq(order.licence_sha256.map(|hash| hash.to_vec())),
        ))
        .execute(conn)?;
    Ok(())
}

/// Writes how an open order ended.
pub(in crate::trade) fn close_order(conn: &mut Conn, order: &Order) -> Result<(), TradeError> {
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

pub(in crate::trade) fn order_by_key(
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

pub(in crate::trade) fn order_by_quote(
    conn: &mut Conn,
    quote: QuoteId,
) -> Result<Option<Order>, TradeError> {
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

/// Orders that are paid and wait for rows of an earlier version of the lake, oldest first.
pub(in crate::trade) fn undelivered_before(
    conn: &mut Conn,
    version: u64,
) -> Result<Vec<OrderId>, TradeError> {
    let earlier = quotes::table.filter(quotes::lake_version.lt(stored(version))).select(quotes::id);
    // No limit: all of them are to be refunded, in one transaction.
    let ids: Vec<Vec<u8>> = orders::table
        .filter(orders::status.eq(OrderStatus::Paid.as_str()))
        .filter(orders::quote_id.eq_any(earlier))
        .order(orders::id)
        .select(orders::id)
        .load(conn)?;
    ids.iter().map(|id| read_id("orders", id)).collect()
}

/// Buyers who bought `dataset` since then, and have not all they paid back.
pub(in crate::trade) fn buyers_since(
    conn: &mut Conn,
    dataset: DatasetId,
    since: Timestamp,
) -> Result<u64, TradeError> {
    let of_dataset =
        quotes::table.filter(quotes::dataset_id.eq(dataset.to_vec())).select(quotes::id);
    let count: i64 = orders::table
        .filter(orders::placed_at.ge(since.as_micros()))
        .filter(orders::status.ne(OrderStatus::Refunded.as_str()))
        .filter(orders::quote_id.eq_any(of_dataset))
        .select(dsl::count(orders::buyer_id).aggregate_distinct())
        .first(conn)?;
    read_count("orders", count)
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

/// Visits every order, oldest first.
///
/// # Errors
/// The first that `visit` returns, and when orders can not be read.
pub fn each_order<E: From<TradeError>>(
    conn: &mut Conn,
    mut visit: impl FnMut(&mut Conn, Order) -> Result<(), E>,
) -> Result<(), E> {
    let mut last = Vec::new();
    loop {
        let orders = orders_after(conn, &last)?;
        let Some(end) = orders.last() else { return Ok(()) };
        last = end.id.to_vec();
        for order in orders {
            visit(conn, order)?;
        }
    }
}

fn orders_after(conn: &mut Conn, last: &[u8]) -> Result<Vec<Order>, TradeError> {
    let rows: Vec<OrderRow> = orders::table
        .filter(orders::id.gt(last))
        .order(orders::id)
        .limit(PAGE_ROWS)
        .select(OrderRow::as_select())
        .load(conn)?;
    rows.into_iter().map(Order::try_from).collect()
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
            fee_basis_points: row
                .fee_basis_points
                .map(u32::try_from)
                .transpose()
                .or(Err(TradeError::Damaged { table }))?,
            placed_at: Timestamp::from_micros(row.placed_at),
            deliver_by: Timestamp::from_micros(row.deliver_by),
            settled_at: row.settled_at.map(Timestamp::from_micros),
            licence_sha256: row
                .licence_sha256
                .map(<[u8; 32]>::try_from)
                .transpose()
                .or(Err(TradeError::Damaged { table }))?,
        })
    }
}
