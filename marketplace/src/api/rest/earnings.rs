//! What an owner earned, and who read what.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use serde_json::json;
use telematics::{CampaignId, VehicleId};

use crate::api::problem::Problem;
use crate::app::App;
use crate::campaigns::{self, CampaignsError, Sweep};
use crate::consent::Purpose;
use crate::db::Conn;
use crate::delivery::{self, Read};
use crate::identity::{self, Owner};
use crate::live::{self, Earned};
use crate::trade::{self, Payout, TradeError};

#[derive(Serialize)]
struct PayoutView {
    order: String,
    vehicle: String,
    rows: u64,
    amount: String,
}

impl From<Payout> for PayoutView {
    fn from(payout: Payout) -> Self {
        Self {
            order: payout.order.to_string(),
            vehicle: payout.vehicle.to_string(),
            rows: payout.rows,
            amount: payout.amount.to_string(),
        }
    }
}

#[derive(Serialize)]
struct SweepView {
    campaign: String,
    title: String,
    amount: String,
    swept_at: String,
}

impl SweepView {
    fn of(conn: &mut Conn, (sweep, id): &(Sweep, CampaignId)) -> Result<Self, CampaignsError> {
        Ok(Self {
            campaign: id.to_string(),
            title: campaigns::campaign(conn, *id)?.campaign.title,
            amount: sweep.amount.to_string(),
            swept_at: sweep.swept_at.to_string(),
        })
    }
}

#[derive(Serialize)]
struct ReadView {
    order: String,
    version: u32,
    buyer: String,
    buyer_name: String,
    read_at: String,
    bytes: u64,
    purpose: Option<&'static str>,
    vehicles: Vec<String>,
    rows: u64,
    earned: String,
}

impl ReadView {
    fn of(conn: &mut Conn, read: &Read) -> Result<Self, Problem> {
        let buyer = identity::buyer(conn, read.buyer)?;
        Ok(Self {
            order: read.order.to_string(),
            version: read.number,
            buyer: read.buyer.to_string(),
            buyer_name: buyer.map(|buyer| buyer.name).unwrap_or_default(),
            read_at: read.at.to_string(),
            bytes: read.bytes,
            purpose: read.purpose.map(Purpose::as_str),
            rows: read.rows,
            earned: read.earned.to_string(),
            vehicles: read.vehicles.iter().map(VehicleId::to_string).collect(),
        })
    }
}

/// What each of the caller's vehicles earned, per order.
#[get("/v1/payouts")]
pub(super) async fn payouts(app: web::Data<App>, owner: Owner) -> Result<HttpResponse, Problem> {
    let payouts =
        app.db.read::<_, TradeError, _>(move |conn| trade::payouts_of(conn, &owner)).await?;
    let views: Vec<PayoutView> = payouts.into_iter().map(PayoutView::from).collect();
    Ok(HttpResponse::Ok().json(json!({ "payouts": views })))
}

/// What campaigns paid the caller for claims of his cars, as far as they told it. Which car it was is not known.
#[get("/v1/sweeps")]
pub(super) async fn sweeps(app: web::Data<App>, owner: Owner) -> Result<HttpResponse, Problem> {
    let views = app
        .db
        .read::<_, CampaignsError, _>(move |conn| {
            let sweeps = campaigns::sweeps_of(conn, &owner)?;
            sweeps.iter().map(|sweep| SweepView::of(conn, sweep)).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "sweeps": views })))
}

/// What was streamed to a buyer as it came in.
#[derive(Serialize)]
struct StreamedView {
    stream: String,
    buyer: String,
    buyer_name: String,
    purpose: &'static str,
    opened_at: String,
    last_at: String,
    vehicles: Vec<String>,
    rows: u64,
    /// Null until the stream has ended.
    earned: Option<String>,
}

impl StreamedView {
    fn of(conn: &mut Conn, earned: &Earned) -> Result<Self, Problem> {
        let stream = &earned.stream;
        let buyer = identity::buyer(conn, stream.buyer)?;
        Ok(Self {
            stream: stream.id.to_string(),
            buyer: stream.buyer.to_string(),
            buyer_name: buyer.map(|buyer| buyer.name).unwrap_or_default(),
            purpose: stream.purpose.as_str(),
            opened_at: stream.opened_at.to_string(),
            last_at: earned.last_at.to_string(),
            vehicles: earned.vehicles.iter().map(VehicleId::to_string).collect(),
            rows: earned.rows,
            earned: earned.amount.map(|amount| amount.to_string()),
        })
    }
}

/// Who bought and read data with the caller's vehicles in it, in files and as it came in.
#[get("/v1/reads")]
pub(super) async fn reads(app: web::Data<App>, owner: Owner) -> Result<HttpResponse, Problem> {
    let read = move |conn: &mut Conn| {
        let reads = delivery::reads_of(conn, &owner)?;
        let reads = reads.iter().map(|read| ReadView::of(conn, read));
        let reads = reads.collect::<Result<Vec<_>, Problem>>()?;
        let streams = live::earned_of(conn, &owner)?;
        let streams = streams.iter().map(|earned| StreamedView::of(conn, earned));
        let streams = streams.collect::<Result<Vec<_>, Problem>>()?;
        Ok::<_, Problem>(json!({ "reads": reads, "streams": streams }))
    };
    Ok(HttpResponse::Ok().json(app.db.read(read).await?))
}
