//! Precision from the owner's decision to what is kept: set over REST, told to the car, checked in batches.

use actix_web::http::Method;
use marketplace::archive;
use marketplace::identity::ApiKey;
use proto::v1;
use proto::v1::RefusalReason as Reason;
use proto::v1::consent_client::ConsentClient;
use serde_json::{Value, json};
use telematics::payload::{self, Contents};
use telematics::testing::{self, vehicle};
use telematics::{BatchHeader, EnrolmentCode, Policy, Precision, SealedBatch, SignalGroup};

use crate::cars::Car;
use crate::market::Market as CarMarket;
use crate::market_support::{Answer, Call, Market, call, get, post};

const KEY: [u8; 32] = [77; 32];

fn put(path: &str, decision: &Value) -> Call {
    Call { method: Method::PUT, ..post(path, decision) }
}

/// The policy in force, as the car is told.
async fn fetch(market: &CarMarket, car: &Car) -> Policy {
    let mut client = ConsentClient::new(car.connect(market).await.unwrap());
    let answer = client.fetch_policy(v1::FetchPolicyRequest {}).await.unwrap().into_inner();
    Policy::try_from(answer.policy.unwrap()).unwrap()
}

/// The next batch, cut under `policy`, of speeds in steps of 0.01 km/h that are as coarse as `precision`.
fn speeds(car: &Car, policy: &Policy, precision: Precision) -> SealedBatch {
    let samples = testing::samples("Vehicle.Speed", 300);
    let samples = samples.into_iter().filter_map(|sample| precision.coarsen(sample)).collect();
    let header = BatchHeader { consent_version: policy.version(), ..car.header() };
    let contents = Contents { samples, ..Contents::default() };
    SealedBatch::seal(header, payload::encode(&contents), &car.key)
}

#[actix_web::test]
async fn samples_leave_as_coarse_as_the_owner_decided_over_rest() {
    let market = CarMarket::start().await;
    let mut car = Car::enrol_for(&market, market.owner_with_key(KEY).await).await;
    let key = ApiKey::new(KEY).reveal();
    let path = format!("/v1/vehicles/{}/consent", car.id);
    let before = car.batch();
    assert_eq!(car.send(&market, [before]).await.receipts(), [(1, false)], "exact is the default");

    let whole = json!({ "consent": { "motion": "share" }, "precision": { "motion": "whole" } });
    let told = call(&market.app, put(&path, &whole).by(&key)).await.expect(200);
    assert_eq!((&told["version"], &told["precision"]["motion"]), (&json!(2), &json!("whole")));
    assert_eq!(call(&market.app, get(path.as_str()).by(&key)).await.expect(200), told);

    let policy = fetch(&market, &car).await;
    assert_eq!(policy.version().number(), 2);
    let precision = policy.precision(SignalGroup::Motion);
    assert_eq!(precision, Precision::Whole);
    let fine = speeds(&car, &policy, Precision::Exact);
    let answers = car.send(&market, [fine]).await;
    let message = answers.refusal(Reason::TooPrecise);
    assert!(message.contains("Vehicle.Speed") && message.contains("(whole)"), "{message}");

    let coarse = speeds(&car, &policy, precision);
    assert_eq!(car.send(&market, [coarse]).await.receipts(), [(2, false)]);
    assert_eq!(market.app.db.read(archive::totals).await.unwrap().batches, 2);
}

#[actix_web::test]
async fn another_precision_is_another_version_and_the_same_is_none() {
    let market = Market::with_cars(1, 1).await;
    let path = format!("/v1/vehicles/{}/consent", vehicle(1));
    let consent = json!({ "motion": "share", "location": "share" });
    let versions = [
        (json!({ "location": "h3-4" }), 2, "h3-4"),
        (json!({ "location": "h3-4", "motion": "exact" }), 2, "h3-4"),
        (json!({ "location": "exact" }), 3, "exact"),
        (json!({ "location": "whole" }), 4, "whole"),
        (json!({}), 5, "h3-6"),
        (json!({ "location": "h3-6" }), 5, "h3-6"),
    ];
    for (precision, version, location) in versions {
        let decision = json!({ "consent": consent, "precision": precision });
        let told = market.call(put(&path, &decision).by(&market.owners[0])).await.expect(200);

        assert_eq!(told["version"], version, "{precision}");
        assert_eq!(told["precision"]["location"], location, "{precision}");
        let shown = market.call(get(path.as_str()).by(&market.owners[0])).await.expect(200);
        assert_eq!(shown, told, "{precision}");
    }
}

#[actix_web::test]
async fn a_precision_that_is_none_is_a_problem_that_names_the_field() {
    let market = Market::with_cars(1, 1).await;
    let consent_path = format!("/v1/vehicles/{}/consent", vehicle(1));
    #[rustfmt::skip] // a table is read by column
    let cases = [
        (json!({ "location": "street" }), "`precision.location`: ", "exact, whole, or h3-0 to h3-15"),
        (json!({ "location": "h3-16" }),  "`precision.location`: ", "`h3-16`"),
        (json!({ "location": "" }),       "`precision.location`: ", "``"),
        (json!({ "motion": "h3-6" }),     "`precision.motion`: ",   "it is exact or whole"),
        (json!({ "radio": "exact" }),     "`precision.radio`: ",    "motion, driving"),
        (json!({ "motion": 1 }),          "invalid type",           "string"),
    ];
    for (precision, field, choices) in cases {
        let decision = json!({ "consent": { "motion": "share" }, "precision": precision });
        for refused in [put(&consent_path, &decision), post("/v1/enrolment-codes", &decision)] {
            let answer: Answer = market.call(refused.by(&market.owners[0])).await;
            let detail = answer.problem(400, "invalid-request");
            assert!(detail.contains(field) && detail.contains(choices), "{precision}: {detail}");
        }
    }
    let policy = market.call(get(consent_path).by(&market.owners[0])).await.expect(200);
    assert_eq!(policy["version"], 1, "nothing was decided");
}

#[actix_web::test]
async fn a_car_enrols_with_the_precision_that_its_code_was_made_with() {
    let market = CarMarket::start().await;
    market.owner_with_key(KEY).await;
    let decision = json!({
        "consent": { "location": "share", "climate": "share" },
        "precision": { "location": "h3-3", "climate": "whole" },
    });
    let ask = post("/v1/enrolment-codes", &decision).by(&ApiKey::new(KEY).reveal());
    let code = call(&market.app, ask).await.expect(201);
    let code: EnrolmentCode = code["code"].as_str().unwrap().parse().unwrap();

    let enrolled =
        crate::cars::enrol(&market, &code.to_string(), &testing::signing_key(9)).await.unwrap();

    let policy = Policy::try_from(enrolled.policy.unwrap()).unwrap();
    assert_eq!(policy.precision(SignalGroup::Location).to_string(), "h3-3");
    assert_eq!(policy.precision(SignalGroup::Climate), Precision::Whole);
    assert_eq!(policy.precision(SignalGroup::Motion), Precision::Exact);
}
