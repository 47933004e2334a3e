//! Campaigns: asking cars a question, and fetching the proofs that answer it.

use actix_web::web::{Bytes, Path};
use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use telematics::{Campaign, CampaignId, Timestamp};
use zk::Nullifier;
use zk::text::{ClaimFile, QuestionText, ScopeText};

use super::headers::Idempotency;
use super::proofs::{self, Page};
use super::{once, stream};
use crate::answers::Intent;
use crate::api::problem::Problem;
use crate::app::App;
use crate::campaigns::{self, CampaignsError, Claim, Record, Terms};
use crate::db::Conn;
use crate::identity::Buyer;
use crate::ledger::{self, Account, Amount};

/// Claims that are read at a time.
const CLAIMS_PER_PAGE: u32 = 500;

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenCampaign {
    title: String,
    scope: ScopeText,
    question: QuestionText,
    closes_at: String,
    /// Tokens for each vehicle that proves it.
    pay_per_vehicle: String,
    /// Vehicles that are paid at most.
    vehicles_max: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    /// The last id of the page before.
    after: Option<String>,
}

#[derive(Serialize)]
struct CampaignView {
    id: String,
    title: String,
    scope: ScopeText,
    question: QuestionText,
    status: &'static str,
    created_at: String,
    closes_at: String,
    pay_per_vehicle: String,
    /// What the market takes for each, on top.
    fee_per_vehicle: String,
    vehicles_max: u32,
    /// Vehicles among which whoever answers is hidden, as last counted.
    vehicles_in_scope: u32,
    /// Vehicles that proved it.
    claims: u64,
    paid_out: String,
    /// What is left to be paid, and what went back when it closed.
    held: String,
    returned: String,
}

impl CampaignView {
    fn of(conn: &mut Conn, record: &Record, now: Timestamp) -> Result<Self, CampaignsError> {
        let Campaign { id, title, scope, question, closes_at } = &record.campaign;
        let Terms { pay_per_vehicle, fee_per_vehicle, vehicles_max } = record.terms;
        let claim_count = campaigns::claim_count(conn, *id)?;
        let held = ledger::balance(conn, Account::Campaign(*id))?.posted;
        Ok(Self {
            id: id.to_string(),
            title: title.clone(),
            scope: scope.into(),
            question: question.into(),
            status: if *closes_at > now { "open" } else { "closed" },
            created_at: record.created_at.to_string(),
            closes_at: closes_at.to_string(),
            pay_per_vehicle: pay_per_vehicle.to_string(),
            fee_per_vehicle: fee_per_vehicle.to_string(),
            vehicles_max,
            vehicles_in_scope: record.vehicles_in_scope,
            claims: claim_count,
            paid_out: pay_per_vehicle.checked_times(claim_count).unwrap_or_default().to_string(),
            held: held.to_string(),
            returned: record.returned.unwrap_or_default().to_string(),
        })
    }
}

/// Opens a campaign, and moves what it may pay from the buyer to it.
///
/// Safe to retry: the same `Idempotency-Key` is answered as the first time, and charges once.
#[post("/v1/campaigns")]
pub(super) async fn open(
    app: web::Data<App>,
    buyer: Buyer,
    Idempotency(key): Idempotency,
    web::Json(body): web::Json<OpenCampaign>,
) -> Result<HttpResponse, Problem> {
    if app.keys.is_none() {
        return Err(Problem::no_proofs());
    }
    let (rules, now) = (app.config.rules.clone(), app.clock.now());
    let intent = Intent::new(buyer.id.to_string(), key, "/v1/campaigns", &body)?;
    let pay = Amount::parse(&body.pay_per_vehicle)?;
    let terms = Terms::new(pay, body.vehicles_max, rules.fee_basis_points)?;
    let campaign = Campaign {
        id: CampaignId::new(now, rand::random()),
        title: body.title,
        scope: body.scope.try_into()?,
        question: body.question.try_into()?,
        closes_at: body.closes_at.parse().map_err(Problem::invalid)?,
    };
    let page = app.clone();
    let create = move |conn: &mut Conn| {
        let record = campaigns::create(conn, &buyer, campaign.clone(), terms, &rules, now)?;
        Ok(Page::of(&page, CampaignView::of(conn, &record, now)?))
    };
    once::create(&app, intent, create).await
}

