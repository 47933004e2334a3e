//! Questions over REST: aggregates, segments and summaries, of rows in the lake and of rows that have just
//! come in.

use serde_json::{Value, json};
use telematics::testing::vehicle;

use crate::market_support::{get, post};
use crate::questions_support::{Asked, SPEED, at, sample, series};

const LATITUDE: &str = "Vehicle.CurrentLocation.Latitude";
const LONGITUDE: &str = "Vehicle.CurrentLocation.Longitude";
const FUEL: &str = "Vehicle.Powertrain.FuelSystem.RelativeLevel";
const RPM: &str = "Vehicle.Powertrain.CombustionEngine.Speed";

/// Five speeds, of which three are in the lake and two came since.
async fn with_speeds() -> Asked {
    let mut asked = Asked::with_cars(2).await;
    asked.keep(1, series(SPEED, &[(0, 10.0), (10, 50.5), (20, 50.5)])).await;
    asked.keep(2, series(SPEED, &[(0, 99.0)])).await;
    asked.flush().await;
    asked.keep(1, series(SPEED, &[(30, 80.0), (40, 30.0)])).await;
    asked
}

#[actix_web::test]
async fn each_aggregation_makes_one_of_many() {
    let asked = with_speeds().await;
    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("AVG",    json!(44.2)),
        ("med",    json!(50.5)),
        ("MIN",    json!(10.0)),
        ("MAX",    json!(80.0)),
        ("FIRST",  json!(10.0)),
        ("LAST",   json!(30.0)),
        ("COUNT",  json!(5)),
        ("TOP",    json!(50.5)),
        ("UNIQUE", json!([10.0, 30.0, 50.5, 80.0])),
    ];
    for (agg, expected) in cases {
        assert_eq!(asked.speed(agg, json!({})).await, expected, "{agg}");
    }
    let mut drawn = std::collections::BTreeSet::new();
    for _ in 0..30 {
        drawn.insert(asked.speed("RAND", json!({})).await.to_string());
    }
    assert!(drawn.len() > 1, "thirty draws were all {drawn:?}");
    assert!(drawn.iter().all(|value| ["10.0", "30.0", "50.5", "80.0"].contains(&value.as_str())));
}

#[actix_web::test]
async fn only_values_that_pass_the_filters_count() {
    let asked = with_speeds().await;
    #[rustfmt::skip] // a table is read by column
    let cases = [
        (json!({ "eq": 50.5 }),                2),
        (json!({ "eq": 50.501 }),              2),
        (json!({ "neq": 50.5 }),               3),
        (json!({ "lt": 30 }),                  1),
        (json!({ "lte": 30 }),                 2),
        (json!({ "gt": 50.5 }),                1),
        (json!({ "gte": 50.5 }),               3),
        (json!({ "in": [10, 80, 11] }),        2),
        (json!({ "gt": 10, "lt": 80 }),        3),
    ];
    for (filter, count) in cases {
        assert_eq!(asked.speed("COUNT", filter.clone()).await, count, "{filter}");
    }
    let none = asked.speed("AVG", json!({ "gt": 300 })).await;
    assert_eq!(none, Value::Null, "an interval without values is left out");
}

#[actix_web::test]
async fn an_answer_has_a_line_for_each_vehicle_and_interval() {
    let mut asked = with_speeds().await;
    asked.keep(1, series(FUEL, &[(25, 40.0), (45, 39.0)])).await;
    let question = json!({
        "interval": "PT20S",
        "signals": [
            { "path": SPEED, "agg": "MAX" },
            { "path": FUEL, "agg": "LAST" },
            { "path": SPEED, "agg": "COUNT", "filter": { "gt": 40 } },
            { "path": SPEED, "agg": "UNIQUE", "filter": { "gt": 40 } },
        ],
    });
    let answer = asked.ask(1, question.clone()).await.expect(200);

    let line = |second, values: Value| json!({ "vehicle": vehicle(1).to_string(), "time": at(second), "values": values });
    let expected = json!([
        line(0, json!([50.5, null, 1, [50.5]])),
        line(20, json!([80.0, 40.0, 2, [50.5, 80.0]])),
        line(40, json!([30.0, 39.0, 0, []])),
    ]);
    assert_eq!(answer["rows"], expected);
    assert_eq!(answer["signals"][1], json!({ "path": FUEL, "agg": "LAST", "unit": "percent" }));
    assert_eq!(answer["signals"][2]["unit"], "samples");

    asked.flush().await;
    assert_eq!(asked.ask(1, question).await.expect(200), answer, "each row is there once");
}

