//! How a purchase ends when something changes on its way: owners withdraw, too few are left, time runs out.

use std::pin::pin;

use futures_util::future::join_all;
use futures_util::poll;
use marketplace::db::Conn;
use marketplace::jobs::sales;
use marketplace::trade::{self, OrderId, TradeError};

use crate::market_purchase::{delivered, download, rows};
use crate::market_support::Market;

#[actix_web::test]
async fn who_withdraws_between_purchase_and_delivery_is_neither_delivered_nor_paid() {
    let market = Market::with_cars(12, 10).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let quote = market.quote(&key).await;
    let order = market.order(&key, &quote, "first").await.expect(201);

    market.withdraw(12).await;
    market.settle().await;

    let order = delivered(&market, &key, &order).await;
    assert_eq!(order["status"], "delivered");
    assert_eq!(order["refunded"], "0.016992"); // 120 of 780 rows
    assert_eq!(order["fee"], "0.004673");
    assert_eq!(order["paid_out"], "0.088783");
    assert_eq!(order["payouts"], 11);
    assert_eq!(order["versions"][0]["rows"], 660);
    assert_eq!(rows(&download(&market, &key, &order).await).len(), 660);
    assert_eq!(market.balance(&market.owners[11]).await, "0.000000");
    assert_eq!(market.balance(&key).await, "0.906544");
}

#[actix_web::test]
async fn when_too_few_cars_are_left_everything_is_refunded() {
    let market = Market::with_cars(10, 10).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let quote = market.quote(&key).await;
    let order = market.order(&key, &quote, "first").await.expect(201);

    market.withdraw(1).await;
    market.settle().await;

    let order = delivered(&market, &key, &order).await;
    assert_eq!(order["status"], "refunded");
    assert_eq!(order["versions"], serde_json::json!([]));
    assert_eq!(market.balance(&key).await, "1.000000");
}

#[actix_web::test]
async fn what_is_not_delivered_in_time_is_refunded() {
    let mut market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let quote = market.quote(&key).await;
    let order = market.order(&key, &quote, "first").await.expect(201);
    assert_ne!(market.balance(&key).await, "1.000000");

    market.wait_seconds(3_601);
    market.settle().await;

    let order = delivered(&market, &key, &order).await;
    assert_eq!(order["status"], "refunded");
    assert_eq!(order["refunded"], quote["price"]);
    assert_eq!(market.balance(&key).await, "1.000000");
}

#[actix_web::test]
async fn a_refund_is_paid_once_however_often_it_is_asked_for() {
    let mut market = Market::with_cars(3, 3).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let quote = market.quote(&key).await;
    let order = market.order(&key, &quote, "first").await.expect(201);
    let id = OrderId::parse(order["id"].as_str().unwrap()).unwrap();
    market.wait_seconds(3_601);
    let (now, db) = (market.app.clock.now(), market.app.db.clone());
    let refund = || db.write(move |conn: &mut Conn| trade::refund(conn, id, now));

    let refunds = join_all((0..4).map(|_| refund())).await;

    let paid = refunds.iter().filter(|refund| refund.is_ok()).count();
    assert_eq!(paid, 1, "{refunds:?}");
    let refused = refund().await.unwrap_err();
    assert!(matches!(refused, TradeError::NotOpen { .. }), "{refused:?}");
    market.settle().await;
    assert_eq!(market.balance(&key).await, "1.000000");
}

/// A file is being written, for a minute or more, while an owner withdraws.
#[actix_web::test]
async fn who_withdraws_while_a_delivery_is_written_is_not_in_it() {
    let market = Market::with_cars(12, 10).await;
    market.fill().await;
    let key = market.buyer("Acme", "1").await;
    let quote = market.quote(&key).await;
    let order = market.order(&key, &quote, "first").await.expect(201);
    let folder = market.app.config.deliveries_dir();
    let files = || std::fs::read_dir(&folder).map_or(0, Iterator::count);

    let mut delivery = pin!(sales::turn(&market.app));
    while files() == 0 {
        assert!(poll!(&mut delivery).is_pending(), "delivered without a file");
        tokio::task::yield_now().await;
    }
    market.withdraw(12).await;
    delivery.await.unwrap();

    assert_eq!(delivered(&market, &key, &order).await["status"], "paid", "not with that file");
    assert_eq!(files(), 0, "which is gone");
    market.settle().await;
    let order = delivered(&market, &key, &order).await;
    assert_eq!((&order["status"], &order["payouts"]), (&"delivered".into(), &11.into()));
    assert_eq!(order["versions"][0]["rows"], 660, "without the 120 of car 12");
}
