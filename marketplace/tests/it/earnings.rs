//! A car asks what it earned, and sees no other's.

use std::collections::BTreeMap;

use marketplace::trade::{self, TradeError};
use proto::v1;
use proto::v1::earnings_client::EarningsClient;
use telematics::testing::vehicle;
use tonic::Code;

use crate::cars::{self, Car};
use crate::market::Market as CarMarket;
use crate::market_support::{Market, get, micros};

#[actix_web::test]
async fn after_a_sale_each_car_knows_what_it_earned() {
    let market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let earned = |number: u8| {
        market.app.db.read::<_, TradeError, _>(move |conn| trade::earned_by(conn, vehicle(number)))
    };
    assert_eq!(earned(1).await.unwrap().micros(), 0);

    let mut expected = BTreeMap::new();
    for idempotency in ["first", "second"] {
        let quote = market.quote(&key).await;
        market.order(&key, &quote, idempotency).await.expect(201);
        market.settle().await;
    }
    for (number, owner) in (1..).zip(&market.owners) {
        let payouts = market.call(get("/v1/payouts").by(owner)).await.expect(200);
        let payouts = payouts["payouts"].as_array().unwrap();
        assert_eq!(payouts.len(), 2);
        let sum: i64 = payouts.iter().map(|payout| micros(&payout["amount"])).sum();
        assert!(sum > 0);
        expected.insert(number, sum);
    }
    for (number, sum) in expected {
        assert_eq!(earned(number).await.unwrap().micros(), sum, "car {number}");
    }
    assert_eq!(earned(9).await.unwrap().micros(), 0, "a car that is none");
}

#[tokio::test]
async fn only_a_car_that_shows_its_certificate_is_told() {
    let market = CarMarket::start().await;
    let car = Car::enrol(&market).await;
    let ask = async |channel| {
        let mut client = EarningsClient::new(channel);
        client.fetch_earnings(v1::FetchEarningsRequest {}).await
    };

    let told = ask(car.connect(&market).await.unwrap()).await.unwrap().into_inner();
    assert_eq!(told.earned_micro_tokens, 0);
    let stranger = cars::channel(&market, cars::tls(&market)).await.unwrap();
    assert_eq!(ask(stranger).await.unwrap_err().code(), Code::Unauthenticated);
    market.suspend(car.id).await;
    let suspended = ask(car.connect(&market).await.unwrap()).await.unwrap_err();
    assert_eq!(suspended.code(), Code::PermissionDenied);
}
