//! Data campaigns: who begins to share is paid once, for days that really came in, and what is left goes back.

use futures_util::future::join_all;
use marketplace::data_campaigns::{self, DataCampaignId, DataCampaignsError};
use marketplace::db::Conn;
use marketplace::jobs::data_campaigns::DataCampaigns;
use serde_json::{Value, json};
use telematics::testing::{samples, vehicle};
use telematics::{Sample, Signal};

use crate::market_support::{Call, Market, get, post};
use crate::rewards::moving;

const DAY: i64 = 86_400;
const TEMPERATURE: &str = "Vehicle.Exterior.AirTemperature";

impl Market {
    /// Lets the job count and pay.
    async fn collect(&self) {
        DataCampaigns::new(self.app.clone()).turn().await.unwrap();
    }

    /// Car `number` sends speeds and temperatures that change, `start` seconds after the beginning.
    async fn drive_in_weather(&self, number: u8, start: i64) {
        let later = |sample: Sample| Sample { time: sample.time.plus_seconds(start), ..sample };
        let weather = samples(TEMPERATURE, 10).into_iter().map(later).collect::<Vec<_>>();
        self.drive(number, [moving(start), weather].concat()).await;
    }

    /// What the open campaigns would be for car `number`.
    async fn offers(&self, number: u8) -> Vec<Value> {
        let path = format!("/v1/vehicles/{}/data-campaigns", vehicle(number));
        let key = &self.owners[usize::from(number) - 1];
        let told = self.call(get(path).by(key)).await.expect(200);
        told["data_campaigns"].as_array().unwrap().clone()
    }

    async fn data_campaign(&self, campaign: &Value) -> Value {
        let path = format!("/v1/data-campaigns/{}", campaign["id"].as_str().unwrap());
        self.call(get(path)).await.expect(200)
    }
}

/// A market, a buyer with ten tokens, and his listing of speed and temperature.
async fn market(cars: u8) -> (Market, String, Value) {
    let market = Market::with_cars(cars, 1).await;
    let key = market.buyer("Acme", "10").await;
    let wish = json!({ "title": "Weather", "signals": ["Vehicle.Speed", TEMPERATURE] });
    let listing = market.call(post("/v1/datasets", &wish).by(&key)).await.expect(201);
    (market, key, listing["id"].clone())
}

/// Two tokens for each of two cars that share on two days.
fn wish(listing: &Value) -> Value {
    json!({
        "title": "Weather, please",
        "dataset": listing,
        "purpose": "research",
        "days_min": 2,
        "pay_per_vehicle": "2",
        "vehicles_max": 2,
        "closes_at": "2099-01-01T00:00:00Z",
    })
}

fn opening(key: &str, once: &str, wish: &Value) -> Call {
    post("/v1/data-campaigns", wish).by(key).once(once)
}

#[actix_web::test]
async fn who_begins_to_share_is_paid_when_his_days_came_in() {
    let (mut market, key, listing) = market(4).await;
    let campaign = market.call(opening(&key, "1", &wish(&listing))).await.expect(201);
    assert_eq!(
        (market.balance(&key).await, &campaign["held"]),
        ("5.800000".into(), &json!("4.200000"))
    );
    let offer = &market.offers(1).await[0];
    assert_eq!(offer["groups_missing"], json!(["climate"]));
    assert_eq!((&offer["pay_per_vehicle"], &offer["days"]), (&json!("2.000000"), &json!(0)));
    assert_eq!(offer["is_purpose_permitted"], true);

    // The first three share; the fourth drives, and keeps the weather to himself.
    for number in 1..=3 {
        market.share(number, &["motion", "climate"]).await;
        market.drive_in_weather(number, 0).await;
    }
    market.drive(4, moving(0)).await;
    market.collect().await;
    assert_eq!(market.offers(1).await[0]["days"], 1);
    assert_eq!(market.offers(4).await[0]["days"], 0);
    let shown = market.data_campaign(&campaign).await;
    assert_eq!((&shown["vehicles_collecting"], &shown["vehicles_paid"]), (&json!(3), &json!(0)));

    // A day later the third has nothing new to say about the weather.
    market.wait_seconds(DAY);
    market.drive_in_weather(1, DAY).await;
    market.drive(3, moving(DAY)).await;
    market.collect().await;
    market.collect().await;
    let shown = market.data_campaign(&campaign).await;
    assert_eq!((&shown["vehicles_paid"], &shown["status"]), (&json!(1), &json!("open")));
    assert_eq!(market.balance(&market.owners[0]).await, "2.000000");
    assert_eq!(market.offers(1).await[0]["paid"], "2.000000");

    // The second that has two days takes the last tokens.
    market.wait_seconds(DAY);
    for number in 1..=2 {
        market.drive_in_weather(number, 2 * DAY).await;
    }
    market.collect().await;
    let shown = market.data_campaign(&campaign).await;
    assert_eq!((&shown["vehicles_paid"], &shown["status"]), (&json!(2), &json!("closed")));
    assert_eq!((&shown["paid_out"], &shown["held"]), (&json!("4.000000"), &json!("0.000000")));
    let balances = join_all(market.owners.iter().map(|owner| market.balance(owner))).await;
    assert_eq!(balances, ["2.000000", "2.000000", "0.000000", "0.000000"]);
    assert_eq!(market.offers(3).await, Vec::<Value>::new());
}

