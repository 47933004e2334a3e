//! Becoming a vehicle, and being recognised as one.

use ed25519_dalek::SigningKey;
use proto::v1;
use proto::v1::consent_client::ConsentClient;
use proto::v1::enrolment_client::EnrolmentClient;
use telematics::consent::{Disclosure, Policy};
use telematics::{AuthorityPin, EnrolmentCode, SignalGroup, VehicleId};
use tonic::Code;

use crate::cars::{self, Car, SHARES_MOTION};
use crate::market::Market;

#[tokio::test]
async fn a_code_is_worth_one_vehicle_with_its_owners_consent() {
    let market = Market::start().await;
    let code = market.code(SHARES_MOTION, market.now()).await;

    let enrolled = cars::enrol(&market, &code, &SigningKey::from_bytes(&[1; 32])).await.unwrap();

    assert!(VehicleId::from_bytes(&enrolled.vehicle_id).is_ok());
    assert_eq!(enrolled.authority_der, market.app.authority.der().to_vec());
    let policy = Policy::try_from(enrolled.policy.unwrap()).unwrap();
    assert_eq!(policy.group(SignalGroup::Motion), Disclosure::Share);
    assert_eq!(policy.group(SignalGroup::Location), Disclosure::Keep);
}

#[tokio::test]
async fn codes_that_are_wrong_used_or_old_are_refused_and_say_what_to_do() {
    let market = Market::start().await;
    let used = market.code(SHARES_MOTION, market.now()).await;
    cars::enrol(&market, &used, &SigningKey::from_bytes(&[1; 32])).await.unwrap();
    let old = market.code(SHARES_MOTION, market.now().plus_seconds(-601)).await;
    let wrong = EnrolmentCode { secret: [9; 10], pin: market.app.authority.pin() }.to_string();
    let foreign = EnrolmentCode { secret: [9; 10], pin: AuthorityPin::of(b"another") }.to_string();
    #[rustfmt::skip] // a table is read by column
    let cases = [
        // name          code                   status                    what it says
        ("used",         used,                  Code::FailedPrecondition, "ask for a new one"),
        ("old",          old,                   Code::FailedPrecondition, "older than 10 minutes"),
        ("never given",  wrong,                 Code::NotFound,           "typing errors"),
        ("elsewhere's",  foreign,               Code::NotFound,           "address of the marketplace"),
        ("no code",      "axle-x".to_owned(),   Code::InvalidArgument,    "42 letters"),
        ("a flood",      "a".repeat(10_000),    Code::InvalidArgument,    "42 letters"),
    ];
    for (name, code, status, message) in cases {
        let key = SigningKey::from_bytes(&[2; 32]);
        let refused = cars::enrol(&market, &code, &key).await.unwrap_err();
        assert_eq!(refused.code(), status, "{name}");
        assert!(refused.message().contains(message), "{name}: {}", refused.message());
    }
}

#[tokio::test]
async fn a_key_of_another_vehicle_is_refused() {
    let market = Market::start().await;
    let key = SigningKey::from_bytes(&[1; 32]);
    let first = market.code("", market.now()).await;
    cars::enrol(&market, &first, &key).await.unwrap();

    let second = market.code("", market.now()).await;
    let refused = cars::enrol(&market, &second, &key).await.unwrap_err();

    assert_eq!(refused.code(), Code::AlreadyExists);
}

#[tokio::test]
async fn a_request_that_can_not_be_signed_does_not_cost_the_code() {
    let market = Market::start().await;
    let (code, key) = (market.code("", market.now()).await, SigningKey::from_bytes(&[1; 32]));
    let mut forged = cars::request_for(&key);
    *forged.last_mut().unwrap() ^= 1;

    let channel = cars::channel(&market, cars::tls(&market)).await.unwrap();
    let vehicle = Some(v1::VehicleDescription {
        make: "VW".to_owned(),
        model: "ID.4".to_owned(),
        year: 2022,
        powertrain: v1::Powertrain::Electric.into(),
    });
    let identity_commitment = vec![1; 32];
    let request =
        v1::EnrollRequest { code: code.clone(), csr_der: forged, vehicle, identity_commitment };
    let refused = EnrolmentClient::new(channel).enroll(request).await.unwrap_err();

    assert_eq!(refused.code(), Code::InvalidArgument);
    cars::enrol(&market, &code, &key).await.unwrap();
}

