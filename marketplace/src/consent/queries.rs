//! The only file that names the table of consent.

use diesel::prelude::*;
use telematics::consent::{Policy, PolicyVersion};
use telematics::{Timestamp, VehicleId};

use super::ConsentError;
use super::decision::Decision;
use crate::db::Conn;
use crate::schema::policies;

pub(super) fn latest(conn: &mut Conn, vehicle: VehicleId) -> Result<Option<Policy>, ConsentError> {
    let row = policies::table
        .filter(policies::vehicle_id.eq(vehicle.to_vec()))
        .order(policies::version.desc())
        .select((policies::version, policies::groups, policies::precisions))
        .first::<(i32, String, String)>(conn)
        .optional()?;
    let Some((version, groups, precisions)) = row else { return Ok(None) };
    let damaged = || ConsentError::Damaged { vehicle };
    // A policy that no longer parses must not silently become "keep" or "share", or another precision.
    let decision = Decision::of_columns(&groups, &precisions).or(Err(damaged()))?;
    let version = PolicyVersion::new(u32::try_from(version).or(Err(damaged()))?);
    Ok(Some(decision.policy(version)))
}

pub(super) fn insert(
    conn: &mut Conn,
    vehicle: VehicleId,
    version: PolicyVersion,
    decision: &Decision,
    now: Timestamp,
) -> Result<(), ConsentError> {
    let number = i32::try_from(version.number()).or(Err(ConsentError::TooMany { vehicle }))?;
    let [groups, precisions] = decision.columns();
    let row = (
        policies::vehicle_id.eq(vehicle.to_vec()),
        policies::version.eq(number),
        policies::groups.eq(groups),
        policies::precisions.eq(precisions),
        policies::decided_at.eq(now.as_micros()),
    );
    diesel::insert_into(policies::table).values(row).execute(conn)?;
    Ok(())
}
