//! Datasets: what is for sale, and what is known about it.
//!
//! **Not here:** finding them ([`super::search`]).

use actix_web::{HttpResponse, get, post, web};
use serde::Serialize;
use serde_json::json;
use telematics::Powertrain;

use super::quotes::PriceView;
use crate::api::problem::Problem;
use crate::app::App;
use crate::archive::{self, Score};
use crate::catalog::{
    self, CatalogError, Class, Dataset, DatasetId, Measurement, ReasonRows, Wish,
};
use crate::db::Conn;
use crate::identity::{Buyer, Principal};
use crate::trade::{self, TradeError};

#[derive(Serialize)]
pub(super) struct DatasetView {
    id: String,
    slug: String,
    title: String,
    description: String,
    price_per_row: String,
    rows: u64,
    vehicles: u64,
    makes: Vec<String>,
    models: Vec<String>,
    years: Vec<u16>,
    powertrains: Vec<&'static str>,
    first_at: Option<String>,
    last_at: Option<String>,
    quality: QualityView,
    lake_version: u64,
    described_at: String,
    signals: Vec<SignalView>,
    /// Of which vehicles it is, when it is listed for one buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<Class>,
}

#[derive(Serialize)]
struct OfferView {
    #[serde(flatten)]
    dataset: DatasetView,
    /// What all rows would cost now; none when that is more than can be paid.
    price_now: Option<String>,
    price_rule: PriceView,
}

#[derive(Serialize)]
struct SignalView {
    path: &'static str,
    unit: String,
    rows: u64,
}

/// How plausible the rows are, in per mille. What it counts is in ARCHITECTURE.md.
#[derive(Serialize)]
struct QualityView {
    score: Option<u16>,
    flagged_rows: u64,
    flagged_per_mille: u64,
    reasons: Vec<ReasonView>,
}

#[derive(Serialize)]
struct ReasonView {
    reason: &'static str,
    signal: &'static str,
    rows: u64,
}

impl From<&Dataset> for QualityView {
    fn from(dataset: &Dataset) -> Self {
        let reason = |line: &ReasonRows| ReasonView {
            reason: line.kind.as_str(),
            signal: line.signal.path(),
            rows: line.rows,
        };
        Self {
            score: dataset.quality.score.map(Score::per_mille),
            flagged_rows: dataset.quality.flagged_rows,
            flagged_per_mille: dataset.flagged_per_mille(),
            reasons: dataset.quality.reasons.iter().map(reason).collect(),
        }
    }
}

impl From<Dataset> for DatasetView {
    fn from(dataset: Dataset) -> Self {
        let signals = dataset.signals.iter().map(|line| SignalView {
            path: line.signal.path(),
            unit: line.signal.unit().to_string(),
            rows: line.rows,
        });
        Self {
            id: dataset.id.to_string(),
            quality: QualityView::from(&dataset),
            signals: signals.collect(),
            price_per_row: dataset.price_per_row.to_string(),
            rows: dataset.rows,
            vehicles: dataset.vehicles,
            makes: dataset.makes.into_iter().collect(),
            models: dataset.models.into_iter().collect(),
            years: dataset.years.into_iter().collect(),
            powertrains: dataset.powertrains.into_iter().map(Powertrain::as_str).collect(),
            first_at: dataset.first_at.map(|time| time.to_string()),
            last_at: dataset.last_at.map(|time| time.to_string()),
            class: dataset.private.as_ref().map(|listed| Class::from(&listed.class)),
            lake_version: dataset.lake_version,
            described_at: dataset.described_at.to_string(),
            slug: dataset.slug,
            title: dataset.title,
            description: dataset.description,
        }
    }
}

/// One dataset, with what all its rows would cost now.
#[get("/v1/datasets/{id}")]
pub(super) async fn one(
    app: web::Data<App>,
    caller: Principal,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (id, rules, now) = (DatasetId::parse(&id)?, app.config.rules.clone(), app.clock.now());
    let read = move |conn: &mut Conn| {
        let dataset = catalog::seen_by(conn, caller.buyer(), id)?;
        let inputs = trade::price_now(conn, &dataset, &rules, now)?;
        Ok((dataset, inputs))
    };
    let (dataset, inputs) = app.db.read::<_, TradeError, _>(read).await?;
    Ok(HttpResponse::Ok().json(OfferView {
        dataset: DatasetView::from(dataset),
        price_now: inputs.price().map(|price| price.to_string()),
        price_rule: PriceView::from(inputs),
    }))
}

/// Lists signals of certain vehicles for the caller alone.
#[post("/v1/datasets")]
pub(super) async fn list_privately(
    app: web::Data<App>,
    buyer: Buyer,
    body: web::Json<Wish>,
) -> Result<HttpResponse, Problem> {
    let (lake_version, now, wish) = (app.lake.version(), app.clock.now(), body.into_inner());
    let measured = app.lake.describe(lake_version, archive::horizon(now)).await?;
    let vehicles_min = app.config.rules.vehicles_min;
    let list = move |conn: &mut Conn| {
        let measurement = Measurement { lines: &measured, lake_version, vehicles_min, now };
        catalog::list_privately(conn, &buyer, &wish, &measurement)
    };
    let dataset = app.db.write::<_, CatalogError, _>(list).await?;
    Ok(HttpResponse::Created().json(DatasetView::from(dataset)))
}

/// What is listed for the caller alone.
#[get("/v1/datasets/private")]
pub(super) async fn mine(app: web::Data<App>, buyer: Buyer) -> Result<HttpResponse, Problem> {
    let read = move |conn: &mut Conn| catalog::private_of(conn, &buyer);
    let found = app.db.read::<_, CatalogError, _>(read).await?;
    let views = found.into_iter().map(DatasetView::from).collect::<Vec<_>>();
    Ok(HttpResponse::Ok().json(json!({ "datasets": views })))
}
