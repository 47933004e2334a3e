//! A marketplace that lies: about receipts, certificates and consent, and with answers beyond all bounds.
//!
//! What the car has is never lost to it, what the owner keeps never leaves for it.

use std::time::Duration;

use edge_agent::identity::Identity;
use edge_agent::status;
use proto::v1;
use proto::v1::submit_batches_response::Outcome;
use telematics::{Disclosure, SignalGroup};

use crate::car::{Car, enrol};
use crate::market::{Market, share};
use crate::uplink::{SMALL, check_complete, drive};

fn receipt(seq: u64, batch_hash: Vec<u8>) -> Outcome {
    Outcome::Receipt(v1::Receipt { seq, batch_hash, consent_version: 1, ..v1::Receipt::default() })
}

/// Drives until the agent, which does not end, shows an error that says `expected`.
async fn drive_into(market: &Market, car: &Car, expected: &str) {
    let shown = async {
        let mut last = None;
        for _ in 0..500 {
            let status = status::read(car.data_dir()).ok();
            last = status.and_then(|status| status.last_error).or(last);
            if last.as_ref().is_some_and(|error| error.contains(expected)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{expected}: {last:?}");
    };
    tokio::select! {
        ended = drive(market, car, SMALL) => panic!("{expected}: {ended:?}"),
        () = shown => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_for_another_batch_deletes_nothing() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 300).await;
    market.state().next_answer = Some(receipt(1, vec![7; 32]));
    let error = drive(&market, &car, SMALL).await.unwrap_err().to_string();

    assert!(error.contains("another batch 1 than this car sent"), "{error}");
    let shown = status::read(car.data_dir()).unwrap();
    assert_eq!((shown.batches_acknowledged, shown.last_error), (0, Some(error)));
    // Everything is still there, for a marketplace that has come to its senses.
    drive(&market, &car, SMALL).await.unwrap();
    check_complete(&market, 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_makes_no_sense_ends_the_stream_and_costs_nothing() {
    let message = "x".repeat(300_000);
    let refusal = v1::Refusal { seq: 1, reason: v1::RefusalReason::StaleConsent.into(), message };
    let cases = [
        ("a batch never sent", receipt(1_000_000, vec![7; 32])),
        ("no batch", receipt(0, Vec::new())),
        ("an endless refusal", Outcome::Refusal(refusal)),
    ];
    for (name, answer) in cases {
        let market = Market::open().await;
        let car = Car::enrolled(&market, 200).await;
        market.state().next_answer = Some(answer);
        drive(&market, &car, SMALL).await.unwrap_or_else(|error| panic!("{name}: {error}"));

        check_complete(&market, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_of_no_use_makes_no_identity() {
    let stranger = Market::open().await;
    let folder = tempfile::tempdir().unwrap();
    enrol(&stranger, folder.path()).await.unwrap();
    let text = std::fs::read_to_string(folder.path().join("identity.json")).unwrap();
    let stored: serde_json::Value = serde_json::from_str(&text).unwrap();
    let pem = stored["certificate"].as_str().unwrap();
    let others = pem::parse(pem).unwrap().into_contents();
    let cases = [
        ("not one", b"certificate".to_vec(), "no X.509 certificate"),
        ("text", pem.as_bytes().to_vec(), "no X.509 certificate"),
        ("another car's", others, "for another key"),
        ("endless", vec![0x30; 300_000], "the limit is"),
    ];
    for (name, certificate, expected) in cases {
        let market = Market::open().await;
        market.state().certificate = Some(certificate);
        let folder = tempfile::tempdir().unwrap();
        let error = status::chain_text(&enrol(&market, folder.path()).await.unwrap_err());

        assert!(error.contains(expected), "{name}: {error}");
        assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let market = Market::open().await;
    market.state().certificates_end = 1990;
    let error = status::chain_text(&enrol(&market, folder.path()).await.unwrap_err());
    assert!(error.contains("ended at 1990-01-01T00:00:00Z"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_that_is_of_no_use_leaves_the_certificate_in_force() {
    let market = Market::open().await;
    market.state().certificates_end = 2050;
    let car = Car::enrolled(&market, 100).await;
    market.state().certificate = Some(vec![0; 1_000]);
    drive(&market, &car, SMALL).await.unwrap();

    check_complete(&market, 100);
    let identity = Identity::load(car.data_dir()).unwrap();
    assert!(identity.expires_at.to_string().starts_with("2050"));
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_that_goes_back_is_not_followed() {
    let market = Market::open().await;
    market.state().policy = share(5, &[SignalGroup::Motion]);
    let car = Car::enrolled(&market, 200).await;
    // All is shared again, under a version that is older than what the owner said last.
    market.state().policy = share(4, &SignalGroup::ALL);
    drive_into(&market, &car, "consent version 5 stale").await;

    assert!(market.samples().is_empty());
    assert_eq!(edge_agent::policy::load(car.data_dir()).unwrap().version().number(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_that_is_not_one_is_not_followed() {
    let said = |group: &str, disclosure: Disclosure| v1::GroupDisclosure {
        group: group.to_owned(),
        disclosure: v1::Disclosure::from(disclosure).into(),
        precision: String::new(),
    };
    let (keep, shared) = (said("motion", Disclosure::Keep), said("motion", Disclosure::Share));
    let long = vec![said(&"x".repeat(10_000), Disclosure::Share); 30];
    let cases = [
        ("two words about a group", vec![keep, shared], "`groups` names `motion` twice"),
        ("an unknown group", vec![said("radio", Disclosure::Share)], "radio"),
        ("beyond all bounds", long, "the limit is"),
    ];
    for (name, groups, expected) in cases {
        let market = Market::open().await;
        market.state().policy = share(1, &[]);
        let car = Car::enrolled(&market, 50).await;
        market.state().policy_answer = Some(v1::Policy { version: 2, groups });
        drive_into(&market, &car, expected).await;

        assert!(market.samples().is_empty(), "{name}");
        assert_eq!(edge_agent::policy::load(car.data_dir()).unwrap().version().number(), 1);
    }
}
