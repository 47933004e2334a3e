//! Orders: buying, and following what was bought.

use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::headers::Idempotency;
use super::once;
use crate::answers::Intent;
use crate::api::problem::Problem;
use crate::app::App;
use crate::db::Conn;
use crate::delivery::{self, Version};
use crate::erasure;
use crate::identity::Buyer;
use crate::trade::{self, Licence, Order, OrderId, QuoteId, TradeError};

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceOrder {
    quote: String,
}

#[derive(Serialize)]
struct OrderView {
    id: String,
    quote: String,
    status: &'static str,
    price: String,
    fee: String,
    paid_out: String,
    refunded: String,
    placed_at: String,
    deliver_by: String,
    settled_at: Option<String>,
    /// Vehicles that were paid.
    payouts: u64,
    /// Rows of vehicles whose owners had them erased since: what was delivered can not be called back, so
    /// whoever has it is asked to leave them out.
    erased_rows: u64,
    /// Hash of `GET /v1/orders/{id}/licence.json`.
    licence_sha256: Option<String>,
    versions: Vec<VersionView>,
}

#[derive(Serialize)]
struct VersionView {
    number: u32,
    rows: u64,
    bytes: u64,
    sha256: String,
    delivered_at: String,
    data: String,
}

impl OrderView {
    fn of(conn: &mut Conn, order: &Order) -> Result<Self, Problem> {
        let versions = delivery::versions(conn, order.id)?;
        Ok(Self {
            id: order.id.to_string(),
            quote: order.quote.to_string(),
            status: order.status.as_str(),
            price: order.price.to_string(),
            fee: order.fee.to_string(),
            paid_out: order.paid_out.to_string(),
            refunded: order.refunded.to_string(),
            placed_at: order.placed_at.to_string(),
            deliver_by: order.deliver_by.to_string(),
            settled_at: order.settled_at.map(|time| time.to_string()),
            payouts: trade::payout_count(conn, order.id)?,
            erased_rows: erasure::erased_rows(conn, order.id)?,
            licence_sha256: order.licence_sha256.map(hex::encode),
            versions: versions.iter().map(VersionView::from).collect(),
        })
    }
}

impl From<&Version> for VersionView {
    fn from(version: &Version) -> Self {
        let Version { order, number, .. } = version;
        Self {
            number: *number,
            rows: version.rows,
            bytes: version.bytes,
            sha256: hex::encode(version.sha256),
            delivered_at: version.delivered_at.to_string(),
            data: format!("/v1/orders/{order}/versions/{number}/data.parquet"),
        }
    }
}

/// Buys a quote. The rows follow; the order says when they can be read.
///
/// Safe to retry: the same `Idempotency-Key` is answered as the first time, and charges once.
#[post("/v1/orders")]
pub(super) async fn place(
    app: web::Data<App>,
    buyer: Buyer,
    Idempotency(key): Idempotency,
    web::Json(body): web::Json<PlaceOrder>,
) -> Result<HttpResponse, Problem> {
    let quote = QuoteId::parse(&body.quote)?;
    let (rules, now) = (app.config.rules.clone(), app.clock.now());

    let intent = Intent::new(buyer.id.to_string(), key.clone(), "/v1/orders", &body)?;
    let buy = move |conn: &mut Conn| {
        let order = trade::purchase(conn, &buyer, quote, &key, &rules, now)?;
        OrderView::of(conn, &order)
    };
    once::create(&app, intent, buy).await
}

/// The caller's orders, newest first.
#[get("/v1/orders")]
pub(super) async fn list(app: web::Data<App>, buyer: Buyer) -> Result<HttpResponse, Problem> {
    let views = app
        .db
        .read(move |conn| {
            let orders = trade::orders(conn, &buyer)?;
            orders
                .iter()
                .map(|order| OrderView::of(conn, order))
                .collect::<Result<Vec<_>, Problem>>()
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "orders": views })))
}

/// One order of the caller.
#[get("/v1/orders/{id}")]
pub(super) async fn one(
    app: web::Data<App>,
    buyer: Buyer,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = OrderId::parse(&id)?;
    let view = app
        .db
        .read(move |conn| {
            let order = trade::order(conn, &buyer, id)?;
            OrderView::of(conn, &order)
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}

/// The licence that an order of the caller gives, byte for byte as its hash says.
#[get("/v1/orders/{id}/licence.json")]
pub(super) async fn licence(
    app: web::Data<App>,
    buyer: Buyer,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = OrderId::parse(&id)?;
    let read = move |conn: &mut Conn| {
        let order = trade::order(conn, &buyer, id)?;
        let (_, quote) = trade::quote_of_order(conn, order.id)?;
        Ok(Licence::of(&order, &quote))
    };
    let licence = app.db.read::<_, TradeError, _>(read).await?;
    Ok(HttpResponse::Ok().content_type("application/json").body(licence.bytes()))
}

/// The terms on which rows are sold.
#[get("/v1/licence-terms/{version}")]
pub(super) async fn licence_terms(version: web::Path<u32>) -> Result<HttpResponse, Problem> {
    if *version != trade::LICENCE_TERMS_VERSION {
        let newest = trade::LICENCE_TERMS_VERSION;
        return Err(Problem::not_found(format!(
            "there are no terms {version}; the newest are {newest}"
        )));
    }
    // RFC 7763.
    Ok(HttpResponse::Ok().content_type("text/markdown; charset=utf-8").body(trade::LICENCE_TERMS))
}
