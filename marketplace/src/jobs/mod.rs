//! What the market does by itself.
//!
//! One task takes the steps in turn, so that no two of them work at once. A step that fails is logged
//! and tried again at the next turn; each can be repeated at any time.
//!
//! **Not here:** any rule. The steps only call the modules that have them.

mod describe;
mod flush;
mod orders;

pub use describe::{DescribeError, describe};
pub use flush::{FlushError, flush};
pub use orders::{OrdersError, deliver_paid, refund_overdue};

use std::error::Error;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::app::App;

/// Takes turns until `stopping`. A turn that has begun is finished.
pub async fn run(app: App, stopping: CancellationToken) {
    let every = Duration::from_secs(app.config.flush_interval_seconds.max(1));
    let mut turns = interval(every);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while stopping.run_until_cancelled(turns.tick()).await.is_some() {
        turn(&app).await;
    }
}

/// One step after the other; one that fails does not hold up the next.
async fn turn(app: &App) {
    log("cannot move batches to the lake", flush(app).await);
    log("cannot describe datasets", describe(app).await);
    log("cannot refund overdue orders", refund_overdue(app).await);
    log("cannot deliver orders", deliver_paid(app).await);
}

fn log<T>(message: &str, result: Result<T, impl Error + 'static>) {
    if let Err(error) = result {
        let error: &(dyn Error + 'static) = &error;
        tracing::error!(error, "{message}");
    }
}
