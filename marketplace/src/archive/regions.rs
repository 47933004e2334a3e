//! In which part of the world vehicles are: known of those alone that share where they are, and no finer than a county.

use std::collections::BTreeMap;

use telematics::precision::CellSize;
use telematics::{Precision, Signal, Timestamp, Value, VehicleId};

use super::{ArchiveError, latest_among};
use crate::db::Conn;

/// Regions are H3 cells of this resolution: some 12,000 km².
const REGION_RESOLUTION: u8 = 3;

/// The centres of the regions in which vehicles were last, as latitude and longitude, of those that shared where since then.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn regions(
    conn: &mut Conn,
    vehicles: &[VehicleId],
    since: Timestamp,
) -> Result<BTreeMap<VehicleId, [Value; 2]>, ArchiveError> {
    let known = latest_among(conn, vehicles, Some(&[Signal::LATITUDE, Signal::LONGITUDE]))?;
    let recent = known.into_iter().filter(|(_, sample)| sample.time >= since);
    let (mut latitudes, mut longitudes) = (BTreeMap::new(), BTreeMap::new());
    for (vehicle, sample) in recent {
        let axis = if sample.signal == Signal::LATITUDE { &mut latitudes } else { &mut longitudes };
        axis.insert(vehicle, sample.value);
    }
    let Some(region) = CellSize::new(REGION_RESOLUTION).map(Precision::Cell) else {
        return Ok(BTreeMap::new());
    };
    let centre = |(vehicle, latitude): (VehicleId, Value)| {
        let longitude = *longitudes.get(&vehicle)?;
        let place = region.place(latitude, longitude, since)?;
        Some((vehicle, place.map(|sample| sample.value)))
    };
    Ok(latitudes.into_iter().filter_map(centre).collect())
}
