//! Whole agents against a marketplace that answers, hangs up, changes its mind and refuses.

use std::time::Duration;

use edge_agent::agent::{self, AgentError, WhenDone};
use edge_agent::config::AgentConfig;
use edge_agent::identity::Identity;
use edge_agent::status;
use proto::v1;
use proto::v1::submit_batches_response::Outcome;
use telematics::SignalGroup;
use tokio_util::sync::CancellationToken;

use crate::car::Car;
use crate::market::{LATER, Market, Tunnel, share};

pub(crate) const SMALL: &str = "batch_samples_max = 50";

pub(crate) async fn drive(market: &Market, car: &Car, more: &str) -> Result<(), AgentError> {
    let config = AgentConfig::load(&car.config(market, more)).unwrap();
    let run = agent::run(&config, WhenDone::Exit, CancellationToken::new());
    tokio::time::timeout(Duration::from_mins(1), run).await.expect("the agent ends")
}

/// Panics unless every sample of a drive of `frames` frames arrived, once.
pub(crate) fn check_complete(market: &Market, frames: u32) {
    let samples = market.samples();
    assert_eq!(samples.len(), usize::try_from(frames).unwrap() * 2);
    let speeds: Vec<_> = samples.iter().filter(|sample| sample.1 == "Vehicle.Speed").collect();
    for (index, (time, _, raw)) in speeds.into_iter().enumerate() {
        let index = i64::try_from(index).unwrap();
        assert_eq!((*time, *raw), (1_704_067_200_000_000 + index * 100_000, index));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sample_arrives_once_and_the_status_says_so() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 1_000).await;
    drive(&market, &car, SMALL).await.unwrap();

    check_complete(&market, 1_000);
    let status = status::read(car.data_dir()).unwrap();
    assert!(status.done && !status.connected);
    assert_eq!(status.counters.frames_read, 1_000);
    assert_eq!((status.samples_acknowledged, status.batches_pending), (2_000, 0));
    assert_eq!(status.batches_acknowledged, status.counters.batches_sealed);
    assert_eq!(status.last_error, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_of_a_finished_replay_sends_nothing() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 100).await;
    drive(&market, &car, SMALL).await.unwrap();
    let batches = market.state().accepted.len();
    drive(&market, &car, SMALL).await.unwrap();

    assert_eq!(market.state().accepted.len(), batches);
    assert_eq!(status::read(car.data_dir()).unwrap().samples_acknowledged, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_when_two_thirds_of_its_life_are_over() {
    let market = Market::open().await;
    // From 1975 to 2050: two thirds were over in 2025.
    market.state().certificates_end = 2050;
    let car = Car::enrolled(&market, 100).await;
    let before = Identity::load(car.data_dir()).unwrap();
    assert!(before.expires_at.to_string().starts_with("2050"));
    drive(&market, &car, SMALL).await.unwrap();

    check_complete(&market, 100);
    let after = Identity::load(car.data_dir()).unwrap();
    assert!(after.expires_at.to_string().starts_with(&LATER.to_string()));
    assert_eq!(after.vehicle, before.vehicle);
    let status = status::read(car.data_dir()).unwrap();
    assert_eq!(status.certificate_expires_at, after.expires_at.to_string());

    // The new one opens the door as well, and is young enough to stay.
    let file = || std::fs::read_to_string(car.data_dir().join("identity.json")).unwrap();
    let young = file();
    drive(&market, &car, SMALL).await.unwrap();
    assert_eq!(file(), young);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_is_lost_costs_nothing() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 500).await;
    market.state().hang_up_after = Some(3);
    drive(&market, &car, SMALL).await.unwrap();

    check_complete(&market, 500);
    assert!(market.state().existed > 0, "the batch without a receipt came again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_stopped_goes_on_where_it_was() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 400).await;
    // 40 seconds of drive at 20 times the pace: stopped after about a third.
    let slow = "batch_samples_max = 50\nreplay_speed = 20.0";
    let config = car.config(&market, "").with_file_name("slow.toml");
    let text = std::fs::read_to_string(car.config(&market, "")).unwrap();
    let text = text.replace("replay_speed = \"flat-out\"\n", &format!("{slow}\n"));
    std::fs::write(&config, text).unwrap();
    let config = AgentConfig::load(&config).unwrap();
    let stop = CancellationToken::new();
    let stopper = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(700)).await;
        stopper.cancel();
    });
    agent::run(&config, WhenDone::Stay, stop).await.unwrap();
    let sent = market.samples().len();
    assert!(sent > 0 && sent < 800, "{sent}");

    drive(&market, &car, SMALL).await.unwrap();

    check_complete(&market, 400);
    assert_eq!(status::read(car.data_dir()).unwrap().counters.frames_read, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_cut_under_an_older_consent_are_cut_again() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 300).await;
    // The owner narrows his consent after the car has learned the first one.
    market.state().hang_up_after = Some(1);
    let narrowed = {
        let market = market.clone();
        tokio::spawn(async move {
            while market.state().accepted.is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            market.state().policy = share(2, &[SignalGroup::Motion]);
        })
    };
    drive(&market, &car, SMALL).await.unwrap();
    narrowed.await.unwrap();

    let samples = market.samples();
    let pedal = samples.iter().filter(|sample| sample.1 != "Vehicle.Speed").count();
    assert_eq!(samples.len() - pedal, 300, "all of the speed");
    assert!(pedal <= 50, "the pedal only in what was accepted before: {pedal}");
    let versions: Vec<_> =
        market.state().accepted.iter().map(|b| b.header.consent_version.number()).collect();
    assert!(versions.is_sorted() && versions.last() == Some(&2), "{versions:?}");
    assert_eq!(edge_agent::policy::load(car.data_dir()).unwrap().version().number(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marketplace_that_misses_a_batch_gets_it_again() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 300).await;
    market.state().next_answer = Some(Outcome::Resend(v1::Resend { from_seq: 1 }));
    drive(&market, &car, SMALL).await.unwrap();

    check_complete(&market, 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_for_good_stops_the_agent_and_keeps_the_batches() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 300).await;
    market.state().next_answer = Some(Outcome::Refusal(v1::Refusal {
        seq: 1,
        reason: v1::RefusalReason::ForkedChain.into(),
        message: "two batches have position 1".to_owned(),
    }));
    let error = drive(&market, &car, SMALL).await.unwrap_err().to_string();

    assert!(error.contains("forked chain"), "{error}");
    assert!(error.contains("two batches have position 1"), "{error}");
    let status = status::read(car.data_dir()).unwrap();
    assert!(status.batches_pending > 0 && !status.done);
    assert_eq!(status.last_error, Some(error));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_car_that_keeps_everything_sends_nothing_and_counts() {
    let market = Market::open().await;
    market.state().policy = share(1, &[]);
    let car = Car::enrolled(&market, 100).await;
    drive(&market, &car, SMALL).await.unwrap();

    assert!(market.samples().is_empty());
    let counters = status::read(car.data_dir()).unwrap().counters;
    assert_eq!((counters.samples_decoded, counters.samples_kept), (200, 200));
    assert!(!car.spooled().windows(12).any(|bytes| bytes == b"axle/batch/v"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_spool_holds_a_replay_back_and_loses_nothing() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 1_000).await;
    drive(&market, &car, "batch_samples_max = 50\nspool_bytes_max = 3000").await.unwrap();

    check_complete(&market, 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_car_that_is_not_enrolled_is_told_so() {
    let market = Market::open().await;
    let error = drive(&market, &Car::parked(1), "").await.unwrap_err().to_string();

    assert!(error.contains("not enrolled"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_marketplace_that_comes_back_is_sent_to_within_two_seconds() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 2_000).await;
    let tunnel = Tunnel::to(&market).await;
    let text = std::fs::read_to_string(car.config(&market, "batch_samples_max = 20")).unwrap();
    let config = car.data_dir().join("tunnel.toml");
    std::fs::write(&config, text.replace(&market.url, &tunnel.url)).unwrap();
    let config = AgentConfig::load(&config).unwrap();
    tunnel.close().await;
    let run =
        tokio::spawn(
            async move { agent::run(&config, WhenDone::Exit, CancellationToken::new()).await },
        );
    // All 200 batches wait.
    while status::read(car.data_dir()).map_or(0, |status| status.batches_pending) < 200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    assert!(market.samples().is_empty());

    let back = std::time::Instant::now();
    tunnel.open().await;
    while market.samples().is_empty() {
        assert!(back.elapsed() < Duration::from_secs(2), "nothing came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::timeout(Duration::from_secs(20), run).await.unwrap().unwrap().unwrap();

    check_complete(&market, 2_000);
    let seqs: Vec<_> = market.state().accepted.iter().map(|batch| batch.header.seq).collect();
    assert_eq!(seqs, (1..=200).collect::<Vec<_>>(), "in order");
    assert!(market.state().ahead > 8, "many at once: {}", market.state().ahead);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_bus_closes_the_connection_and_a_frame_opens_it_again() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 100).await;
    // Ten seconds of driving, ninety of silence, and as much driving again: at twenty times the pace.
    let log = car.data_dir().join("drive.log");
    let first = std::fs::read_to_string(&log).unwrap();
    let again = first.replace("(17040672", "(17040673");
    std::fs::write(&log, first.clone() + &again).unwrap();
    let text = std::fs::read_to_string(car.config(&market, "batch_samples_max = 50")).unwrap();
    let text = text.replace("\"flat-out\"", "20.0");
    let config = car.data_dir().join("quiet.toml");
    std::fs::write(&config, format!("{text}quiet_after_seconds = 1\n")).unwrap();
    let config = AgentConfig::load(&config).unwrap();
    let stop = CancellationToken::new();
    let run = tokio::spawn({
        let stop = stop.clone();
        async move { agent::run(&config, WhenDone::Stay, stop).await }
    });
    let shown = |connected: bool| {
        let data_dir = car.data_dir().to_owned();
        async move {
            while status::read(&data_dir).map(|status| status.connected).ok() != Some(connected) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    let patience = Duration::from_secs(10);
    tokio::time::timeout(patience, shown(true)).await.expect("connected while driving");
    tokio::time::timeout(patience, shown(false)).await.expect("closed while parked");
    assert_eq!(market.samples().len(), 200, "everything was sent before");
    tokio::time::timeout(patience, shown(true)).await.expect("connected again");
    let rest = async {
        while market.samples().len() < 400 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(patience, rest).await.expect("the rest was sent");
    stop.cancel();
    tokio::time::timeout(patience, run).await.unwrap().unwrap().unwrap();

    assert_eq!(market.samples().len(), 400);
}
