//! Datasets in the words of standards: DCAT with ODRL, and Open Data Contracts.

use actix_web::{HttpRequest, HttpResponse, get, web};

use crate::api::problem::Problem;
use crate::app::App;
use crate::catalog::export::{self, Address, Listing};
use crate::catalog::{self, CatalogError, Dataset, DatasetId};
use crate::identity::Principal;

/// A dataset as DCAT 3, with an ODRL offer in it, in JSON-LD.
#[get("/v1/datasets/{id}/dcat.jsonld")]
pub(super) async fn dcat(
    app: web::Data<App>,
    caller: Principal,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (dataset, market) = (dataset(&app, caller, &id).await?, reached_at(&request)?);
    let listing = Listing { dataset: &dataset, rules: &app.config.rules, market: &market };
    Ok(HttpResponse::Ok()
        .insert_header(("Content-Type", "application/ld+json"))
        .json(export::dcat(&listing)))
}

/// A dataset as an Open Data Contract (ODCS 3.1), in YAML.
#[get("/v1/datasets/{id}/contract.yaml")]
pub(super) async fn contract(
    app: web::Data<App>,
    caller: Principal,
    id: web::Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (dataset, market) = (dataset(&app, caller, &id).await?, reached_at(&request)?);
    let listing = Listing { dataset: &dataset, rules: &app.config.rules, market: &market };
    let contract = serde_saphyr::to_string(&export::odcs(&listing)).map_err(Problem::internal)?;
    // RFC 9512.
    Ok(HttpResponse::Ok().insert_header(("Content-Type", "application/yaml")).body(contract))
}

async fn dataset(app: &App, caller: Principal, id: &str) -> Result<Dataset, Problem> {
    let id = DatasetId::parse(id)?;
    let find = move |conn: &mut _| catalog::seen_by(conn, caller.buyer(), id);
    Ok(app.db.read::<_, CatalogError, _>(find).await?)
}

/// Where the caller reaches this market, as he or the proxy before it says: it is not told its own address.
fn reached_at(request: &HttpRequest) -> Result<Address, Problem> {
    let asked = request.connection_info();
    Address::new(asked.scheme(), asked.host()).map_err(Problem::invalid)
}
