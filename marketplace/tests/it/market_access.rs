//! Who may call what: every route, every role. A new route belongs into the table below.

use actix_web::http::Method;
use marketplace::identity::ApiKey;
use serde_json::{Value, json};

use crate::market_support::{Call, Market, OPERATOR, get, post};

/// Roles that a route lets in, as letters: operator, owner (`w`), buyer, everyone without a key (`-`).
type Row = (Method, &'static str, &'static str);

const ORDER: &str = "order_0190a5b8c3d27e4f8a9b0c1d2e3f4a5b";

#[rustfmt::skip] // a table is read by column
const ROUTES: [Row; 72] = [
    (Method::GET,  "/v1/health",                        "owb-"),
    (Method::GET,  "/v1/market",                        "owb"),
    (Method::GET,  "/v1/rules",                         "owb-"),
    (Method::GET,  "/v1/status",                        "o"),
    (Method::GET,  "/v1/me",                            "owb"),
    (Method::GET,  "/v1/datasets",                      "owb"),
    (Method::GET,  "/v1/datasets/suggestions",          "owb"),
    (Method::POST, "/v1/datasets",                      "b"),
    (Method::GET,  "/v1/datasets/private",              "b"),
    (Method::GET,  "/v1/datasets/DATASET",              "owb"),
    (Method::GET,  "/v1/datasets/DATASET/dcat.jsonld",  "owb"),
    (Method::GET,  "/v1/datasets/DATASET/contract.yaml", "owb"),
    (Method::GET,  "/v1/datasets/DATASET/profile",      "owb"),
    (Method::GET,  "/v1/datasets/DATASET/plots/Vehicle.Speed.svg", "owb"),
    (Method::GET,  "/v1/balance",                       "wb"),
    (Method::POST, "/v1/owners",                        "o"),
    (Method::POST, "/v1/buyers",                        "o"),
    (Method::POST, "/v1/buyers/BUYER/deposits",         "o"),
    (Method::POST, "/v1/enrolment-codes",               "w"),
    (Method::GET,  "/v1/vehicles",                      "w"),
    (Method::PUT,  "/v1/vehicles/VEHICLE/labels",       "w"),
    (Method::GET,  "/v1/vehicles/VEHICLE/latest",       "w"),
    (Method::GET,  "/v1/vehicles/VEHICLE/consent",      "w"),
    (Method::PUT,  "/v1/vehicles/VEHICLE/consent",      "w"),
    (Method::GET,  "/v1/vehicles/VEHICLE/quality",      "w"),
    (Method::GET,  "/v1/vehicles/VEHICLE/export",       "w"),
    (Method::POST, "/v1/vehicles/VEHICLE/erasure",      "w"),
    (Method::GET,  "/v1/vehicles/VEHICLE/erasure",      "w"),
    (Method::GET,  "/v1/vehicles/VEHICLE/summary",      "w"),
    (Method::GET,  "/v1/vehicles/VEHICLE/segments",     "w"),
    (Method::POST, "/v1/query",                         "w"),
    (Method::POST, "/v1/sql",                           "wb"),
    (Method::GET,  "/v1/payouts",                       "w"),
    (Method::GET,  "/v1/orders/ORDER/licence.json",     "b"),
    (Method::GET,  "/v1/licence-terms/1",               "owb-"),
    (Method::POST, "/v1/subscriptions",                 "b"),
    (Method::GET,  "/v1/subscriptions",                 "b"),
    (Method::GET,  "/v1/subscriptions/SUBSCRIPTION",    "b"),
    (Method::POST, "/v1/subscriptions/SUBSCRIPTION/top-ups", "b"),
    (Method::POST, "/v1/subscriptions/SUBSCRIPTION/close", "b"),
    (Method::POST, "/v1/streams",                       "b"),
    (Method::GET,  "/v1/streams",                       "b"),
    (Method::GET,  "/v1/streams/STREAM",                "b"),
    (Method::POST, "/v1/streams/STREAM/close",          "b"),
    (Method::GET,  "/v1/authority.pem",                 "owb-"),
    (Method::GET,  "/v1/sweeps",                        "w"),
    (Method::GET,  "/v1/reads",                         "w"),
    (Method::GET,  "/v1/rewards",                       "owb-"),
    (Method::GET,  "/v1/rewards/mine",                  "w"),
    (Method::GET,  "/v1/rewards/1/facts.json",          "owb-"),
    (Method::POST, "/v1/quotes",                        "b"),
    (Method::GET,  "/v1/quotes/QUOTE",                  "b"),
    (Method::POST, "/v1/orders",                        "b"),
    (Method::GET,  "/v1/orders",                        "b"),
    (Method::GET,  "/v1/orders/ORDER",                  "b"),
    (Method::GET,  "/v1/orders/ORDER/versions/1/data.parquet", "b"),
    (Method::GET,  "/v1/orders/ORDER/versions/2/data.parquet", "b"),
    (Method::POST, "/v1/campaigns",                     "b"),
    (Method::GET,  "/v1/campaigns",                     "owb-"),
    (Method::GET,  "/v1/campaigns/CAMPAIGN",            "owb-"),
    (Method::POST, "/v1/campaigns/CAMPAIGN/close",      "b"),
    (Method::GET,  "/v1/campaigns/CAMPAIGN/claims",     "b"),
    (Method::POST, "/v1/data-campaigns",                "b"),
    (Method::GET,  "/v1/data-campaigns",                "owb-"),
    (Method::GET,  "/v1/data-campaigns/DATA-CAMPAIGN",     "owb-"),
    (Method::POST, "/v1/data-campaigns/DATA-CAMPAIGN/close", "b"),
    (Method::GET,  "/v1/vehicles/VEHICLE/data-campaigns", "w"),
    (Method::GET,  "/v1/epochs",                        "owb-"),
    (Method::GET,  "/v1/epochs/0/roots",                "owb-"),
    (Method::GET,  "/v1/epochs/0/leaves",               "owb-"),
    (Method::GET,  "/v1/keys",                          "owb-"),
    (Method::GET,  "/v1/keys/summary",                  "owb-"),
];

