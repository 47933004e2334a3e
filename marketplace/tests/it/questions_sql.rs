//! SQL over what a caller may read: an owner his own rows, a buyer what was delivered to him.

use serde_json::{Value, json};
use telematics::testing::vehicle;

use crate::market_support::{get, post};
use crate::questions_support::{Asked, SPEED, at, series};

/// Two cars; the first has a row that is not in the lake yet.
async fn with_rows() -> Asked {
    let mut asked = Asked::with_cars(2).await;
    asked.keep(1, series(SPEED, &[(0, 10.0), (86_400, 20.0)])).await;
    asked.keep(2, series(SPEED, &[(0, 99.0)])).await;
    asked.flush().await;
    asked.keep(1, series("Vehicle.OBD.FuelLevel", &[(5, 30.0)])).await;
    asked
}

#[actix_web::test]
async fn an_owner_asks_in_sql_about_his_own_rows() {
    let asked = with_rows().await;
    let answer = asked.sql(asked.owner(1), "SELECT * FROM samples ORDER BY time").await.expect(200);

    let column = |name: &str, kind: &str| json!({ "name": name, "type": kind });
    let columns = json!([
        column("vehicle", "text"),
        column("signal", "text"),
        column("group", "text"),
        column("day", "date"),
        column("time", "time"),
        column("value", "number"),
    ]);
    assert_eq!(answer["columns"], columns);
    let row = |signal: &str, group: &str, day: &str, second: i64, value: f64| {
        json!([vehicle(1).to_string(), signal, group, day, at(second), value])
    };
    let rows = json!([
        row(SPEED, "motion", "2024-01-01", 0, 10.0),
        row("Vehicle.OBD.FuelLevel", "diagnostics", "2024-01-01", 5, 30.0),
        row(SPEED, "motion", "2024-01-02", 86_400, 20.0),
    ]);
    assert_eq!(answer["rows"], rows);
}

#[actix_web::test]
async fn usual_sql_is_answered() {
    let asked = with_rows().await;
    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("SELECT count(*) FROM samples",                                             json!([[3]])),
        ("SELECT count(*) FROM samples LIMIT 1",                                     json!([[3]])),
        ("SELECT count(DISTINCT signal), max(value) FROM samples",                   json!([[2, 30.0]])),
        ("SELECT value FROM samples WHERE signal = 'Vehicle.Speed' AND value > 15",  json!([[20.0]])),
        ("SELECT value FROM samples WHERE day = '2024-01-02'",                       json!([[20.0]])),
        ("SELECT value FROM samples WHERE time >= '2024-01-01T12:00:00Z'",           json!([[20.0]])),
        ("SELECT value FROM samples WHERE \"group\" = 'diagnostics'",                json!([[30.0]])),
        ("SELECT value FROM samples WHERE value BETWEEN 15 AND 25",                  json!([[20.0]])),
        ("SELECT value FROM samples WHERE signal LIKE '%Fuel%'",                     json!([[30.0]])),
        ("SELECT date_trunc('day', time) AS d, avg(value) FROM samples GROUP BY d ORDER BY d LIMIT 1",
                                                                                     json!([[at(0), 20.0]])),
        ("SELECT extract(hour FROM max(time)) FROM samples",                         json!([[0]])),
        ("SELECT lag(value) OVER (ORDER BY time) FROM samples ORDER BY time",        json!([[null], [10.0], [30.0]])),
        ("WITH fast AS (SELECT * FROM samples WHERE value >= 20) SELECT count(*) FROM fast", json!([[2]])),
        ("SELECT count(*) FROM samples a JOIN samples b ON a.time = b.time",         json!([[3]])),
        ("SELECT count(*) FROM samples WHERE value = (SELECT max(value) FROM samples)", json!([[1]])),
        ("SELECT 1 + 1",                                                             json!([[2]])),
        ("SELECT value FROM samples UNION ALL SELECT 5.0 ORDER BY 1 LIMIT 1",        json!([[5.0]])),
        ("SELECT CASE WHEN value > 25 THEN 'high' ELSE 'low' END AS c FROM samples WHERE value > 15 ORDER BY c",
                                                                                     json!([["high"], ["low"]])),
        ("SELECT 0.0 / 0.0, NULL, true",                                             json!([[null, null, true]])),
        ("VALUES (1, 'a')",                                                          json!([[1, "a"]])),
    ];
    for (sql, rows) in cases {
        assert_eq!(asked.rows(asked.owner(1), sql).await, rows, "{sql}");
    }
}

