//! Live streams: samples reach who pays for them as they are accepted, each is charged once, and nobody is held up by who reads
//! nothing.

use std::time::Duration;

use marketplace::identity::ApiKey;
use marketplace::jobs::live as settling;
use proto::v1;
use proto::v1::live_client::LiveClient;
use serde_json::{Value, json};
use telematics::payload::Contents;
use telematics::testing::samples;
use tokio::time::timeout;
use tonic::{Code, Request, Status, Streaming};

use crate::cars::{self, Car};
use crate::market::Market;
use crate::market_support::{Call, call, get, post, text_micros};
use crate::proving::buyer;

/// Longer than anything takes that is waited for.
const SOON: Duration = Duration::from_secs(20);

/// A market that sells from two cars on, and three cars that share their motion; the first one's owner has the key 7.
async fn market() -> (Market, Vec<Car>) {
    let market = Market::start_with(|config| config.rules.vehicles_min = 2).await;
    let first = market.owner_with_key([7; 32]).await;
    let mut cars = vec![Car::enrol_for(&market, first).await];
    for _ in 0..2 {
        cars.push(Car::enrol(&market).await);
    }
    (market, cars)
}

impl Market {
    async fn ask(&self, call: Call) -> Value {
        let answer = crate::market_support::call(&self.app, call).await;
        assert!(answer.status.is_success(), "{answer:?}", answer = answer.bytes);
        answer.json()
    }

    /// A listing of speeds, in which a row costs 0.000400 times the factors of the price rule.
    async fn speeds(&self, key: &str) -> Value {
        let wish = json!({ "title": "Speeds", "signals": ["Vehicle.Speed"] });
        self.ask(post("/v1/datasets", &wish).by(key)).await["id"].clone()
    }

    /// Opens a stream of speeds.
    async fn open_stream(&self, key: &str, cap: &str) -> Value {
        self.ask(opening(&self.speeds(key).await, key, cap)).await
    }

    async fn listen(
        &self,
        key: &str,
        stream: &Value,
        after: Option<u64>,
    ) -> Result<Streaming<v1::SubscribeResponse>, Status> {
        let channel = cars::channel(self, cars::tls(self)).await.unwrap();
        let stream_id = stream["id"].as_str().unwrap_or("nothing").to_owned();
        let mut request = Request::new(v1::SubscribeRequest { stream_id, after_cursor: after });
        if !key.is_empty() {
            request
                .metadata_mut()
                .insert("authorization", format!("Bearer {key}").parse().unwrap());
        }
        Ok(LiveClient::new(channel).subscribe(request).await?.into_inner())
    }
}

fn opening(dataset: &Value, key: &str, cap: &str) -> Call {
    let wish = json!({ "dataset": dataset, "purpose": "research", "hours": 1, "cap": cap });
    post("/v1/streams", &wish).by(key).once(cap)
}

/// The next answer with samples in it.
async fn next(
    stream: &mut Streaming<v1::SubscribeResponse>,
) -> Result<v1::SubscribeResponse, Status> {
    loop {
        let answer = timeout(SOON, stream.message()).await.expect("something comes");
        match answer? {
            Some(answer) if answer.batches.is_empty() => {}
            Some(answer) => return Ok(answer),
            None => return Err(Status::ok("the end")),
        }
    }
}

