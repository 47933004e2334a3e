//! A market with cars, owners and a buyer, and how to call it.

use std::collections::BTreeMap;

use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web::{Bytes, Data};
use marketplace::api::rest;
use marketplace::app::App;
use marketplace::clock::Clock;
use marketplace::config::{Config, Rules};
use marketplace::consent::{self, ConsentError, Decision};
use marketplace::identity::{self, ApiKey, IdentityError, NewVehicle};
use marketplace::jobs::flush::Flush;
use marketplace::jobs::sales;
use marketplace::lake::Arrived;
use serde_json::{Value, json};
use telematics::testing::{T0, samples, signing_key, vehicle};
use telematics::{OwnerId, Powertrain, Timestamp, VehicleDescription};
use tempfile::TempDir;
use zk::IdentityCommitment;

use crate::market::{self, Audited};

/// The operator's key in every test.
pub(crate) const OPERATOR: [u8; 32] = [1; 32];

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: actix_web::http::header::HeaderMap,
    pub(crate) bytes: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("no header {name}"));
        value.to_str().expect("text")
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).expect("a JSON body")
    }

    /// The body, of an answer that must be this status.
    pub(crate) fn expect(self, status: u16) -> Value {
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        assert_eq!(self.status.as_u16(), status, "{text}");
        self.json()
    }

    /// The detail of a problem, which must have this status and name.
    pub(crate) fn problem(self, status: u16, name: &str) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let body = self.expect(status);
        assert_eq!(body["type"], format!("urn:axle:problem:{name}"));
        assert_eq!(body["status"], status);
        body["detail"].as_str().expect("a detail").to_owned()
    }
}

/// One call.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) key: Option<String>,
    pub(crate) idempotency: Option<String>,
    pub(crate) range: Option<String>,
    pub(crate) body: Option<String>,
}

pub(crate) fn get(path: impl Into<String>) -> Call {
    let path = path.into();
    Call { method: Method::GET, path, key: None, idempotency: None, range: None, body: None }
}

pub(crate) fn post(path: impl Into<String>, body: &Value) -> Call {
    Call { method: Method::POST, body: Some(body.to_string()), ..get(path) }
}

impl Call {
    pub(crate) fn by(self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self }
    }

    pub(crate) fn once(self, idempotency: &str) -> Self {
        Self { idempotency: Some(idempotency.to_owned()), ..self }
    }
}

/// A running market. Cars are numbered from 1; car `n` belongs to owner `n`, has the device key `n`
/// and shares its motion.
pub(crate) struct Market {
    pub(crate) app: App,
    pub(crate) owners: Vec<String>,
    // Before the folder, which is dropped after it.
    pub(crate) audited: Audited,
    pub(crate) folder: TempDir,
}

impl Market {
    /// A market with `cars` cars without samples, which sells from `vehicles_min` cars on.
    pub(crate) async fn with_cars(cars: u8, vehicles_min: u32) -> Self {
        let change = |config: &mut Config| config.rules.vehicles_min = vehicles_min;
        Self::with_config(cars, change).await
    }

    /// A market with `cars` cars without samples, under the usual settings as they are changed.
    pub(crate) async fn with_config(cars: u8, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { rules: Rules::default(), ..market::config(folder.path()) };
        change(&mut config);
        let mut app = App::open(config).await.unwrap();
        app.clock = Clock::Fixed(T0);
        app.db
            .write::<_, IdentityError, _>(|conn| {
                identity::create_operator(conn, &ApiKey::new(OPERATOR), T0).map(drop)
            })
            .await
            .unwrap();
        let audited = Audited::of(&app);
        let mut market = Self { app, owners: Vec::new(), audited, folder };
        for number in 1..=cars {
            market.enrol(number).await;
        }
        market
    }

    async fn enrol(&mut self, number: u8) {
        let key = ApiKey::new([100 + number; 32]);
        self.owners.push(key.reveal());
        let car = VehicleDescription::new(
            "Axle",
            &format!("Model {}", number % 3),
            2024,
            Powertrain::Electric,
        )
        .unwrap();
        self.app
            .db
            .write::<_, ConsentError, _>(move |conn| {
                let operator =
                    identity::create_operator(conn, &ApiKey::new([200 + number; 32]), T0)?;
                let id = OwnerId::new(T0, [number; 10]);
                let owner = identity::create_owner(conn, &operator, "Ada", id, &key, T0)?;
                let (secret, groups) = ([number; 10], "motion=share");
                identity::create_enrolment_code(conn, &owner, &secret, groups, T0)?;
                let device = signing_key(number).verifying_key();
                let car = NewVehicle {
                    id: vehicle(number),
                    key: device,
                    identity: IdentityCommitment::from_bytes(&[number; 32]).unwrap(),
                    description: car.clone(),
                };
                identity::enroll(conn, &secret, &car, T0)?;
                let decision = Decision::parse(groups).unwrap();
                consent::grant(conn, vehicle(number), &decision, T0).map(drop)
            })
            .await
            .unwrap();
    }

