//! The root of the open epoch is published, every minute when it has grown.
//!
//! A task of its own, because cars wait for it: moving batches to the lake may take longer.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::epochs::{self, EpochsError, PublishedRoot};

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
        match turn(&app).await {
            Ok(Some(root)) => {
                tracing::info!(epoch = root.epoch, size = root.size, "root published");
            }
            Ok(None) => {}
            Err(error) => {
                let error: &(dyn std::error::Error + 'static) = &error;
                tracing::error!(error, "cannot publish a root");
            }
        }
    }
}

/// Publishes once, if there is anything new.
///
/// # Errors
/// When the tree can not be read or the root not be kept. The next turn tries again.
pub async fn turn(app: &App) -> Result<Option<PublishedRoot>, EpochsError> {
    let now = app.clock.now();
    app.db.write(move |conn| epochs::publish(conn, now)).await
}
