//! A car knows what it earned, also when there is no network.

use edge_agent::status::{self, TokensEarned};
use telematics::Timestamp;

use crate::car::Car;
use crate::market::Market;
use crate::uplink::{SMALL, check_complete, drive};

fn told(car: &Car) -> Option<TokensEarned> {
    status::read(car.data_dir()).unwrap().tokens_earned
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_car_earned_is_told_when_it_connects_and_stays_known() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 100).await;
    drive(&market, &car, SMALL).await.unwrap();
    assert_eq!(told(&car).unwrap().micro_tokens, 0);

    market.state().earned_micro_tokens = Some(1_234_567);
    drive(&market, &car, SMALL).await.unwrap();
    let earned = told(&car).unwrap();
    assert_eq!((earned.micro_tokens, earned.to_string()), (1_234_567, "1.234567".to_owned()));
    assert!(earned.as_of.parse::<Timestamp>().is_ok(), "{}", earned.as_of);

    // A market that does not say: the last news stays, with its time.
    market.state().earned_micro_tokens = None;
    drive(&market, &car, SMALL).await.unwrap();
    assert_eq!(told(&car), Some(earned));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_market_that_does_not_know_the_call_gets_every_sample() {
    let market = Market::open().await;
    market.state().earned_micro_tokens = None;
    let car = Car::enrolled(&market, 300).await;
    drive(&market, &car, SMALL).await.unwrap();

    check_complete(&market, 300);
    assert_eq!(told(&car), None);
}
