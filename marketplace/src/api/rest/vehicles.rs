//! An owner's vehicles: enrolling them, what they sent last, and what they may disclose.

use std::collections::BTreeMap;
use std::fmt::Display;

use actix_web::{HttpResponse, get, post, put, web};
use serde::{Deserialize, Serialize};
use serde_json::json;
use telematics::consent::{Disclosure, Policy};
use telematics::precision::Precision;
use telematics::vss::SignalGroup;
use telematics::{EnrolmentCode, Sample, VehicleId};

use crate::api::problem::Problem;
use crate::app::App;
use crate::archive::{self, Chain};
use crate::consent::{self, ConsentError, Decision, Purpose, Purposes, UnknownPurpose};
use crate::db::Conn;
use crate::identity::{self, IdentityError, Labels, Owner, VehicleRecord};

/// Decisions as they are sent: `{"consent": {"location": "share"}, "precision": {"location": "h3-9"}, "purposes": ["traffic"]}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Decided {
    consent: BTreeMap<String, String>,
    /// A group that is not named has the usual precision.
    #[serde(default)]
    precision: BTreeMap<String, String>,
    /// The usual ones when nothing is said.
    purposes: Option<Vec<String>>,
}

impl Decided {
    fn decision(&self) -> Result<Decision, Problem> {
        let groups = read("consent", &self.consent, |_, word| Disclosure::parse(word))?;
        let precisions = read("precision", &self.precision, Precision::parse)?;
        let refuse = |error: UnknownPurpose| Problem::invalid(format!("`purposes`: {error}"));
        let purposes = match &self.purposes {
            None => Purposes::default(),
            Some(words) => {
                let parsed = words.iter().map(|word| Purpose::parse(word).map_err(refuse));
                Purposes::new(parsed.collect::<Result<Vec<_>, _>>()?)
            }
        };
        Ok(Decision::new(groups, precisions, purposes))
    }
}

/// Reads the words of each group in `field`; a refusal names field and group.
fn read<T, E: Display>(
    field: &str,
    words: &BTreeMap<String, String>,
    parse: impl Fn(SignalGroup, &str) -> Result<T, E>,
) -> Result<BTreeMap<SignalGroup, T>, Problem> {
    let pair = |(name, word): (&String, &String)| {
        let refuse = |error: &dyn Display| Problem::invalid(format!("`{field}.{name}`: {error}"));
        let group = SignalGroup::parse(name).map_err(|error| refuse(&error))?;
        Ok((group, parse(group, word).map_err(|error| refuse(&error))?))
    };
    words.iter().map(pair).collect()
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
    labels: BTreeMap<String, String>,
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
            labels: vehicle.labels.as_map().clone(),
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
    /// How precisely each group leaves the car, when it is shared.
    precision: BTreeMap<&'static str, String>,
    /// What its rows may be used for.
    purposes: Vec<&'static str>,
}

impl PolicyView {
    fn of(policy: &Policy, purposes: &Purposes) -> Self {
        let consent = policy.groups().map(|(group, what)| (group.as_str(), what.as_str()));
        let precision = |group: SignalGroup| (group.as_str(), policy.precision(group).to_string());
        Self {
            version: policy.version().number(),
            consent: consent.collect(),
            precision: SignalGroup::ALL.into_iter().map(precision).collect(),
            purposes: purposes.iter().map(Purpose::as_str).collect(),
        }
    }
}

/// Makes a code that enrols one vehicle of the caller.
#[post("/v1/enrolment-codes")]
pub(super) async fn enrolment_code(
    app: web::Data<App>,
    owner: Owner,
    body: web::Json<Decided>,
) -> Result<HttpResponse, Problem> {
    let decision = body.decision()?.to_string();
    let (secret, now): ([u8; 10], _) = (rand::random(), app.clock.now());
    let code = EnrolmentCode { secret, pin: app.authority.pin() };

    let expires_at = app
        .db
        .write::<_, IdentityError, _>(move |conn| {
            identity::create_enrolment_code(conn, &owner, &secret, &decision, now)
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

/// Labels a vehicle, in place of what it was labelled before: `{"depot": "Leipzig"}`.
#[put("/v1/vehicles/{id}/labels")]
pub(super) async fn label(
    app: web::Data<App>,
    owner: Owner,
    id: web::Path<String>,
    body: web::Json<BTreeMap<String, String>>,
) -> Result<HttpResponse, Problem> {
    let vehicle = VehicleId::parse(&id)?;
    let labels = Labels::new(body.into_inner()).map_err(Problem::invalid)?;
    let kept = labels.clone();
    let label = move |conn: &mut _| identity::label(conn, &owner, vehicle, &kept);
    app.db.write::<_, IdentityError, _>(label).await?;
    Ok(HttpResponse::Ok().json(labels.as_map()))
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
    let view = app
        .db
        .read(move |conn| {
            let vehicle = own(conn, &owner, vehicle)?;
            let policy = consent::in_force(conn, vehicle)?;
            Ok::<_, Problem>(PolicyView::of(&policy, &consent::purposes(conn, vehicle)?))
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}

/// Decides what a vehicle may disclose from now on, how precisely and what for. A group that `consent` does not name
/// is kept; one that `precision` does not name has the usual precision; without `purposes` the usual ones are permitted.
#[put("/v1/vehicles/{id}/consent")]
pub(super) async fn decide(
    app: web::Data<App>,
    owner: Owner,
    id: web::Path<String>,
    body: web::Json<Decided>,
) -> Result<HttpResponse, Problem> {
    let (vehicle, decision) = (VehicleId::parse(&id)?, body.decision()?);
    let now = app.clock.now();
    let decided = decision.clone();
    let policy = app
        .db
        .write::<_, ConsentError, _>(move |conn| {
            consent::decide(conn, &owner, vehicle, &decided, now)
        })
        .await?;
    Ok(HttpResponse::Ok().json(PolicyView::of(&policy, decision.purposes())))
}

/// The vehicle, if it is the caller's; another's looks like one that does not exist.
pub(super) fn own(
    conn: &mut Conn,
    owner: &Owner,
    vehicle: VehicleId,
) -> Result<VehicleId, Problem> {
    let known = identity::vehicles(conn, &[vehicle])?;
    if known.iter().any(|known| known.owner == owner.id) {
        return Ok(vehicle);
    }
    Err(ConsentError::NotYours { vehicle }.into())
}
