//! Profiles of datasets are made anew as datasets grow.
//!
//! A task of its own, because reading millions of rows must not hold up what is bought; it rests so long after each that it takes
//! a small part of the machine.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::archive;
use crate::catalog::{self, CatalogError};
use crate::lake::LakeError;
use crate::progress::Job;

/// The least time between two profiles.
const PAUSE: Duration = Duration::from_secs(1);
/// A rest is so many times as long as the work before it.
const REST: u32 = 10;

/// Why a turn failed. The next one repeats it.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// Datasets could not be read, or their profiles not be kept.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Rows could not be read.
    #[error(transparent)]
    Lake(#[from] LakeError),
}

/// Makes profiles until `stopping`.
pub(super) async fn run(app: App, stopping: CancellationToken) {
    let mut rest = PAUSE;
    loop {
        tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(rest) => {}
        }
        let begun = Instant::now();
        // What went wrong is noted and logged where the turn is watched.
        app.progress.watch(Job::Profile, app.clock, Box::pin(turn(&app))).await.ok();
        rest = begun.elapsed().saturating_mul(REST).max(PAUSE);
    }
}

/// Makes the profile of one dataset that wants another, and says how many did: one or none.
///
/// # Errors
/// When datasets or rows can not be read, or the profile not be kept.
pub async fn turn(app: &App) -> Result<u64, ProfileError> {
    let (rules, now) = (app.config.rules.clone(), app.clock.now());
    let due = move |conn: &mut _| catalog::due(conn, &rules, now);
    let Some(dataset) = app.db.read(due).await? else { return Ok(0) };
    let (id, rules) = (dataset.id, app.config.rules.clone());
    let version = app.lake.version();
    let measured = app.lake.describe(version, archive::horizon(now)).await?;
    let plan = move |conn: &mut _| catalog::plan(conn, &dataset, &measured, &rules, now);
    let Some(plan) = app.db.read(plan).await? else {
        app.db.write(move |conn| catalog::forget(conn, id)).await?;
        return Ok(1);
    };
    let shape = app.lake.shape(version, &plan.of).await?;
    let profiled = plan.profile(&shape, version, now);
    app.db.write(move |conn| catalog::keep_profile(conn, id, &profiled)).await?;
    Ok(1)
}
