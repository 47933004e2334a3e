//! Samples leave as coarse as the owner wants them, also those that were sealed before he said so.

use std::time::Duration;

use edge_agent::agent::{self, WhenDone};
use edge_agent::config::AgentConfig;
use edge_agent::{policy, status};
use telematics::{Policy, Precision, SignalGroup};
use tokio_util::sync::CancellationToken;

use crate::car::Car;
use crate::market::{Market, Tunnel, share};
use crate::uplink::{SMALL, drive};

/// The policy of [`share`], with whole units of speed.
fn whole(version: u32) -> Policy {
    let whole = [(SignalGroup::Motion, Precision::Whole)];
    share(version, &SignalGroup::ALL).with_precisions(whole.into())
}

/// The speeds that arrived, in hundredths of km/h; the drive counts them up from 0.
fn speeds(market: &Market) -> Vec<i64> {
    let samples = market.samples().into_iter();
    samples.filter(|sample| sample.1 == "Vehicle.Speed").map(|sample| sample.2).collect()
}

/// The speeds of a drive of `frames` frames, in whole units.
fn rounded(frames: i64) -> Vec<i64> {
    (0..frames).map(|raw| (raw + 50) / 100 * 100).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_owner_wants_whole_leaves_whole() {
    let market = Market::open().await;
    market.state().policy = whole(1);
    let car = Car::enrolled(&market, 300).await;
    drive(&market, &car, SMALL).await.unwrap();

    assert_eq!(speeds(&market), rounded(300));
    assert_eq!(market.samples().len(), 600, "the pedal too");
    assert_eq!(market.state().too_precise, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_sealed_under_a_finer_policy_are_rounded_and_sealed_again() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 300).await;
    // The first batch is accepted, and the owner decides anew before the others come.
    market.state().hang_up_after = Some(1);
    let decided = {
        let market = market.clone();
        tokio::spawn(async move {
            while market.state().accepted.is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            market.state().policy = whole(2);
        })
    };
    drive(&market, &car, SMALL).await.unwrap();
    decided.await.unwrap();

    let speeds = speeds(&market);
    let before: Vec<_> = (0..).zip(&speeds).take_while(|(raw, speed)| raw == *speed).collect();
    assert!((1..=200).contains(&before.len()), "{}", before.len());
    assert_eq!(speeds[before.len()..], rounded(300)[before.len()..], "nothing is lost");
    assert_eq!(market.state().too_precise, 0, "the older version was refused first");
    assert_eq!(policy::load(car.data_dir()).unwrap(), whole(2));
}

/// An older agent did not know precision: it wrote the policy down without, and sealed as measured.
#[tokio::test(flavor = "multi_thread")]
async fn batches_of_an_agent_that_knew_no_precision_are_rounded_under_the_same_version() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 300).await;
    market.state().policy = whole(1);
    let tunnel = Tunnel::to(&market).await;
    tunnel.close().await;
    let text = std::fs::read_to_string(car.config(&market, SMALL)).unwrap();
    let config = car.data_dir().join("tunnel.toml");
    std::fs::write(&config, text.replace(&market.url, &tunnel.url)).unwrap();
    let config = AgentConfig::load(&config).unwrap();
    let run = async { agent::run(&config, WhenDone::Exit, CancellationToken::new()).await };
    let sealed = async {
        while status::read(car.data_dir()).map_or(0, |status| status.batches_pending) < 12 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tunnel.open().await;
    };
    let both = tokio::time::timeout(Duration::from_mins(1), async { tokio::join!(run, sealed) });
    both.await.unwrap().0.unwrap();

    assert_eq!(market.state().too_precise, 1, "cut again after the first");
    assert_eq!(speeds(&market), rounded(300), "nothing is lost");
    let known = policy::load(car.data_dir()).unwrap();
    assert_eq!(known.precision(SignalGroup::Motion), Precision::Whole);
}
