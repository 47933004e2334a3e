//! Searching the catalogue over REST, and an index that follows what another market describes.

use marketplace::catalog::{self, CatalogError, Page, Search, Wanted};
use marketplace::jobs::index;
use serde_json::{Value, json};

use crate::market_support::{Market, START, get};

async fn find(market: &Market, key: &str, query: &str) -> Value {
    market.call(get(format!("/v1/datasets?{query}")).by(key)).await.expect(200)
}

fn slugs(found: &Value) -> Vec<&str> {
    let datasets = found["datasets"].as_array().unwrap();
    datasets.iter().map(|dataset| dataset["slug"].as_str().unwrap()).collect()
}

/// Brings `search` up to the database of `market`, and says how many datasets it wrote.
async fn follow(market: &Market, search: &Search) -> u64 {
    let search = search.clone();
    let follow = move |conn: &mut _| catalog::follow(conn, &search);
    market.app.db.read::<_, CatalogError, _>(follow).await.unwrap()
}

fn with_make(search: &Search, make: &str) -> usize {
    let wanted = Wanted { make: Some(make.to_owned()), ..Wanted::default() };
    search.find(&wanted, &Page::default(), START).unwrap().datasets.len()
}

#[actix_web::test]
async fn a_buyer_narrows_down_what_was_measured() {
    let market = Market::with_cars(3, 1).await;
    market.fill().await;
    let key = market.buyer("Acme", "0").await;

    // Cars share motion only, so two of the datasets have rows: speeds are for driving too, which nobody shares.
    let filled = find(&market, &key, "rows_min=1&facets=true").await;
    assert_eq!(slugs(&filled), ["speed-and-road-use"]);
    let dataset = &filled["datasets"][0];
    assert_eq!(
        (&dataset["years"], &dataset["powertrains"]),
        (&json!([2024]), &json!(["electric"]))
    );
    assert_eq!((&filled["total"], &filled["next"]), (&json!(1), &Value::Null));
    let facets = &filled["facets"];
    assert_eq!(facets["make"], json!([{ "value": "Axle", "count": 1 }]));
    assert_eq!(facets["year"], json!([{ "value": "2024", "count": 1 }]));
    let price = json!([{ "price_min": "0.000200", "price_max": "0.000499", "count": 1 }]);
    assert_eq!(facets["price"], price);
    assert_eq!(facets["fresh"][0], json!({ "fresh_days": 0, "count": 1 }));
    assert_eq!(facets["signal"].as_array().unwrap().len(), 11);

    for (query, count) in [
        ("make=axle&model=model+1&year=2024&powertrain=electric", 1),
        ("year=2023", 0),
        ("powertrain=diesel", 0),
        ("vehicles_min=3", 1),
        ("vehicles_min=4", 0),
        ("fresh_days=0", 1),
        ("price_min=0.0002&price_max=0.0002", 2),
        ("q=batery", 1),
    ] {
        let found = find(&market, &key, query).await;
        let total = found["total"].as_u64().unwrap();
        assert!(if query.starts_with("q=") { total >= count } else { total == count }, "{query}");
        assert!(found.get("facets").is_none());
    }
}

#[actix_web::test]
async fn pages_go_through_everything_once() {
    let market = Market::with_cars(1, 1).await;
    market.describe().await;
    let key = market.buyer("Acme", "0").await;
    let all = find(&market, &key, "sort=price").await;

    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = find(&market, &key, &format!("sort=price&limit=4{after}")).await;
        assert_eq!(page["total"], all["total"]);
        seen.extend(slugs(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen, slugs(&all));
    assert_eq!(seen.len(), 9);
}

#[actix_web::test]
async fn what_can_not_be_searched_is_refused_with_what_to_do() {
    let market = Market::with_cars(1, 1).await;
    market.describe().await;
    let key = market.buyer("Acme", "0").await;
    let page = find(&market, &key, "sort=price&limit=4").await;
    let other = format!("sort=rows&after={}", page["next"].as_str().unwrap());

    let long = format!("q={}", "x".repeat(501));
    for (query, told) in [
        ("sort=colour", "relevance, price, freshness, rows, vehicles, score"),
        ("price_min=2&price_max=1", "at least 2.000000"),
        ("price_min=cheap", "`cheap`"),
        ("powertrain=steam", "plug-in-hybrid"),
        ("limit=0", "1 to 100"),
        ("limit=101", "1 to 100"),
        ("after=1", "without `after`"),
        (&other, "first page by rows"),
        (&long, "at most 500"),
        ("fresh_days=-1", "invalid digit"),
        ("facets=colour", "`true` or `false`"),
        ("region=Saxony", "region"),
    ] {
        let refused = market.call(get(format!("/v1/datasets?{query}")).by(&key)).await;
        let detail = refused.problem(400, "invalid-request");
        assert!(detail.contains(told), "{query}: {detail}");
    }
    let long = get(format!("/v1/datasets/suggestions?{long}")).by(&key);
    market.call(long).await.problem(400, "invalid-request");
    market.call(get("/v1/datasets/suggestions").by(&key)).await.problem(400, "invalid-request");
}

#[actix_web::test]
async fn what_is_typed_is_completed() {
    let market = Market::with_cars(1, 1).await;
    market.fill().await;
    let key = market.buyer("Acme", "0").await;
    let suggest = async |typed: &str| {
        let call = get(format!("/v1/datasets/suggestions?q={typed}")).by(&key);
        market.call(call).await.expect(200)["suggestions"].clone()
    };

    assert_eq!(suggest("bat").await[0]["value"], "battery");
    assert_eq!(suggest("axl").await[0]["value"], "Axle");
    assert_eq!(suggest("odometr").await[0]["value"], "Odometer");
    assert_eq!(suggest("nothing+like+it").await, json!([]));
}

#[actix_web::test]
async fn an_index_follows_what_another_market_describes() {
    let market = Market::with_cars(2, 1).await;
    market.describe().await;
    let folder = tempfile::tempdir().unwrap();
    let other = Search::open(folder.path()).unwrap();

    assert_eq!(follow(&market, &other).await, 9, "an index begins with everything");
    assert_eq!((follow(&market, &other).await, with_make(&other, "Axle")), (0, 0));

    // Only what was described anew is written; all of them name another version of the lake.
    market.fill().await;
    assert_eq!((follow(&market, &other).await, with_make(&other, "Axle")), (9, 1));
    market.withdraw(1).await;
    market.describe().await;
    assert_eq!(follow(&market, &other).await, 1);
    market.withdraw(2).await;
    market.describe().await;
    assert_eq!((follow(&market, &other).await, with_make(&other, "Axle")), (1, 0));
    let compare = async || {
        let folder = folder.path().to_owned();
        let compare = move |conn: &mut _| {
            let datasets = catalog::datasets(conn)?;
            Ok::<_, CatalogError>(catalog::audit(&folder, &datasets)?)
        };
        market.app.db.read(compare).await.unwrap().findings
    };
    assert_eq!(compare().await, [""; 0]);

    // One that is deleted is whole again after a turn.
    drop(other);
    std::fs::remove_dir_all(folder.path()).unwrap();
    let other = Search::open(folder.path()).unwrap();
    assert!(!compare().await.is_empty());
    assert_eq!(follow(&market, &other).await, 9);
    assert_eq!(compare().await, [""; 0]);

    // The market's own has followed at once.
    assert_eq!(index::turn(&market.app).await.unwrap(), 0);
}
