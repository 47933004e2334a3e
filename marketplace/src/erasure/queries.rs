//! The only statements that name the table of erasures.

use std::collections::BTreeSet;

use diesel::prelude::*;
use telematics::{Timestamp, VehicleId};

use super::verbs::{Erasure, ErasureError};
use crate::db::Conn;
use crate::schema::erasures;

/// Erasures that one turn works on at most.
const UNFINISHED_MAX: i64 = 100;

pub(super) fn insert(
    conn: &mut Conn,
    vehicle: VehicleId,
    now: Timestamp,
) -> Result<(), ErasureError> {
    let row =
        (erasures::vehicle_id.eq(vehicle.to_vec()), erasures::requested_at.eq(now.as_micros()));
    diesel::insert_into(erasures::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn find(conn: &mut Conn, vehicle: VehicleId) -> Result<Option<Erasure>, ErasureError> {
    let row = erasures::table
        .find(vehicle.to_vec())
        .select((erasures::requested_at, erasures::finished_at))
        .first::<(i64, Option<i64>)>(conn)
        .optional()?;
    Ok(row.map(|(requested_at, finished_at)| Erasure {
        vehicle,
        requested_at: Timestamp::from_micros(requested_at),
        finished_at: finished_at.map(Timestamp::from_micros),
    }))
}

pub(super) fn unfinished(conn: &mut Conn) -> Result<Vec<VehicleId>, ErasureError> {
    let rows = erasures::table
        .filter(erasures::finished_at.is_null())
        .order(erasures::requested_at)
        .limit(UNFINISHED_MAX)
        .select(erasures::vehicle_id)
        .load::<Vec<u8>>(conn)?;
    rows.iter().map(|id| VehicleId::from_bytes(id).or(Err(ErasureError::Damaged))).collect()
}

/// Every vehicle that was erased or is about to be.
pub(super) fn vehicles(conn: &mut Conn) -> Result<BTreeSet<VehicleId>, ErasureError> {
    let rows = erasures::table.select(erasures::vehicle_id).load::<Vec<u8>>(conn)?;
    rows.iter().map(|id| VehicleId::from_bytes(id).or(Err(ErasureError::Damaged))).collect()
}

pub(super) fn finish(
    conn: &mut Conn,
    vehicle: VehicleId,
    now: Timestamp,
) -> Result<(), ErasureError> {
    let row = erasures::table
        .filter(erasures::vehicle_id.eq(vehicle.to_vec()))
        .filter(erasures::finished_at.is_null());
    diesel::update(row).set(erasures::finished_at.eq(now.as_micros())).execute(conn)?;
    Ok(())
}