/// Campaigns of everybody, oldest first, at most 100 an answer.
#[get("/v1/campaigns")]
pub(super) async fn list(
    app: web::Data<App>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Problem> {
    let after = query.after.as_deref().map(CampaignId::parse).transpose()?;
    let now = app.clock.now();
    let read = move |conn: &mut _| {
        let records = campaigns::campaigns(conn, after)?;
        records.iter().map(|record| CampaignView::of(conn, record, now)).collect()
    };
    let views = app.db.read::<Vec<_>, CampaignsError, _>(read).await?;
    Ok(HttpResponse::Ok().json(Page::of(&app, json!({ "campaigns": views }))))
}

/// One campaign.
#[get("/v1/campaigns/{id}")]
pub(super) async fn one(app: web::Data<App>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let (id, now) = (CampaignId::parse(&id)?, app.clock.now());
    let read = move |conn: &mut _| {
        let record = campaigns::campaign(conn, id)?;
        CampaignView::of(conn, &record, now)
    };
    let view = app.db.read::<_, CampaignsError, _>(read).await?;
    Ok(HttpResponse::Ok().json(Page::of(&app, view)))
}

/// Takes no more claims. Closing a closed campaign changes nothing.
#[post("/v1/campaigns/{id}/close")]
pub(super) async fn close(
    app: web::Data<App>,
    buyer: Buyer,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (id, now) = (CampaignId::parse(&id)?, app.clock.now());
    let close = move |conn: &mut _| {
        let record = campaigns::close(conn, &buyer, id, now)?;
        CampaignView::of(conn, &record, now)
    };
    let view = app.db.write::<_, CampaignsError, _>(close).await?;
    Ok(HttpResponse::Ok().json(Page::of(&app, view)))
}

/// The claims to a campaign of the caller: a claim file a line, which `zk verify` checks.
#[get("/v1/campaigns/{id}/claims")]
pub(super) async fn claims(
    app: web::Data<App>,
    buyer: Buyer,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = CampaignId::parse(&id)?;
    // Before the answer begins: what comes later could only cut it short.
    let find = move |conn: &mut _| {
        campaigns::claims(conn, &buyer, id, None, 0)?;
        campaigns::campaign(conn, id)
    };
    let campaign = app.db.read::<_, CampaignsError, _>(find).await?.campaign;
    let page_app = app.clone();
    let page = move |after| page(page_app.clone(), buyer, campaign.clone(), after);
    Ok(HttpResponse::Ok()
        .insert_header(("Content-Type", "application/x-ndjson"))
        .insert_header(("X-Development-Keys", proofs::forgeable(&app).to_string()))
        .insert_header(("X-Not-Proven", zk::text::NOT_PROVEN))
        .streaming(stream::pages(None, page)))
}

async fn page(
    app: web::Data<App>,
    buyer: Buyer,
    campaign: Campaign,
    after: Option<Nullifier>,
) -> Result<(Bytes, Option<Option<Nullifier>>), Problem> {
    let id = campaign.id;
    let read = move |conn: &mut _| campaigns::claims(conn, &buyer, id, after, CLAIMS_PER_PAGE);
    let found = app.db.read::<_, CampaignsError, _>(read).await?;
    let mut lines = Vec::new();
    for claim in &found {
        let line = serde_json::to_vec(&file(&campaign, claim)).map_err(Problem::internal)?;
        lines.extend(line);
        lines.push(b'\n');
    }
    let is_full = u32::try_from(found.len()).unwrap_or(u32::MAX) >= CLAIMS_PER_PAGE;
    let next = found.last().filter(|_| is_full).map(|claim| Some(claim.nullifier));
    Ok((Bytes::from(lines), next))
}

/// The bytes of the proof were decoded when it was verified, and are not decoded again.
fn file(campaign: &Campaign, claim: &Claim) -> ClaimFile {
    ClaimFile {
        campaign: campaign.id.to_string(),
        root: claim.root.to_string(),
        nullifier: claim.nullifier.to_string(),
        payee: claim.payee.to_string(),
        scope: (&campaign.scope).into(),
        question: (&campaign.question).into(),
        verifying_key: claim.verifying_key.to_string(),
        proof: hex::encode(claim.proof),
    }
}
