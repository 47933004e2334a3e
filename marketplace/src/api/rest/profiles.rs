//! What can be seen of a dataset before it is bought, in numbers and pictures.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use telematics::Timestamp;
use telematics::time::MICROS_PER_SECOND;

use crate::api::problem::Problem;
use crate::app::App;
use crate::catalog::{self, CatalogError, DatasetId, Profile, Profiled, plot};
use crate::identity::Principal;

#[derive(Serialize)]
struct ProfileView {
    dataset: String,
    profiled_at: String,
    lake_version: u64,
    /// Nineteen of twenty vehicles sent something within this time.
    fresh_p95_seconds: Option<i64>,
    #[serde(flatten)]
    profile: Profile,
}

/// Coverage, freshness, gaps, duplicates, how values spread, and a preview.
#[get("/v1/datasets/{id}/profile")]
pub(super) async fn of_dataset(
    app: web::Data<App>,
    _anyone: Principal,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = DatasetId::parse(&id)?;
    let Profiled { profile, profiled_at, lake_version } = profiled(&app, id).await?;
    let age = |at: &str| {
        let at = at.parse::<Timestamp>().ok()?;
        Some(app.clock.now().micros_since(at).max(0) / MICROS_PER_SECOND)
    };
    Ok(HttpResponse::Ok().json(ProfileView {
        dataset: id.to_string(),
        profiled_at: profiled_at.to_string(),
        lake_version,
        fresh_p95_seconds: profile.fresh_p95_at.as_deref().and_then(age),
        profile,
    }))
}

/// How the values of one signal spread, as SVG.
#[get("/v1/datasets/{id}/plots/{signal}.svg")]
pub(super) async fn plot_of_signal(
    app: web::Data<App>,
    _anyone: Principal,
    path: web::Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, signal) = path.into_inner();
    let id = DatasetId::parse(&id)?;
    let profile = profiled(&app, id).await?.profile;
    let found = profile.signals.iter().find(|found| found.path == signal);
    let none = || Problem::not_found(format!("the profile of {id} has no signal `{signal}`"));
    let svg = plot::distribution(found.ok_or_else(none)?).map_err(Problem::internal)?;
    Ok(HttpResponse::Ok().insert_header(("Content-Type", "image/svg+xml")).body(svg))
}

async fn profiled(app: &App, id: DatasetId) -> Result<Profiled, Problem> {
    let read = move |conn: &mut _| {
        catalog::seen_by(conn, None, id)?;
        catalog::profile(conn, id)
    };
    let none = || {
        Problem::not_found(format!(
            "there is no profile of {id}: it gets one when enough vehicles share it"
        ))
    };
    app.db.read::<_, CatalogError, _>(read).await?.ok_or_else(none)
}
