//! An owner's own data, free, as one Parquet file.

use actix_web::web::Bytes;
use actix_web::{HttpResponse, get, web};
use telematics::VehicleId;

use super::stream;
use super::vehicles::own;
use crate::api::problem::Problem;
use crate::app::App;
use crate::delivery::Export;
use crate::identity::Owner;

/// Everything that a vehicle of the caller sent.
#[get("/v1/vehicles/{id}/export")]
pub(super) async fn of_vehicle(
    app: web::Data<App>,
    owner: Owner,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let vehicle = VehicleId::parse(&id)?;
    app.db.read(move |conn| own(conn, &owner, vehicle)).await?;
    let export = Export::begin(app.db.clone(), &app.lake, vehicle).await?;
    let parts = stream::pages(export, |export: Export| async move {
        let (bytes, rest) = export.next().await?;
        Ok((Bytes::from(bytes), rest))
    });
    Ok(HttpResponse::Ok()
        .insert_header(("Content-Type", "application/vnd.apache.parquet"))
        .insert_header((
            "Content-Disposition",
            format!("attachment; filename=\"{vehicle}.parquet\""),
        ))
        .streaming(parts))
}