/// A market in which both buyers bought, and the second got what came later too.
#[actix_web::test]
async fn a_buyer_asks_in_sql_about_what_was_delivered_to_him() {
    let mut asked = Asked::with_cars(3).await;
    for car in 1..=3 {
        let values: Vec<_> = (0..i64::from(car)).map(|second| (second, f64::from(car))).collect();
        asked.keep(car, series(SPEED, &values)).await;
        asked.keep(car, series("Vehicle.OBD.FuelLevel", &[(0, 50.0)])).await;
    }
    asked.flush().await;
    let market = &asked.market;
    let keys = [market.buyer("Acme", "1").await, market.buyer("Bolt", "1").await];
    let none = "SELECT count(*) FROM samples";
    assert_eq!(asked.rows(&keys[0], none).await, json!([[0]]), "nothing was bought yet");
    let quote = market.quote(&keys[0]).await;
    let order = market.order(&keys[0], &quote, "first").await.expect(201);
    market.settle().await;

    let sql = "SELECT vehicle, signal, \"group\", day, count(*), max(value) FROM samples \
               GROUP BY vehicle, signal, \"group\", day ORDER BY 5";
    let rows = asked.rows(&keys[0], sql).await;
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 3);
    for (row, car) in rows.iter().zip(1..=3) {
        let names = json!([SPEED, "motion", "2024-01-01", car, f64::from(car)]);
        assert_eq!(json!(row.as_array().unwrap()[1..]), names);
        let name = row[0].as_str().unwrap();
        assert!(name.len() == 32 && !name.contains("vehicle_"), "{name} is a pseudonym");
    }
    assert_eq!(asked.rows(&keys[1], none).await, json!([[0]]), "another bought nothing");

    let ask = |orders: Value| post("/v1/sql", &json!({ "sql": none, "orders": orders }));
    let order = &order["id"];
    let one = market.call(ask(json!([order])).by(&keys[0])).await.expect(200);
    assert_eq!(one["rows"], json!([[6]]));
    market.call(ask(json!([order])).by(&keys[1])).await.problem(404, "not-found");
    market.call(ask(json!([order])).by(asked.owner(1))).await.problem(400, "invalid-request");
}

#[actix_web::test]
async fn what_a_buyer_reads_in_sql_is_shown_to_the_owners() {
    let mut asked = Asked::with_cars(1).await;
    asked.keep(1, series(SPEED, &[(0, 10.0)])).await;
    asked.flush().await;
    let market = &asked.market;
    let key = market.buyer("Acme", "1").await;
    let quote = market.quote(&key).await;
    let order = market.order(&key, &quote, "first").await.expect(201);
    market.settle().await;
    let reads = async || {
        let reads = market.call(get("/v1/reads").by(asked.owner(1))).await.expect(200);
        reads["reads"].as_array().unwrap().clone()
    };

    asked.sql(&key, "SELECT 1").await.expect(200);
    asked.sql(&key, "SELECT repeat('x', 5) FROM samples").await.problem(400, "invalid-request");
    assert!(reads().await.is_empty(), "nothing was read");
    asked.sql(&key, "SELECT max(value) FROM samples").await.expect(200);
    let seen = reads().await;
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0]["order"], order["id"]);

    asked.sql(asked.owner(1), "SELECT max(value) FROM samples").await.expect(200);
    assert_eq!(reads().await.len(), 1, "what an owner reads of his own is nobody's matter");
}

#[actix_web::test]
async fn a_long_answer_in_sql_is_refused_with_the_limit() {
    let mut asked = with_rows().await;
    asked.limit(|limits| limits.rows_max = 2);
    let detail = asked.sql(asked.owner(1), "SELECT value FROM samples").await;
    let detail = detail.problem(422, "limit-exceeded");
    assert!(detail.contains("at most 2") && detail.contains("LIMIT"), "{detail}");
    asked.sql(asked.owner(1), "SELECT value FROM samples LIMIT 2").await.expect(200);
}
