//! Which vehicles a caller may ask about: his own.

use std::collections::BTreeSet;

use telematics::VehicleId;

use super::QuestionError;
use crate::db::Conn;
use crate::identity::{self, Owner};

/// The vehicles of `owner` that he names, or all of them when he names none.
///
/// # Errors
/// Another's vehicle is refused like one that does not exist.
pub fn own_vehicles(
    conn: &mut Conn,
    owner: &Owner,
    named: Option<&[VehicleId]>,
) -> Result<Vec<VehicleId>, QuestionError> {
    let own = identity::vehicles_of(conn, owner)?;
    let own: BTreeSet<VehicleId> = own.into_iter().map(|vehicle| vehicle.id).collect();
    let Some(named) = named else { return Ok(own.into_iter().collect()) };
    if let Some(vehicle) = named.iter().find(|vehicle| !own.contains(vehicle)) {
        return Err(QuestionError::NotYours { vehicle: *vehicle });
    }
    Ok(named.iter().copied().collect::<BTreeSet<_>>().into_iter().collect())
}
