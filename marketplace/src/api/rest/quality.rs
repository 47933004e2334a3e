//! How plausible what a vehicle sends is, for its owner.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use telematics::VehicleId;

use super::vehicles::own;
use crate::api::problem::Problem;
use crate::app::App;
use crate::archive::{self, Reason, Score, Scored};
use crate::identity::Owner;

/// Batches that are looked at: some minutes of driving.
const RECENT_BATCHES: u32 = 100;

#[derive(Serialize)]
struct QualityView {
    vehicle: String,
    /// The mean over the recent batches in per mille, weighted by samples; null before the first.
    score: Option<u64>,
    samples: u64,
    /// What speaks against the recent batches, added up.
    reasons: Vec<ReasonView>,
    /// Newest first.
    batches: Vec<BatchView>,
}

#[derive(Serialize)]
struct BatchView {
    seq: u64,
    received_at: String,
    samples: u64,
    score: u16,
    reasons: Vec<ReasonView>,
}

#[derive(Serialize)]
struct ReasonView {
    reason: &'static str,
    signal: &'static str,
    samples: u64,
    worst: i64,
    /// The same for people.
    says: String,
}

impl From<&Reason> for ReasonView {
    fn from(reason: &Reason) -> Self {
        Self {
            reason: reason.kind.as_str(),
            signal: reason.signal.path(),
            samples: reason.count,
            worst: reason.worst,
            says: reason.to_string(),
        }
    }
}

impl From<&Scored> for BatchView {
    fn from(batch: &Scored) -> Self {
        Self {
            seq: batch.seq,
            received_at: batch.received_at.to_string(),
            samples: batch.samples,
            score: batch.score.per_mille(),
            reasons: batch.reasons.iter().map(ReasonView::from).collect(),
        }
    }
}

impl QualityView {
    fn new(vehicle: VehicleId, batches: &[Scored]) -> Self {
        let sum = |of: fn(&Scored) -> u64| batches.iter().map(of).fold(0, u64::saturating_add);
        let samples = sum(|batch| batch.samples);
        let scores = sum(|batch| batch.samples * u64::from(batch.score.per_mille()));
        Self {
            vehicle: vehicle.to_string(),
            score: scores.checked_div(samples).map(|mean| mean.min(Score::MAX.per_mille().into())),
            samples,
            reasons: added_up(batches).iter().map(ReasonView::from).collect(),
            batches: batches.iter().map(BatchView::from).collect(),
        }
    }
}

/// One reason for each kind and signal.
fn added_up(batches: &[Scored]) -> Vec<Reason> {
    let mut sums = BTreeMap::<_, Reason>::new();
    for reason in batches.iter().flat_map(|batch| &batch.reasons) {
        let add = |sum: &mut Reason| *sum = sum.with(reason);
        sums.entry((reason.kind, reason.signal)).and_modify(add).or_insert(*reason);
    }
    sums.into_values().collect()
}

/// How plausible the last batches of a vehicle are, and why not more.
#[get("/v1/vehicles/{id}/quality")]
pub(super) async fn of_vehicle(
    app: web::Data<App>,
    owner: Owner,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let vehicle = VehicleId::parse(&id)?;
    let batches = app
        .db
        .read(move |conn| {
            let vehicle = own(conn, &owner, vehicle)?;
            Ok::<_, Problem>(archive::scored(conn, vehicle, RECENT_BATCHES)?)
        })
        .await?;
    Ok(HttpResponse::Ok().json(QualityView::new(vehicle, &batches)))
}
