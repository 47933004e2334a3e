//! Vehicles: what we know of each, and whether it may still come in.

use ed25519_dalek::VerifyingKey;
use telematics::{OwnerId, Timestamp, VehicleDescription, VehicleId};
use zk::{ClassNumbers, IdentityCommitment};

use super::labels::Labels;
use super::principal::{Owner, Vehicle};
use super::{IdentityError, queries};
use crate::db::Conn;

/// Whether a vehicle may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VehicleStatus {
    /// It may.
    Active,
    /// Its chain contradicts itself: somebody else may hold its key.
    Suspended,
}

impl VehicleStatus {
    /// The word for it in tables and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Suspended].into_iter().find(|status| status.as_str() == text)
    }
}

/// What we know of a vehicle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VehicleRecord {
    /// Which.
    pub id: VehicleId,
    /// Whose.
    pub owner: OwnerId,
    /// What it is.
    pub description: VehicleDescription,
    /// Whether it may come in.
    pub status: VehicleStatus,
    /// Since when it takes part.
    pub enrolled_at: Timestamp,
    /// How its owner tells it from his others.
    pub labels: Labels,
}

/// As whom a vehicle proves: what its leaves are made of, besides the day and the commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prover {
    /// Stands for the vehicle.
    pub commitment: IdentityCommitment,
    /// What it is.
    pub class: ClassNumbers,
}

/// As whom `vehicle` proves. `None` for one that enrolled before there were proofs.
///
/// # Errors
/// Fails when the database does, or when the row is damaged.
pub fn prover(conn: &mut Conn, vehicle: VehicleId) -> Result<Option<Prover>, IdentityError> {
    queries::prover(conn, vehicle)
}

/// The vehicles of `owner`, oldest first, at most 10,000.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn vehicles_of(conn: &mut Conn, owner: &Owner) -> Result<Vec<VehicleRecord>, IdentityError> {
    queries::vehicles_of(conn, owner.id)
}

/// How often what [`vehicles_of`] returns has changed. The database counts, whoever changes it.
///
/// # Errors
/// Fails when the database does.
pub fn fleet_version(conn: &mut Conn, owner: &Owner) -> Result<i64, IdentityError> {
    Ok(queries::fleet_version(conn, owner.id)?)
}

/// Those of `ids` that are vehicles of this market, oldest first.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn vehicles(conn: &mut Conn, ids: &[VehicleId]) -> Result<Vec<VehicleRecord>, IdentityError> {
    queries::vehicles(conn, ids)
}

/// Vehicles of everybody with ids after `after`, by id, at most `limit`.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn vehicles_after(
    conn: &mut Conn,
    after: Option<VehicleId>,
    limit: u32,
) -> Result<Vec<VehicleRecord>, IdentityError> {
    queries::vehicles_after(conn, after, limit)
}

/// The vehicle that a certificate for `id` and `key` lets in. Only the door for cars calls this,
/// after TLS has verified the certificate.
///
/// # Errors
/// An unknown vehicle, another key than the vehicle's, and a suspended vehicle are refused.
pub fn vehicle(
    conn: &mut Conn,
    id: VehicleId,
    key: VerifyingKey,
) -> Result<Vehicle, IdentityError> {
    let unknown = IdentityError::UnknownVehicle { vehicle: id };
    match queries::vehicle_access(conn, id)? {
        Some((known, _)) if known != key.as_bytes() => Err(unknown),
        Some((_, VehicleStatus::Suspended)) => Err(IdentityError::Suspended { vehicle: id }),
        Some((_, VehicleStatus::Active)) => Ok(Vehicle { id, key }),
        None => Err(unknown),
    }
}

/// Shuts `vehicle` out.
///
/// # Errors
/// Fails when the database does.
pub fn suspend(conn: &mut Conn, vehicle: VehicleId) -> Result<(), IdentityError> {
    queries::set_status(conn, vehicle, VehicleStatus::Suspended)
}
