//! The statements that let go of what is over.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use telematics::{Signal, SignalGroup, Timestamp, VehicleId};

use super::to_u64;
use crate::archive::retention::Over;
use crate::archive::verbs::ArchiveError;
use crate::db::Conn;
use crate::schema::{batches, latest_values, quarantine};

/// Batches with one of these groups and a sample of an earlier day, at most `limit`.
pub(in crate::archive) fn over(
    conn: &mut Conn,
    over: &Over,
    (groups, first_day): (i32, i32),
    limit: i64,
) -> Result<Vec<i64>, ArchiveError> {
    let arrivals = batches::table
        .filter(batches::first_day.lt(first_day))
        .filter(sql::<Bool>(&format!("(sample_groups & {groups}) <> 0")))
        .filter(batches::arrival.le(over.moved))
        .filter(batches::received_at.lt(over.received_before().as_micros()))
        .order(batches::first_day)
        .limit(limit)
        .select(batches::arrival)
        .load(conn)?;
    Ok(arrivals)
}

/// Empties the payloads of these batches.
pub(in crate::archive) fn empty(conn: &mut Conn, arrivals: &[i64]) -> Result<u64, ArchiveError> {
    if arrivals.is_empty() {
        return Ok(0);
    }
    let emptied = diesel::update(batches::table.filter(batches::arrival.eq_any(arrivals.to_vec())))
        .set((
            batches::payload.eq(Vec::<u8>::new()),
            batches::first_day.eq(None::<i32>),
            batches::sample_groups.eq(0),
        ))
        .execute(conn)?;
    Ok(count(emptied))
}

/// Deletes latest values of `group` that were measured before `begin`.
pub(in crate::archive) fn forget_latest(
    conn: &mut Conn,
    group: SignalGroup,
    begin: Timestamp,
) -> Result<u64, ArchiveError> {
    let signals = Signal::all().filter(|signal| signal.group() == group);
    let numbers = signals.map(|signal| i32::from(signal.number())).collect::<Vec<_>>();
    let over = latest_values::table
        .filter(latest_values::signal.eq_any(numbers))
        .filter(latest_values::measured_at.lt(begin.as_micros()));
    Ok(count(diesel::delete(over).execute(conn)?))
}

/// Empties the payloads of evidence that was received before `begin`.
pub(in crate::archive) fn empty_evidence(
    conn: &mut Conn,
    begin: Timestamp,
) -> Result<u64, ArchiveError> {
    let over = quarantine::table
        .filter(quarantine::received_at.lt(begin.as_micros()))
        .filter(quarantine::payload.ne(Vec::<u8>::new()));
    let emptied = diesel::update(over).set(quarantine::payload.eq(Vec::<u8>::new()));
    Ok(count(emptied.execute(conn)?))
}

pub(in crate::archive) fn last_gone(
    conn: &mut Conn,
    vehicle: VehicleId,
) -> Result<Option<(i64, u64)>, ArchiveError> {
    let row = batches::table
        .filter(batches::vehicle_id.eq(vehicle.to_vec()))
        .filter(batches::samples.gt(0))
        .filter(batches::first_day.is_null())
        .order(batches::seq.desc())
        .select((batches::arrival, batches::seq))
        .first::<(i64, i64)>(conn)
        .optional()?;
    row.map(|(arrival, seq)| Ok((arrival, to_u64("batches", seq)?))).transpose()
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
