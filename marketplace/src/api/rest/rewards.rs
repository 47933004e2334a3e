//! Rewards: every closed week for everybody, and what each came to for an owner.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;

use crate::api::problem::Problem;
use crate::app::App;
use crate::identity::Owner;
use crate::ledger::Amount;
use crate::rewards::{self, ClosedWeek, OwnShare, Points, RewardsError};
use crate::trade;

#[derive(Serialize)]
struct WeeksView {
    /// Newest first.
    weeks: Vec<WeekView>,
}

#[derive(Serialize)]
struct WeekView {
    week: u32,
    starts_at: String,
    ends_at: String,
    rules_version: u32,
    pool: String,
    vehicles: u64,
    points: u64,
    closed_at: String,
    vests_at: String,
    paid_at: Option<String>,
    paid: String,
    /// What it was computed from.
    facts: String,
    /// Of that file.
    sha256: String,
}

impl From<ClosedWeek> for WeekView {
    fn from(closed: ClosedWeek) -> Self {
        let number = closed.week.number;
        Self {
            week: number,
            starts_at: closed.week.starts_at().to_string(),
            ends_at: closed.week.ends_at().to_string(),
            rules_version: closed.rules_version,
            pool: closed.pool.to_string(),
            vehicles: closed.vehicles,
            points: closed.points,
            closed_at: closed.closed_at.to_string(),
            vests_at: closed.vests_at().to_string(),
            paid_at: closed.vested_at.map(|time| time.to_string()),
            paid: closed.paid.to_string(),
            facts: format!("/v1/rewards/{number}/facts.json"),
            sha256: hex::encode(closed.file_hash),
        }
    }
}

/// What an owner earned: what buyers paid comes first, and is no part of the rest.
#[derive(Serialize)]
struct MineView {
    market: MarketView,
    rewards: RewardsView,
}

#[derive(Serialize)]
struct MarketView {
    /// All pay-outs of orders so far.
    earned: String,
    /// Each of them.
    payouts: &'static str,
}

#[derive(Serialize)]
struct RewardsView {
    paid: String,
    vesting: String,
    /// Newest week first.
    shares: Vec<ShareView>,
}

#[derive(Serialize)]
struct ShareView {
    week: u32,
    starts_at: String,
    vehicle: String,
    /// As what it is in the file of the week; null when it was erased since.
    pseudonym: Option<String>,
    points: Option<PointsView>,
    /// The same for people.
    because: Vec<String>,
    amount: String,
    /// `vesting`, `paid` or `forfeited`.
    status: &'static str,
    vests_at: String,
    paid_at: Option<String>,
}

#[derive(Serialize)]
struct PointsView {
    days: u32,
    streak: u32,
    signals: u32,
    model: u32,
    region: u32,
    total: u32,
}

impl From<Points> for PointsView {
    fn from(points: Points) -> Self {
        let Points { days, streak, signals, model, region, total } = points;
        Self { days, streak, signals, model, region, total }
    }
}

impl From<&OwnShare> for ShareView {
    fn from(OwnShare { closed, earned, because }: &OwnShare) -> Self {
        let status = match closed.vested_at {
            None => "vesting",
            Some(_) if earned.paid == earned.amount => "paid",
            Some(_) => "forfeited",
        };
        let words = because.as_ref().map(|(facts, points)| points.because(facts));
        Self {
            week: earned.week,
            starts_at: closed.week.starts_at().to_string(),
            vehicle: earned.vehicle.to_string(),
            pseudonym: earned.pseudonym.map(|name| name.to_string()),
            points: because.map(|(_, points)| points.into()),
            because: words.unwrap_or_default(),
            amount: earned.amount.to_string(),
            status,
            vests_at: closed.vests_at().to_string(),
            paid_at: closed.vested_at.map(|time| time.to_string()),
        }
    }
}

impl RewardsView {
    fn of(shares: &[OwnShare]) -> Self {
        let sum = |amounts: &mut dyn Iterator<Item = Amount>| {
            Amount::sum(amounts).unwrap_or_default().to_string()
        };
        let open = shares.iter().filter(|share| share.closed.vested_at.is_none());
        Self {
            paid: sum(&mut shares.iter().map(|share| share.earned.paid)),
            vesting: sum(&mut open.map(|share| share.earned.amount)),
            shares: shares.iter().map(ShareView::from).collect(),
        }
    }
}

/// Every week that was closed, and where to get what it was computed from.
#[get("/v1/rewards")]
pub(super) async fn weeks(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    let weeks = app.db.read(rewards::weeks).await?;
    let weeks = weeks.into_iter().map(WeekView::from).collect();
    Ok(HttpResponse::Ok().json(WeeksView { weeks }))
}

/// What the caller's vehicles earned: by what was sold, and week by week by sharing.
#[get("/v1/rewards/mine")]
pub(super) async fn mine(app: web::Data<App>, owner: Owner) -> Result<HttpResponse, Problem> {
    let read = move |conn: &mut _| {
        let earned = trade::earned_of(conn, &owner)?;
        Ok::<_, Problem>((earned, rewards::shares_of(conn, &owner)?))
    };
    let (earned, shares) = app.db.read(read).await?;
    let market = MarketView { earned: earned.to_string(), payouts: "/v1/payouts" };
    Ok(HttpResponse::Ok().json(MineView { market, rewards: RewardsView::of(&shares) }))
}

/// The file of a week, from which anybody can compute it again: `marketplace rewards verify` does.
#[get("/v1/rewards/{week}/facts.json")]
pub(super) async fn file(
    app: web::Data<App>,
    week: web::Path<u32>,
) -> Result<HttpResponse, Problem> {
    let week = week.into_inner();
    let bytes = move |conn: &mut _| {
        let published = rewards::publication(conn, week)?;
        Ok::<_, RewardsError>(published.bytes()?)
    };
    let bytes = app.db.read(bytes).await?;
    Ok(HttpResponse::Ok().content_type("application/json").body(bytes))
}
