//! Weeks of rewards are closed and paid: looked at when the market starts, and then every hour.

use telematics::Timestamp;

use super::upkeep::is_due;
use crate::app::App;
use crate::progress::Job;
use crate::rewards::{self, ClosedWeek, PoolRules, RewardsError, Salt, Week};

/// Closes and pays weeks.
pub struct Rewards {
    app: App,
    turned_at: Option<Timestamp>,
}

impl Rewards {
    /// Has a turn to take.
    #[must_use]
    pub const fn new(app: App) -> Self {
        Self { app, turned_at: None }
    }

    /// Does what is due, each week in a transaction of its own.
    ///
    /// # Errors
    /// Whatever failed; what is done stays so, and the next turn does the rest.
    pub async fn turn(&mut self) -> Result<(), RewardsError> {
        let (app, now) = (&self.app, self.app.clock.now());
        if is_due(self.turned_at, now) {
            app.progress.watch(Job::Rewards, app.clock, Box::pin(work(app, now))).await?;
            self.turned_at = Some(now);
        }
        Ok(())
    }
}

/// Closes the weeks that are over, pays those that were closed long enough ago, and says how many both are.
async fn work(app: &App, now: Timestamp) -> Result<u64, RewardsError> {
    let (mut weeks, pool_rules) = (0, PoolRules::of(&app.config.rules));
    if let Some(pool_rules) = pool_rules {
        while let Some(week) = app.db.read(move |conn| rewards::due(conn, now)).await? {
            weeks += close(app, week, pool_rules, now).await?;
        }
    }
    for week in app.db.read(move |conn| rewards::vesting(conn, now)).await? {
        weeks += vest(app, week, now).await?;
    }
    app.db.write(move |conn| rewards::forget_days(conn, pool_rules, now)).await?;
    Ok(weeks)
}

async fn close(
    app: &App,
    week: Week,
    pool_rules: PoolRules,
    now: Timestamp,
) -> Result<u64, RewardsError> {
    let salt = Salt::new(rand::random());
    let close = move |conn: &mut _| rewards::close(conn, week.number, pool_rules, &salt, now);
    match app.db.write(close).await {
        // By another market on the same database.
        Err(RewardsError::AlreadyClosed { .. }) => Ok(0),
        closed => {
            let ClosedWeek { week, pool, vehicles, points, .. } = closed?;
            tracing::info!(week = week.number, %pool, vehicles, points, "closed a week");
            Ok(1)
        }
    }
}

async fn vest(app: &App, week: u32, now: Timestamp) -> Result<u64, RewardsError> {
    match app.db.write(move |conn| rewards::vest(conn, week, now)).await {
        Err(RewardsError::AlreadyPaid { .. }) => Ok(0),
        vested => {
            tracing::info!(week, paid = %vested?.paid, "paid a week");
            Ok(1)
        }
    }
}
