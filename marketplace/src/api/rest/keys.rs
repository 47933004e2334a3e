//! Verifying keys: what anyone needs to check proofs by himself.

use actix_web::{HttpResponse, get, web};
use serde::Serialize;
use serde_json::json;
use zk::{Circuit, VerifyingKey};

use super::proofs::Page;
use crate::api::problem::Problem;
use crate::app::App;

#[derive(Serialize)]
struct KeyView {
    circuit: &'static str,
    public_inputs: Vec<&'static str>,
    /// SHA-256 of the key's bytes.
    fingerprint: String,
    key: String,
}

impl From<(Circuit, &VerifyingKey)> for KeyView {
    fn from((circuit, key): (Circuit, &VerifyingKey)) -> Self {
        Self {
            circuit: circuit.name(),
            public_inputs: circuit.input_names(),
            fingerprint: key.fingerprint().to_string(),
            key: format!("/v1/keys/{}", circuit.name()),
        }
    }
}

/// The keys under which this market takes proofs. None when it takes none.
#[get("/v1/keys")]
pub(super) async fn list(app: web::Data<App>) -> HttpResponse {
    let origin = app
        .keys
        .as_ref()
        .map(|keys| if keys.are_for_development() { "development" } else { "ceremony" });
    let keys: Vec<_> = app.keys.iter().flat_map(|keys| keys.iter().map(KeyView::from)).collect();
    HttpResponse::Ok().json(Page::of(&app, json!({ "origin": origin, "keys": keys })))
}

/// The key of one circuit, as `zk` reads it.
#[get("/v1/keys/{circuit}")]
pub(super) async fn one(
    app: web::Data<App>,
    circuit: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let key =
        Circuit::parse(&circuit).and_then(|circuit| app.keys.as_ref()?.key(circuit)).ok_or_else(
            || Problem::not_found(format!("this market has no key of circuit `{circuit}`")),
        )?;
    let fingerprint = key.fingerprint().to_string();
    Ok(HttpResponse::Ok()
        .insert_header(("Content-Type", "application/octet-stream"))
        .insert_header(("ETag", format!("\"{fingerprint}\"")))
        .body(key.to_bytes()))
}
