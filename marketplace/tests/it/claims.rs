//! Claims from outside: proven by a car that does not say who it is, verified, kept, and downloaded.

use marketplace::app::App;
use marketplace::campaigns::{self, CampaignsError};
use marketplace::config::Config;
use marketplace::jobs::roots;
use proto::v1;
use proto::v1::proofs_client::ProofsClient;
use telematics::{CampaignId, Offer};
use tonic::Code;
use zk::text::ClaimFile;
use zk::{Circuit, Verifier};

use crate::cars::Car;
use crate::market::{self, Market};
use crate::market_support::{call, get, post};
use crate::proving::{self, Proving, buyer, campaign, keys_dir};

async fn market() -> Market {
    Market::start_with(proving::takes_proofs).await
}

#[actix_web::test]
async fn a_proven_claim_is_kept_once_and_its_buyer_can_verify_it_by_himself() {
    let market = market().await;
    let mut car = Proving::start(&market).await;
    let (buyer, key) = buyer(&market.app).await;
    let campaign = campaign(&market.app, buyer, -1..=1).await;
    let listed = car.proofs.list_campaigns(v1::ListCampaignsRequest::default()).await.unwrap();
    let listed = listed.into_inner().campaigns;
    let offer = Offer::try_from(listed[0].clone()).unwrap();
    assert_eq!(offer.campaign, campaign);
    assert_eq!((offer.pay_micro_tokens, offer.vehicles_in_scope), (2_000_000, 1));

    let claim = car.claim(&campaign).await;
    assert!(!car.submit(&claim).await.unwrap());
    assert!(car.submit(&claim).await.unwrap());
    let other_payee = v1::SubmitClaimRequest { payee: vec![1; 32], ..claim.clone() };
    let refused = car.submit(&other_payee).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists, "{refused:?}");

    let path = format!("/v1/campaigns/{}/claims", campaign.id);
    let answer = call(&market.app, get(path).by(&key)).await;
    assert_eq!(answer.header("x-development-keys"), "true");
    let lines: Vec<_> = std::str::from_utf8(&answer.bytes).unwrap().lines().collect();
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let file: ClaimFile = serde_json::from_str(line).unwrap();
    let (statement, proof) = file.open().unwrap();
    let served = call(&market.app, get("/v1/keys/summary")).await.bytes;
    assert_eq!(zk::Fingerprint::of(&served).to_string(), file.verifying_key);
    let key = zk::VerifyingKey::from_bytes(&served, Circuit::Summary.public_inputs()).unwrap();
    Verifier::new(Circuit::Summary, key).unwrap().verify(&statement, &proof).unwrap();
}

#[actix_web::test]
async fn a_claim_that_differs_in_anything_from_what_was_proven_is_refused() {
    let market = market().await;
    let mut car = Proving::start(&market).await;
    let (buyer, _) = buyer(&market.app).await;
    let asked = campaign(&market.app, buyer, -1..=1).await;
    let same_again = campaign(&market.app, buyer, -1..=1).await;
    let other_days = campaign(&market.app, buyer, 5..=6).await;
    let claim = car.claim(&asked).await;
    // Another root that is published too.
    let batch = car.car.batch_of_commitments(vec![telematics::window::Committed {
        signal: telematics::Signal::SPEED,
        commitment: telematics::window::Commitment([1; 32]),
    }]);
    car.car.send(&market, [batch]).await.leaves();
    let newest = roots::turn(&market.app).await.unwrap().unwrap();

    let to = |campaign_id: CampaignId| v1::SubmitClaimRequest {
        campaign_id: campaign_id.to_vec(),
        ..claim.clone()
    };
    let mut flipped = claim.clone();
    flipped.proof[40] ^= 1;
    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("another campaign",  to(same_again.id),                                                                Code::InvalidArgument),
        ("other days",        to(other_days.id),                                                                Code::InvalidArgument),
        ("no such campaign",  to(CampaignId::new(market.now(), [1; 10])),                                       Code::NotFound),
        ("another payee",     v1::SubmitClaimRequest { payee: vec![1; 32], ..claim.clone() },                   Code::InvalidArgument),
        ("another nullifier", v1::SubmitClaimRequest { nullifier: vec![1; 32], ..claim.clone() },               Code::InvalidArgument),
        ("another root",      v1::SubmitClaimRequest { root: newest.root.to_bytes().to_vec(), ..claim.clone() }, Code::InvalidArgument),
        ("no root",           v1::SubmitClaimRequest { root: vec![1; 32], ..claim.clone() },                    Code::NotFound),
        ("not canonical",     v1::SubmitClaimRequest { nullifier: vec![255; 32], ..claim.clone() },             Code::InvalidArgument),
        ("cut short",         v1::SubmitClaimRequest { proof: claim.proof[1..].to_vec(), ..claim.clone() },     Code::InvalidArgument),
        ("a flipped bit",     flipped,                                                                          Code::InvalidArgument),
        ("no points",         v1::SubmitClaimRequest { proof: vec![255; 128], ..claim.clone() },                Code::InvalidArgument),
    ];
    for (name, wrong, code) in cases {
        let refused = car.submit(&wrong).await.unwrap_err();
        assert_eq!(refused.code(), code, "{name}: {refused:?}");
    }

    // Against the root that it was proven against, though a newer one is published.
    assert!(!car.submit(&claim).await.unwrap());
    let count = move |conn: &mut _| campaigns::claim_count(conn, same_again.id);
    assert_eq!(market.app.db.read(count).await.unwrap(), 0);
}