#[actix_web::test]
async fn an_answer_never_lags_behind_a_receipt() {
    let mut asked = Asked::with_cars(1).await;
    for round in 0..4 {
        asked.keep(1, series(SPEED, &[(round, 10.0)])).await;
        assert_eq!(asked.speed("COUNT", json!({})).await, round + 1);
        if round % 2 == 1 {
            asked.flush().await;
            assert_eq!(asked.speed("COUNT", json!({})).await, round + 1);
        }
    }
}

#[actix_web::test]
async fn rows_are_of_the_period_and_not_of_its_end() {
    let mut asked = Asked::with_cars(1).await;
    let day = 86_400;
    asked.keep(1, series(SPEED, &[(-1, 1.0), (0, 2.0), (day - 1, 3.0), (day, 4.0)])).await;
    asked.flush().await;
    let signals = json!([{ "path": SPEED, "agg": "UNIQUE" }]);
    let question = json!({ "from": at(0), "to": at(day), "signals": signals });
    let answer = asked.ask(1, question).await.expect(200);
    assert_eq!(answer["rows"][0]["values"], json!([[2.0, 3.0]]));
}

#[actix_web::test]
async fn a_location_counts_what_was_measured_there() {
    let mut asked = Asked::with_cars(1).await;
    let place = |second, latitude, longitude| {
        [sample(LATITUDE, second, latitude), sample(LONGITUDE, second, longitude)]
    };
    asked.keep(1, [place(0, 52.5, 13.4), place(900, 48.1, 11.6)].concat()).await;
    let speeds = [(1, 10.0), (899, 20.0), (901, 30.0), (1_799, 40.0), (1_801, 50.0)];
    asked.keep(1, series(SPEED, &speeds)).await;
    let within = async |asked: &Asked, location: Value| {
        let signals = json!([{ "path": SPEED, "agg": "UNIQUE" }]);
        let question = json!({ "to": at(4_000), "signals": signals, "location": location });
        asked.ask(1, question).await.expect(200)["rows"][0]["values"][0].clone()
    };
    let corner =
        |latitude: f64, longitude: f64| json!({ "latitude": latitude, "longitude": longitude });
    let berlin = json!({ "in_circle": { "center": corner(52.52, 13.41), "radius_km": 20 } });
    let bavaria =
        json!({ "in_polygon": [corner(47.2, 9.0), corner(50.6, 9.0), corner(48.5, 14.0)] });
    let nowhere = json!({ "in_circle": { "center": corner(0.0, 0.0), "radius_km": 20 } });
    for _ in ["in the archive", "in the lake"] {
        assert_eq!(within(&asked, berlin.clone()).await, json!([10.0, 20.0]));
        assert_eq!(within(&asked, bavaria.clone()).await, json!([30.0, 40.0]));
        assert_eq!(within(&asked, nowhere.clone()).await, Value::Null);
        asked.flush().await;
    }
}

#[actix_web::test]
async fn an_owner_asks_about_his_own_vehicles_only() {
    let asked = with_speeds().await;
    let signals = json!([{ "path": SPEED, "agg": "MAX" }]);
    let all = asked.ask(1, json!({ "signals": signals })).await.expect(200);
    assert_eq!(all["rows"].as_array().unwrap().len(), 1);
    assert_eq!(all["rows"][0]["vehicle"], vehicle(1).to_string());

    for other in [vehicle(2), vehicle(77)] {
        let named = json!({ "signals": signals, "vehicles": [other.to_string()] });
        let detail = asked.ask(1, named).await.problem(404, "not-found");
        assert_eq!(detail, format!("{other} is not a vehicle of this account"));
        for path in
            ["summary", "segments?kind=trip&from=2024-01-01T00:00:00Z&to=2024-01-02T00:00:00Z"]
        {
            let path = format!("/v1/vehicles/{other}/{path}");
            let detail =
                asked.market.call(get(path).by(asked.owner(1))).await.problem(404, "not-found");
            assert_eq!(detail, format!("{other} is not a vehicle of this account"));
        }
    }
}

#[actix_web::test]
async fn what_does_not_read_is_refused_with_what_would() {
    let asked = Asked::with_cars(1).await;
    let one = json!([{ "path": SPEED, "agg": "AVG" }]);
    let circle = |radius: f64| json!({ "in_circle": { "center": { "latitude": 0, "longitude": 0 }, "radius_km": radius } });
    #[rustfmt::skip] // a table is read by column
    let cases = [
        (json!({ "signals": [] }),                                             "1 to 50"),
        (json!({ "signals": [{ "path": "speed", "agg": "AVG" }] }),            "`speed` is not a signal"),
        (json!({ "signals": [{ "path": SPEED, "agg": "MODE" }] }),             "one of AVG, MED"),
        (json!({ "signals": [{ "path": SPEED, "agg": "AVG", "filter": { "like": 1 } }] }), "unknown field `like`"),
        (json!({ "signals": one, "interval": "P1M" }),                         "no fixed length"),
        (json!({ "signals": one, "interval": 0 }),                             "a millisecond"),
        (json!({ "signals": one, "from": "yesterday" }),                       "`from`: `yesterday`"),
        (json!({ "signals": one, "to": at(0) }),                               "`from` comes first"),
        (json!({ "signals": one, "vehicles": ["owner_1"] }),                   "vehicle_ and 32 hex"),
        (json!({ "signals": one, "location": circle(-1.0) }),                  "-1 km"),
        (json!({ "signals": one, "location": { "in_polygon": [] } }),          "3 to 1000"),
    ];
    for (question, reason) in cases {
        let detail = asked.ask(1, question.clone()).await.problem(400, "invalid-request");
        assert!(detail.contains(reason), "{question}: {detail}");
    }
}

