//! Live streams that are over are settled.

use crate::app::App;
use crate::live::{self, LiveError};

/// Settles every live stream that is over, and says how many there were. One that can not be settled does not hold up the others.
///
/// # Errors
/// When streams can not be read.
pub async fn turn(app: &App) -> Result<u64, LiveError> {
    let now = app.clock.now();
    let mut settled = 0;
    for stream in app.db.read(move |conn| live::overdue(conn, now)).await? {
        match app.db.write::<_, LiveError, _>(move |conn| live::settle(conn, stream, now)).await {
            Ok(_) => settled += 1,
            Err(error) => {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::error!(%stream, error, "cannot settle a live stream");
            }
        }
    }
    Ok(settled)
}