#[actix_web::test]
async fn honest_claims_in_one_batch_with_wrong_ones_are_kept() {
    let market = market().await;
    let (buyer, _) = buyer(&market.app).await;
    let asked = campaign(&market.app, buyer, -1..=1).await;
    let mut claims = Vec::new();
    let mut proofs = None;
    for _ in 0..3 {
        let mut car = Proving::start(&market).await;
        claims.push(car.claim(&asked).await);
        proofs = Some(car.proofs);
    }
    let proofs = proofs.unwrap();
    let honest = claims.clone();
    claims[1].payee = vec![1; 32];
    claims.push(claims[0].clone());

    let sent = claims.into_iter().map(|claim| {
        let mut proofs = proofs.clone();
        tokio::spawn(async move {
            let answer = proofs.submit_claim(claim).await;
            answer.map(|answer| answer.into_inner().existed).map_err(|status| status.code())
        })
    });
    let mut answers = Vec::new();
    for answer in sent.collect::<Vec<_>>() {
        answers.push(answer.await.unwrap());
    }

    assert_eq!((answers[1], answers[2]), (Err(Code::InvalidArgument), Ok(false)));
    // Sent twice: kept by the one, found by the other.
    let mut twice = [answers[0].unwrap(), answers[3].unwrap()];
    twice.sort_unstable();
    assert_eq!(twice, [false, true]);
    let mut proofs = proofs;
    assert!(!proofs.submit_claim(honest[1].clone()).await.unwrap().into_inner().existed);
}

#[actix_web::test]
async fn a_closed_campaign_takes_no_claims_but_answers_for_those_it_took() {
    let market = market().await;
    let (mut early, mut late) = (Proving::start(&market).await, Proving::start(&market).await);
    let (buyer, key) = buyer(&market.app).await;
    let asked = campaign(&market.app, buyer, -1..=1).await;
    let (first, second) = (early.claim(&asked).await, late.claim(&asked).await);
    early.submit(&first).await.unwrap();

    let path = format!("/v1/campaigns/{}/close", asked.id);
    let closed = call(&market.app, post(path, &serde_json::json!({})).by(&key)).await.expect(200);

    assert_eq!((&closed["status"], &closed["claims"]), (&"closed".into(), &1.into()));
    let refused = late.submit(&second).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    assert!(early.submit(&first).await.unwrap());
    let listed = late.proofs.list_campaigns(v1::ListCampaignsRequest::default()).await.unwrap();
    assert!(listed.into_inner().campaigns.is_empty());
}

#[tokio::test]
async fn a_car_that_shows_its_certificate_is_told_to_come_without() {
    let market = Market::start().await;
    let car = Car::enrol(&market).await;
    let mut proofs = ProofsClient::new(car.connect(&market).await.unwrap());

    let refusals = [
        proofs.list_campaigns(v1::ListCampaignsRequest::default()).await.unwrap_err(),
        proofs.fetch_root(v1::FetchRootRequest::default()).await.unwrap_err(),
        proofs.fetch_bucket(v1::FetchBucketRequest::default()).await.unwrap_err(),
        proofs.submit_claim(v1::SubmitClaimRequest::default()).await.unwrap_err(),
        proofs.sweep_payee(v1::SweepPayeeRequest::default()).await.unwrap_err(),
    ];

    for refused in refusals {
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains("client certificate"), "{refused:?}");
    }
}