#[actix_web::test]
async fn samples_come_as_they_are_accepted_and_are_charged_once() {
    let (market, mut cars) = market().await;
    let (_, key) = buyer(&market.app).await;
    // What comes before the stream is opened was not bought.
    let early = cars[1].batch();
    cars[1].send(&market, [early]).await.receipts();
    let opened = market.open_stream(&key, "1").await;
    let mut stream = market.listen(&key, &opened, None).await.unwrap();

    let batch = cars[0].batch();
    cars[0].send(&market, [batch]).await.receipts();
    let answer = next(&mut stream).await.unwrap();

    let [batch] = &answer.batches[..] else { panic!("{answer:?}") };
    let [series] = &batch.series[..] else { panic!("{batch:?}") };
    let sent = samples("Vehicle.Speed", 10);
    assert_eq!((series.signal.as_str(), series.unit.as_str()), ("Vehicle.Speed", "km/h"));
    let times = sent.iter().map(|sample| sample.time.as_micros()).collect::<Vec<_>>();
    let values = sent.iter().map(|sample| sample.value.to_physical(2)).collect::<Vec<_>>();
    assert_eq!((&series.time_micros, &series.values), (&times, &values));
    assert_eq!((batch.make.as_str(), batch.model_year), ("Toyota", 2021));
    assert_ne!(batch.vehicle, cars[0].id.to_string(), "a name for this buyer only");
    assert_eq!(answer.charged_rows, 10);

    // Again from the beginning: the same, and it costs nothing.
    let mut again = market.listen(&key, &opened, Some(0)).await.unwrap();
    let repeated = next(&mut again).await.unwrap();
    assert_eq!((&repeated.batches, repeated.charged_rows), (&answer.batches, 10));
    // And from where it was, the next.
    let batch = cars[2].batch();
    cars[2].send(&market, [batch]).await.receipts();
    let mut onward = market.listen(&key, &opened, Some(answer.cursor)).await.unwrap();
    let second = next(&mut onward).await.unwrap();
    assert_eq!(second.batches.len(), 1);
    assert_ne!(second.batches[0].vehicle, batch_name(&answer));
    assert!(second.cursor > answer.cursor);
    assert_eq!(next(&mut stream).await.unwrap().charged_rows, 20);

    // The owner sees it while it lasts, and is paid at its end.
    let owner = ApiKey::new([7; 32]).reveal();
    let reads = market.ask(get("/v1/reads").by(&owner)).await["streams"].clone();
    assert_eq!((&reads[0]["rows"], &reads[0]["earned"]), (&json!(10), &json!(null)));
    assert_eq!(
        (&reads[0]["buyer_name"], &reads[0]["purpose"]),
        (&json!("Acme"), &json!("research"))
    );
    let path = format!("/v1/streams/{}/close", opened["id"].as_str().unwrap());
    let closed = market.ask(post(&path, &json!({})).by(&key)).await;
    assert_eq!((&closed["status"], &closed["rows"]), (&json!("settled"), &json!(20)));
    let cost = text_micros(closed["cost"].as_str().unwrap());
    assert!(cost > 0);
    let balance = market.ask(get("/v1/balance").by(&key)).await;
    assert_eq!(text_micros(balance["balance"].as_str().unwrap()), 100_000_000 - cost);
    let earned = market.ask(get("/v1/reads").by(&owner)).await["streams"][0]["earned"].clone();
    let balance = market.ask(get("/v1/balance").by(&owner)).await;
    assert_eq!(balance["balance"], earned);
    assert_eq!(text_micros(earned.as_str().unwrap()), (cost - cost * 5 / 100) / 2);
    for stream in [&mut stream, &mut again, &mut onward] {
        let ended = loop {
            if let Err(ended) = next(stream).await {
                break ended;
            }
        };
        assert_eq!(ended.code(), Code::FailedPrecondition, "{ended:?}");
    }
}

fn batch_name(answer: &v1::SubscribeResponse) -> String {
    answer.batches[0].vehicle.clone()
}

#[actix_web::test]
async fn a_stream_never_costs_more_than_its_cap() {
    let (market, mut cars) = market().await;
    let (_, key) = buyer(&market.app).await;
    let opened = market.open_stream(&key, "0.006").await;
    let mut stream = market.listen(&key, &opened, None).await.unwrap();

    let mut rows = 0;
    let ended = loop {
        let batch = cars[0].batch();
        cars[0].send(&market, [batch]).await.receipts();
        match next(&mut stream).await {
            Ok(answer) => rows = answer.charged_rows,
            Err(ended) => break ended,
        }
    };

    assert_eq!(ended.code(), Code::ResourceExhausted, "{ended:?}");
    assert!(ended.message().contains("its cap of 0.006000 tokens"), "{ended:?}");
    assert!(rows >= 10, "{rows}");
    let path = format!("/v1/streams/{}", opened["id"].as_str().unwrap());
    let shown = market.ask(get(path).by(&key)).await;
    assert_eq!(shown["rows"], rows);
    assert!(text_micros(shown["cost"].as_str().unwrap()) <= 6_000, "{shown}");
}