#[tokio::test]
async fn an_identity_that_is_no_field_element_does_not_cost_the_code() {
    let market = Market::start().await;
    let (code, key) = (market.code("", market.now()).await, SigningKey::from_bytes(&[1; 32]));
    let channel = cars::channel(&market, cars::tls(&market)).await.unwrap();

    for identity_commitment in [vec![], vec![1; 31], vec![255; 32]] {
        let request = v1::EnrollRequest {
            code: code.clone(),
            csr_der: cars::request_for(&key),
            vehicle: Some((&cars::description()).into()),
            identity_commitment,
        };
        let refused = EnrolmentClient::new(channel.clone()).enroll(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains("identity commitment"), "{refused:?}");
    }

    cars::enrol(&market, &code, &key).await.unwrap();
}

#[tokio::test]
async fn without_a_certificate_only_enrolment_answers() {
    let market = Market::start().await;
    let channel = cars::channel(&market, cars::tls(&market)).await.unwrap();

    let policy = ConsentClient::new(channel.clone()).fetch_policy(v1::FetchPolicyRequest {}).await;
    assert_eq!(policy.unwrap_err().code(), Code::Unauthenticated);
    let renewal =
        EnrolmentClient::new(channel).renew(v1::RenewRequest { csr_der: Vec::new() }).await;
    assert_eq!(renewal.unwrap_err().code(), Code::Unauthenticated);
}

#[tokio::test]
async fn a_certificate_is_renewed_for_the_same_key_only() {
    let market = Market::start().await;
    let car = Car::enrol(&market).await;
    let mut client = EnrolmentClient::new(car.connect(&market).await.unwrap());
    let other = SigningKey::from_bytes(&[99; 32]);

    let refused = client.renew(v1::RenewRequest { csr_der: cars::request_for(&other) }).await;
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);

    let renewed = client.renew(v1::RenewRequest { csr_der: cars::request_for(&car.key) }).await;
    let mut car = car.with_certificate(renewed.unwrap().into_inner().certificate_der);
    let batch = car.batch();
    assert_eq!(car.send(&market, [batch]).await.receipts(), [(1, false)]);
}

#[tokio::test]
async fn an_expired_certificate_does_not_get_through_the_handshake() {
    let market = Market::start().await;
    let car = Car::enrol(&market).await;
    let request = cars::request_for(&car.key);
    let long_ago = market.now().plus_seconds(-91 * 86_400);
    let expired = market.app.authority.sign_vehicle(&request, car.id, long_ago).unwrap();
    let mut car = car.with_certificate(expired.der);

    // With TLS 1.3 a client learns of it at its first read.
    let batch = car.batch();
    let refused = match car.connect(&market).await {
        Err(_) => true,
        Ok(channel) => {
            let policy = ConsentClient::new(channel).fetch_policy(v1::FetchPolicyRequest {}).await;
            policy.unwrap_err().code() != Code::Unauthenticated
        }
    };

    assert!(refused);
    let kept = market.app.db.read(marketplace::archive::totals).await.unwrap();
    assert_eq!(kept.batches, 0, "{batch:?}");
}

#[tokio::test]
async fn a_certificate_of_another_authority_does_not_get_in() {
    let (market, other) = (Market::start().await, Market::start().await);
    let car = Car::enrol(&other).await;

    let channel = car.connect(&market).await;
    let refused = match channel {
        Err(_) => true,
        Ok(channel) => {
            ConsentClient::new(channel).fetch_policy(v1::FetchPolicyRequest {}).await.is_err()
        }
    };

    assert!(refused);
}

#[tokio::test]
async fn a_suspended_vehicle_is_told_so() {
    let market = Market::start().await;
    let car = Car::enrol(&market).await;
    market.suspend(car.id).await;

    let channel = car.connect(&market).await.unwrap();
    let policy = ConsentClient::new(channel).fetch_policy(v1::FetchPolicyRequest {}).await;

    assert_eq!(policy.unwrap_err().code(), Code::PermissionDenied);
}
