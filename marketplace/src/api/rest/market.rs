//! The market itself: whether it is there, and its rules.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use serde_json::json;

use crate::app::App;

#[derive(Serialize)]
struct RulesView {
    fee_basis_points: u32,
    vehicles_min: u32,
    quote_valid_seconds: u32,
    deliver_within_seconds: u32,
}

/// Says that the market answers.
#[get("/v1/health")]
pub(super) async fn health() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok" }))
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
    })
}
