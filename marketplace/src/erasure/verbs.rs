//! Asking for an erasure, and its steps.

use telematics::{Timestamp, VehicleId};

use super::queries;
use crate::archive::{self, ArchiveError};
use crate::consent::{self, ConsentError, Decision};
use crate::data_campaigns::{self, DataCampaignsError};
use crate::db::Conn;
use crate::epochs::{self, EpochsError};
use crate::identity::{self, IdentityError, Owner};
use crate::rewards::{self, RewardsError};
use crate::trade::{self, OrderId, TradeError};

/// Why a vehicle's data could not be erased.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    /// Consent could not be withdrawn, or the vehicle is another's.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// The vehicle could not be shut out.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Its batches could not be deleted.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Its leaves could not be forgotten.
    #[error(transparent)]
    Epochs(#[from] EpochsError),
    /// Its shares of weeks could not be forgotten.
    #[error(transparent)]
    Rewards(#[from] RewardsError),
    /// Days of data campaigns could not be forgotten.
    #[error(transparent)]
    DataCampaigns(#[from] DataCampaignsError),
    /// Quotes could not be ended.
    #[error(transparent)]
    Trade(#[from] TradeError),
    /// A row that no longer reads as what it was.
    #[error("a row of table `erasures` is damaged")]
    Damaged,
    /// The database failed.
    #[error("cannot read or store erasures")]
    Storage(#[from] diesel::result::Error),
}

/// How far the erasure of a vehicle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Which vehicle.
    pub vehicle: VehicleId,
    /// When its owner asked.
    pub requested_at: Timestamp,
    /// When nothing was left; none before.
    pub finished_at: Option<Timestamp>,
}

/// Asks to erase everything that `vehicle` of `owner` sent. From now on it can send nothing, and shares
/// nothing that is not delivered yet. Asking again changes nothing.
///
/// # Errors
/// A vehicle that is not the owner's is refused.
pub fn request(
    conn: &mut Conn,
    owner: &Owner,
    vehicle: VehicleId,
    now: Timestamp,
) -> Result<Erasure, ErasureError> {
    consent::decide(conn, owner, vehicle, &Decision::default(), now)?;
    if let Some(known) = queries::find(conn, vehicle)? {
        return Ok(known);
    }
    identity::suspend(conn, vehicle)?;
    queries::insert(conn, vehicle, now)?;
    Ok(Erasure { vehicle, requested_at: now, finished_at: None })
}

/// How far the erasure of `vehicle` is; `None` when nobody asked for it.
///
/// # Errors
/// Fails when the database does.
pub fn erasure(conn: &mut Conn, vehicle: VehicleId) -> Result<Option<Erasure>, ErasureError> {
    queries::find(conn, vehicle)
}

/// Vehicles of which something may be left, those that wait longest first.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn unfinished(conn: &mut Conn) -> Result<Vec<VehicleId>, ErasureError> {
    queries::unfinished(conn)
}

/// Deletes what the database has of `vehicle`, and undoes what was sold of a lake with it and not delivered.
///
/// # Errors
/// Fails when the database does; then nothing is deleted.
pub fn erase_records(
    conn: &mut Conn,
    vehicle: VehicleId,
    now: Timestamp,
) -> Result<(), ErasureError> {
    archive::erase(conn, vehicle)?;
    epochs::forget(conn, vehicle)?;
    rewards::forget(conn, vehicle)?;
    data_campaigns::forget(conn, vehicle)?;
    // Every version that there is goes.
    lapse(conn, u64::MAX, now)
}

/// Rows that were delivered with `order` and whose vehicles were erased since, or are about to be.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn erased_rows(conn: &mut Conn, order: OrderId) -> Result<u64, ErasureError> {
    let erased = queries::vehicles(conn)?;
    if erased.is_empty() {
        return Ok(0);
    }
    let payouts = trade::payouts_for(conn, order)?;
    let erased = payouts.iter().filter(|payout| erased.contains(&payout.vehicle));
    Ok(erased.fold(0, |rows, payout| rows.saturating_add(payout.rows)))
}

/// Notes that nothing of `vehicle` is left. The lake begins at `version`: what was sold of an earlier one since
/// [`erase_records`] is undone too.
///
/// # Errors
/// Fails when the database does.
pub fn finish(
    conn: &mut Conn,
    vehicle: VehicleId,
    version: u64,
    now: Timestamp,
) -> Result<(), ErasureError> {
    lapse(conn, version, now)?;
    queries::finish(conn, vehicle, now)
}

fn lapse(conn: &mut Conn, version: u64, now: Timestamp) -> Result<(), ErasureError> {
    for order in trade::lapse(conn, version, now)? {
        tracing::warn!(%order, "refunded, because its version of the lake is erased");
    }
    Ok(())
}
