//! From a code to an identity, and everything that must not become one.

use edge_agent::enrol::{EnrolError, ProbeError, probe};
use edge_agent::identity::Identity;
use telematics::testing;
use telematics::{AuthorityPin, EnrolmentCode};

use crate::car::enrol;
use crate::market::{Market, SECRET};

#[tokio::test]
async fn a_code_makes_an_identity_and_a_policy() {
    let market = Market::open().await;
    let folder = tempfile::tempdir().unwrap();

    let (identity, policy) = enrol(&market, folder.path()).await.unwrap();

    assert_eq!(identity.vehicle, testing::vehicle(1));
    assert_eq!(Identity::load(folder.path()).unwrap().vehicle, identity.vehicle);
    let kept = edge_agent::policy::load(folder.path()).unwrap();
    assert_eq!(kept.version(), policy.version());
    let again = enrol(&market, folder.path()).await.unwrap_err();
    assert!(matches!(again, EnrolError::Already { .. }), "{again}");
}

#[tokio::test]
async fn a_used_or_unknown_code_is_refused_in_the_marketplaces_words() {
    let market = Market::open().await;
    let [first, second] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    enrol(&market, first.path()).await.unwrap();

    let used = enrol(&market, second.path()).await.unwrap_err().to_string();
    assert!(used.contains("this code was used before"), "{used}");

    let mut stranger = market.clone();
    let text = market.code.to_string();
    let swapped = if &text[5..6] == "a" { "b" } else { "a" };
    stranger.code = format!("axle-{swapped}{}", &text[6..]).parse().unwrap();
    let unknown = enrol(&stranger, second.path()).await.unwrap_err().to_string();
    assert!(unknown.contains("this code was never given"), "{unknown}");
    assert!(Identity::load(second.path()).is_err(), "nothing is kept");
}

#[tokio::test]
async fn a_door_that_the_code_does_not_pin_gets_nothing() {
    let [market, other] = [Market::open().await, Market::open().await];
    let error = probe(&market.url, &other.code).await.unwrap_err();

    assert!(matches!(error, ProbeError::WrongAuthority { .. }), "{error}");
    assert!(error.to_string().contains(&market.url), "{error}");
    // The right authority, but the certificate is for another host.
    let elsewhere = market.url.replace("127.0.0.1", "localhost");
    assert!(probe(&elsewhere, &market.code).await.is_err());
    assert!(probe(&market.url, &market.code).await.is_ok());
}

#[tokio::test]
async fn an_address_where_nobody_answers_is_named() {
    let code = EnrolmentCode { secret: SECRET, pin: AuthorityPin::of(b"authority") };
    let error = probe("https://127.0.0.1:1", &code).await.unwrap_err();
    assert!(matches!(error, ProbeError::Unreachable { .. }), "{error}");
    assert!(error.to_string().contains("https://127.0.0.1:1"), "{error}");

    for url in ["", "market", "http://127.0.0.1:1", "https://"] {
        assert!(matches!(probe(url, &code).await, Err(ProbeError::Address { .. })), "{url}");
    }
}