#[actix_web::test]
async fn each_limit_is_named_with_what_to_do() {
    let mut asked = with_speeds().await;
    asked.limit(|limits| (limits.span_days_max, limits.cells_max) = (2, 10));
    let one = json!([{ "path": SPEED, "agg": "AVG" }]);
    let detail = async |asked: &Asked, question: Value| {
        asked.ask(1, question).await.problem(422, "limit-exceeded")
    };
    let long = detail(&asked, json!({ "signals": one, "to": at(86_400 * 2 + 1) })).await;
    assert!(long.contains("3 days, at most 2") && long.contains("less time"), "{long}");
    let fine = detail(&asked, json!({ "signals": one, "interval": "PT1S" })).await;
    assert!(fine.contains("1000 values") && fine.contains("longer intervals"), "{fine}");

    asked.limit(|limits| limits.seconds_max = 0);
    let busy = asked.ask(1, json!({ "signals": one })).await;
    assert_eq!(busy.status, 422, "a second is too long for it");
    let slow = busy.problem(422, "limit-exceeded");
    assert!(slow.contains("within 0 s"), "{slow}");
}

#[actix_web::test]
async fn a_question_that_needs_more_memory_than_it_gets_is_told_so() {
    let mut asked = Asked::with_cars(1).await;
    for batch in 0..20_i64 {
        let values: Vec<(i64, f64)> = (0..5_000)
            .map(|n: i32| (batch * 5_000 + i64::from(n), f64::from(n % 30_000) / 100.0))
            .collect();
        asked.keep(1, series(SPEED, &values)).await;
    }
    asked.flush().await;
    let question = json!({ "to": at(100_000), "signals": [{ "path": SPEED, "agg": "MED" }] });
    asked.limit(|limits| limits.memory_mib_max = 0);
    let detail = asked.ask(1, question.clone()).await.problem(422, "limit-exceeded");
    assert!(detail.contains("more than 0 MiB") && detail.contains("less time"), "{detail}");

    asked.limit(|limits| limits.memory_mib_max = 64);
    asked.ask(1, question).await.expect(200);
}

#[actix_web::test]
async fn a_vehicle_that_sent_too_much_at_once_is_asked_about_later() {
    let mut asked = Asked::with_cars(2).await;
    for second in 0..1_001 {
        asked.keep(1, series(SPEED, &[(second, 10.0)])).await;
    }
    let question = json!({ "signals": [{ "path": SPEED, "agg": "COUNT" }] });
    let detail = asked.ask(1, question.clone()).await.problem(503, "busy");
    assert!(detail.contains("1001 batches") && detail.contains("a few seconds"), "{detail}");
    asked.ask(2, question.clone()).await.expect(200);

    asked.flush().await;
    let answer = asked.ask(1, question).await.expect(200);
    assert_eq!(answer["rows"][0]["values"], json!([1_000]), "the last is behind the period");
}

/// Starts and ends of segments, in seconds.
fn spans(answer: &Value) -> Vec<[i64; 2]> {
    let second = |time: &Value| {
        let time: telematics::Timestamp = time.as_str().unwrap().parse().unwrap();
        time.micros_since(crate::market_support::START) / 1_000_000
    };
    let segments = answer["segments"].as_array().unwrap();
    segments.iter().map(|segment| [second(&segment["start"]), second(&segment["end"])]).collect()
}

