//! What happens by itself: batches move to the lake, datasets are described, what is over is let go, files that
//! nobody needs are removed, periods of subscriptions end, orders and live streams are settled, data campaigns pay, weeks are closed and paid, what owners took back
//! is erased, roots are published, the search index follows, profiles are made.
//!
//! One task takes all but the last three in turn, so that no two of them ever work at once; roots, index and profiles
//! have others. A step that fails is logged and tried again at the next turn; each can be repeated at any
//! time. Another market on the same database and lake takes its turns meanwhile: what the two do at once is done
//! once, by transactions of the database or of the lake.
//!
//! **Not here:** what a step does ([`flush`], [`upkeep`], [`subscriptions`], [`sales`], [`live`], [`data_campaigns`], [`rewards`], [`erasure`], [`roots`], [`index`] and [`profile`]), which
//! is no rule of the market either: rules are in the modules that they call.

pub mod data_campaigns;
pub mod erasure;
pub mod flush;
pub mod index;
pub mod live;
pub mod profile;
pub mod rewards;
pub mod roots;
pub mod sales;
pub mod subscriptions;
pub mod upkeep;

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::progress::Job;

/// Takes turns until `stopping`. A turn that has begun is finished.
pub async fn run(app: App, stopping: CancellationToken) {
    tokio::join!(
        roots::run(app.clone(), stopping.clone()),
        index::run(app.clone(), stopping.clone()),
        profile::run(app.clone(), stopping.clone()),
        take_turns(app, stopping),
    );
}

async fn take_turns(app: App, stopping: CancellationToken) {
    let every = Duration::from_secs(app.config.flush_interval_seconds.max(1));
    let mut turns = interval(every);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut flush = flush::Flush::new(app.clone());
    let mut upkeep = upkeep::Upkeep::new(app.clone());
    let mut data_campaigns = data_campaigns::DataCampaigns::new(app.clone());
    let mut rewards = rewards::Rewards::new(app.clone());
    loop {
        tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            _ = turns.tick() => {}
        }
        // What went wrong is noted and logged where the turn is watched.
        flush.turn().await.ok();
        upkeep.turn().await.ok();
        if app.config.deliver_orders {
            let turn = Box::pin(subscriptions::turn(&app));
            app.progress.watch(Job::Subscriptions, app.clock, turn).await.ok();
            app.progress.watch(Job::Sales, app.clock, Box::pin(sales::turn(&app))).await.ok();
        }
        app.progress.watch(Job::Live, app.clock, Box::pin(live::turn(&app))).await.ok();
        data_campaigns.turn().await.ok();
        rewards.turn().await.ok();
        app.progress.watch(Job::Erasure, app.clock, Box::pin(erasure::turn(&app))).await.ok();
    }
}
