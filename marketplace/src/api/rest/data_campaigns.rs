//! Data campaigns: paying cars for beginning to share, and what an owner is offered for it.

use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use telematics::{Timestamp, VehicleId};

use super::headers::Idempotency;
use super::once;
use crate::answers::Intent;
use crate::api::problem::Problem;
use crate::app::App;
use crate::campaigns::Terms;
use crate::catalog::{self, DatasetId};
use crate::consent::Purpose;
use crate::data_campaigns::{
    self, DataCampaign, DataCampaignId, DataCampaignsError, Offer, Standing, Wish,
};
use crate::db::Conn;
use crate::identity::{Buyer, Owner};
use crate::ledger::Amount;

#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenCampaign {
    title: String,
    /// What is to be shared: a public dataset, or a listing of the caller.
    dataset: String,
    purpose: Purpose,
    /// Days on which all of it has to come in.
    days_min: u32,
    /// Tokens for each vehicle that does.
    pay_per_vehicle: String,
    /// Vehicles that are paid at most.
    vehicles_max: u32,
    closes_at: String,
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
    dataset: String,
    signals: Vec<&'static str>,
    /// Of which vehicles; of all when it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<catalog::Class>,
    purpose: Purpose,
    days_min: u32,
    status: &'static str,
    created_at: String,
    closes_at: String,
    pay_per_vehicle: String,
    /// What the market takes for each, on top.
    fee_per_vehicle: String,
    vehicles_max: u32,
    vehicles_paid: u64,
    /// Vehicles of which a day counts at least.
    vehicles_collecting: u64,
    paid_out: String,
    /// What is left to be paid, and what went back when it closed.
    held: String,
    returned: String,
}

impl CampaignView {
    fn of(
        conn: &mut Conn,
        campaign: &DataCampaign,
        now: Timestamp,
    ) -> Result<Self, DataCampaignsError> {
        let Standing { paid, collecting, held } = data_campaigns::standing(conn, campaign)?;
        let Wish { id, title, dataset, purpose, days_min, terms, closes_at } = &campaign.wish;
        let listing = catalog::dataset(conn, *dataset)?;
        Ok(Self {
            id: id.to_string(),
            title: title.clone(),
            dataset: dataset.to_string(),
            signals: listing.signals().iter().map(|signal| signal.path()).collect(),
            class: listing.private.as_ref().map(|private| catalog::Class::from(&private.class)),
            purpose: *purpose,
            days_min: *days_min,
            status: if *closes_at > now { "open" } else { "closed" },
            created_at: campaign.created_at.to_string(),
            closes_at: closes_at.to_string(),
            pay_per_vehicle: terms.pay_per_vehicle.to_string(),
            fee_per_vehicle: terms.fee_per_vehicle.to_string(),
            vehicles_max: terms.vehicles_max,
            vehicles_paid: paid,
            vehicles_collecting: collecting,
            paid_out: terms.pay_per_vehicle.checked_times(paid).unwrap_or_default().to_string(),
            held: held.to_string(),
            returned: campaign.returned.unwrap_or_default().to_string(),
        })
    }
}

/// What a campaign would be for one vehicle.
#[derive(Serialize)]
struct OfferView {
    campaign: String,
    title: String,
    signals: Vec<&'static str>,
    purpose: Purpose,
    pay_per_vehicle: String,
    closes_at: String,
    days_min: u32,
    /// Days that count so far.
    days: u32,
    /// Groups that the owner would have to share.
    groups_missing: Vec<&'static str>,
    is_purpose_permitted: bool,
    /// What the vehicle was paid; none yet when it is not there.
    paid: Option<String>,
}

impl From<Offer> for OfferView {
    fn from(offer: Offer) -> Self {
        let wish = offer.campaign.wish;
        Self {
            campaign: wish.id.to_string(),
            title: wish.title,
            signals: offer.signals.iter().map(|signal| signal.path()).collect(),
            purpose: wish.purpose,
            pay_per_vehicle: wish.terms.pay_per_vehicle.to_string(),
            closes_at: wish.closes_at.to_string(),
            days_min: wish.days_min,
            days: offer.days,
            groups_missing: offer.groups_missing.iter().map(|group| group.as_str()).collect(),
            is_purpose_permitted: offer.is_purpose_permitted,
            paid: offer.paid.map(|amount| amount.to_string()),
        }
    }
}

