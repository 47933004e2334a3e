//! What the market refuses, in words that say what to do, without moving a micro-token.

use actix_web::http::Method;
use futures_util::future::join_all;
use marketplace::answers::Intent;
use marketplace::identity::ApiKey;
use marketplace::ledger::IdempotencyKey;
use serde_json::{Value, json};
use telematics::testing::vehicle;

use crate::market_support::{Call, Market, OPERATOR, get, post};
use crate::proving;

#[actix_web::test]
async fn a_purchase_without_the_money_moves_nothing() {
    let market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "0.001").await;
    let quote = market.quote(&key).await;

    let detail = market.order(&key, &quote, "first").await.problem(402, "insufficient-funds");
    assert!(detail.contains("has 0.001000 tokens, 0.009000 are needed"), "{detail}");
    assert_eq!(market.balance(&key).await, "0.001000");
    let orders = market.call(get("/v1/orders").by(&key)).await.expect(200);
    assert_eq!(orders["orders"], json!([]));
}

#[actix_web::test]
async fn a_key_buys_once_however_often_it_is_sent() {
    let market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let (quote, other) = (market.quote(&key).await, market.quote(&key).await);

    let answer = market.order(&key, &quote, "k").await;
    let again = market.order(&key, &quote, "k").await;
    assert_eq!((again.status, &again.bytes), (answer.status, &answer.bytes));
    let first = answer.expect(201);
    assert_eq!(market.balance(&key).await, "0.991000");

    let detail = market.order(&key, &other, "k").await.problem(422, "idempotency-key-reused");
    assert!(detail.contains("`k`"), "{detail}");
    let detail = market.order(&key, &quote, "another").await.problem(409, "conflict");
    assert!(detail.contains(first["id"].as_str().unwrap()), "{detail}");
    let unkeyed = post("/v1/orders", &json!({ "quote": other["id"] })).by(&key);
    assert!(market.call(unkeyed).await.problem(400, "invalid-request").contains("Idempotency-Key"));
    assert_eq!(market.balance(&key).await, "0.991000");

    market.settle().await;
    let later = market.order(&key, &quote, "k").await;
    assert_eq!(later.bytes, again.bytes, "whatever became of it");
}

#[actix_web::test]
async fn a_request_that_is_being_answered_is_not_answered_twice() {
    let market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let quote = market.quote(&key).await;
    let me = market.call(get("/v1/me").by(&key)).await.expect(200);
    let asker = me["id"].as_str().unwrap().to_owned();
    let intent =
        Intent::new(asker, IdempotencyKey::parse("k").unwrap(), "/v1/orders", &()).unwrap();

    let turn = market.app.in_flight.enter(&intent).unwrap();
    let refused = market.order(&key, &quote, "k").await;
    assert_eq!(refused.header("retry-after"), "1");
    refused.problem(409, "request-in-flight");
    drop(turn);

    market.order(&key, &quote, "k").await.expect(201);
    assert_eq!(market.balance(&key).await, "0.991000");
}

#[actix_web::test]
async fn purchases_that_race_for_the_last_tokens_are_paid_as_far_as_they_go() {
    let market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "0.023").await; // enough for two of 0.009
    let quotes = join_all((0..8).map(|_| market.quote(&key))).await;

    let keys = (0..8).map(|number| format!("race-{number}")).collect::<Vec<_>>();
    let racing = quotes.iter().zip(&keys).map(|(quote, once)| market.order(&key, quote, once));
    let answers = join_all(racing).await;

    let bought = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(bought, 2);
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        answer.problem(402, "insufficient-funds");
    }
    assert_eq!(market.balance(&key).await, "0.005000");
}

#[actix_web::test]
async fn what_was_refused_can_be_asked_again_with_its_key() {
    let market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "0.001").await;
    let quote = market.quote(&key).await;
    market.order(&key, &quote, "k").await.problem(402, "insufficient-funds");

    let me = market.call(get("/v1/me").by(&key)).await.expect(200);
    let path = format!("/v1/buyers/{}/deposits", me["id"].as_str().unwrap());
    let operator = ApiKey::new(OPERATOR).reveal();
    let deposit = post(path, &json!({ "amount": "1" })).by(&operator).once("more");
    market.call(deposit).await.expect(201);

    market.order(&key, &quote, "k").await.expect(201);
}

