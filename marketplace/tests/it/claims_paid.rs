//! What claims are paid: by whom, once, to whom, and what goes back.

use diesel::connection::SimpleConnection as _;
use marketplace::campaigns::{self, CampaignsError, Terms};
use marketplace::clock::Clock;
use marketplace::db::Conn;
use marketplace::identity::ApiKey;
use marketplace::jobs::{roots, sales};
use marketplace::ledger::{self, Account, LedgerError};
use proto::v1;
use serde_json::{Value, json};
use telematics::question::ClassPattern;
use telematics::{Campaign, OwnerId, Scope};
use tonic::Code;

use crate::market::{Audited, Market};
use crate::market_support::{call, get, post};
use crate::proving::{self, Proving, asking, buyer, campaign, open, terms};

async fn market() -> Market {
    Market::start_with(proving::takes_proofs).await
}

impl Market {
    /// What an account has, in micro-tokens.
    async fn has(&self, account: Account) -> i64 {
        let read = move |conn: &mut _| ledger::balance(conn, account);
        self.app.db.read::<_, LedgerError, _>(read).await.unwrap().posted.micros()
    }

    async fn campaign_by(&self, key: &str, id: &str) -> Value {
        call(&self.app, get(format!("/v1/campaigns/{id}")).by(key)).await.expect(200)
    }
}

impl Proving {
    async fn sweep(&mut self, owner: OwnerId, salt: &[u8]) -> Result<u64, tonic::Status> {
        let request = v1::SweepPayeeRequest { owner_id: owner.to_vec(), salt: salt.to_vec() };
        Ok(self.proofs.sweep_payee(request).await?.into_inner().micro_tokens)
    }
}

