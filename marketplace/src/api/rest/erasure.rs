//! An owner takes back what a vehicle sent.

use actix_web::{HttpResponse, get, post, web};
use serde::Serialize;
use telematics::VehicleId;

use super::vehicles::own;
use crate::api::problem::Problem;
use crate::app::App;
use crate::erasure::{self, Erasure, ErasureError};
use crate::identity::Owner;

/// What an owner must know before and after.
const NOTE: &str = "the vehicle can send nothing any more; what buyers had bought before can not be called \
                    back from them";

#[derive(Serialize)]
struct ErasureView {
    vehicle: String,
    status: &'static str,
    requested_at: String,
    finished_at: Option<String>,
    note: &'static str,
}

impl From<Erasure> for ErasureView {
    fn from(erasure: Erasure) -> Self {
        Self {
            vehicle: erasure.vehicle.to_string(),
            status: if erasure.finished_at.is_some() { "finished" } else { "requested" },
            requested_at: erasure.requested_at.to_string(),
            finished_at: erasure.finished_at.map(|time| time.to_string()),
            note: NOTE,
        }
    }
}

/// Erases everything that a vehicle of the caller sent, within a few turns of the jobs.
///
/// Safe to retry: asking again tells how far it is.
#[post("/v1/vehicles/{id}/erasure")]
pub(super) async fn ask(
    app: web::Data<App>,
    owner: Owner,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (vehicle, now) = (VehicleId::parse(&id)?, app.clock.now());
    let request = move |conn: &mut _| erasure::request(conn, &owner, vehicle, now);
    let erasure = app.db.write::<_, ErasureError, _>(request).await?;
    Ok(HttpResponse::Accepted().json(ErasureView::from(erasure)))
}

/// How far the erasure of a vehicle is.
#[get("/v1/vehicles/{id}/erasure")]
pub(super) async fn one(
    app: web::Data<App>,
    owner: Owner,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let vehicle = VehicleId::parse(&id)?;
    let find = move |conn: &mut _| {
        let vehicle = own(conn, &owner, vehicle)?;
        Ok::<_, Problem>(erasure::erasure(conn, vehicle)?)
    };
    let erasure = app.db.read(find).await?;
    let erasure = erasure
        .ok_or_else(|| Problem::not_found(format!("nobody asked to erase what {vehicle} sent")))?;
    Ok(HttpResponse::Ok().json(ErasureView::from(erasure)))
}