#[actix_web::test]
async fn without_keys_no_campaign_is_opened_and_no_claim_is_taken() {
    let market = Market::start_with(|config| config.rules.vehicles_min = 0).await;
    let mut car = Proving::start(&market).await;
    let (buyer, key) = buyer(&market.app).await;
    // Opened while there were keys.
    let asked = campaign(&market.app, buyer, -1..=1).await;

    let claim = car.claim(&asked).await;
    let refused = car.submit(&claim).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert!(refused.message().contains("keys_dir"), "{refused:?}");
    let body = campaign_json("At most 130");
    let answer = call(&market.app, post("/v1/campaigns", &body).by(&key).once("1")).await;
    assert!(answer.problem(503, "no-proofs").contains("keys_dir"));
    let keys = call(&market.app, get("/v1/keys")).await.expect(200);
    assert_eq!((&keys["keys"], &keys["development_keys"]), (&serde_json::json!([]), &false.into()));
}

fn campaign_json(title: &str) -> serde_json::Value {
    serde_json::json!({
        "title": title,
        "scope": { "make": "Toyota", "first_day": "2026-01-01", "last_day": "2027-12-31" },
        "question": {
            "circuit": "summary",
            "signal": "Vehicle.Speed",
            "period": "day",
            "figures": { "max": { "high": 130.0 } }
        },
        "closes_at": "2099-01-01T00:00:00Z",
        "pay_per_vehicle": "0.500000",
        "vehicles_max": 100
    })
}

#[actix_web::test]
async fn a_campaign_reads_as_it_was_asked_and_every_page_says_that_anyone_can_forge() {
    let market = market().await;
    let (_, key) = buyer(&market.app).await;
    let body = campaign_json("Calm drivers");

    let opened =
        call(&market.app, post("/v1/campaigns", &body).by(&key).once("1")).await.expect(201);
    let id = opened["id"].as_str().unwrap();

    for field in ["title", "scope", "question", "closes_at", "pay_per_vehicle", "vehicles_max"] {
        assert_eq!(opened[field], body[field], "{field}");
    }
    let one = call(&market.app, get(format!("/v1/campaigns/{id}"))).await.expect(200);
    assert_eq!(one, opened);
    let all = call(&market.app, get("/v1/campaigns")).await.expect(200);
    assert_eq!(all["campaigns"][0]["id"], id);
    let after = call(&market.app, get(format!("/v1/campaigns?after={id}"))).await.expect(200);
    assert_eq!(after["campaigns"], serde_json::json!([]));
    for path in ["/v1/campaigns", "/v1/epochs", "/v1/keys"] {
        let page = call(&market.app, get(path)).await.expect(200);
        assert_eq!(page["development_keys"], true, "{path}");
        assert!(page["warning"].as_str().unwrap().contains("forge"), "{path}");
        assert!(page["not_proven"].as_str().unwrap().contains("sensor"), "{path}");
    }
}

#[actix_web::test]
async fn what_is_no_campaign_is_refused_with_the_reason() {
    let market = market().await;
    let (_, key) = buyer(&market.app).await;
    let with = |field: &str, value: serde_json::Value| {
        let mut body = campaign_json("Calm drivers");
        body[field] = value;
        body
    };
    #[rustfmt::skip] // a table is read by column
    let cases = [
        (with("title", " ".into()),                               "title"),
        (with("title", "x".repeat(201).into()),                   "201 characters"),
        (with("title", "Calm\0drivers".into()),                   "control character"),
        (with("closes_at", "2020-01-01T00:00:00Z".into()),        "time to come"),
        (with("closes_at", "soon".into()),                        "soon"),
        (with("scope", serde_json::json!({ "first_day": "2026-01-02", "last_day": "2026-01-01" })), "days before"),
        (with("question", serde_json::json!({ "circuit": "region" })), "inside"),
        (with("price", 1.into()),                                 "price"),
        (with("pay_per_vehicle", "0.0000001".into()),             "at most 6 decimals"),
        (with("pay_per_vehicle", "-1".into()),                    "more than zero"),
        (with("pay_per_vehicle", "0".into()),                     "more than zero"),
        (with("pay_per_vehicle", "9223372036854".into()),         "more than can be paid"),
        (with("vehicles_max", 0.into()),                          "1 to 10000000"),
        (with("vehicles_max", 4_000_000_000_u32.into()),          "1 to 10000000"),
    ];
    for (body, expected) in cases {
        let answer = call(&market.app, post("/v1/campaigns", &body).by(&key).once("1")).await;
        let detail = answer.problem(400, "invalid-request");
        assert!(detail.contains(expected), "{detail}");
    }
}

