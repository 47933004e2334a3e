//! The market itself: whether it is there, and its rules.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use serde_json::json;

use crate::api::problem::Problem;
use crate::app::App;
use crate::archive::{self, ArchiveError};
use crate::identity::Principal;
use crate::trade;

#[derive(Serialize)]
pub(super) struct MarketView {
    batches: u64,
    samples: u64,
    batches_waiting: u64,
    lake_version: u64,
}

#[derive(Serialize)]
struct RulesView {
    fee_basis_points: u32,
    vehicles_min: u32,
    quote_valid_seconds: u32,
    deliver_within_seconds: u32,
    price_rule: u32,
    price_formula: &'static [&'static str],
}

/// Says that the market answers.
#[get("/v1/health")]
pub(super) async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// What the market holds: accepted batches and samples, how many batches are not in the lake yet, and
/// the version of the lake. A dataset says which version it was measured at.
#[get("/v1/market")]
pub(super) async fn market(
    app: web::Data<App>,
    _caller: Principal,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(holds(&app).await?))
}

/// What the market holds now.
pub(super) async fn holds(app: &App) -> Result<MarketView, Problem> {
    let in_lake = app.lake.last_arrival().await?;
    let lake_version = app.lake.version();
    let count = move |conn: &mut _| {
        Ok::<_, ArchiveError>((archive::totals(conn)?, archive::waiting(conn, in_lake)?))
    };
    let (totals, batches_waiting) = app.db.read(count).await?;
    Ok(MarketView {
        batches: totals.batches,
        samples: totals.samples,
        batches_waiting,
        lake_version,
    })
}

/// The rules of this market.
#[get("/v1/rules")]
pub(super) async fn rules(app: web::Data<App>) -> HttpResponse {
    let rules = &app.config.rules;
    HttpResponse::Ok().json(RulesView {
        fee_basis_points: rules.fee_basis_points,
        vehicles_min: rules.vehicles_min,
        quote_valid_seconds: rules.quote_valid_seconds,
        deliver_within_seconds: rules.deliver_within_seconds,
        price_rule: trade::PRICE_RULE,
        price_formula: &trade::PRICE_FORMULA,
    })
}
