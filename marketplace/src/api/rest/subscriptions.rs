//! Subscriptions: having what comes in delivered, period after period.

use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::headers::Idempotency;
use super::once;
use crate::answers::Intent;
use crate::api::problem::Problem;
use crate::app::App;
use crate::catalog::DatasetId;
use crate::consent::Purpose;
use crate::db::Conn;
use crate::identity::Buyer;
use crate::ledger::Amount;
use crate::subscriptions::{
    self, Subscription, SubscriptionId, SubscriptionsError, WaitsFor, Wanted,
};
use crate::trade::OrderId;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subscribe {
    dataset: String,
    purpose: Purpose,
    period_seconds: u32,
    /// Tokens to begin with.
    top_up: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TopUp {
    amount: String,
}

#[derive(Serialize)]
struct SubscriptionView {
    id: String,
    dataset: String,
    purpose: Purpose,
    period_seconds: u32,
    status: &'static str,
    /// Tokens that it has to spend.
    balance: String,
    next_at: String,
    /// Why the last period brought nothing: rows, vehicles or tokens.
    waits_for: Option<&'static str>,
    created_at: String,
    closed_at: Option<String>,
    /// What was left when it was closed, and went back.
    unspent: Option<String>,
    orders: Vec<String>,
}

impl SubscriptionView {
    fn of(conn: &mut Conn, of: &Subscription) -> Result<Self, SubscriptionsError> {
        let orders = subscriptions::orders(conn, of)?;
        Ok(Self {
            id: of.id.to_string(),
            dataset: of.dataset.to_string(),
            purpose: of.purpose,
            period_seconds: of.period_seconds,
            status: if of.closed_at.is_some() { "closed" } else { "open" },
            balance: subscriptions::balance(conn, of)?.to_string(),
            next_at: of.next_at.to_string(),
            waits_for: of.waits_for.map(WaitsFor::as_str),
            created_at: of.created_at.to_string(),
            closed_at: of.closed_at.map(|time| time.to_string()),
            unspent: of.unspent.map(|amount| amount.to_string()),
            orders: orders.iter().map(OrderId::to_string).collect(),
        })
    }
}

/// Subscribes to what comes into a dataset from now on, and puts tokens aside for it.
#[post("/v1/subscriptions")]
pub(super) async fn subscribe(
    app: web::Data<App>,
    buyer: Buyer,
    Idempotency(key): Idempotency,
    web::Json(body): web::Json<Subscribe>,
) -> Result<HttpResponse, Problem> {
    let now = app.clock.now();
    let intent = Intent::new(buyer.id.to_string(), key, "/v1/subscriptions", &body)?;
    let wanted = Wanted {
        id: SubscriptionId::new(now, rand::random()),
        dataset: DatasetId::parse(&body.dataset)?,
        purpose: body.purpose,
        period_seconds: body.period_seconds,
        after_arrival: app.lake.last_arrival_at(app.lake.version()).await?,
    };
    let amount = Amount::parse(&body.top_up)?;
    let subscribe = move |conn: &mut Conn| {
        let made = subscriptions::subscribe(conn, &buyer, &wanted, amount, now)?;
        Ok(SubscriptionView::of(conn, &made)?)
    };
    once::create(&app, intent, subscribe).await
}

/// Puts more tokens aside for a subscription of the caller.
#[post("/v1/subscriptions/{id}/top-ups")]
pub(super) async fn top_up(
    app: web::Data<App>,
    buyer: Buyer,
    Idempotency(key): Idempotency,
    id: web::Path<String>,
    web::Json(body): web::Json<TopUp>,
) -> Result<HttpResponse, Problem> {
    let (id, now) = (SubscriptionId::parse(&id)?, app.clock.now());
    let amount = Amount::parse(&body.amount)?;
    let path = format!("/v1/subscriptions/{id}/top-ups");
    let intent = Intent::new(buyer.id.to_string(), key, &path, &body)?;
    let top_up = move |conn: &mut Conn| {
        let topped = subscriptions::top_up(conn, &buyer, id, amount, now)?;
        Ok(SubscriptionView::of(conn, &topped)?)
    };
    once::create(&app, intent, top_up).await
}

/// Closes a subscription of the caller, who gets back what it did not spend.
#[post("/v1/subscriptions/{id}/close")]
pub(super) async fn close(
    app: web::Data<App>,
    buyer: Buyer,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (id, now) = (SubscriptionId::parse(&id)?, app.clock.now());
    let close = move |conn: &mut Conn| {
        let closed = subscriptions::close(conn, &buyer, id, now)?;
        SubscriptionView::of(conn, &closed)
    };
    let view = app.db.write::<_, SubscriptionsError, _>(close).await?;
    Ok(HttpResponse::Ok().json(view))
}

/// The caller's subscriptions, newest first.
#[get("/v1/subscriptions")]
pub(super) async fn list(app: web::Data<App>, buyer: Buyer) -> Result<HttpResponse, Problem> {
    let read = move |conn: &mut Conn| {
        let found = subscriptions::subscriptions(conn, &buyer)?;
        found.iter().map(|of| SubscriptionView::of(conn, of)).collect::<Result<Vec<_>, _>>()
    };
    let views = app.db.read::<_, SubscriptionsError, _>(read).await?;
    Ok(HttpResponse::Ok().json(json!({ "subscriptions": views })))
}

/// One subscription of the caller.
#[get("/v1/subscriptions/{id}")]
pub(super) async fn one(
    app: web::Data<App>,
    buyer: Buyer,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = SubscriptionId::parse(&id)?;
    let read = move |conn: &mut Conn| {
        let found = subscriptions::subscription(conn, &buyer, id)?;
        SubscriptionView::of(conn, &found)
    };
    let view = app.db.read::<_, SubscriptionsError, _>(read).await?;
    Ok(HttpResponse::Ok().json(view))
}
