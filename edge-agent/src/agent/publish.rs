//! Tells the world how the agent is: the status file, Prometheus and the service manager.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::JoinHandle;

use crate::config::AgentConfig;
use crate::metrics::{Door, MetricsError};
use crate::uplink::Shared;
use crate::{clock, status};

/// How often the status is written.
const STATUS_PERIOD: Duration = Duration::from_millis(500);

/// Writes the status until aborted. Each round also tells the service manager that the agent lives.
pub(super) async fn write_status(shared: Shared) {
    tell(&[NotifyState::Ready]);
    loop {
        save_status(&shared);
        tell(&[NotifyState::Watchdog]);
        tokio::time::sleep(STATUS_PERIOD).await;
        // The connection outlasts the bus until everything is sent.
        if shared.quiet.is_on() && !shared.board.snapshot().connected {
            save_status(&shared);
            sleep_watched(&shared).await;
        }
    }
}

/// Waits until the bus wakes, or the owner turns the pause around. Where a service manager watches, it is told
/// now and then.
async fn sleep_watched(shared: &Shared) {
    let news = async || {
        tokio::select! {
            () = shared.quiet.over() => {}
            () = shared.board.announced() => {}
        }
    };
    let Some(period) = sd_notify::watchdog_enabled() else { return news().await };
    while tokio::time::timeout(period / 3, news()).await.is_err() {
        tell(&[NotifyState::Watchdog]);
    }
}

/// Writes the status once.
pub(super) fn save_status(shared: &Shared) {
    let now = clock::now();
    shared.board.note_receipts(now);
    let mut status = shared.board.snapshot();
    status.done = status.done && status.batches_pending == 0;
    status.updated_at = now.to_string();
    if let Err(error) = status::write(&status, &shared.data_dir) {
        tracing::warn!(error = status::chain_text(&error), "status not written");
    }
}

/// Offers metrics where the owner wants them; nowhere otherwise.
pub(super) async fn offer_metrics(
    config: &AgentConfig,
    shared: &Shared,
) -> Result<Option<JoinHandle<()>>, MetricsError> {
    let Some(metrics) = &config.metrics else { return Ok(None) };
    let door = Door::open(&metrics.listen).await?;
    Ok(Some(tokio::spawn(door.serve(shared.board.clone()))))
}

/// Does nothing when no service manager listens.
fn tell(news: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(news) {
        tracing::debug!(%error, "service manager not told");
    }
}