/// A body that the route reads.
fn body(path: &str) -> Value {
    match path {
        "/v1/quotes" => {
            json!({ "dataset": ORDER.replace("order", "dataset"), "purpose": "research" })
        }
        "/v1/subscriptions" => json!({
            "dataset": ORDER.replace("order", "dataset"), "purpose": "research",
            "period_seconds": 3_600, "top_up": "1",
        }),
        "/v1/datasets" => json!({ "title": "Mine", "signals": ["motion"] }),
        "/v1/orders" => json!({ "quote": ORDER.replace("order", "quote") }),
        "/v1/campaigns" => json!({
            "title": "Calm drivers",
            "scope": { "first_day": "2026-01-01", "last_day": "2026-12-31" },
            "question": { "circuit": "fact", "signal": "Vehicle.Speed" },
            "closes_at": "2099-01-01T00:00:00Z",
            "pay_per_vehicle": "1",
            "vehicles_max": 10,
        }),
        "/v1/data-campaigns" => json!({
            "title": "Tyres, please",
            "dataset": ORDER.replace("order", "dataset"),
            "purpose": "research",
            "days_min": 1,
            "pay_per_vehicle": "1",
            "vehicles_max": 10,
            "closes_at": "2099-01-01T00:00:00Z",
        }),
        "/v1/streams" => json!({
            "dataset": ORDER.replace("order", "dataset"),
            "purpose": "research",
            "hours": 1,
            "cap": "1",
        }),
        "/v1/query" => json!({
            "from": "2024-01-01T00:00:00Z",
            "to": "2024-01-02T00:00:00Z",
            "signals": [{ "path": "Vehicle.Speed", "agg": "AVG" }],
        }),
        "/v1/sql" => json!({ "sql": "SELECT count(*) FROM samples" }),
        "/v1/owners" | "/v1/buyers" => json!({ "name": "Somebody" }),
        path if path.ends_with("deposits") || path.ends_with("top-ups") => json!({ "amount": "1" }),
        path if path.ends_with("labels") => json!({ "depot": "Leipzig" }),
        _ => json!({ "consent": { "motion": "share" } }),
    }
}

fn call(method: &Method, path: &str) -> Call {
    let words = [
        "DATASET",
        "BUYER",
        "VEHICLE",
        "QUOTE",
        "ORDER",
        "DATA-CAMPAIGN",
        "CAMPAIGN",
        "SUBSCRIPTION",
        "STREAM",
    ];
    let full = words.iter().fold(path.to_owned(), |path, word| {
        path.replace(word, &ORDER.replace("order", &word.to_lowercase()))
    });
    match *method {
        Method::GET if path.ends_with("segments") => {
            get(full + "?kind=trip&from=2024-01-01T00:00:00Z&to=2024-01-02T00:00:00Z")
        }
        Method::GET if path.ends_with("suggestions") => get(full + "?q=speed"),
        Method::GET => get(full),
        _ => Call { method: method.clone(), ..post(full, &body(path)) }.once("some-key"),
    }
}

