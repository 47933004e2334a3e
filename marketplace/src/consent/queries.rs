//! The only file that names the table of consent.

use std::collections::BTreeMap;

use diesel::dsl::max;
use diesel::prelude::*;
use telematics::consent::{Policy, PolicyVersion};
use telematics::{Timestamp, VehicleId};

use super::ConsentError;
use super::decision::Decision;
use crate::db::Conn;
use crate::schema::policies;

/// Vehicles that one statement names.
const IDS_MAX: usize = 500;

pub(super) fn latest(conn: &mut Conn, vehicle: VehicleId) -> Result<Option<Policy>, ConsentError> {
    let row = policies::table
        .filter(policies::vehicle_id.eq(vehicle.to_vec()))
        .order(policies::version.desc())
        .select((policies::version, policies::groups, policies::precisions))
        .first::<(i32, String, String)>(conn)
        .optional()?;
    row.map(|(version, groups, precisions)| policy(vehicle, version, &groups, &precisions))
        .transpose()
}

/// The policies in force of `vehicles`. One without a policy is not in it.
pub(super) fn latest_of(
    conn: &mut Conn,
    vehicles: &[VehicleId],
) -> Result<BTreeMap<VehicleId, Policy>, ConsentError> {
    let mut latest = BTreeMap::new();
    for vehicles in vehicles.chunks(IDS_MAX) {
        let ids = vehicles.iter().map(VehicleId::to_vec).collect::<Vec<_>>();
        let newest = diesel::alias!(policies as newest);
        let version = newest
            .filter(newest.field(policies::vehicle_id).eq(policies::vehicle_id))
            .select(max(newest.field(policies::version)))
            .single_value();
        let rows = policies::table
            .filter(policies::vehicle_id.eq_any(ids))
            .filter(policies::version.nullable().eq(version))
            .select((
                policies::vehicle_id,
                policies::version,
                policies::groups,
                policies::precisions,
            ))
            .load::<(Vec<u8>, i32, String, String)>(conn)?;
        for (vehicle, version, groups, precisions) in rows {
            let vehicle = VehicleId::from_bytes(&vehicle).or(Err(ConsentError::NotAnId))?;
            latest.insert(vehicle, policy(vehicle, version, &groups, &precisions)?);
        }
    }
    Ok(latest)
}

fn policy(
    vehicle: VehicleId,
    version: i32,
    groups: &str,
    precisions: &str,
) -> Result<Policy, ConsentError> {
    let damaged = || ConsentError::Damaged { vehicle };
    // A policy that no longer parses must not silently become "keep" or "share", or another precision.
    let decision = Decision::of_columns(groups, precisions).or(Err(damaged()))?;
    let version = PolicyVersion::new(u32::try_from(version).or(Err(damaged()))?);
    Ok(decision.policy(version))
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
