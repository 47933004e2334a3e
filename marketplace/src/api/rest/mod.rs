//! The REST API: commerce for owners, buyers and the operator.
//!
//! One file per resource; a handler parses, is authorised by the types it takes, calls one verb and
//! renders a view. Amounts are strings with six decimals, ids are text, times are RFC 3339.
//!
//! **Not here:** rules (the verbs have them), who a caller is ([`super::auth`]), and the words of
//! refusals ([`super::problem`]).

mod accounts;
mod campaigns;
mod data_campaigns;
mod datasets;
mod download;
mod earnings;
mod epochs;
mod erasure;
mod export;
mod headers;
mod keys;
mod listing;
mod market;
mod once;
mod orders;
mod profiles;
mod proofs;
mod quality;
mod query;
mod quotes;
mod rewards;
mod search;
mod segments;
mod sql;
mod status;
mod stream;
mod streams;
mod subscriptions;
mod vehicles;

use actix_web::web::{self, JsonConfig, PathConfig, QueryConfig, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

use super::problem::Problem;

/// Bytes that a request body has at most. The largest one is a decision about ten signal groups.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Adds every route, and the refusals of what does not read.
pub fn configure(service: &mut ServiceConfig) {
    service
        .app_data(web::PayloadConfig::new(BODY_BYTES_MAX))
        .app_data(
            JsonConfig::default()
                .limit(BODY_BYTES_MAX)
                .content_type_required(false)
                .error_handler(|error, _| Problem::from(error).into()),
        )
        .app_data(PathConfig::default().error_handler(|error, _| Problem::invalid(error).into()))
        .app_data(QueryConfig::default().error_handler(|error, _| Problem::from(error).into()))
        .configure(of_everybody)
        .configure(of_owners)
        .configure(of_buyers)
        .default_service(web::route().to(nothing_here));
}

fn of_everybody(service: &mut ServiceConfig) {
    service
        .service(market::health)
        .service(market::market)
        .service(market::rules)
        .service(market::authority)
        .service(orders::licence_terms)
        .service(status::status)
        .service(accounts::open_owner)
        .service(accounts::open_buyer)
        .service(accounts::deposit)
        .service(accounts::me)
        .service(accounts::balance)
        .service(rewards::weeks)
        .service(rewards::file)
        .service(campaigns::list)
        .service(campaigns::one)
        .service(data_campaigns::list)
        .service(data_campaigns::one)
        .service(epochs::list)
        .service(epochs::roots)
        .service(epochs::leaves)
        .service(keys::list)
        .service(keys::one);
}

fn of_owners(service: &mut ServiceConfig) {
    service
        .service(vehicles::enrolment_code)
        .service(vehicles::list)
        .service(vehicles::label)
        .service(vehicles::latest_values)
        .service(vehicles::read_consent)
        .service(vehicles::decide)
        .service(quality::of_vehicle)
        .service(export::of_vehicle)
        .service(erasure::ask)
        .service(erasure::one)
        .service(segments::summary)
        .service(segments::segments)
        .service(query::query)
        .service(earnings::payouts)
        .service(earnings::sweeps)
        .service(earnings::reads)
        .service(rewards::mine)
        .service(data_campaigns::of_vehicle);
}

/// Owners see datasets and ask SQL too.
fn of_buyers(service: &mut ServiceConfig) {
    service
        .service(search::list)
        .service(search::suggestions)
        .service(datasets::list_privately)
        .service(datasets::mine)
        .service(datasets::one)
        .service(profiles::of_dataset)
        .service(profiles::plot_of_signal)
        .service(listing::dcat)
        .service(listing::contract)
        .service(sql::answer)
        .service(quotes::ask)
        .service(quotes::one)
        .service(orders::place)
        .service(orders::list)
        .service(orders::one)
        .service(orders::licence)
        .service(download::data)
        .service(subscriptions::subscribe)
        .service(subscriptions::list)
        .service(subscriptions::one)
        .service(subscriptions::top_up)
        .service(subscriptions::close)
        .service(streams::open)
        .service(streams::list)
        .service(streams::one)
        .service(streams::close)
        .service(campaigns::open)
        .service(campaigns::close)
        .service(campaigns::claims)
        .service(data_campaigns::open)
        .service(data_campaigns::close);
}

async fn nothing_here(request: HttpRequest) -> Result<HttpResponse, Problem> {
    Err(Problem::no_such_route(request.method().as_str(), request.path()))
}
