//! Who calls: the vehicle that the verified client certificate names, or the buyer whose API key the call brings.

use ed25519_dalek::VerifyingKey;
use telematics::VehicleId;
use tonic::{Request, Status};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::status;
use crate::app::App;
use crate::identity::{self, ApiKey, Buyer, Principal, Vehicle};

/// The vehicle that sent `request`.
pub(super) async fn vehicle<T>(app: &App, request: &Request<T>) -> Result<Vehicle, Status> {
    let no_certificate = || {
        Status::unauthenticated(
            "this call needs the client certificate that enrolment gave; enrol first",
        )
    };
    let certificates = request.peer_certs().ok_or_else(no_certificate)?;
    let leaf = certificates.first().ok_or_else(no_certificate)?;
    let (id, key) = named_in(leaf).ok_or_else(|| {
        Status::unauthenticated("the client certificate names no vehicle; enrol again")
    })?;
    app.db
        .read(move |conn| identity::vehicle(conn, id, key))
        .await
        .map_err(|error| status::identity(&error))
}

/// The buyer that sent `request`.
pub(super) async fn buyer<T>(app: &App, request: &Request<T>) -> Result<Buyer, Status> {
    let no_key = || {
        Status::unauthenticated(
            "this call needs the metadata `authorization: Bearer axle_...` with the API key of a buyer",
        )
    };
    let header = request.metadata().get("authorization").and_then(|value| value.to_str().ok());
    let key = header.and_then(ApiKey::of_bearer).ok_or_else(no_key)?;
    let found = app.db.read(move |conn| identity::authenticate(conn, &key)).await;
    match found.map_err(|error| status::identity(&error))? {
        Some(Principal::Buyer(buyer)) => Ok(buyer),
        _ => Err(no_key()),
    }
}

/// The vehicle and the key of a certificate that our authority made.
fn named_in(certificate: &[u8]) -> Option<(VehicleId, VerifyingKey)> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let name = certificate.subject().iter_common_name().next()?.as_str().ok()?;
    let key = &certificate.public_key().subject_public_key.data;
    let key = VerifyingKey::from_bytes(key.as_ref().try_into().ok()?).ok()?;
    Some((VehicleId::parse(name).ok()?, key))
}