#[actix_web::test]
async fn segments_of_every_kind_are_found() {
    let mut asked = Asked::with_cars(1).await;
    let drive = |from: i64, to: i64, path: &str, value: f64| {
        let seconds: Vec<_> = (from..=to).step_by(10).map(|second| (second, value)).collect();
        series(path, &seconds)
    };
    asked.keep(1, drive(0, 600, SPEED, 50.0)).await;
    asked.keep(1, drive(2_000, 2_600, SPEED, 50.0)).await;
    asked.keep(1, drive(0, 1_200, RPM, 800.0)).await;
    asked.keep(1, series(FUEL, &[(0, 30.0), (590, 20.0), (1_990, 95.0), (2_600, 94.0)])).await;
    asked.flush().await;
    let charging = "Vehicle.Powertrain.TractionBattery.Charging.IsCharging";
    let level = "Vehicle.Powertrain.TractionBattery.StateOfCharge.Current";
    asked.keep(1, series(level, &[(4_000, 20.0), (4_200, 40.0), (9_000, 41.0)])).await;

    let range = format!("from={}&to={}", at(0), at(10_000));
    let find = async |asked: &Asked, query: &str| {
        spans(&asked.segments(1, &format!("{range}&{query}")).await.expect(200))
    };
    assert_eq!(find(&asked, "kind=trip").await, [[0, 600], [2_000, 2_600]]);
    assert_eq!(find(&asked, "kind=trip&by=movement&max_gap_seconds=1400").await, [[0, 2_600]]);
    assert_eq!(find(&asked, "kind=trip&min_duration_seconds=601").await, [[0; 2]; 0]);
    assert_eq!(find(&asked, "kind=trip&by=ignition").await, [[0, 1_200]]);
    assert_eq!(find(&asked, "kind=idling&max_gap_seconds=60").await, [[670, 1_200]]);
    assert_eq!(find(&asked, "kind=refuel").await, [[590, 1_990]]);
    assert_eq!(find(&asked, "kind=recharge").await, [[4_000, 4_200]]);
    asked.keep(1, drive(4_000, 8_000, charging, 1.0)).await;
    assert_eq!(find(&asked, "kind=recharge").await, [[4_000, 8_000]], "the car says so itself");

    let half = format!("kind=trip&from={}&to={}", at(300), at(2_100));
    let cut = asked.segments(1, &half).await.expect(200);
    assert_eq!(spans(&cut), [[300, 600], [2_000, 2_100]]);
    let flags = |index: usize| {
        let segment = &cut["segments"][index];
        [&segment["started_before_range"], &segment["goes_on_after_range"]]
    };
    assert_eq!(
        (flags(0), flags(1)),
        ([&json!(true), &json!(false)], [&json!(false), &json!(true)])
    );
    let refuel = asked.segments(1, &format!("{range}&kind=refuel")).await.expect(200);
    assert_eq!(refuel["segments"][0]["start_percent"], 20.0);
    assert_eq!(refuel["segments"][0]["end_percent"], 95.0);

    for (query, reason) in [
        ("kind=idling&by=ignition", "only trips"),
        ("kind=flight", "unknown variant"),
        ("kind=trip&max_gap_seconds=0", "1 to 86400"),
    ] {
        let refused = asked.segments(1, &format!("{range}&{query}")).await;
        let detail = refused.problem(400, "invalid-request");
        assert!(detail.contains(reason), "{query}: {detail}");
    }
    let years = format!("kind=trip&from={}&to={}", at(0), at(86_400 * 500));
    asked.segments(1, &years).await.problem(422, "limit-exceeded");
    asked.limit(|limits| limits.rows_max = 1);
    let many = asked.segments(1, &format!("{range}&kind=trip")).await;
    let detail = many.problem(422, "limit-exceeded");
    assert!(detail.contains("2 segments, at most 1"), "{detail}");
}

#[actix_web::test]
async fn a_summary_says_what_there_is() {
    let mut asked = with_speeds().await;
    asked.keep(1, series(FUEL, &[(7, 40.0)])).await;
    let path = format!("/v1/vehicles/{}/summary", vehicle(1));
    let answer = asked.market.call(get(path.as_str()).by(asked.owner(1))).await.expect(200);
    let line = |signal, unit, samples, first, last| {
        json!({
            "signal": signal, "unit": unit, "samples": samples, "first_seen": at(first), "last_seen": at(last),
        })
    };
    let expected = json!({
        "samples": 6,
        "first_seen": at(0),
        "last_seen": at(40),
        "signals": [line(SPEED, "km/h", 5, 0, 40), line(FUEL, "percent", 1, 7, 7)],
    });
    assert_eq!(answer, expected);

    let fresh = Asked::with_cars(1).await;
    let nothing = fresh.market.call(get(path).by(fresh.owner(1))).await.expect(200);
    assert_eq!((&nothing["samples"], &nothing["first_seen"]), (&json!(0), &Value::Null));
    let empty = fresh.market.call(
        post(
            "/v1/query",
            &json!({
                "from": at(0), "to": at(1), "signals": [{ "path": SPEED, "agg": "MED" }],
            }),
        )
        .by(fresh.owner(1)),
    );
    assert_eq!(empty.await.expect(200)["rows"], json!([]));
}
