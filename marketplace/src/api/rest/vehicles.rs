//! An owner's vehicles: enrolling them, what they sent last, and what they may disclose.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, get, post, put, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use telematics::consent::{Disclosure, Policy};
use telematics::vss::SignalGroup;
use telematics::{EnrolmentCode, Sample, VehicleId};

use crate::api::problem::Problem;
use crate::app::App;
use crate::archive::{self, Chain};
use crate::consent::{self, ConsentError, Groups, format_groups};
use crate::db::Conn;
use crate::identity::{self, IdentityError, Owner, VehicleRecord};

/// Decisions as they are sent: `{"consent": {"motion": "share"}}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decision {
    consent: BTreeMap<String, String>,
}

impl Decision {
    fn groups(&self) -> Result<Groups, Problem> {
        let pair = |(group, disclosure): (&String, &String)| {
            let group = SignalGroup::parse(group).map_err(Problem::invalid)?;
            Ok((group, Disclosure::parse(disclosure).map_err(Problem::invalid)?))
        };
        self.consent.iter().map(pair).collect()
    }
}

#[derive(Serialize)]
struct VehicleView {
    id: String,
    make: String,
    model: String,
    model_year: u16,
    powertrain: &'static str,
    status: &'static str,
    enrolled_at: String,
    /// Time of the newest sample that arrived.
    last_seen: Option<String>,
    samples: u64,
}

impl VehicleView {
    fn of(vehicle: &VehicleRecord, chain: Option<Chain>, latest: &[Sample]) -> Self {
        let newest = latest.iter().map(|sample| sample.time).max();
        Self {
            id: vehicle.id.to_string(),
            make: vehicle.description.make().to_owned(),
            model: vehicle.description.model().to_owned(),
            model_year: vehicle.description.year(),
            powertrain: vehicle.description.powertrain().as_str(),
            status: vehicle.status.as_str(),
            enrolled_at: vehicle.enrolled_at.to_string(),
            last_seen: newest.map(|time| time.to_string()),
            samples: chain.map_or(0, |chain| chain.samples),
        }
    }
}

#[derive(Serialize)]
struct SampleView {
    signal: &'static str,
    unit: String,
    time: String,
    value: f64,
}

impl From<&Sample> for SampleView {
    fn from(sample: &Sample) -> Self {
        Self {
            signal: sample.signal.path(),
            unit: sample.signal.unit().to_string(),
            time: sample.time.to_string(),
            value: sample.physical(),
        }
    }
}

#[derive(Serialize)]
struct PolicyView {
    version: u32,
    consent: BTreeMap<&'static str, &'static str>,
}

impl From<Policy> for PolicyView {
    fn from(policy: Policy) -> Self {
        let groups = policy.groups().map(|(group, what)| (group.as_str(), what.as_str()));
        Self { version: policy.version().number(), consent: groups.collect() }
    }
}

/// Makes a code that enrols one vehicle of the caller.
#[post("/v1/enrolment-codes")]
pub(super) async fn enrolment_code(
    app: web::Data<App>,
    owner: Owner,
    body: web::Json<Decision>,
) -> Result<HttpResponse, Problem> {
    let groups = format_groups(&body.groups()?);
    let (secret, now): ([u8; 10], _) = (rand::random(), app.clock.now());
    let code = EnrolmentCode { secret, pin: app.authority.pin() };

    let expires_at = app
        .db
        .write::<_, IdentityError, _>(move |conn| {
            identity::create_enrolment_code(conn, &owner, &secret, &groups, now)
        })
        .await?;
    let view = json!({ "code": code.to_string(), "expires_at": expires_at.to_string() });
    Ok(HttpResponse::Created().json(view))
}

/// The caller's vehicles.
#[get("/v1/vehicles")]
pub(super) async fn list(app: web::Data<App>, owner: Owner) -> Result<HttpResponse, Problem> {
    let views = app
        .db
        .read(move |conn| {
            let vehicles = identity::vehicles_of(conn, &owner)?;
            let view = |vehicle: VehicleRecord| {
                let chain = archive::chain(conn, vehicle.id)?;
                Ok(VehicleView::of(&vehicle, chain, &archive::latest(conn, vehicle.id)?))
            };
            vehicles.into_iter().map(view).collect::<Result<Vec<_>, Problem>>()
        })
        .await?;
    Ok(HttpResponse::Ok().json(json!({ "vehicles": views })))
}

/// The newest value of each signal of a vehicle.
#[get("/v1/vehicles/{id}/latest")]
pub(super) async fn latest_values(
    app: web::Data<App>,
    owner: Owner,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let vehicle = VehicleId::parse(&id)?;
    let samples = app
        .db
        .read(move |conn| {
            let vehicle = own(conn, &owner, vehicle)?;
            Ok::<_, Problem>(archive::latest(conn, vehicle)?)
        })
        .await?;
    let views: Vec<SampleView> = samples.iter().map(SampleView::from).collect();
    Ok(HttpResponse::Ok().json(json!({ "samples": views })))
}

/// What a vehicle may disclose.
#[get("/v1/vehicles/{id}/consent")]
pub(super) async fn read_consent(
    app: web::Data<App>,
    owner: Owner,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let vehicle = VehicleId::parse(&id)?;
    let policy = app
        .db
        .read(move |conn| {
            let vehicle = own(conn, &owner, vehicle)?;
            Ok::<_, Problem>(consent::in_force(conn, vehicle)?)
        })
        .await?;
    Ok(HttpResponse::Ok().json(PolicyView::from(policy)))
}

/// Decides what a vehicle may disclose from now on. A group that is not named is kept.
#[put("/v1/vehicles/{id}/consent")]
pub(super) async fn decide(
    app: web::Data<App>,
    owner: Owner,
    id: web::Path<String>,
    body: web::Json<Decision>,
) -> Result<HttpResponse, Problem> {
    let (vehicle, groups) = (VehicleId::parse(&id)?, body.groups()?);
    let now = app.clock.now();
    let policy = app
        .db
        .write::<_, ConsentError, _>(move |conn| {
            consent::decide(conn, &owner, vehicle, &groups, now)
        })
        .await?;
    Ok(HttpResponse::Ok().json(PolicyView::from(policy)))
}

/// The vehicle, if it is the caller's; another's looks like one that does not exist.
fn own(conn: &mut Conn, owner: &Owner, vehicle: VehicleId) -> Result<VehicleId, Problem> {
    let known = identity::vehicles(conn, &[vehicle])?;
    if known.iter().any(|known| known.owner == owner.id) {
        return Ok(vehicle);
    }
    Err(ConsentError::NotYours { vehicle }.into())
}
