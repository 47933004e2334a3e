//! Searching datasets: finding out what is for sale.

use actix_web::{HttpResponse, get, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use telematics::Powertrain;

use super::datasets::DatasetView;
use crate::api::problem::Problem;
use crate::app::App;
use crate::archive::Score;
use crate::catalog::{self, AgeCount, Counted, Cursor, Facets, Page, PriceCount, Sort, Wanted};
use crate::identity::Principal;
use crate::ledger::Amount;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    #[serde(default)]
    q: String,
    signal: Option<String>,
    make: Option<String>,
    model: Option<String>,
    year: Option<u16>,
    powertrain: Option<String>,
    /// The least score, in per mille.
    score_min: Option<u16>,
    /// Tokens a row.
    price_min: Option<String>,
    price_max: Option<String>,
    rows_min: Option<u64>,
    vehicles_min: Option<u64>,
    /// Days since the day of the newest row, at most.
    fresh_days: Option<u32>,
    sort: Option<String>,
    /// What the page before gave as `next`.
    after: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    facets: bool,
}

impl Query {
    fn read(self) -> Result<(Wanted, Page), Problem> {
        let score = |least| {
            let refused = || Problem::invalid(format!("`score_min` is {least}; it is per mille"));
            Score::new(least).ok_or_else(refused)
        };
        let price = |text: Option<String>| text.as_deref().map(Amount::parse).transpose();
        let powertrain = self.powertrain.as_deref().map(Powertrain::parse).transpose();
        let wanted = Wanted {
            words: self.q,
            signal: self.signal,
            make: self.make,
            model: self.model,
            year: self.year,
            powertrain: powertrain.map_err(Problem::invalid)?,
            score_min: self.score_min.map(score).transpose()?,
            price_min: price(self.price_min)?,
            price_max: price(self.price_max)?,
            rows_min: self.rows_min,
            vehicles_min: self.vehicles_min,
            fresh_days: self.fresh_days,
        };
        let usual = Page::default();
        let page = Page {
            sort: self.sort.as_deref().map_or(Ok(usual.sort), Sort::parse)?,
            after: self.after.as_deref().map(Cursor::parse).transpose()?,
            limit: self.limit.unwrap_or(usual.limit),
            facets: self.facets,
        };
        Ok((wanted, page))
    }
}

#[derive(Serialize)]
struct FacetsView {
    signal: Vec<CountView>,
    make: Vec<CountView>,
    model: Vec<CountView>,
    year: Vec<CountView>,
    powertrain: Vec<CountView>,
    price: Vec<PriceView>,
    fresh: Vec<AgeView>,
}

#[derive(Serialize)]
struct CountView {
    value: String,
    count: u64,
}

#[derive(Serialize)]
struct PriceView {
    price_min: String,
    price_max: Option<String>,
    count: u64,
}

#[derive(Serialize)]
struct AgeView {
    fresh_days: u32,
    count: u64,
}

impl From<Counted> for CountView {
    fn from(Counted { value, count }: Counted) -> Self {
        Self { value, count }
    }
}

impl From<PriceCount> for PriceView {
    fn from(range: PriceCount) -> Self {
        let (from, to) = (range.from.to_string(), range.to.map(|to| to.to_string()));
        Self { price_min: from, price_max: to, count: range.count }
    }
}

impl From<AgeCount> for AgeView {
    fn from(AgeCount { days, count }: AgeCount) -> Self {
        Self { fresh_days: days, count }
    }
}

impl From<Facets> for FacetsView {
    fn from(facets: Facets) -> Self {
        Self {
            signal: views(facets.signals),
            make: views(facets.makes),
            model: views(facets.models),
            year: views(facets.years),
            powertrain: views(facets.powertrains),
            price: views(facets.prices),
            fresh: views(facets.freshness),
        }
    }
}

fn views<T, V: From<T>>(counts: Vec<T>) -> Vec<V> {
    counts.into_iter().map(V::from).collect()
}

/// Datasets that fit the words and filters, best first or in the order that is asked for.
#[get("/v1/datasets")]
pub(super) async fn list(
    app: web::Data<App>,
    _anyone: Principal,
    query: web::Query<Query>,
) -> Result<HttpResponse, Problem> {
    let (wanted, page) = query.into_inner().read()?;
    let (search, now) = (app.search.clone(), app.clock.now());
    let find = move |conn: &mut _| {
        let found = search.find(&wanted, &page, now)?;
        let view = |id| Ok(DatasetView::from(catalog::dataset(conn, id)?));
        let views = found.datasets.into_iter().map(view).collect::<Result<Vec<_>, Problem>>()?;
        let next = found.next.map(|next| next.to_string());
        let mut answer = json!({ "datasets": views, "total": found.total, "next": next });
        if let (Some(facets), Value::Object(answer)) = (found.facets, &mut answer) {
            answer.insert("facets".to_owned(), json!(FacetsView::from(facets)));
        }
        Ok::<_, Problem>(answer)
    };
    Ok(HttpResponse::Ok().json(app.db.read(find).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Typed {
    q: String,
}

/// What somebody may be about to type, best first.
#[get("/v1/datasets/suggestions")]
pub(super) async fn suggestions(
    app: web::Data<App>,
    _anyone: Principal,
    typed: web::Query<Typed>,
) -> Result<HttpResponse, Problem> {
    let search = app.search.clone();
    let suggest = move || search.suggest(&typed.q);
    let suggested = tokio::task::spawn_blocking(suggest).await.map_err(Problem::internal)??;
    Ok(HttpResponse::Ok().json(json!({ "suggestions": views::<_, CountView>(suggested) })))
}
