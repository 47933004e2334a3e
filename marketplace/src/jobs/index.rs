//! The search index follows the table of datasets, twice a second.
//!
//! A task of its own, because another market on the same database describes datasets too, and whoever searches this one
//! finds them within a second. A turn without a change reads one number.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::catalog::{self, CatalogError};
use crate::progress::Job;

const EVERY: Duration = Duration::from_millis(500);

/// Follows until `stopping`.
pub(super) async fn run(app: App, stopping: CancellationToken) {
    let mut turns = interval(EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            _ = turns.tick() => {}
        }
        // What went wrong is noted and logged where the turn is watched.
        app.progress.watch(Job::Index, app.clock, turn(&app)).await.ok();
    }
}

/// Brings the index up to the table, and says how many datasets it wrote.
///
/// # Errors
/// When the table can not be read or the index not be written. The next turn tries again.
pub async fn turn(app: &App) -> Result<u64, CatalogError> {
    let search = app.search.clone();
    app.db.read(move |conn| catalog::follow(conn, &search)).await
}
