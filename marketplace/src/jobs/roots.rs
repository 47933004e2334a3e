//! The root of the open epoch is published, every minute when it has grown.
//!
//! A task of its own, because cars wait for it: moving batches to the lake may take longer.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::campaigns::{self, CampaignsError};
use crate::epochs::{self, EpochsError, PublishedRoot};
use crate::progress::Job;

/// Publishes until `stopping`. Begins at once, so that what was appended before a stop is provable.
pub(super) async fn run(app: App, stopping: CancellationToken) {
    let every = Duration::from_secs(app.config.root_interval_seconds.max(1));
    let mut turns = interval(every);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            _ = turns.tick() => {}
        }
        let publish = async { turn(&app).await.map(|root| u64::from(root.is_some())) };
        // What went wrong is noted and logged where the turn is watched.
        app.progress.watch(Job::Roots, app.clock, publish).await.ok();
    }
}

/// Publishes once, if there is anything new, and counts among how many vehicles those hide who answer campaigns.
///
/// # Errors
/// When the tree can not be read or the root not be kept. The next turn tries again.
pub async fn turn(app: &App) -> Result<Option<PublishedRoot>, CampaignsError> {
    let now = app.clock.now();
    let publish = move |conn: &mut _| epochs::publish(conn, now);
    let published = app.db.write::<_, EpochsError, _>(publish).await?;
    if let Some(root) = &published {
        tracing::info!(epoch = root.epoch, size = root.size, "root published");
    }
    let counts = app.db.read(move |conn| campaigns::recount(conn, now)).await?;
    if !counts.is_empty() {
        app.db.write(move |conn| campaigns::keep_counts(conn, &counts)).await?;
    }
    Ok(published)
}
