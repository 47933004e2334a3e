//! Accounts: opening them, filling them, and what is in them.

use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use telematics::{BuyerId, OwnerId};

use super::headers::Idempotency;
use super::once;
use crate::answers::Intent;
use crate::api::problem::Problem;
use crate::app::App;
use crate::db::Conn;
use crate::identity::{self, ApiKey, IdentityError, Operator, Principal};
use crate::ledger::{self, Account, Amount, Balance, LedgerError, Posted};

/// Characters that a name may have.
const NAME_CHARS_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenAccount {
    name: String,
}

impl OpenAccount {
    fn name(self) -> Result<String, Problem> {
        let is_name = (1..=NAME_CHARS_MAX).contains(&self.name.chars().count())
            && !self.name.chars().any(char::is_control);
        let refusal = || Problem::invalid(format!("a name has 1 to {NAME_CHARS_MAX} characters"));
        is_name.then_some(self.name).ok_or_else(refusal)
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deposit {
    amount: String,
}

#[derive(Serialize)]
struct OpenedView {
    id: String,
    /// Shown once: only its hash is kept.
    api_key: String,
}

/// Opens an owner's account.
#[post("/v1/owners")]
pub(super) async fn open_owner(
    app: web::Data<App>,
    operator: Operator,
    body: web::Json<OpenAccount>,
) -> Result<HttpResponse, Problem> {
    let name = body.into_inner().name()?;
    let (key, now) = (ApiKey::new(rand::random()), app.clock.now());
    let id = OwnerId::new(now, rand::random());
    let view = OpenedView { id: id.to_string(), api_key: key.reveal() };

    app.db
        .write::<_, IdentityError, _>(move |conn| {
            identity::create_owner(conn, &operator, &name, id, &key, now)
        })
        .await?;
    Ok(HttpResponse::Created().json(view))
}

/// Opens a buyer's account.
#[post("/v1/buyers")]
pub(super) async fn open_buyer(
    app: web::Data<App>,
    operator: Operator,
    body: web::Json<OpenAccount>,
) -> Result<HttpResponse, Problem> {
    let name = body.into_inner().name()?;
    let (key, now) = (ApiKey::new(rand::random()), app.clock.now());
    let id = BuyerId::new(now, rand::random());
    let view = OpenedView { id: id.to_string(), api_key: key.reveal() };

    app.db
        .write::<_, IdentityError, _>(move |conn| {
            identity::create_buyer(conn, &operator, &name, id, &key, now)
        })
        .await?;
    Ok(HttpResponse::Created().json(view))
}

/// Credits tokens to a buyer. Safe to retry with the same `Idempotency-Key`.
#[post("/v1/buyers/{id}/deposits")]
pub(super) async fn deposit(
    app: web::Data<App>,
    operator: Operator,
    Idempotency(key): Idempotency,
    id: web::Path<String>,
    web::Json(body): web::Json<Deposit>,
) -> Result<HttpResponse, Problem> {
    let (buyer, amount) = (BuyerId::parse(&id)?, Amount::parse(&body.amount)?);
    let now = app.clock.now();

    let path = format!("/v1/buyers/{buyer}/deposits");
    let intent = Intent::new("operator".to_owned(), key.clone(), &path, &body)?;
    let credit = move |conn: &mut Conn| {
        let posted = ledger::deposit(conn, &operator, buyer, amount, &key, now)?;
        let (Posted::Now(entry) | Posted::Before(entry)) = posted;
        Ok(json!({
            "entry": entry.to_string(),
            "buyer": buyer.to_string(),
            "amount": amount.to_string(),
        }))
    };
    once::create(&app, intent, credit).await
}

/// Who the caller is.
#[get("/v1/me")]
pub(super) async fn me(principal: Principal) -> HttpResponse {
    let (role, id) = match principal {
        Principal::Operator(_) => ("operator", None),
        Principal::Owner(owner) => ("owner", Some(owner.id.to_string())),
        Principal::Buyer(buyer) => ("buyer", Some(buyer.id.to_string())),
    };
    HttpResponse::Ok().json(json!({ "role": role, "id": id }))
}

/// The caller's tokens.
#[get("/v1/balance")]
pub(super) async fn balance(
    app: web::Data<App>,
    principal: Principal,
) -> Result<HttpResponse, Problem> {
    let account = match principal {
        Principal::Owner(owner) => Account::Owner(owner.id),
        Principal::Buyer(buyer) => Account::Buyer(buyer.id),
        Principal::Operator(_) => return Err(Problem::forbidden("an owner or a buyer")),
    };
    let balance: Balance =
        app.db.read::<_, LedgerError, _>(move |conn| ledger::balance(conn, account)).await?;
    Ok(HttpResponse::Ok().json(json!({
        "balance": balance.posted.to_string(),
        "pending": balance.pending.to_string(),
        "available": balance.available().to_string(),
    })))
}