#[actix_web::test]
async fn a_deposit_is_credited_once() {
    let market = Market::with_cars(0, 1).await;
    let key = market.buyer("Acme", "5").await;
    let me = market.call(get("/v1/me").by(&key)).await.expect(200);
    let path = format!("/v1/buyers/{}/deposits", me["id"].as_str().unwrap());
    let operator = ApiKey::new(OPERATOR).reveal();
    let put = |amount: &str, key: &str| {
        market.call(post(path.as_str(), &json!({ "amount": amount })).by(&operator).once(key))
    };

    put("5", "first-Acme").await.expect(201);
    put("6", "first-Acme").await.problem(422, "idempotency-key-reused");
    for amount in ["0", "-1", "1.0000001", "much"] {
        put(amount, "second-Acme").await.problem(400, "invalid-request");
    }
    assert_eq!(market.balance(&key).await, "5.000000");
}

#[actix_web::test]
async fn a_quote_expires() {
    let mut market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let quote = market.quote(&key).await;

    market.wait_seconds(901);

    let detail = market.order(&key, &quote, "first").await.problem(410, "quote-expired");
    assert!(detail.contains("ask for a new one"), "{detail}");
}

#[actix_web::test]
async fn too_few_cars_are_not_sold() {
    let market = Market::with_cars(11, 10).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let quote = market.quote(&key).await;

    market.withdraw(1).await;
    market.withdraw(2).await;

    let detail = market.order(&key, &quote, "first").await.problem(409, "too-few-vehicles");
    assert!(detail.contains("9 vehicles") && detail.contains("at least 10"), "{detail}");
    let ask =
        post("/v1/quotes", &json!({ "dataset": quote["dataset"], "purpose": "research" })).by(&key);
    market.call(ask).await.problem(409, "too-few-vehicles");
    market.describe().await;
    let path = format!("/v1/datasets/{}", quote["dataset"].as_str().unwrap());
    assert_eq!(market.call(get(path).by(&key)).await.expect(200)["vehicles"], 9);
}

/// A campaign of `key`'s about the speed of cars of this class, on these days.
fn asking(key: &str, title: &str, signal: &str, class: &Value, days: [&str; 2]) -> Call {
    let mut scope = class.clone();
    scope["first_day"] = days[0].into();
    scope["last_day"] = days[1].into();
    let body = json!({
        "title": title,
        "scope": scope,
        "question": { "circuit": "fact", "signal": signal },
        "closes_at": "2099-01-01T00:00:00Z",
        "pay_per_vehicle": "1",
        "vehicles_max": 1,
    });
    post("/v1/campaigns", &body).by(key).once(&title.replace(' ', "-"))
}

#[actix_web::test]
async fn what_few_cars_answer_can_not_be_found_by_subtracting_two_campaigns() {
    let market = Market::with_config(8, |config| {
        proving::takes_proofs(config);
        config.rules.vehicles_min = 3;
    })
    .await;
    // Two cars of another make among eight: alone they may not be asked.
    market.tamper("UPDATE vehicles SET make = 'Other' WHERE model = 'Model 0'").await;
    let (key, other) = (market.buyer("Acme", "100").await, market.buyer("Bolt", "100").await);
    let (speed, wheel) = ("Vehicle.Speed", "Vehicle.Chassis.SteeringWheel.Angle");
    let (any, axle, some) = (json!({}), json!({ "make": "Axle" }), json!({ "model": "model 1" }));
    let (may, june) = (["2026-05-01", "2026-05-31"], ["2026-06-01", "2026-06-30"]);
    market.call(asking(&key, "everybody", speed, &any, may)).await.expect(201);

    let call = asking(&key, "all but two", speed, &axle, may);
    let refused = market.call(call).await.problem(409, "too-few-vehicles");

    assert!(refused.contains("differ by 2 vehicles"), "{refused}");
    assert_eq!(market.balance(&key).await, "98.950000", "one campaign is paid for");
    #[rustfmt::skip] // a table is read by column
    let allowed = [
        ("the same again",      asking(&key, "again", speed, &any, may)),
        ("quite another class", asking(&key, "three", speed, &some, may)),
        ("another signal",      asking(&key, "wheel", wheel, &axle, may)),
        ("other days",          asking(&key, "june", speed, &axle, june)),
        ("another buyer",       asking(&other, "bolt", speed, &axle, may)),
    ];
    for (name, call) in allowed {
        let answer = market.call(call).await;
        assert_eq!(answer.status.as_u16(), 201, "{name}: {:?}", answer.bytes);
    }
}