#[actix_web::test]
async fn a_claim_is_paid_at_once_and_swept_to_no_other_than_its_owner() {
    let market = market().await;
    let mut car = Proving::start(&market).await;
    let (buyer, key) = buyer(&market.app).await;
    let asked = campaign(&market.app, buyer, -1..=1).await;
    let (of_buyer, of_campaign) = (Account::Buyer(buyer.id()), Account::Campaign(asked.id));
    assert_eq!(
        [market.has(of_buyer).await, market.has(of_campaign).await],
        [79_000_000, 21_000_000]
    );

    let claim = car.claim(&asked).await;
    assert!(!car.submit(&claim).await.unwrap());
    let payee = Account::Payee(claim.payee.clone().try_into().unwrap());
    let owner = Account::Owner(car.car.owner.id());
    assert!(car.submit(&claim).await.unwrap(), "the same again is the same, and costs nothing");
    let has =
        [market.has(of_campaign).await, market.has(payee).await, market.has(Account::Fees).await];
    assert_eq!(has, [18_900_000, 2_000_000, 100_000]);
    let shown = market.campaign_by(&key, &asked.id.to_string()).await;
    assert_eq!(
        (&shown["claims"], &shown["paid_out"], &shown["held"]),
        (&1.into(), &"2.000000".into(), &"18.900000".into())
    );

    let (id, salt) = (car.car.owner.id(), car.salt);
    let stranger = market.owner().await.id();
    let wrong: [(_, _, [u8; 16]); 2] =
        [("another owner", stranger, salt), ("another salt", id, [9; 16])];
    for (name, owner, salt) in wrong {
        assert_eq!(car.sweep(owner, &salt).await.unwrap_err().code(), Code::NotFound, "{name}");
    }
    assert_eq!(car.sweep(id, &salt[1..]).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(car.sweep(id, &salt).await.unwrap(), 2_000_000);
    assert_eq!(car.sweep(id, &salt).await.unwrap(), 2_000_000, "the same again is the same");
    assert_eq!([market.has(payee).await, market.has(owner).await], [0, 2_000_000]);
}

#[actix_web::test]
async fn an_owner_sees_what_campaigns_paid_him_and_nobody_else_does() {
    let market = market().await;
    let (secret, other) = (rand::random(), rand::random());
    let owner = market.owner_with_key(secret).await;
    market.owner_with_key(other).await;
    let mut car = Proving::start_for(&market, owner).await;
    let (buyer, _) = buyer(&market.app).await;
    let asked = campaign(&market.app, buyer, -1..=1).await;
    let claim = car.claim(&asked).await;
    car.submit(&claim).await.unwrap();
    let sweeps = async |secret: [u8; 32]| {
        let key = ApiKey::new(secret).reveal();
        call(&market.app, get("/v1/sweeps").by(&key)).await.expect(200)["sweeps"].clone()
    };
    assert_eq!(sweeps(secret).await, json!([]), "nobody knows whose the payee is");

    let salt = car.salt;
    car.sweep(owner.id(), &salt).await.unwrap();

    let told = sweeps(secret).await;
    let [line] = &told.as_array().unwrap()[..] else { panic!("one line") };
    assert_eq!(
        (&line["campaign"], &line["title"]),
        (&asked.id.to_string().into(), &asked.title.into())
    );
    assert_eq!(line["amount"], "2.000000");
    assert_eq!(sweeps(other).await, json!([]));
}

#[actix_web::test]
async fn a_payee_is_for_one_claim() {
    let market = market().await;
    let owner = market.owner().await;
    let mut cars =
        [Proving::start_for(&market, owner).await, Proving::start_for(&market, owner).await];
    cars[1].salt = cars[0].salt;
    let (buyer, _) = buyer(&market.app).await;
    let asked = campaign(&market.app, buyer, -1..=1).await;
    let [first, second] = &mut cars;

    let claim = first.claim(&asked).await;
    first.submit(&claim).await.unwrap();
    let claim = second.claim(&asked).await;
    let refused = second.submit(&claim).await.unwrap_err();

    assert_eq!(refused.code(), Code::AlreadyExists, "{refused:?}");
    assert!(refused.message().contains("another salt"), "{refused:?}");
    second.salt = rand::random();
    let claim = second.claim(&asked).await;
    assert!(!second.submit(&claim).await.unwrap());
}

#[actix_web::test]
async fn the_last_claim_that_is_paid_closes_a_campaign_whoever_comes_at_the_same_time() {
    let market = market().await;
    let (buyer, key) = buyer(&market.app).await;
    let asked = asking(&market.app, -1..=1);
    open(&market.app, buyer, &asked, Terms { vehicles_max: 2, ..terms() }).await;
    let mut answers = Vec::new();
    let mut cars = Vec::new();
    for _ in 0..4 {
        let mut car = Proving::start(&market).await;
        let claim = car.claim(&asked).await;
        cars.push((car, claim));
    }
    let sent = cars.into_iter().map(|(mut car, claim)| {
        tokio::spawn(async move { car.submit(&claim).await.map_err(|status| status.code()) })
    });
    for answer in sent.collect::<Vec<_>>() {
        answers.push(answer.await.unwrap());
    }

    answers.sort_by_key(Result::is_err);
    let closed = Err(Code::FailedPrecondition);
    assert_eq!(answers, [Ok(false), Ok(false), closed, closed]);
    let shown = market.campaign_by(&key, &asked.id.to_string()).await;
    assert_eq!((&shown["status"], &shown["claims"]), (&"closed".into(), &2.into()));
    assert_eq!((&shown["held"], &shown["returned"]), (&"0.000000".into(), &"0.000000".into()));
    assert_eq!(market.has(Account::Buyer(buyer.id())).await, 100_000_000 - 2 * 2_100_000);
}

#[actix_web::test]
async fn what_is_left_goes_back_when_a_campaign_is_closed_or_over() {
    let market = market().await;
    let mut car = Proving::start(&market).await;
    let (buyer, key) = buyer(&market.app).await;
    let [early, late] =
        [campaign(&market.app, buyer, -1..=1).await, campaign(&market.app, buyer, -1..=1).await];
    let claim = car.claim(&early).await;
    car.submit(&claim).await.unwrap();
    assert_eq!(market.has(Account::Buyer(buyer.id())).await, 58_000_000);

    let close = || post(format!("/v1/campaigns/{}/close", early.id), &json!({})).by(&key);
    let closed = call(&market.app, close()).await.expect(200);
    assert_eq!((&closed["returned"], &closed["held"]), (&"18.900000".into(), &"0.000000".into()));
    assert_eq!(
        call(&market.app, close()).await.expect(200),
        closed,
        "closed again, nothing changes"
    );
    assert_eq!(market.has(Account::Buyer(buyer.id())).await, 76_900_000);

    let mut app = market.app.clone();
    app.clock = Clock::Fixed(late.closes_at.plus_micros(-1));
    sales::turn(&app).await.unwrap();
    assert_eq!(market.has(Account::Campaign(late.id)).await, 21_000_000);
    app.clock = Clock::Fixed(late.closes_at);
    for _ in 0..2 {
        sales::turn(&app).await.unwrap();
        assert_eq!(market.has(Account::Buyer(buyer.id())).await, 97_900_000);
    }
    let salt = car.salt;
    assert_eq!(
        car.sweep(car.car.owner.id(), &salt).await.unwrap(),
        2_000_000,
        "what was paid stays paid"
    );
}

#[actix_web::test]
async fn a_campaign_is_funded_once_or_not_opened() {
    let market = market().await;
    let (buyer, key) = buyer(&market.app).await;
    let body = |vehicles_max: u32| {
        json!({
            "title": "Calm drivers",
            "scope": { "first_day": "2026-01-01", "last_day": "2027-12-31" },
            "question": { "circuit": "fact", "signal": "Vehicle.Speed" },
            "closes_at": "2099-01-01T00:00:00Z",
            "pay_per_vehicle": "1",
            "vehicles_max": vehicles_max,
        })
    };
    let ask =
        |vehicles_max, once: &str| post("/v1/campaigns", &body(vehicles_max)).by(&key).once(once);

    let refused = call(&market.app, ask(96, "1")).await.problem(402, "insufficient-funds");
    assert!(refused.contains("100.800000 are needed"), "{refused}");
    let listed = call(&market.app, get("/v1/campaigns")).await.expect(200);
    assert_eq!(listed["campaigns"], json!([]), "without money there is no campaign");

    let opened = call(&market.app, ask(95, "1")).await;
    assert_eq!(
        opened.bytes,
        call(&market.app, ask(95, "1")).await.bytes,
        "answered as the first time"
    );
    call(&market.app, ask(94, "1")).await.problem(422, "idempotency-key-reused");
    let unnamed = post("/v1/campaigns", &body(1)).by(&key);
    assert!(
        call(&market.app, unnamed)
            .await
            .problem(400, "invalid-request")
            .contains("Idempotency-Key")
    );
    let opened = opened.expect(201);
    assert_eq!(
        (&opened["held"], &opened["fee_per_vehicle"]),
        (&"99.750000".into(), &"0.050000".into())
    );
    assert_eq!(market.has(Account::Buyer(buyer.id())).await, 250_000);
}

#[actix_web::test]
async fn who_would_stand_alone_is_neither_asked_nor_taken_at_his_word() {
    let market = Market::start_with(|config| {
        proving::takes_proofs(config);
        config.rules.vehicles_min = 2;
    })
    .await;
    let mut car = Proving::start(&market).await;
    let (buyer, key) = buyer(&market.app).await;
    let body = json!({
        "title": "Calm drivers",
        "scope": { "make": "Toyota", "first_day": "2026-01-01", "last_day": "2027-12-31" },
        "question": { "circuit": "fact", "signal": "Vehicle.Speed" },
        "closes_at": "2099-01-01T00:00:00Z",
        "pay_per_vehicle": "1",
        "vehicles_max": 1,
    });
    let ask = || post("/v1/campaigns", &body).by(&key).once("1");
    let refused = call(&market.app, ask()).await.problem(409, "too-few-vehicles");
    assert!(refused.contains("1 vehicles of this class"), "{refused}");
    assert_eq!(market.has(Account::Buyer(buyer.id())).await, 100_000_000);

    // A second car takes part, and commits to nothing yet.
    let _silent = crate::cars::Car::enrol(&market).await;
    call(&market.app, ask()).await.expect(201);
    let asked = campaign(&market.app, buyer, -1..=1).await;
    let claim = car.claim(&asked).await;
    let refused = car.submit(&claim).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert!(refused.message().contains("fewer than the 2"), "{refused:?}");

    let _other = Proving::start(&market).await;
    roots::turn(&market.app).await.unwrap();
    let id = asked.id.to_string();
    assert_eq!(market.campaign_by(&key, &id).await["vehicles_in_scope"], 2);
    assert!(!car.submit(&claim).await.unwrap());
}

#[actix_web::test]
async fn only_vehicles_of_the_class_and_the_days_are_counted() {
    let market = market().await;
    let _cars = [Proving::start(&market).await, Proving::start(&market).await];
    let (buyer, _) = buyer(&market.app).await;
    let today = u16::try_from(market.now().day()).unwrap();
    let make = |make: &str| ClassPattern { make: Some(make.to_owned()), ..ClassPattern::default() };
    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("of the class, today",      make("toyota"), today,     today,     2),
        ("of another class",         make("Honda"),  today,     today,     0),
        ("tomorrow",                 make("toyota"), today + 1, today + 9, 0),
        ("any car, all the time",    make("toyota"), 0,         u16::MAX,  2),
    ];
    for (name, class, first, last, expected) in cases {
        let asked = Campaign {
            scope: Scope::new(class, first, last).unwrap(),
            ..asking(&market.app, -1..=1)
        };
        let opened = open(&market.app, buyer, &asked, Terms { vehicles_max: 1, ..terms() }).await;
        assert_eq!(opened.vehicles_in_scope, expected, "{name}");
    }
}

