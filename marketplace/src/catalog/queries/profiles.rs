//! The only statements that name the table of profiles.

use std::collections::BTreeMap;

use diesel::prelude::*;
use telematics::Timestamp;

use crate::catalog::profile::{Measures, Profiled};
use crate::catalog::{CatalogError, DatasetId};
use crate::db::Conn;
use crate::schema::dataset_profiles;

type Row = (Vec<u8>, i64, i64, i64);

fn damaged() -> CatalogError {
    CatalogError::DamagedProfile
}

pub(in crate::catalog) fn profile(
    conn: &mut Conn,
    dataset: DatasetId,
) -> Result<Option<Profiled>, CatalogError> {
    let row: Option<(String, i64, i64)> = dataset_profiles::table
        .find(dataset.to_vec())
        .select((
            dataset_profiles::profile,
            dataset_profiles::profiled_at,
            dataset_profiles::lake_version,
        ))
        .first(conn)
        .optional()?;
    let Some((profile, profiled_at, lake_version)) = row else { return Ok(None) };
    Ok(Some(Profiled {
        profile: serde_json::from_str(&profile).or(Err(damaged()))?,
        profiled_at: Timestamp::from_micros(profiled_at),
        lake_version: u64::try_from(lake_version).or(Err(damaged()))?,
    }))
}

/// What each profile was made of.
pub(in crate::catalog) fn measures(
    conn: &mut Conn,
) -> Result<BTreeMap<DatasetId, Measures>, CatalogError> {
    let rows: Vec<Row> = dataset_profiles::table
        .select((
            dataset_profiles::dataset_id,
            dataset_profiles::row_count,
            dataset_profiles::vehicle_count,
            dataset_profiles::profiled_at,
        ))
        .load(conn)?;
    let read = |(dataset, rows, vehicles, profiled_at): Row| {
        let measures = Measures {
            rows: u64::try_from(rows).or(Err(damaged()))?,
            vehicles: u64::try_from(vehicles).or(Err(damaged()))?,
            profiled_at: Timestamp::from_micros(profiled_at),
        };
        Ok((DatasetId::from_bytes(&dataset).or(Err(damaged()))?, measures))
    };
    rows.into_iter().map(read).collect()
}

pub(in crate::catalog) fn upsert(
    conn: &mut Conn,
    dataset: DatasetId,
    profiled: &Profiled,
) -> Result<(), CatalogError> {
    delete(conn, dataset)?;
    let profile = &profiled.profile;
    let row = (
        dataset_profiles::dataset_id.eq(dataset.to_vec()),
        dataset_profiles::row_count.eq(i64::try_from(profile.rows).unwrap_or(i64::MAX)),
        dataset_profiles::vehicle_count.eq(i64::try_from(profile.vehicles).unwrap_or(i64::MAX)),
        dataset_profiles::lake_version.eq(i64::try_from(profiled.lake_version).unwrap_or(i64::MAX)),
        dataset_profiles::profiled_at.eq(profiled.profiled_at.as_micros()),
        dataset_profiles::profile.eq(serde_json::to_string(profile).or(Err(damaged()))?),
    );
    diesel::insert_into(dataset_profiles::table).values(row).execute(conn)?;
    Ok(())
}

pub(in crate::catalog) fn delete(conn: &mut Conn, dataset: DatasetId) -> Result<(), CatalogError> {
    diesel::delete(dataset_profiles::table.find(dataset.to_vec())).execute(conn)?;
    Ok(())
}
