//! What owners took back is erased: first from the database, then from the lake, then from the files that
//! the database leaves behind.
//!
//! Takes its turn after batches were moved and orders were delivered, in the same task: nothing of a vehicle is
//! on its way to the lake while it is erased there. What another market has on its way is refused by the lake.

use crate::app::App;
use crate::erasure::{self, ErasureError};
use crate::failpoint::Failpoint;
use crate::lake::LakeError;

/// Why a turn failed. The next one repeats it.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// The records could not be erased.
    #[error(transparent)]
    Erasure(#[from] ErasureError),
    /// The lake could not be written.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The files of the database could not be cleaned.
    #[error("cannot take what was deleted out of the files of the database")]
    Scrub(#[from] diesel::result::Error),
}

/// Erases what is waiting, and says how many vehicles it was.
///
/// # Errors
/// Whatever failed; what is finished stays so.
pub async fn turn(app: &App) -> Result<u64, TurnError> {
    let mut erased = 0;
    for vehicle in app.db.read(erasure::unfinished).await? {
        let now = app.clock.now();
        app.db
            .write::<_, ErasureError, _>(move |conn| erasure::erase_records(conn, vehicle, now))
            .await?;
        Failpoint::ErasureRecords.reach();
        app.lake.erase(vehicle).await?;
        app.db.scrub().await?;
        Failpoint::ErasureScrubbed.reach();
        let version = app.lake.version();
        let finish = move |conn: &mut _| erasure::finish(conn, vehicle, version, now);
        app.db.write::<_, ErasureError, _>(finish).await?;
        erased += 1;
        tracing::info!(%vehicle, "erased");
    }
    Ok(erased)
}
