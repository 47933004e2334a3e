//! The market itself: whether it is there, and its rules.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use serde_json::json;

use crate::api::problem::Problem;
use crate::app::App;
use crate::archive::{self, ArchiveError};
use crate::identity::Principal;
use crate::rewards::{FORMULA, POINTS_MAX, RULES_VERSION, VESTS_AFTER_DAYS};
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
    rewards: RewardRulesView,
}

#[derive(Serialize)]
struct RewardRulesView {
    /// 0 when there are none.
    pool_tokens_per_week: u32,
    decay_basis_points_per_year: u32,
    vests_after_days: i64,
    rules_version: u32,
    /// How points are reckoned, in words.
    points: [&'static str; 6],
    /// Of one vehicle in one week.
    points_max: u32,
}

/// Says that the market answers.
#[get("/v1/health")]
pub(super) async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
}

/// The certificate that vouches for the one that the gRPC door shows.
#[get("/v1/authority.pem")]
pub(super) async fn authority(app: web::Data<App>) -> HttpResponse {
    let certificate = pem::Pem::new("CERTIFICATE", app.authority.der().to_vec());
    let content_type = ("Content-Type", "application/pem-certificate-chain");
    HttpResponse::Ok().insert_header(content_type).body(pem::encode(&certificate))
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
        rewards: RewardRulesView {
            pool_tokens_per_week: rules.reward_pool_tokens_per_week,
            decay_basis_points_per_year: rules.reward_decay_basis_points_per_year,
            vests_after_days: VESTS_AFTER_DAYS,
            rules_version: RULES_VERSION,
            points: FORMULA,
            points_max: POINTS_MAX,
        },
    })
}