    /// Puts `10 n` samples of speed of each car `n` into the lake, and describes what is there.
    pub(crate) async fn fill(&self) {
        let cars = u8::try_from(self.owners.len()).unwrap();
        let batch = |number: u8| Arrived {
            arrival: i64::from(number),
            vehicle: vehicle(number),
            samples: samples("Vehicle.Speed", u16::from(number) * 10),
        };
        self.app.lake.append(&(1..=cars).map(batch).collect::<Vec<_>>()).await.unwrap();
        self.describe().await;
    }

    pub(crate) async fn describe(&self) {
        Flush::new(self.app.clone()).turn().await.unwrap();
    }

    /// Lets the market deliver and refund.
    pub(crate) async fn settle(&self) {
        sales::turn(&self.app).await.unwrap();
    }

    /// Stops, and leaves its folder to another.
    pub(crate) fn into_folder(self) -> TempDir {
        let Self { app, audited, folder, .. } = self;
        drop((app, audited));
        folder
    }

    pub(crate) fn wait_seconds(&mut self, seconds: i64) {
        let Clock::Fixed(now) = self.app.clock else { panic!("tests have their own time") };
        self.app.clock = Clock::Fixed(now.plus_seconds(seconds));
    }

    pub(crate) async fn call(&self, one: Call) -> Answer {
        call(&self.app, one).await
    }

    /// Opens a buyer's account with this many tokens, and returns its key.
    pub(crate) async fn buyer(&self, name: &str, tokens: &str) -> String {
        let operator = ApiKey::new(OPERATOR).reveal();
        let opened =
            self.call(post("/v1/buyers", &json!({ "name": name })).by(&operator)).await.expect(201);
        if tokens != "0" {
            let path = format!("/v1/buyers/{}/deposits", opened["id"].as_str().unwrap());
            let deposit = post(path, &json!({ "amount": tokens })).by(&operator);
            self.call(deposit.once(&format!("first-{name}"))).await.expect(201);
        }
        opened["api_key"].as_str().unwrap().to_owned()
    }

    /// The id of the dataset that search finds for these words.
    pub(crate) async fn find(&self, key: &str, words: &str) -> String {
        let path = format!("/v1/datasets?q={words}&limit=1");
        let found = self.call(get(path).by(key)).await.expect(200);
        found["datasets"][0]["id"].as_str().expect("a dataset").to_owned()
    }

    /// A quote for everything about speed.
    pub(crate) async fn quote(&self, key: &str) -> Value {
        let dataset = self.find(key, "speed+road").await;
        self.call(post("/v1/quotes", &json!({ "dataset": dataset, "purpose": "research" })).by(key))
            .await
            .expect(201)
    }

    /// Buys a quote.
    pub(crate) async fn order(&self, key: &str, quote: &Value, idempotency: &str) -> Answer {
        let body = json!({ "quote": quote["id"] });
        self.call(post("/v1/orders", &body).by(key).once(idempotency)).await
    }

    pub(crate) async fn balance(&self, key: &str) -> String {
        let body = self.call(get("/v1/balance").by(key)).await.expect(200);
        body["balance"].as_str().unwrap().to_owned()
    }

    /// Withdraws everything that the owner of this car permitted.
    pub(crate) async fn withdraw(&self, number: u8) {
        self.share(number, &[]).await;
    }

    /// The owner of this car shares these groups, and no others.
    pub(crate) async fn share(&self, number: u8, groups: &[&str]) {
        let path = format!("/v1/vehicles/{}/consent", vehicle(number));
        let groups: BTreeMap<_, _> = groups.iter().map(|group| (group, "share")).collect();
        let decision = Call { method: Method::PUT, ..post(path, &json!({ "consent": groups })) };
        self.call(decision.by(&self.owners[usize::from(number) - 1])).await.expect(200);
    }
}

/// Calls the REST API of `app`.
pub(crate) async fn call(app: &App, call: Call) -> Answer {
    let service = actix_web::App::new().app_data(Data::new(app.clone())).configure(rest::configure);
    let service = init_service(service).await;
    let mut request = TestRequest::with_uri(&call.path).method(call.method);
    if let Some(key) = call.key {
        request = request.insert_header(("Authorization", format!("Bearer {key}")));
    }
    if let Some(key) = call.idempotency {
        request = request.insert_header(("Idempotency-Key", key));
    }
    if let Some(range) = call.range {
        request = request.insert_header(("Range", range));
    }
    if let Some(body) = call.body {
        request = request.set_payload(body).insert_header(("Content-Type", "application/json"));
    }
    let response = call_service(&service, request.to_request()).await;
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, bytes: read_body(response).await }
}

/// In micro-tokens.
pub(crate) fn micros(amount: &Value) -> i64 {
    text_micros(amount.as_str().expect("an amount"))
}

pub(crate) fn text_micros(amount: &str) -> i64 {
    amount.replace('.', "").parse().expect("six decimals")
}

/// When samples of tests begin.
pub(crate) const START: Timestamp = T0;