#[actix_web::test]
async fn what_is_no_stream_is_refused_and_nothing_is_set_aside() {
    let (market, _cars) = market().await;
    let ((_, key), (_, other)) = (buyer(&market.app).await, buyer(&market.app).await);
    let dataset = market.speeds(&key).await;
    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("hours",   json!(0),                       400, "invalid-request",    "1 to 24"),
        ("hours",   json!(25),                      400, "invalid-request",    "1 to 24"),
        ("cap",     json!("0"),                     400, "invalid-request",    "more than zero"),
        ("cap",     json!("-1"),                    400, "invalid-request",    "more than zero"),
        ("cap",     json!("101"),                   402, "insufficient-funds", "101.000000 are needed"),
        ("signals", json!(["Vehicle.Fun"]),         400, "invalid-request",    "Vehicle.Fun"),
        ("signals", json!(["Vehicle.TraveledDistance"]), 400, "invalid-request", "is not in dataset_"),
        ("purpose", json!("fun"),                   400, "invalid-request",    "fun"),
    ];
    for (field, value, status, problem, expected) in cases {
        let mut wish = json!({ "dataset": dataset, "purpose": "research", "hours": 1, "cap": "1" });
        wish[field] = value;
        let asked = post("/v1/streams", &wish).by(&key).once("1");
        let refused = call(&market.app, asked).await.problem(status, problem);
        assert!(refused.contains(expected), "{field}: {refused}");
    }
    call(&market.app, opening(&dataset, &other, "1")).await.problem(404, "not-found");
    assert_eq!(market.ask(get("/v1/balance").by(&key)).await["balance"], "100.000000");

    let opened = market.ask(opening(&dataset, &key, "1")).await;
    let owner = ApiKey::new([7; 32]).reveal();
    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("no key",            "",             opened.clone(), None,           Code::Unauthenticated),
        ("no such key",       &"x".repeat(9), opened.clone(), None,           Code::Unauthenticated),
        ("an owner",          &owner,         opened.clone(), None,           Code::Unauthenticated),
        ("another buyer",     &other,         opened.clone(), None,           Code::NotFound),
        ("not an id",         &key,           json!({}),      None,           Code::InvalidArgument),
        ("an endless cursor", &key,           opened.clone(), Some(u64::MAX), Code::InvalidArgument),
    ];
    for (name, key, stream, after, code) in cases {
        let refused = market.listen(key, &stream, after).await.err();
        assert_eq!(refused.map(|refused| refused.code()), Some(code), "{name}");
    }
    let path = format!("/v1/streams/{}/close", opened["id"].as_str().unwrap());
    call(&market.app, post(&path, &json!({})).by(&other)).await.problem(404, "not-found");
}

#[actix_web::test]
async fn a_stream_that_is_over_is_settled_by_itself() {
    let (mut market, _cars) = market().await;
    let (_, key) = buyer(&market.app).await;
    let opened = market.open_stream(&key, "1").await;
    assert_eq!(settling::turn(&market.app).await.unwrap(), 0);

    let later = market.now().plus_seconds(3_600);
    market.app.clock = marketplace::clock::Clock::Fixed(later);

    assert_eq!(settling::turn(&market.app).await.unwrap(), 1);
    let path = format!("/v1/streams/{}", opened["id"].as_str().unwrap());
    let shown = market.ask(get(path).by(&key)).await;
    assert_eq!((&shown["status"], &shown["cost"]), (&json!("settled"), &json!("0.000000")));
    let all = market.ask(get("/v1/streams").by(&key)).await["streams"].clone();
    assert_eq!(all.as_array().unwrap().len(), 1);
}

/// Takes as long as it may take until a withdrawal is noticed, and until a program is cut off that reads nothing.
#[actix_web::test]
async fn a_withdrawal_is_noticed_and_who_reads_nothing_is_cut_off_and_holds_up_nobody() {
    let (market, mut cars) = market().await;
    let (_, key) = buyer(&market.app).await;
    let opened = market.open_stream(&key, "90").await;
    let mut stalled = market.listen(&key, &opened, None).await.unwrap();
    let mut stream = market.listen(&key, &opened, None).await.unwrap();

    // More than fits between the market and a program that reads nothing.
    for _ in 0..16 {
        let batch = cars[1].batch_of_noise(10_000);
        cars[1].send(&market, [batch]).await.receipts();
        assert_eq!(next(&mut stream).await.unwrap().batches.len(), 1, "nobody is held up");
    }
    // The first owner does not want research any more, and shares as before.
    market.decide(&cars[0].owner, cars[0].id, "motion=share;;traffic").await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    let contents = Contents { samples: samples("Vehicle.Speed", 10), ..Contents::default() };
    let batch = cars[0].next_under(2, &contents);
    cars[0].send(&market, [batch]).await.receipts();
    let batch = cars[2].batch();
    cars[2].send(&market, [batch]).await.receipts();

    let answer = next(&mut stream).await.unwrap();

    assert_eq!((answer.batches.len(), answer.charged_rows), (1, 160_010), "of the third car only");
    let mut last = 0;
    let ended = loop {
        match timeout(SOON, stalled.message()).await.expect("it is cut off") {
            Ok(Some(answer)) if answer.cursor == last => panic!("it was not cut off"),
            Ok(Some(answer)) => last = answer.cursor,
            Ok(None) => panic!("ended without a word"),
            Err(ended) => break ended,
        }
    };
    assert_eq!(ended.code(), Code::ResourceExhausted, "{ended:?}");
    assert!(ended.message().contains("read nothing for 10 s"), "{ended:?}");
    // It goes on behind what it has, and was charged for nothing twice.
    let mut onward = market.listen(&key, &opened, Some(last)).await.unwrap();
    let answer = next(&mut onward).await.unwrap();
    assert!(answer.cursor > last);
    assert_eq!(answer.charged_rows, 160_010);
}
