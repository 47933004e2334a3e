//! What a vehicle did and what there is of it: segments of its time, and a summary of its samples.

use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use telematics::{Signal, VehicleId};

use super::query::period;
use crate::api::problem::Problem;
use crate::app::App;
use crate::identity::Owner;
use crate::questions::segments::Gaps;
use crate::questions::{
    self, QuestionError, Seen, Segment, SegmentKind, SegmentQuestion, Tolerances,
};

/// Kinds are words of their own, so that one parameter says what is meant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    kind: Kind,
    /// How trips are told; by movement when it is left out.
    by: Option<By>,
    from: String,
    to: String,
    max_gap_seconds: Option<u32>,
    min_duration_seconds: Option<u32>,
    max_idle_rpm: Option<u32>,
    min_increase_percent: Option<u32>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Trip,
    Idling,
    Refuel,
    Recharge,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum By {
    Ignition,
    Movement,
}

#[derive(Serialize)]
struct SegmentView {
    start: String,
    end: String,
    duration_seconds: i64,
    started_before_range: bool,
    goes_on_after_range: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_percent: Option<f64>,
}

#[derive(Serialize)]
struct SeenView {
    signal: &'static str,
    unit: String,
    samples: u64,
    first_seen: String,
    last_seen: String,
}

impl Asked {
    fn question(&self, vehicle: VehicleId) -> Result<SegmentQuestion, Problem> {
        let kind = match (self.kind, self.by) {
            (Kind::Trip, Some(By::Ignition)) => SegmentKind::TripByIgnition,
            (Kind::Trip, _) => SegmentKind::TripByMovement,
            (_, Some(_)) => return Err(Problem::invalid("only trips are told `by` something")),
            (Kind::Idling, None) => SegmentKind::Idling,
            (Kind::Refuel, None) => SegmentKind::Refuel,
            (Kind::Recharge, None) => SegmentKind::Recharge,
        };
        let usual = Tolerances::default();
        let gaps = Gaps {
            bridged_seconds: self.max_gap_seconds.unwrap_or(usual.gaps.bridged_seconds),
            seconds_min: self.min_duration_seconds.unwrap_or(usual.gaps.seconds_min),
        };
        let tolerances = Tolerances {
            gaps,
            idle_rpm_max: self.max_idle_rpm.unwrap_or(usual.idle_rpm_max),
            rise_percent_min: self.min_increase_percent.unwrap_or(usual.rise_percent_min),
        };
        tolerances.check()?;
        Ok(SegmentQuestion { vehicle, period: period(&self.from, &self.to)?, kind, tolerances })
    }
}

impl From<Segment> for SegmentView {
    fn from(segment: Segment) -> Self {
        Self {
            start: segment.span.from.to_string(),
            end: segment.span.to.to_string(),
            duration_seconds: segment.span.seconds(),
            started_before_range: segment.started_before,
            goes_on_after_range: segment.goes_on,
            start_percent: segment.levels.map(|(low, _)| low),
            end_percent: segment.levels.map(|(_, high)| high),
        }
    }
}

impl From<(Signal, Seen)> for SeenView {
    fn from((signal, seen): (Signal, Seen)) -> Self {
        Self {
            signal: signal.path(),
            unit: signal.unit().to_string(),
            samples: seen.samples,
            first_seen: seen.first_at.to_string(),
            last_seen: seen.last_at.to_string(),
        }
    }
}

/// The id in the path, if it is a vehicle of the caller.
async fn own(app: &App, owner: Owner, id: &str) -> Result<VehicleId, Problem> {
    let vehicle = VehicleId::parse(id)?;
    let check = move |conn: &mut _| questions::own_vehicles(conn, &owner, Some(&[vehicle]));
    app.db.read::<_, QuestionError, _>(check).await?;
    Ok(vehicle)
}

/// Segments of a vehicle's time: trips, idling, refuelling, recharging.
#[get("/v1/vehicles/{id}/segments")]
pub(super) async fn segments(
    app: web::Data<App>,
    owner: Owner,
    id: web::Path<String>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let vehicle = own(&app, owner, &id).await?;
    let question = asked.question(vehicle)?;
    question.period.check(&app.config.questions)?;

    let answering = questions::segments_of(app.source(), question);
    let found = app.questions.answer(answering).await?;
    let views: Vec<SegmentView> = found.into_iter().map(SegmentView::from).collect();
    Ok(HttpResponse::Ok().json(json!({ "segments": views })))
}

/// What there is of a vehicle: how many samples of each signal, from when to when.
#[get("/v1/vehicles/{id}/summary")]
pub(super) async fn summary(
    app: web::Data<App>,
    owner: Owner,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let vehicle = own(&app, owner, &id).await?;
    let seen = app.questions.answer(questions::summarise(app.source(), vehicle)).await?;
    let first = seen.values().map(|seen| seen.first_at).min();
    let last = seen.values().map(|seen| seen.last_at).max();
    let samples: u64 = seen.values().map(|seen| seen.samples).sum();
    let signals: Vec<SeenView> = seen.into_iter().map(SeenView::from).collect();
    Ok(HttpResponse::Ok().json(json!({
        "samples": samples,
        "first_seen": first.map(|time| time.to_string()),
        "last_seen": last.map(|time| time.to_string()),
        "signals": signals,
    })))
}
