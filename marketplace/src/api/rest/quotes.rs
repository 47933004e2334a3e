//! Quotes: asking for a price.

use actix_web::{HttpResponse, get, post, web};
use serde::{Deserialize, Serialize};

use crate::api::problem::Problem;
use crate::app::App;
use crate::catalog::{self, CatalogError, DatasetId};
use crate::consent::Purpose;
use crate::identity::Buyer;
use crate::lake::RowFilter;
use crate::trade::{self, Ask, Factors, PriceInputs, Quote, QuoteId, TradeError};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AskPrice {
    dataset: String,
    /// What the rows are for: the licence names it, and owners see it.
    purpose: Purpose,
}

#[derive(Serialize)]
struct QuoteView {
    id: String,
    dataset: String,
    purpose: Option<Purpose>,
    rows: u64,
    vehicles: usize,
    signals: Vec<&'static str>,
    price: String,
    /// None for quotes of before there was a rule.
    price_rule: Option<PriceView>,
    created_at: String,
    expires_at: String,
    licence_terms: TermsView,
}

/// What a buyer agrees to: `GET /v1/licence-terms/{version}` has the text.
#[derive(Serialize)]
struct TermsView {
    version: u32,
    sha256: String,
}

/// What a price follows from, so that anybody can compute it again: `GET /v1/rules` has the formula.
#[derive(Serialize)]
pub(super) struct PriceView {
    #[serde(flatten)]
    inputs: PriceInputs,
    factors_per_mille: Factors,
}

impl From<PriceInputs> for PriceView {
    fn from(inputs: PriceInputs) -> Self {
        Self { inputs, factors_per_mille: inputs.factors() }
    }
}

impl From<Quote> for QuoteView {
    fn from(quote: Quote) -> Self {
        Self {
            id: quote.id.to_string(),
            dataset: quote.dataset.to_string(),
            purpose: quote.purpose,
            rows: quote.rows,
            vehicles: quote.vehicles.len(),
            signals: quote.signals.iter().map(|signal| signal.path()).collect(),
            price: quote.price.to_string(),
            price_rule: quote.price_inputs.map(PriceView::from),
            created_at: quote.created_at.to_string(),
            expires_at: quote.expires_at.to_string(),
            licence_terms: TermsView {
                version: trade::LICENCE_TERMS_VERSION,
                sha256: hex::encode(trade::licence_terms_sha256()),
            },
        }
    }
}

/// Quotes a price for all rows of a dataset, and freezes them.
#[post("/v1/quotes")]
pub(super) async fn ask(
    app: web::Data<App>,
    buyer: Buyer,
    body: web::Json<AskPrice>,
) -> Result<HttpResponse, Problem> {
    let id = DatasetId::parse(&body.dataset)?;
    let find = move |conn: &mut _| catalog::seen_by(conn, Some(buyer.id()), id);
    let dataset = app.db.read::<_, CatalogError, _>(find).await?;
    let (lake_version, now) = (app.lake.version(), app.clock.now());
    let filter = RowFilter { signals: dataset.signals(), vehicles: None, after_arrival: 0 };
    let rows = app.lake.count(lake_version, &filter).await?;

    let (quote, purpose) = (QuoteId::new(now, rand::random()), body.purpose);
    let ask = Ask { id: quote, dataset: id, purpose, lake_version, after_arrival: 0, rows };
    let rules = app.config.rules.clone();
    let quote = app
        .db
        .write::<_, TradeError, _>(move |conn| trade::quote(conn, &buyer, &ask, &rules, now))
        .await?;
    Ok(HttpResponse::Created().json(QuoteView::from(quote)))
}

/// One quote of the caller.
#[get("/v1/quotes/{id}")]
pub(super) async fn one(
    app: web::Data<App>,
    buyer: Buyer,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = QuoteId::parse(&id)?;
    let quote =
        app.db.read::<_, TradeError, _>(move |conn| trade::quoted(conn, &buyer, id)).await?;
    Ok(HttpResponse::Ok().json(QuoteView::from(quote)))
}
