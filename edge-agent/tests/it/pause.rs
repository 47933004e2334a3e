//! The owner's pause, with whole agents: no sample of the paused time is ever in a batch.

use std::time::Duration;

use edge_agent::agent::{self, AgentError, WhenDone};
use edge_agent::config::AgentConfig;
use edge_agent::status::{self, Status};
use edge_agent::{clock, pause};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::car::Car;
use crate::market::Market;

/// An agent that replays 10 frames a second as they were recorded.
struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<(), AgentError>>,
}

impl Running {
    /// The drive's times are moved to now, so that they tell when a frame was read.
    fn start(market: &Market, car: &Car, more: &str) -> Self {
        let path = car.config(market, "");
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replace("replay_speed = \"flat-out\"", "replay_speed = 1.0");
        let more = format!("batch_age_seconds_max = 1\n{more}");
        std::fs::write(&path, format!("{text}\n{more}\n")).unwrap();
        let config = AgentConfig::load(&path).unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let run = async move { agent::run(&config, WhenDone::Stay, stopped).await };
        Self { stop, task: tokio::spawn(run) }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }
}

/// Waits until the agent's status is so.
async fn until(car: &Car, what: &str, is: impl Fn(&Status) -> bool) -> Status {
    for _ in 0..200 {
        if let Ok(status) = status::read(car.data_dir())
            && is(&status)
        {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the status never was {what}");
}

/// Positions of the frames whose speed arrived.
fn arrived(market: &Market) -> Vec<i64> {
    let samples = market.samples();
    let speeds = samples.iter().filter(|sample| sample.1 == "Vehicle.Speed");
    speeds.map(|(_, _, raw)| *raw).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_sample_of_the_paused_time_is_in_a_batch() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 1_000).await;
    let agent = Running::start(&market, &car, "");
    until(&car, "driving", |status| status.counters.samples_shared > 5).await;

    pause::begin(car.data_dir(), clock::now()).unwrap();
    let paused = until(&car, "paused", |status| status.paused_since.is_some()).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let still = until(&car, "sent", |status| status.batches_pending == 0).await;
    assert_eq!(still.counters.samples_decoded, paused.counters.samples_decoded);
    assert!(still.position > paused.position + 5, "the drive went on: {}", still.position);
    assert!(still.live.is_empty(), "values of before are gone");

    pause::end(car.data_dir()).unwrap();
    let decoded = still.counters.samples_decoded;
    until(&car, "driving again", |status| status.counters.samples_decoded > decoded + 5).await;
    agent.stop().await;

    let (first, last) = (i64::try_from(paused.position).unwrap(), still.position);
    let last = i64::try_from(last).unwrap();
    let arrived = arrived(&market);
    assert!(arrived.iter().all(|index| *index < first || *index >= last), "{arrived:?}");
    assert!(arrived.iter().any(|index| *index < first), "{arrived:?}");
    assert!(arrived.iter().any(|index| *index >= last), "{arrived:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_survives_a_restart_and_what_passed_is_not_read_later() {
    let market = Market::open().await;
    let car = Car::enrolled(&market, 1_000).await;
    pause::begin(car.data_dir(), clock::now()).unwrap();
    let mut passed = 0;
    for _ in 0..2 {
        let agent = Running::start(&market, &car, "");
        until(&car, "five frames on", |status| status.position > passed + 5).await;
        agent.stop().await;
        let status = status::read(car.data_dir()).unwrap();
        passed = status.position;
        assert!(status.paused_since.is_some());
        assert_eq!((status.counters.samples_decoded, status.counters.batches_sealed), (0, 0));
    }
    let passed = i64::try_from(passed).unwrap();

    pause::end(car.data_dir()).unwrap();
    let agent = Running::start(&market, &car, "");
    until(&car, "acknowledged", |status| status.samples_acknowledged > 0).await;
    agent.stop().await;
    let arrived = arrived(&market);
    assert!(!arrived.is_empty() && arrived.iter().all(|index| *index >= passed), "{arrived:?}");
}
