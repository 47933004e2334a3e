//! Whose rows may be in a stream now.

use std::collections::BTreeMap;

use telematics::VehicleId;

use super::{LiveError, LiveStream};
use crate::catalog;
use crate::config::Rules;
use crate::consent;
use crate::db::Conn;
use crate::identity::{self, VehicleRecord, VehicleStatus};

/// Vehicles that are looked at together.
const PAGE: u32 = 500;

/// The vehicles whose rows may be in a stream.
pub type Audience = BTreeMap<VehicleId, VehicleRecord>;

/// The vehicles that share every signal of `stream` now for its purpose: all of them, or none when they are fewer than the rules
/// demand, so that nobody stands alone.
///
/// # Errors
/// When consent or vehicles can not be read.
pub fn audience(
    conn: &mut Conn,
    stream: &LiveStream,
    rules: &Rules,
) -> Result<Audience, LiveError> {
    let dataset = catalog::dataset(conn, stream.dataset)?;
    let (mut audience, mut after) = (Audience::new(), None);
    loop {
        let page = identity::vehicles_after(conn, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        let meant = page.into_iter().filter(|vehicle| {
            vehicle.status == VehicleStatus::Active && dataset.admits(&vehicle.description)
        });
        let mut meant: Audience = meant.map(|vehicle| (vehicle.id, vehicle)).collect();
        let ids = meant.keys().copied().collect::<Vec<_>>();
        for vehicle in consent::sharing(conn, &ids, &stream.signals, Some(stream.purpose))? {
            audience.extend(meant.remove_entry(&vehicle));
        }
    }
    let enough = usize::try_from(rules.vehicles_min.max(1)).unwrap_or(usize::MAX);
    Ok(if audience.len() < enough { Audience::new() } else { audience })
}