#[actix_web::test]
async fn what_belongs_to_others_looks_like_nothing() {
    let market = Market::with_cars(3, 3).await;
    market.fill().await;
    let (ours, theirs) = (market.buyer("Acme", "1").await, market.buyer("Bolt", "1").await);
    let quote = market.quote(&ours).await;
    let order = market.order(&ours, &quote, "first").await.expect(201);
    market.settle().await;

    let path = |kind: &str, id: &serde_json::Value| format!("/v1/{kind}/{}", id.as_str().unwrap());
    for call in [
        get(path("quotes", &quote["id"])),
        get(path("orders", &order["id"])),
        get(path("orders", &order["id"]) + "/versions/1/data.parquet"),
        post("/v1/orders", &json!({ "quote": quote["id"] })).once("k"),
    ] {
        market.call(call.by(&theirs)).await.problem(404, "not-found");
    }
    let missing = get(path("orders", &order["id"]) + "/versions/2/data.parquet");
    market.call(missing.by(&ours)).await.problem(404, "not-found");
    for path in ["latest", "consent"] {
        let foreign = get(format!("/v1/vehicles/{}/{path}", vehicle(1))).by(&market.owners[1]);
        market.call(foreign).await.problem(404, "not-found");
    }
}

#[actix_web::test]
async fn what_does_not_read_is_a_problem_that_says_where() {
    let market = Market::with_cars(1, 1).await;
    let key = market.buyer("Acme", "1").await;
    let raw = |body: &str| Call { body: Some(body.to_owned()), ..post("/v1/quotes", &json!({})) };
    let owner = &market.owners[0];
    let consent = |what: serde_json::Value| {
        let call =
            post(format!("/v1/vehicles/{}/consent", vehicle(1)), &json!({ "consent": what }));
        Call { method: Method::PUT, ..call }
    };
    let purpose = |word: &str| {
        let decided = json!({ "consent": { "motion": "share" }, "purposes": [word] });
        let call = post(format!("/v1/vehicles/{}/consent", vehicle(1)), &decided);
        Call { method: Method::PUT, ..call }
    };
    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("broken JSON",      raw("{\"dataset\": ").by(&key),                    400, "invalid-request"),
        ("unknown field",    raw("{\"data\": \"x\"}").by(&key),                 400, "invalid-request"),
        ("not an id",        raw("{\"dataset\": \"x\"}").by(&key),              400, "invalid-request"),
        ("no purpose",       post("/v1/quotes", &json!({ "dataset": "dataset_0190a5b8c3d27e4f8a9b0c1d2e3f4a5b" })).by(&key),  400, "invalid-request"),
        ("unknown purpose",  purpose("fun").by(owner),                          400, "invalid-request"),
        ("id of a car",      get(format!("/v1/quotes/{}", vehicle(1))).by(&key), 400, "invalid-request"),
        ("odd parameter",    get("/v1/datasets?limit=many").by(&key),           400, "invalid-request"),
        ("unknown group",    consent(json!({ "radio": "share" })).by(owner),    400, "invalid-request"),
        ("unknown decision", consent(json!({ "motion": "sell" })).by(owner),    400, "invalid-request"),
        ("too large",        raw(&" ".repeat(70_000)).by(&key),                 413, "too-large"),
        ("no such route",    get("/v1/cars").by(&key),                          404, "not-found"),
    ];
    for (name, call, status, problem) in cases {
        let answer = market.call(call).await;
        assert_eq!(answer.status.as_u16(), status, "{name}");
        assert!(!answer.problem(status, problem).is_empty(), "{name}");
    }
}
