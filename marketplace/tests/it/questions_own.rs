//! What an owner knows of his vehicles beside their samples: labels, and the newest values, in SQL.

use actix_web::http::Method;
use serde_json::{Value, json};
use telematics::testing::vehicle;

use crate::market_support::{Answer, Call, get, post};
use crate::questions_support::{Asked, SPEED, at, series};

const FUEL: &str = "Vehicle.OBD.FuelLevel";

impl Asked {
    async fn label(&self, by: u8, car: u8, labels: Value) -> Answer {
        let path = format!("/v1/vehicles/{}/labels", vehicle(car));
        let put = Call { method: Method::PUT, ..post(path, &labels) };
        self.market.call(put.by(self.owner(by))).await
    }
}

/// Two cars of two owners, both labelled.
async fn labelled() -> Asked {
    let mut asked = Asked::with_cars(2).await;
    asked.keep(1, series(SPEED, &[(0, 10.0), (5, 20.0)])).await;
    asked.keep(2, series(SPEED, &[(0, 99.0)])).await;
    asked.flush().await;
    asked.keep(1, series(FUEL, &[(7, 30.0)])).await;
    asked.label(1, 1, json!({ "depot": "Leipzig", "capacity": "2000" })).await.expect(200);
    asked.label(2, 2, json!({ "depot": "Wien", "secret": "x" })).await.expect(200);
    asked
}

#[actix_web::test]
async fn labels_are_columns_of_the_owners_vehicles_and_of_nobody_elses() {
    let asked = labelled().await;
    let one = vehicle(1).to_string();
    let labels = json!({ "depot": "Leipzig", "capacity": "2000" });
    let list = asked.market.call(get("/v1/vehicles").by(asked.owner(1))).await.expect(200);
    assert_eq!(list["vehicles"][0]["labels"], labels);

    let joined = "SELECT v.depot, max(s.value) / CAST(v.capacity AS DOUBLE) FROM samples s \
                  JOIN vehicles v ON v.vehicle = s.vehicle WHERE s.signal = 'Vehicle.Speed' \
                  GROUP BY v.depot, v.capacity";
    assert_eq!(asked.rows(asked.owner(1), joined).await, json!([["Leipzig", 0.01]]));
    let all = asked.sql(asked.owner(1), "SELECT * FROM vehicles").await.expect(200);
    let names = all["columns"].as_array().unwrap().iter().map(|column| &column["name"]);
    let names: Vec<&Value> = names.collect();
    let fixed = ["vehicle", "make", "model", "model_year", "powertrain", "capacity", "depot"];
    assert_eq!(json!(names), json!(fixed), "`secret` is another owner's");
    assert_eq!((all["rows"].as_array().unwrap().len(), &all["rows"][0][0]), (1, &json!(one)));

    asked.label(1, 1, json!({})).await.expect(200);
    let detail = asked.sql(asked.owner(1), joined).await.problem(400, "invalid-request");
    assert!(detail.contains("depot"), "{detail}");
}

#[actix_web::test]
async fn labels_that_are_none_and_vehicles_of_others_are_refused() {
    let asked = labelled().await;
    for labels in
        [json!({ "Depot": "x" }), json!({ "make": "x" }), json!({ "depot": "x".repeat(65) })]
    {
        let detail = asked.label(1, 1, labels).await.problem(400, "invalid-request");
        assert!(detail.contains("epot") || detail.contains("make"), "{detail}");
    }
    asked.label(1, 2, json!({ "depot": "x" })).await.problem(404, "not-found");
    let depot = "SELECT depot FROM vehicles";
    for (car, name) in [(1, "Leipzig"), (2, "Wien")] {
        assert_eq!(asked.rows(asked.owner(car), depot).await, json!([[name]]), "nothing changed");
    }
}

#[actix_web::test]
async fn the_newest_value_of_each_signal_is_a_table() {
    let asked = labelled().await;
    let one = vehicle(1).to_string();
    let all = "SELECT vehicle, signal, time, value FROM latest ORDER BY signal";
    let (fuel, speed) = (json!([one, FUEL, at(7), 30.0]), json!([one, SPEED, at(5), 20.0]));
    #[rustfmt::skip] // a table is read by column
    let cases = [
        (all.to_owned(),                                                             json!([fuel, speed])),
        (format!("SELECT * FROM latest WHERE signal = '{SPEED}'"),                   json!([speed])),
        (format!("SELECT * FROM latest WHERE signal IN ('{SPEED}', 'x')"),           json!([speed])),
        (format!("SELECT value FROM latest WHERE signal <> '{SPEED}'"),              json!([[30.0]])),
        (format!("SELECT value FROM latest WHERE signal = '{SPEED}' AND value > 20"), json!([])),
        ("SELECT count(*) FROM latest".to_owned(),                                   json!([[2]])),
        (format!("SELECT v.depot, l.value FROM latest l JOIN vehicles v ON v.vehicle = l.vehicle WHERE l.signal = '{FUEL}'"),
                                                                                     json!([["Leipzig", 30.0]])),
        (format!("SELECT count(*) FROM latest WHERE vehicle = '{}'", vehicle(2)),    json!([[0]])),
        (format!("SELECT * FROM latest WHERE vehicle = '{one}' AND signal = '{SPEED}'"), json!([speed])),
        (format!("SELECT count(*) FROM latest WHERE vehicle IN ('{one}', '{}')", vehicle(2)), json!([[2]])),
        (format!("SELECT count(*) FROM latest WHERE vehicle = '{one}' AND vehicle = 'x'"), json!([[0]])),
        ("SELECT max(value) FROM latest WHERE true OR vehicle = 'x'".to_owned(),     json!([[30.0]])),
    ];
    for (sql, rows) in &cases {
        assert_eq!(&asked.rows(asked.owner(1), sql).await, rows, "{sql}");
    }
}

#[actix_web::test]
async fn a_buyer_has_the_samples_that_he_bought_and_no_other_table() {
    let asked = labelled().await;
    let key = asked.market.buyer("Acme", "1").await;
    for sql in ["SELECT * FROM latest", "SELECT * FROM vehicles"] {
        let detail = asked.sql(&key, sql).await.problem(400, "invalid-request");
        assert!(detail.contains("not found"), "{detail}");
    }
}
