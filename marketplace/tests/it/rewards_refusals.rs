//! Weeks of rewards that are closed twice, paid twice, lost by who is shut out, or changed.

use marketplace::archive;
use marketplace::clock::Clock;
use marketplace::config::Rules;
use marketplace::db::Db;
use marketplace::identity;
use marketplace::jobs::erasure;
use marketplace::rewards::{self, ClosedWeek, PoolRules, RewardsError, Salt};
use serde_json::{Value as Json, json};
use telematics::testing::{T0, vehicle};

use crate::market_support::{Market, get, micros, post, text_micros};
use crate::rewards::{HOUR, WEEK, moving, verify};

impl Market {
    async fn close(&self, week: u32) -> Result<ClosedWeek, RewardsError> {
        close(&self.app.db, &self.app.config.rules, week, self.app.clock).await
    }

    async fn vest(&self, week: u32) -> Result<ClosedWeek, RewardsError> {
        let now = self.app.clock.now();
        self.app.db.write(move |conn| rewards::vest(conn, week, now)).await
    }

    async fn erase(&self, number: u8) {
        let path = format!("/v1/vehicles/{}/erasure", vehicle(number));
        let key = &self.owners[usize::from(number) - 1];
        self.call(post(path, &json!({})).by(key)).await.expect(202);
        erasure::turn(&self.app).await.unwrap();
    }
}

async fn close(
    db: &Db,
    rules: &Rules,
    week: u32,
    clock: Clock,
) -> Result<ClosedWeek, RewardsError> {
    let (pool_rules, salt) = (PoolRules::of(rules).unwrap(), Salt::new(rand::random()));
    let close = move |conn: &mut _| rewards::close(conn, week, pool_rules, &salt, clock.now());
    db.write(close).await
}

#[actix_web::test]
async fn a_week_is_closed_and_paid_once_however_many_try() {
    let mut market = Market::with_cars(2, 1).await;
    let unknown = market.close(1).await;
    assert!(matches!(unknown, Err(RewardsError::Unknown { week: 1 })), "nobody sent anything");
    market.drive(1, moving(0)).await;
    assert!(matches!(market.close(1).await, Err(RewardsError::NotOver { week: 1, .. })));
    market.wait_seconds(WEEK + HOUR);
    assert!(
        matches!(market.close(2).await, Err(RewardsError::Unknown { week: 2 })),
        "not its turn"
    );

    let url = market.app.config.database_url();
    let others = [Db::open(&url).unwrap(), Db::open(&url).unwrap()];
    let (rules, clock) = (&market.app.config.rules, market.app.clock);
    let closed =
        tokio::join!(close(&others[0], rules, 1, clock), close(&others[1], rules, 1, clock));
    let (won, lost) = if closed.0.is_ok() { closed } else { (closed.1, closed.0) };
    let won = won.unwrap();
    assert!(matches!(lost, Err(RewardsError::AlreadyClosed { week: 1 })), "{lost:?}");
    assert!(matches!(market.close(1).await, Err(RewardsError::AlreadyClosed { week: 1 })));
    let kept = market.weeks().await;
    assert_eq!((kept.len(), &kept[0]["sha256"]), (1, &json!(hex::encode(won.file_hash))));

    assert!(matches!(market.vest(1).await, Err(RewardsError::NotVested { week: 1, .. })));
    assert!(matches!(market.vest(2).await, Err(RewardsError::Unknown { week: 2 })));
    market.wait_seconds(WEEK);
    let now = market.app.clock.now();
    let vest = |db: Db| async move { db.write(move |conn| rewards::vest(conn, 1, now)).await };
    let [one, other] = others;
    let vested = tokio::join!(vest(one), vest(other));
    let (won, lost) = if vested.0.is_ok() { vested } else { (vested.1, vested.0) };
    assert_eq!(won.unwrap().paid.to_string(), "10000.000000");
    assert!(matches!(lost, Err(RewardsError::AlreadyPaid { week: 1 })), "{lost:?}");
    assert!(matches!(market.vest(1).await, Err(RewardsError::AlreadyPaid { week: 1 })));
    market.turn().await;
    assert_eq!(market.balance(&market.owners[0]).await, "10000.000000");
}

