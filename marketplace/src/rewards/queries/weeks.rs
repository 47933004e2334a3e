//! Weeks in the database.

use diesel::prelude::*;
use telematics::Timestamp;

use super::{read_bytes, read_u32, read_u64, shares, stored, stored_long};
use crate::db::Conn;
use crate::ledger::Amount;
use crate::rewards::RewardsError;
use crate::rewards::close::{ClosedWeek, Earned};
use crate::rewards::pool::PoolRules;
use crate::rewards::week::Week;
use crate::schema::reward_weeks;

#[derive(Queryable, Selectable)]
#[diesel(table_name = reward_weeks)]
struct WeekRow {
    number: i32,
    first_day: i32,
    rules_version: i32,
    pool_first: i64,
    decay_basis_points: i32,
    pool: i64,
    vehicle_count: i64,
    points: i64,
    file_hash: Vec<u8>,
    closed_at: i64,
    vested_at: Option<i64>,
    paid: i64,
}

pub(in crate::rewards) fn insert_week(
    conn: &mut Conn,
    closed: &ClosedWeek,
) -> Result<(), RewardsError> {
    let row = (
        reward_weeks::number.eq(stored(closed.week.number)),
        reward_weeks::first_day.eq(i32::try_from(closed.week.first_day).unwrap_or(i32::MAX)),
        reward_weeks::rules_version.eq(stored(closed.rules_version)),
        reward_weeks::pool_first.eq(closed.pool_rules.first.micros()),
        reward_weeks::decay_basis_points.eq(stored(closed.pool_rules.decay_basis_points)),
        reward_weeks::pool.eq(closed.pool.micros()),
        reward_weeks::vehicle_count.eq(stored_long(closed.vehicles)),
        reward_weeks::points.eq(stored_long(closed.points)),
        reward_weeks::file_hash.eq(closed.file_hash.to_vec()),
        reward_weeks::closed_at.eq(closed.closed_at.as_micros()),
    );
    diesel::insert_into(reward_weeks::table).values(row).execute(conn)?;
    Ok(())
}

pub(in crate::rewards) fn week(
    conn: &mut Conn,
    number: u32,
) -> Result<Option<ClosedWeek>, RewardsError> {
    let Ok(number) = i32::try_from(number) else { return Ok(None) };
    let row = reward_weeks::table.find(number).select(WeekRow::as_select()).first(conn);
    row.optional()?.map(ClosedWeek::try_from).transpose()
}

pub(in crate::rewards) fn last_week(conn: &mut Conn) -> Result<Option<ClosedWeek>, RewardsError> {
    let last = reward_weeks::table.order(reward_weeks::number.desc());
    let row = last.select(WeekRow::as_select()).first(conn);
    row.optional()?.map(ClosedWeek::try_from).transpose()
}

/// Every week that was closed, newest first.
pub(in crate::rewards) fn weeks(conn: &mut Conn) -> Result<Vec<ClosedWeek>, RewardsError> {
    // No limit: there are 52 in a year.
    let all = reward_weeks::table.order(reward_weeks::number.desc());
    let rows = all.select(WeekRow::as_select()).load(conn)?;
    rows.into_iter().map(ClosedWeek::try_from).collect()
}

/// Those that are not paid yet, oldest first.
pub(in crate::rewards) fn unpaid(conn: &mut Conn) -> Result<Vec<ClosedWeek>, RewardsError> {
    // No limit: a week is paid a week after it was closed.
    let unpaid =
        reward_weeks::table.filter(reward_weeks::vested_at.is_null()).order(reward_weeks::number);
    let rows = unpaid.select(WeekRow::as_select()).load(conn)?;
    rows.into_iter().map(ClosedWeek::try_from).collect()
}

/// Notes what was paid of a week.
pub(in crate::rewards) fn pay(
    conn: &mut Conn,
    vested: &ClosedWeek,
    all: &[Earned],
) -> Result<(), RewardsError> {
    let week = vested.week.number;
    let open = reward_weeks::table
        .filter(reward_weeks::number.eq(stored(week)))
        .filter(reward_weeks::vested_at.is_null());
    let values = (
        reward_weeks::vested_at.eq(vested.vested_at.map(Timestamp::as_micros)),
        reward_weeks::paid.eq(vested.paid.micros()),
    );
    if diesel::update(open).set(values).execute(conn)? != 1 {
        return Err(RewardsError::AlreadyPaid { week });
    }
    shares::pay(conn, week, all)
}

impl TryFrom<WeekRow> for ClosedWeek {
    type Error = RewardsError;

    fn try_from(row: WeekRow) -> Result<Self, RewardsError> {
        let table = "reward_weeks";
        Ok(Self {
            week: Week { number: read_u32(table, row.number)?, first_day: row.first_day.into() },
            rules_version: read_u32(table, row.rules_version)?,
            pool_rules: PoolRules {
                first: Amount::from_micros(row.pool_first),
                decay_basis_points: read_u32(table, row.decay_basis_points)?,
            },
            pool: Amount::from_micros(row.pool),
            vehicles: read_u64(table, row.vehicle_count)?,
            points: read_u64(table, row.points)?,
            file_hash: read_bytes(table, &row.file_hash)?,
            closed_at: Timestamp::from_micros(row.closed_at),
            vested_at: row.vested_at.map(Timestamp::from_micros),
            paid: Amount::from_micros(row.paid),
        })
    }
}