#[actix_web::test]
async fn a_campaign_is_closed_and_its_claims_are_read_by_its_buyer_only() {
    let market = market().await;
    let (owner, key) = buyer(&market.app).await;
    let (_, stranger) = buyer(&market.app).await;
    let asked = campaign(&market.app, owner, -1..=1).await;
    let close = |key: &str| {
        post(format!("/v1/campaigns/{}/close", asked.id), &serde_json::json!({})).by(key)
    };
    let claims = |key: &str| get(format!("/v1/campaigns/{}/claims", asked.id)).by(key);

    call(&market.app, close(&stranger)).await.problem(404, "not-found");
    call(&market.app, claims(&stranger)).await.problem(404, "not-found");
    assert!(call(&market.app, claims(&key)).await.bytes.is_empty());
    let closed = call(&market.app, close(&key)).await.expect(200);
    let again = call(&market.app, close(&key)).await.expect(200);
    assert_eq!((&closed["status"], &closed["closes_at"]), (&"closed".into(), &again["closes_at"]));
}

#[tokio::test]
async fn development_keys_are_refused_unless_they_are_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let keys_dir = Some(keys_dir().to_owned());
    let config = Config { keys_dir, ..market::config(folder.path()) };

    let error = App::open(config.clone()).await.err().unwrap();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("allow_dev_keys = true"), "{cause}");
    let allowed = App::open(Config { allow_dev_keys: true, ..config.clone() }).await.unwrap();
    assert!(allowed.keys.as_ref().is_some_and(|keys| keys.are_for_development()));
    drop(allowed);

    let nothing = tempfile::tempdir().unwrap();
    let missing = Config { keys_dir: Some(nothing.path().to_owned()), ..config };
    let error = App::open(missing).await.err().unwrap();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains(&*nothing.path().to_string_lossy()), "{cause}");
}

/// A verified claim of another connection that arrives between admission and commit is found in the
/// transaction.
#[actix_web::test]
async fn the_transaction_looks_again_before_it_keeps_a_claim() {
    let market = market().await;
    let mut car = Proving::start(&market).await;
    let (buyer, _) = buyer(&market.app).await;
    let asked = campaign(&market.app, buyer, -1..=1).await;
    let wire = car.claim(&asked).await;
    let submission = campaigns::Submission {
        campaign: asked.id,
        root: zk::Root::from_bytes(&wire.root).unwrap(),
        nullifier: zk::Nullifier::from_bytes(&wire.nullifier).unwrap(),
        payee: zk::Payee::from_bytes(&wire.payee).unwrap(),
        proof: wire.proof.clone().try_into().unwrap(),
    };
    let (rules, now) = (market.app.config.rules.clone(), market.now());
    let admit = {
        let rules = rules.clone();
        move |conn: &mut _| campaigns::admit(conn, &submission, &rules, now)
    };
    let admitted = market.app.db.read(admit).await;
    let Ok(Ok(campaigns::Admission::Pending(pending))) = admitted else { panic!("{admitted:?}") };
    let keys = market.app.keys.clone().unwrap();
    let verified = campaigns::verify(&keys, vec![*pending], &mut rand::rng()).remove(0).unwrap();
    let keep = |now| {
        let (verified, rules) = (verified.clone(), rules.clone());
        let keep = move |conn: &mut _| campaigns::keep(conn, &verified, &rules, now);
        market.app.db.write::<_, CampaignsError, _>(keep)
    };

    let closed = keep(asked.closes_at).await.unwrap();
    assert!(matches!(closed, Err(campaigns::ClaimRefusal::Closed { .. })), "{closed:?}");
    assert_eq!(keep(now).await.unwrap(), Ok(campaigns::Kept::Now));
    assert_eq!(keep(now).await.unwrap(), Ok(campaigns::Kept::Before));
}
