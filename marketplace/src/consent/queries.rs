//! The only file that names the table of consent.

use std::collections::BTreeMap;

use diesel::dsl::max;
use diesel::prelude::*;
use telematics::consent::PolicyVersion;
use telematics::{Timestamp, VehicleId};

use super::ConsentError;
use super::decision::Decision;
use crate::db::Conn;
use crate::schema::policies;

/// Vehicles that one statement names.
const IDS_MAX: usize = 500;

/// A decision and its number.
pub(super) type Numbered = (PolicyVersion, Decision);

#[derive(Queryable, Selectable)]
#[diesel(table_name = policies)]
struct PolicyRow {
    vehicle_id: Vec<u8>,
    version: i32,
    groups: String,
    precisions: String,
    purposes: String,
}

/// The decision in force.
pub(super) fn latest(
    conn: &mut Conn,
    vehicle: VehicleId,
) -> Result<Option<Numbered>, ConsentError> {
    let row = policies::table
        .filter(policies::vehicle_id.eq(vehicle.to_vec()))
        .order(policies::version.desc())
        .select(PolicyRow::as_select())
        .first(conn)
        .optional()?;
    row.map(|row: PolicyRow| row.decision(vehicle)).transpose()
}

/// The decisions in force about `vehicles`. One without a policy is not in it.
pub(super) fn latest_of(
    conn: &mut Conn,
    vehicles: &[VehicleId],
) -> Result<BTreeMap<VehicleId, Numbered>, ConsentError> {
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
            .select(PolicyRow::as_select())
            .load::<PolicyRow>(conn)?;
        for row in rows {
            let vehicle = VehicleId::from_bytes(&row.vehicle_id).or(Err(ConsentError::NotAnId))?;
            latest.insert(vehicle, row.decision(vehicle)?);
        }
    }
    Ok(latest)
}

impl PolicyRow {
    fn decision(&self, vehicle: VehicleId) -> Result<Numbered, ConsentError> {
        let damaged = || ConsentError::Damaged { vehicle };
        // A policy that no longer parses must not silently become "keep" or "share", another precision or another purpose.
        let columns = [&*self.groups, &*self.precisions, &*self.purposes];
        let decision = Decision::of_columns(columns).or(Err(damaged()))?;
        let version = PolicyVersion::new(u32::try_from(self.version).or(Err(damaged()))?);
        Ok((version, decision))
    }
}

pub(super) fn insert(
    conn: &mut Conn,
    vehicle: VehicleId,
    version: PolicyVersion,
    decision: &Decision,
    now: Timestamp,
) -> Result<(), ConsentError> {
    let number = i32::try_from(version.number()).or(Err(ConsentError::TooMany { vehicle }))?;
    let [groups, precisions, purposes] = decision.columns();
    let row = (
        policies::vehicle_id.eq(vehicle.to_vec()),
        policies::version.eq(number),
        policies::groups.eq(groups),
        policies::precisions.eq(precisions),
        policies::purposes.eq(purposes),
        policies::decided_at.eq(now.as_micros()),
    );
    diesel::insert_into(policies::table).values(row).execute(conn)?;
    Ok(())
}
