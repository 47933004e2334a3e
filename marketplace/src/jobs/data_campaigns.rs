//! Data campaigns count days and pay: looked at when the market starts, and then every hour.
//!
//! Takes its turn before rewards, after which days of a vehicle are forgotten.

use telematics::Timestamp;

use super::upkeep::is_due;
use crate::app::App;
use crate::data_campaigns::{self, DataCampaignsError};
use crate::progress::Job;

/// Counts and pays.
pub struct DataCampaigns {
    app: App,
    turned_at: Option<Timestamp>,
}

impl DataCampaigns {
    /// Has a turn to take.
    #[must_use]
    pub const fn new(app: App) -> Self {
        Self { app, turned_at: None }
    }

    /// Does what is due, each campaign in a transaction of its own.
    ///
    /// # Errors
    /// Whatever failed; what is done stays so, and the next turn does the rest.
    pub async fn turn(&mut self) -> Result<(), DataCampaignsError> {
        let (app, now) = (&self.app, self.app.clock.now());
        if is_due(self.turned_at, now) {
            app.progress.watch(Job::DataCampaigns, app.clock, Box::pin(work(app, now))).await?;
            self.turned_at = Some(now);
        }
        Ok(())
    }
}

/// Says how many vehicles were paid.
async fn work(app: &App, now: Timestamp) -> Result<u64, DataCampaignsError> {
    let mut paid = 0;
    for campaign in app.db.read(data_campaigns::collecting).await? {
        let collect = move |conn: &mut _| data_campaigns::collect(conn, campaign, now);
        let vehicles = app.db.write::<_, DataCampaignsError, _>(collect).await?;
        if vehicles > 0 {
            tracing::info!(%campaign, vehicles, "paid for what was collected");
        }
        paid += vehicles;
    }
    Ok(paid)
}