/// Opens a data campaign, and moves what it may pay from the buyer to it.
///
/// Safe to retry: the same `Idempotency-Key` is answered as the first time, and charges once.
#[post("/v1/data-campaigns")]
pub(super) async fn open(
    app: web::Data<App>,
    buyer: Buyer,
    Idempotency(key): Idempotency,
    web::Json(body): web::Json<OpenCampaign>,
) -> Result<HttpResponse, Problem> {
    let now = app.clock.now();
    let intent = Intent::new(buyer.id.to_string(), key, "/v1/data-campaigns", &body)?;
    let pay = Amount::parse(&body.pay_per_vehicle)?;
    let wish = Wish {
        id: DataCampaignId::new(now, rand::random()),
        title: body.title,
        dataset: DatasetId::parse(&body.dataset)?,
        purpose: body.purpose,
        days_min: body.days_min,
        terms: Terms::new(pay, body.vehicles_max, app.config.rules.fee_basis_points)?,
        closes_at: body.closes_at.parse().map_err(Problem::invalid)?,
    };
    let open = move |conn: &mut Conn| {
        let campaign = data_campaigns::open(conn, &buyer, wish.clone(), now)?;
        Ok(CampaignView::of(conn, &campaign, now)?)
    };
    once::create(&app, intent, open).await
}

/// Data campaigns of everybody, oldest first, at most 100 an answer.
#[get("/v1/data-campaigns")]
pub(super) async fn list(
    app: web::Data<App>,
    query: web::Query<Query>,
) -> Result<HttpResponse, Problem> {
    let after = query.after.as_deref().map(DataCampaignId::parse).transpose()?;
    let now = app.clock.now();
    let read = move |conn: &mut _| {
        let campaigns = data_campaigns::data_campaigns(conn, after)?;
        campaigns.iter().map(|campaign| CampaignView::of(conn, campaign, now)).collect()
    };
    let views = app.db.read::<Vec<_>, DataCampaignsError, _>(read).await?;
    Ok(HttpResponse::Ok().json(json!({ "data_campaigns": views })))
}

/// One data campaign.
#[get("/v1/data-campaigns/{id}")]
pub(super) async fn one(
    app: web::Data<App>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (id, now) = (DataCampaignId::parse(&id)?, app.clock.now());
    let read = move |conn: &mut _| {
        let campaign = data_campaigns::data_campaign(conn, id)?;
        CampaignView::of(conn, &campaign, now)
    };
    Ok(HttpResponse::Ok().json(app.db.read::<_, DataCampaignsError, _>(read).await?))
}

/// Pays nobody any more, and gives back what is left. Closing a closed campaign changes nothing.
#[post("/v1/data-campaigns/{id}/close")]
pub(super) async fn close(
    app: web::Data<App>,
    buyer: Buyer,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (id, now) = (DataCampaignId::parse(&id)?, app.clock.now());
    let close = move |conn: &mut _| {
        let campaign = data_campaigns::close(conn, &buyer, id, now)?;
        CampaignView::of(conn, &campaign, now)
    };
    Ok(HttpResponse::Ok().json(app.db.write::<_, DataCampaignsError, _>(close).await?))
}

/// What the open data campaigns would be for a vehicle of the caller, and what is missing.
#[get("/v1/vehicles/{id}/data-campaigns")]
pub(super) async fn of_vehicle(
    app: web::Data<App>,
    owner: Owner,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (id, now) = (VehicleId::parse(&id)?, app.clock.now());
    let read = move |conn: &mut _| data_campaigns::offers(conn, &owner, id, now);
    let offers = app.db.read::<_, DataCampaignsError, _>(read).await?;
    let views = offers.into_iter().map(OfferView::from).collect::<Vec<_>>();
    Ok(HttpResponse::Ok().json(json!({ "data_campaigns": views })))
}