#[actix_web::test]
async fn days_count_for_the_purpose_and_the_vehicles_that_were_asked_for() {
    let (market, key, _) = market(4).await;
    let wish_for =
        |class: Value| json!({ "title": "x", "signals": ["Vehicle.Speed"], "class": class });
    let listing = post("/v1/datasets", &wish_for(json!({ "model": "Model 1" }))).by(&key);
    let listing = market.call(listing).await.expect(201)["id"].clone();
    let one_day = |purpose: &str| {
        let mut wish = wish(&listing);
        wish["days_min"] = 1.into();
        wish["purpose"] = purpose.into();
        wish
    };
    let research = market.call(opening(&key, "1", &one_day("research"))).await.expect(201);
    let advertising = market.call(opening(&key, "2", &one_day("advertising"))).await.expect(201);
    for number in 1..=4 {
        market.drive(number, moving(0)).await;
    }
    market.withdraw(4).await;

    market.collect().await;

    // Cars 1 and 4 are of this model, and the owner of the fourth has thought better of it.
    assert_eq!(market.data_campaign(&research).await["vehicles_paid"], 1);
    assert_eq!(market.data_campaign(&advertising).await["vehicles_paid"], 0);
    let offers = market.offers(1).await;
    assert_eq!(offers.len(), 2);
    for offer in offers {
        let is_research = offer["campaign"] == research["id"];
        assert_eq!(offer["is_purpose_permitted"], is_research, "{offer}");
    }
    assert_eq!(market.offers(2).await, Vec::<Value>::new(), "another model");
}

#[actix_web::test]
async fn what_is_left_goes_back_when_a_campaign_is_closed_or_over() {
    let (mut market, key, listing) = market(1).await;
    let mut short = wish(&listing);
    short["closes_at"] = market.app.clock.now().plus_seconds(2 * DAY).to_string().into();
    let closed = market.call(opening(&key, "1", &wish(&listing))).await.expect(201);
    let over = market.call(opening(&key, "2", &short)).await.expect(201);
    assert_eq!(market.balance(&key).await, "1.600000");

    let path = format!("/v1/data-campaigns/{}/close", closed["id"].as_str().unwrap());
    for _ in 0..2 {
        let shown = market.call(post(&path, &json!({})).by(&key)).await.expect(200);
        assert_eq!((&shown["status"], &shown["returned"]), (&json!("closed"), &json!("4.200000")));
    }
    assert_eq!(market.balance(&key).await, "5.800000");
    market.wait_seconds(2 * DAY);
    market.collect().await;
    assert_eq!(market.data_campaign(&over).await["returned"], "4.200000");
    assert_eq!(market.balance(&key).await, "10.000000");
}