#[actix_web::test]
async fn what_is_changed_behind_campaigns_is_found() {
    let market = market().await;
    let mut cars = [Proving::start(&market).await, Proving::start(&market).await];
    let (buyer, _) = buyer(&market.app).await;
    let asked = campaign(&market.app, buyer, -1..=1).await;
    let over = campaign(&market.app, buyer, -1..=1).await;
    for car in &mut cars {
        let claim = car.claim(&asked).await;
        car.submit(&claim).await.unwrap();
    }
    let (owner, salt) = (cars[0].car.owner.id(), cars[0].salt);
    cars[0].sweep(owner, &salt).await.unwrap();
    let close = move |conn: &mut _| campaigns::close(conn, &buyer, over.id, over.closes_at);
    market.app.db.write::<_, CampaignsError, _>(close).await.unwrap();
    let audited = Audited::of(&market.app);

    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("a campaign holds",
            "UPDATE campaigns SET vehicles_max = vehicles_max + 1",
            "UPDATE campaigns SET vehicles_max = vehicles_max - 1"),
        ("a campaign holds",
            "UPDATE campaigns SET returned = returned - 1",
            "UPDATE campaigns SET returned = returned + 1"),
        ("each vehicle is paid once",
            "UPDATE campaigns SET pay_per_vehicle = pay_per_vehicle + 1, fee_per_vehicle = fee_per_vehicle - 1",
            "UPDATE campaigns SET pay_per_vehicle = pay_per_vehicle - 1, fee_per_vehicle = fee_per_vehicle + 1"),
        ("a payee has",
            "UPDATE sweeps SET amount = amount - 1",
            "UPDATE sweeps SET amount = amount + 1"),
        ("a payee has",
            "UPDATE accounts SET balance = balance - 1 WHERE kind = 'payee' AND balance > 0",
            "UPDATE accounts SET balance = balance + 1 WHERE kind = 'payee' AND balance > 0"),
    ];
    for (rule, change, mend) in cases {
        for (sql, is_broken) in [(change, true), (mend, false)] {
            let run = move |conn: &mut Conn| Ok::<_, LedgerError>(conn.batch_execute(sql)?);
            market.app.db.write(run).await.unwrap();
            let checks = audited.0.audit().await.unwrap();
            let broken = checks.iter().filter(|check| !check.findings.is_empty());
            let broken = broken.map(|check| check.rule).collect::<Vec<_>>();
            let is_found = broken.iter().any(|found| found.starts_with(rule));
            assert_eq!(is_found, is_broken, "{sql}: {broken:?}");
        }
    }
}
