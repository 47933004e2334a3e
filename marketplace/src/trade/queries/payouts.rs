//! Pay-outs in the database.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use telematics::VehicleId;

use super::{ROWS_MAX, read_count, read_id, stored};
use crate::db::{Conn, ROWS_AT_ONCE, on_either};
use crate::identity::{self, Owner};
use crate::ledger::Amount;
use crate::schema::payouts;
use crate::trade::{OrderId, Payout, TradeError};

/// PostgreSQL sums integers to a numeric, which the connection of two engines can not read.
const SUM: &str = "CAST(COALESCE(SUM(amount), 0) AS BIGINT)";

#[derive(Queryable, Selectable)]
#[diesel(table_name = payouts)]
struct PayoutRow {
    order_id: Vec<u8>,
    vehicle_id: Vec<u8>,
    owner_id: Vec<u8>,
    row_count: i64,
    amount: i64,
}

pub(in crate::trade) fn insert_payouts(conn: &mut Conn, all: &[Payout]) -> Result<(), TradeError> {
    let row = |payout: &Payout| {
        (
            payouts::order_id.eq(payout.order.to_vec()),
            payouts::vehicle_id.eq(payout.vehicle.to_vec()),
            payouts::owner_id.eq(payout.owner.to_vec()),
            payouts::row_count.eq(stored(payout.rows)),
            payouts::amount.eq(payout.amount.micros()),
        )
    };
    let rows = all.iter().map(row).collect::<Vec<_>>();
    for rows in rows.chunks(ROWS_AT_ONCE) {
        on_either!(conn, diesel::insert_into(payouts::table).values(rows))?;
    }
    Ok(())
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

/// What `vehicle` earned for its present owner, with every order so far.
///
/// # Errors
/// When it can not be read.
pub fn earned_by(conn: &mut Conn, vehicle: VehicleId) -> Result<Amount, TradeError> {
    let known = identity::vehicles(conn, &[vehicle])?;
    let Some(owner) = known.first().map(|known| known.owner) else { return Ok(Amount::ZERO) };
    let micros: i64 = payouts::table
        .filter(payouts::owner_id.eq(owner.to_vec()))
        .filter(payouts::vehicle_id.eq(vehicle.to_vec()))
        .select(sql::<BigInt>(SUM))
        .get_result(conn)?;
    Ok(Amount::from_micros(micros))
}

/// What the vehicles of `owner` earned with every order so far.
///
/// # Errors
/// When it can not be read.
pub fn earned_of(conn: &mut Conn, owner: &Owner) -> Result<Amount, TradeError> {
    let micros: i64 = payouts::table
        .filter(payouts::owner_id.eq(owner.id.to_vec()))
        .select(sql::<BigInt>(SUM))
        .get_result(conn)?;
    Ok(Amount::from_micros(micros))
}

/// What each vehicle earned with `order`.
///
/// # Errors
/// When it can not be read.
pub fn payouts_for(conn: &mut Conn, order: OrderId) -> Result<Vec<Payout>, TradeError> {
    // No limit: no more than are in a quote.
    let rows: Vec<PayoutRow> = payouts::table
        .filter(payouts::order_id.eq(order.to_vec()))
        .order(payouts::vehicle_id)
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