#[actix_web::test]
async fn what_is_no_data_campaign_is_refused_and_costs_nothing() {
    let (market, key, listing) = market(1).await;
    let other = market.buyer("Bolt", "10").await;
    let early = market.app.clock.now().plus_seconds(DAY - 1).to_string();
    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("title",           json!(""),                  400, "invalid-request",    "1 to 100"),
        ("days_min",        json!(0),                   400, "invalid-request",    "1 to 366"),
        ("days_min",        json!(367),                 400, "invalid-request",    "1 to 366"),
        ("closes_at",       json!(early),               400, "invalid-request",    "asks for 2 days"),
        ("closes_at",       json!("tomorrow"),          400, "invalid-request",    "tomorrow"),
        ("pay_per_vehicle", json!("0"),                 400, "invalid-request",    "more than zero"),
        ("pay_per_vehicle", json!("-1"),                400, "invalid-request",    "more than zero"),
        ("pay_per_vehicle", json!("9000000000000"),     400, "invalid-request",    "more than can be paid"),
        ("pay_per_vehicle", json!("5"),                 402, "insufficient-funds", "10.500000 are needed"),
        ("vehicles_max",    json!(0),                   400, "invalid-request",    "vehicles_max"),
        ("purpose",         json!("fun"),               400, "invalid-request",    "fun"),
        ("dataset",         json!("dataset_0190a5b8c3d27e4f8a9b0c1d2e3f4a5b"), 404, "not-found", "dataset_0190"),
    ];
    for (field, value, status, problem, expected) in cases {
        let mut wish = wish(&listing);
        wish[field] = value;
        let refused = market.call(opening(&key, "1", &wish)).await.problem(status, problem);
        assert!(refused.contains(expected), "{field}: {refused}");
    }
    let theirs = market.call(opening(&other, "1", &wish(&listing))).await;
    theirs.problem(404, "not-found");
    assert_eq!(market.balance(&key).await, "10.000000");

    // Once, however often it is asked for, and by its buyer only.
    let opened = join_all((0..3).map(|_| market.call(opening(&key, "2", &wish(&listing))))).await;
    let opened = opened.into_iter().find(|answer| answer.status == 201).unwrap().json();
    assert_eq!(market.balance(&key).await, "5.800000");
    let path = format!("/v1/data-campaigns/{}/close", opened["id"].as_str().unwrap());
    market.call(post(&path, &json!({})).by(&other)).await.problem(404, "not-found");
    let all = market.call(get("/v1/data-campaigns")).await.expect(200);
    assert_eq!(all["data_campaigns"].as_array().unwrap().len(), 1);
    assert_eq!(all["data_campaigns"][0]["signals"], json!([Signal::SPEED.path(), TEMPERATURE]));
}

#[actix_web::test]
async fn a_vehicle_is_paid_once_however_many_count() {
    let (market, key, listing) = market(1).await;
    let mut one_day = wish(&listing);
    one_day["days_min"] = 1.into();
    let campaign = market.call(opening(&key, "1", &one_day)).await.expect(201);
    market.share(1, &["motion", "climate"]).await;
    market.drive_in_weather(1, 0).await;
    let id = DataCampaignId::parse(campaign["id"].as_str().unwrap()).unwrap();
    let (db, now) = (&market.app.db, market.app.clock.now());
    let collect = || {
        db.write::<_, DataCampaignsError, _>(move |conn: &mut Conn| {
            data_campaigns::collect(conn, id, now)
        })
    };

    let paid = join_all((0..4).map(|_| collect())).await;

    let paid = paid.into_iter().map(Result::unwrap).sum::<u64>();
    assert_eq!((paid, market.balance(&market.owners[0]).await), (1, "2.000000".into()));

    // And what is changed behind it is found.
    let rule = "a data campaign holds what it has not paid, and pays a vehicle once";
    let tampered = [
        (
            "UPDATE data_campaign_pays SET amount = amount + 1",
            "UPDATE data_campaign_pays SET amount = amount - 1",
        ),
        (
            "UPDATE data_campaigns SET vehicles_max = 3",
            "UPDATE data_campaigns SET vehicles_max = 2",
        ),
        ("UPDATE data_campaigns SET returned = 0", "UPDATE data_campaigns SET returned = NULL"),
    ];
    for (break_it, mend_it) in tampered {
        market.tamper(break_it).await;
        assert_eq!(market.broken().await, [rule], "{break_it}");
        market.tamper(mend_it).await;
    }
}
