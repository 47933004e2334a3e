//! Listings for one buyer: he sees and buys what he asked for, nobody else knows of it, and it says nothing of few cars.

use serde_json::{Value, json};

use crate::market_support::{Call, Market, get, post};

fn speed_of(class: &Value) -> Call {
    let wish = json!({ "title": "My speeds", "signals": ["Vehicle.Speed"], "class": class });
    post("/v1/datasets", &wish)
}

/// Cars 3, 6, 9 and 12 are of model 0; car `n` sent `10 n` rows.
async fn market() -> Market {
    let market = Market::with_cars(12, 4).await;
    market.fill().await;
    market
}

#[actix_web::test]
async fn a_buyer_buys_the_signals_of_the_vehicles_that_he_wants() {
    let market = market().await;
    let (key, other) = (market.buyer("Acme", "1").await, market.buyer("Bolt", "1").await);
    let model = json!({ "model": "model 0" });

    let listed = market.call(speed_of(&model).by(&key)).await.expect(201);

    let id = listed["id"].as_str().unwrap();
    assert_eq!((&listed["rows"], &listed["vehicles"]), (&json!(300), &json!(4)));
    assert_eq!((&listed["class"], &listed["models"]), (&model, &json!(["Model 0"])));
    assert_eq!(listed["price_per_row"], "0.000400", "of the dearest dataset that has it");
    let again = market.call(speed_of(&json!({ "model": "MODEL 0" })).by(&key)).await.expect(201);
    assert_eq!(again["id"], listed["id"], "the same again is the same");
    let mine = market.call(get("/v1/datasets/private").by(&key)).await.expect(200);
    assert_eq!(mine["datasets"].as_array().unwrap().len(), 1);

    let ask = json!({ "dataset": id, "purpose": "research" });
    let quote = market.call(post("/v1/quotes", &ask).by(&key)).await.expect(201);
    assert_eq!((&quote["rows"], &quote["vehicles"]), (&json!(300), &json!(4)));
    let order = market.order(&key, &quote, "first").await.expect(201);
    market.settle().await;
    let path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
    let order = market.call(get(path).by(&key)).await.expect(200);
    assert_eq!((&order["versions"][0]["rows"], &order["payouts"]), (&json!(300), &json!(4)));

    // Nobody else knows of it.
    let subscription = json!({
        "dataset": id, "purpose": "research", "period_seconds": 86_400, "top_up": "0.1",
    });
    #[rustfmt::skip] // a table is read by column
    let calls = [
        ("its page",       get(format!("/v1/datasets/{id}"))),
        ("its contract",   get(format!("/v1/datasets/{id}/contract.yaml"))),
        ("its profile",    get(format!("/v1/datasets/{id}/profile"))),
        ("a quote",        post("/v1/quotes", &ask)),
        ("a subscription", post("/v1/subscriptions", &subscription).once("1")),
    ];
    for (name, call) in calls {
        let refused = market.call(call.by(&other)).await.problem(404, "not-found");
        assert!(refused.contains(id), "{name}: {refused}");
    }
    for who in [&key, &other] {
        let found = market.call(get("/v1/datasets?q=my+speeds").by(who)).await.expect(200);
        let slugs = found["datasets"].as_array().unwrap().iter().map(|found| &found["slug"]);
        assert!(!slugs.into_iter().any(|slug| *slug == listed["slug"]), "search is for everybody");
    }
    let theirs = market.call(get("/v1/datasets/private").by(&other)).await.expect(200);
    assert_eq!(theirs["datasets"], json!([]));
}

#[actix_web::test]
async fn a_listing_follows_what_comes_in_and_says_nothing_of_few_cars() {
    let market = Market::with_cars(12, 4).await;
    let key = market.buyer("Acme", "1").await;
    let model = json!({ "model": "Model 0" });
    let listed = market.call(speed_of(&model).by(&key)).await.expect(201);
    assert_eq!((&listed["rows"], &listed["vehicles"]), (&json!(0), &json!(0)));
    let path = format!("/v1/datasets/{}", listed["id"].as_str().unwrap());
    let shown = async || market.call(get(&path).by(&key)).await.expect(200);

    market.fill().await;
    assert_eq!(shown().await["rows"], 300);
    market.withdraw(3).await;
    market.describe().await;

    let silent = shown().await;
    assert_eq!((&silent["rows"], &silent["vehicles"]), (&json!(0), &json!(0)));
    assert_eq!((&silent["last_at"], &silent["models"]), (&json!(null), &json!([])));
    let ask = json!({ "dataset": listed["id"], "purpose": "research" });
    market.call(post("/v1/quotes", &ask).by(&key)).await.problem(409, "too-few-vehicles");
}

#[actix_web::test]
async fn what_can_not_be_listed_is_refused_with_the_reason() {
    let market = Market::with_cars(1, 1).await;
    let key = market.buyer("Acme", "1").await;
    let wish = |change: (&str, Value)| {
        let mut wish = json!({ "title": "Mine", "signals": ["motion"] });
        wish[change.0] = change.1;
        post("/v1/datasets", &wish).by(&key)
    };
    #[rustfmt::skip] // a table is read by column
    let cases = [
        (("title",   json!("")),                                "1 to 100"),
        (("signals", json!([])),                                "is empty"),
        (("signals", json!(["Vehicle.Fun"])),                   "`Vehicle.Fun`"),
        (("signals", json!(["location"])),                      "not sold by the row"),
        (("class",   json!({ "powertrain": "steam" })),         "steam"),
        (("class",   json!({ "colour": "red" })),               "colour"),
    ];
    for (change, expected) in cases {
        let refused = market.call(wish(change)).await.problem(400, "invalid-request");
        assert!(refused.contains(expected), "{expected}: {refused}");
    }
    for number in 0..100 {
        let class = json!({ "year": 1_950 + number });
        market.call(speed_of(&class).by(&key)).await.expect(201);
    }
    let refused = market.call(speed_of(&json!({})).by(&key)).await;
    assert!(refused.problem(400, "invalid-request").contains("100 listings"));
}
