//! How the market is doing, for its operator: what each job did last, and what waits.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;

use super::market::{MarketView, holds};
use crate::api::problem::Problem;
use crate::app::App;
use crate::identity::Operator;
use crate::progress::{Job, Progress, Turn};

#[derive(Serialize)]
struct StatusView {
    #[serde(flatten)]
    market: MarketView,
    jobs: Vec<JobView>,
}

#[derive(Serialize)]
struct JobView {
    job: &'static str,
    /// What `done` counts.
    unit: &'static str,
    running_since: Option<String>,
    last: Option<TurnView>,
    last_with_work: Option<TurnView>,
    failing: bool,
    last_failure: Option<FailureView>,
}

#[derive(Serialize)]
struct TurnView {
    at: String,
    milliseconds: i64,
    done: u64,
    per_second: Option<u64>,
}

#[derive(Serialize)]
struct FailureView {
    at: String,
    message: String,
}

impl JobView {
    fn of(progress: &Progress, job: Job) -> Self {
        let state = progress.of(job);
        Self {
            job: job.name(),
            unit: job.unit(),
            running_since: state.running_since.map(|at| at.to_string()),
            last: state.last.map(TurnView::from),
            last_with_work: state.last_with_work.map(TurnView::from),
            failing: state.failing,
            last_failure: state.failure.map(|failure| FailureView {
                at: failure.at.to_string(),
                message: failure.message,
            }),
        }
    }
}

impl From<Turn> for TurnView {
    fn from(turn: Turn) -> Self {
        Self {
            at: turn.at.to_string(),
            milliseconds: turn.micros / 1_000,
            done: turn.done,
            per_second: turn.per_second(),
        }
    }
}

/// What the market holds and what of it waits; of each job, since this process started: when it last ran,
/// how long that took and what it did, the last time that it had anything to do, and its last failure.
#[get("/v1/status")]
pub(super) async fn status(
    app: web::Data<App>,
    _operator: Operator,
) -> Result<HttpResponse, Problem> {
    let market = holds(&app).await?;
    let jobs = Job::ALL.map(|job| JobView::of(&app.progress, job));
    Ok(HttpResponse::Ok().json(StatusView { market, jobs: jobs.into() }))
}