#[actix_web::test]
async fn who_is_shut_out_or_erased_forfeits_and_nobody_gets_it() {
    let mut market = Market::with_cars(5, 1).await;
    for car in 1..=5 {
        market.drive(car, moving(0)).await;
    }
    let suspend = |conn: &mut _| identity::suspend(conn, vehicle(5));
    market.app.db.write(suspend).await.unwrap();
    market.wait_seconds(WEEK + HOUR);
    market.turn().await;
    let week = market.weeks().await[0].clone();
    assert_eq!(week["vehicles"], 4, "who is shut out when it is closed has no part in it");
    let before = market.mine(2).await["rewards"]["shares"][0].clone();

    market.app.db.write(|conn| identity::suspend(conn, vehicle(2))).await.unwrap();
    market.erase(3).await;
    market.wait_seconds(WEEK);
    market.turn().await;

    let forfeited = market.mine(2).await["rewards"]["shares"][0].clone();
    assert_eq!(
        (&forfeited["status"], &forfeited["amount"]),
        (&json!("forfeited"), &before["amount"])
    );
    assert_eq!(market.mine(3).await["rewards"]["shares"], json!([]), "nothing says what it did");
    let given = [1, 2, 3, 4, 5].map(|number| market.owners[number - 1].clone());
    let mut balances = Vec::new();
    for owner in &given {
        balances.push(text_micros(&market.balance(owner).await));
    }
    assert!(balances[0] > 0 && balances[3] > 0, "{balances:?}");
    assert_eq!((balances[1], balances[2], balances[4]), (0, 0, 0));
    let paid = market.weeks().await[1].clone();
    assert_eq!(micros(&paid["paid"]), balances.iter().sum::<i64>());
    assert!(micros(&paid["paid"]) < micros(&paid["pool"]));

    market.erase(1).await;
    let mine = market.mine(1).await;
    let share = &mine["rewards"]["shares"][0];
    assert_eq!((&share["status"], &share["pseudonym"]), (&json!("paid"), &Json::Null));
    assert_eq!((&share["because"], micros(&share["amount"])), (&json!([]), balances[0]));
    let file = market.call(get("/v1/rewards/1/facts.json")).await;
    let (code, verified) = verify(market.folder.path(), &file.bytes);
    assert_eq!((code, &verified["sha256"]), (Some(0), &week["sha256"]), "as it was published");
}

#[actix_web::test]
async fn an_erased_car_leaves_no_days_behind() {
    let market = Market::with_cars(2, 1).await;
    market.drive(1, moving(0)).await;
    market.drive(2, moving(0)).await;
    let days = async || {
        let day = T0.day();
        market.app.db.read(move |conn| archive::days(conn, day, day + 7)).await.unwrap()
    };
    assert_eq!(days().await.len(), 2);

    market.erase(1).await;

    let left = days().await;
    assert_eq!(left.iter().map(|day| day.vehicle).collect::<Vec<_>>(), [vehicle(2)]);
}

#[actix_web::test]
async fn what_is_changed_in_a_week_is_found() {
    let mut market = Market::with_cars(2, 1).await;
    market.drive(1, moving(0)).await;
    market.drive(2, moving(0)).await;
    market.wait_seconds(WEEK + HOUR);
    market.turn().await;
    market.wait_seconds(WEEK);
    market.turn().await;
    assert_eq!(market.broken().await, [""; 0]);

    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("a week's pool, points and file",
            "UPDATE reward_facts SET signals = signals + 1",
            "UPDATE reward_facts SET signals = signals - 1"),
        ("a week's pool, points and file",
            "UPDATE reward_weeks SET points = points + 1",
            "UPDATE reward_weeks SET points = points - 1"),
        ("a week's pool, points and file",
            "UPDATE reward_weeks SET first_day = first_day + 1 WHERE number = 1",
            "UPDATE reward_weeks SET first_day = first_day - 1 WHERE number = 1"),
        ("a share of a week",
            "UPDATE reward_shares SET paid = paid + 1, amount = amount + 1",
            "UPDATE reward_shares SET paid = paid - 1, amount = amount - 1"),
        ("a share of a week",
            "UPDATE reward_shares SET paid = 0",
            "UPDATE reward_shares SET paid = amount"),
        ("a week is given once",
            "UPDATE reward_weeks SET paid = paid - 1 WHERE number = 1",
            "UPDATE reward_weeks SET paid = paid + 1 WHERE number = 1"),
        ("a week is given once",
            "UPDATE reward_shares SET paid = 0",
            "UPDATE reward_shares SET paid = amount"),
        ("a share of a week",
            "UPDATE reward_weeks SET vested_at = NULL WHERE number = 1",
            "UPDATE reward_weeks SET vested_at = closed_at WHERE number = 1"),
    ];
    for (rule, change, mend) in cases {
        market.tamper(change).await;
        let broken = market.broken().await;
        assert!(broken.iter().any(|found| found.starts_with(rule)), "{change}: {broken:?}");
        market.tamper(mend).await;
        assert_eq!(market.broken().await, [""; 0], "{mend}");
    }
}