#[actix_web::test]
async fn every_route_lets_in_those_whom_it_is_for_and_nobody_else() {
    let market = Market::with_cars(1, 1).await;
    let buyer = market.buyer("Acme", "0").await;
    let keys =
        [('o', ApiKey::new(OPERATOR).reveal()), ('w', market.owners[0].clone()), ('b', buyer)];

    for (method, path, roles) in &ROUTES {
        let anonymous = market.call(call(method, path)).await;
        if roles.contains('-') {
            // What is let in may still find nothing.
            assert!([200, 404].contains(&anonymous.status.as_u16()), "{method} {path}");
        } else {
            assert_eq!(anonymous.header("www-authenticate"), "Bearer", "{method} {path}");
            anonymous.problem(401, "unauthenticated");
        }
        for (role, key) in &keys {
            let status = market.call(call(method, path).by(key)).await.status.as_u16();
            // This market has no keys to open a campaign with: 503.
            let welcome: &[u16] = &[200, 201, 404, 503];
            let expected =
                if roles.contains(*role) || roles.contains('-') { welcome } else { &[403] };
            assert!(expected.contains(&status), "{method} {path} by {role}: {status}");
        }
        let stranger = ApiKey::new([99; 32]).reveal();
        let status = market.call(call(method, path).by(&stranger)).await.status.as_u16();
        let expected: &[u16] = if roles.contains('-') { &[200, 404] } else { &[401] };
        assert!(expected.contains(&status), "{method} {path}: {status}");
    }
}

/// The routes are read from the handlers' attributes, so a new one can not be forgotten here.
#[test]
fn every_route_has_a_row() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/api/rest");
    let mut routes = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for line in text.lines().filter(|line| line.starts_with("#[") && line.contains("(\"/")) {
            let (method, rest) = line.trim_start_matches("#[").split_once("(\"").unwrap();
            let path = rest.split_once('"').unwrap().0;
            let has_row = |(row_method, row_path, _): &Row| {
                row_method.as_str().eq_ignore_ascii_case(method) && fits(path, row_path)
            };
            assert!(ROUTES.iter().any(has_row), "{method} {path} has no row");
            routes += 1;
        }
    }
    assert!(routes > 20, "only {routes} routes were found");
}

/// Whether a path is one of a pattern, in which `{…}` stands for any one part.
fn fits(pattern: &str, path: &str) -> bool {
    let parts = || pattern.split('/').zip(path.split('/'));
    pattern.split('/').count() == path.split('/').count()
        && parts().all(|(pattern, part)| pattern.starts_with('{') || pattern == part)
}

#[actix_web::test]
async fn an_owner_sees_his_cars_and_what_they_may_disclose() {
    let market = Market::with_cars(2, 1).await;
    let owner = &market.owners[0];

    let vehicles = market.call(get("/v1/vehicles").by(owner)).await.expect(200);
    let vehicles = vehicles["vehicles"].as_array().unwrap();
    assert_eq!(vehicles.len(), 1);
    assert_eq!(vehicles[0]["model"], "Model 1");
    assert_eq!(vehicles[0]["status"], "active");
    assert_eq!(vehicles[0]["samples"], 0);
    assert_eq!(vehicles[0]["last_seen"], Value::Null);

    let path = format!("/v1/vehicles/{}/consent", vehicles[0]["id"].as_str().unwrap());
    let before = market.call(get(path.as_str()).by(owner)).await.expect(200);
    assert_eq!((&before["version"], &before["consent"]["motion"]), (&json!(1), &json!("share")));
    market.withdraw(1).await;
    let after = market.call(get(path.as_str()).by(owner)).await.expect(200);
    assert_eq!((&after["version"], &after["consent"]["motion"]), (&json!(2), &json!("keep")));
}

#[actix_web::test]
async fn an_owner_gets_a_code_that_enrols_a_car() {
    let market = Market::with_cars(1, 1).await;
    let ask = post("/v1/enrolment-codes", &json!({ "consent": { "motion": "share" } }));

    let code = market.call(ask.by(&market.owners[0])).await.expect(201);

    assert!(code["code"].as_str().unwrap().parse::<telematics::EnrolmentCode>().is_ok());
    assert_eq!(code["expires_at"], "2024-01-01T00:10:00Z");
}
