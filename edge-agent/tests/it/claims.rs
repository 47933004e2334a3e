//! Campaigns answered by whole agents, and proofs made by hand.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Parser;
use edge_agent::agent::{self, WhenDone};
use edge_agent::claims::{Claim, ClaimState};
use edge_agent::commands::Cli;
use edge_agent::config::AgentConfig;
use edge_agent::identity::Identity;
use edge_agent::spool::Spool;
use edge_agent::status::{self, Status};
use telematics::question::{Above, Bounds, ClassPattern, Fact, SummaryBounds};
use telematics::testing::T0;
use telematics::window::{Figure, Period};
use telematics::{
    Campaign, CampaignId, Disclosure, Policy, PolicyVersion, Question, Scope, Signal, SignalGroup,
    Timestamp, Value,
};
use tokio_util::sync::CancellationToken;
use zk::Payee;
use zk::text::ClaimFile;

use crate::car::Car;
use crate::market::{DAY, Market};
use crate::proofs::{keys, owner, statement, verify};

fn prove(version: u32, groups: &[SignalGroup]) -> Policy {
    let groups = groups.iter().map(|group| (*group, Disclosure::Prove)).collect();
    Policy::new(PolicyVersion::new(version), groups)
}

fn fact(signal: Signal, low: i64, high: i64) -> Question {
    let values = Bounds::of_values(Value::from_raw(low), Value::from_raw(high)).unwrap();
    Question::Fact(Fact { signal, values, sum: Bounds::ANY_SUM, above: Above::ANY })
}

fn campaign(number: u8, question: Question) -> Campaign {
    Campaign {
        id: CampaignId::new(T0, [number; 10]),
        title: format!("campaign {number}"),
        scope: Scope::new(ClassPattern::default(), DAY, DAY).unwrap(),
        question,
        closes_at: Timestamp::CALENDAR_END,
    }
}

/// A car that lets its speed be proven and has driven for 200 seconds: three windows, of which the
/// newest complete one begins at 12.80 km/h.
async fn driven(market: &Market) -> Car {
    market.state().policy = prove(1, &[SignalGroup::Motion]);
    Car::enrolled(market, 2_000).await
}

fn config(market: &Market, car: &Car, delay_seconds_max: u32) -> AgentConfig {
    let more = format!(
        "answer_campaigns = true\nclaim_check_seconds = 1\nallow_dev_keys = true\n\
         claim_delay_seconds_max = {delay_seconds_max}\nproving_keys_dir = \"{}\"",
        keys().display()
    );
    AgentConfig::load(&car.config(market, &more)).unwrap()
}

/// Runs the agent until `is_done`.
async fn run_until(config: &AgentConfig, is_done: impl Fn(&Status) -> bool) {
    let stop = CancellationToken::new();
    let run = agent::run(config, WhenDone::Stay, stop.clone());
    let watch = async {
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if status::read(&config.data_dir).is_ok_and(|status| is_done(&status)) {
                return stop.cancel();
            }
        }
    };
    let both = async { tokio::join!(run, watch) };
    let (result, ()) = tokio::time::timeout(Duration::from_mins(1), both).await.expect("it ends");
    result.unwrap();
}

fn claims(car: &Car) -> Vec<(CampaignId, Claim)> {
    Spool::open(car.data_dir(), std::num::NonZeroU64::MAX).unwrap().claims().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_answered_without_saying_which_car_it_is() {
    let market = Market::open().await;
    let car = driven(&market).await;
    let campaign = campaign(1, fact(Signal::SPEED, 1_000, 2_000));
    market.state().campaigns = vec![campaign.clone()];
    run_until(&config(&market, &car, 0), |status| status.claims_sent == 1).await;

    let state = market.state();
    let [claim] = &state.claims[..] else { panic!("{} claims", state.claims.len()) };
    let statement = statement(claim, &campaign);
    let identity = Identity::load(car.data_dir()).unwrap();
    assert_eq!(statement.nullifier, identity.holder.secret.nullifier(campaign.id));
    assert!(state.nameless_calls.iter().all(|(_, _, is_named)| !is_named), "no certificate");
    // Each errand has a connection of its own: one port is never used for two kinds.
    let ports = |errand| -> BTreeSet<u16> {
        let calls = state.nameless_calls.iter().filter(|(call, ..)| *call == errand);
        calls.map(|(_, port, _)| *port).collect()
    };
    let [list, path, claim] = ["list", "path", "claim"].map(ports);
    assert!(!path.is_empty() && path.is_disjoint(&list) && claim.is_disjoint(&path));
    assert!(claim.is_disjoint(&list));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_claim_was_paid_is_moved_to_the_owner_later_and_without_a_name() {
    let market = Market::open().await;
    let car = driven(&market).await;
    market.state().campaigns = vec![campaign(1, fact(Signal::SPEED, 0, 9_999))];
    let config = config(&market, &car, 0);
    run_until(&config, |status| status.claims_sent == 1).await;
    let paid = status::read(car.data_dir()).unwrap();
    let yours = (paid.claims_paid_micro_tokens, paid.claims_swept_micro_tokens);
    assert_eq!(yours, (1_500_000, 0));
    assert!(claims(&car)[0].1.sweep_at().unwrap() > edge_agent::clock::now());
    assert!(market.state().sweeps.is_empty(), "its time is a random part of a week");

    market.state().campaigns.push(campaign(2, fact(Signal::SPEED, 0, 9_998)));
    let config = AgentConfig { sweep_delay_seconds_max: 0, ..config };
    run_until(&config, |status| status.claims_swept_micro_tokens == 1_500_000).await;

    let state = market.state();
    let [sweep] = &state.sweeps[..] else { panic!("{} sweeps", state.sweeps.len()) };
    assert_eq!(sweep.owner_id, owner().to_vec());
    let payee = Payee::of(owner().as_bytes(), sweep.salt.as_slice().try_into().unwrap());
    assert_eq!(state.claims[1].payee, payee.to_bytes(), "the second claim's, which has no delay");
    let nameless = |(call, _, is_named): &(&str, u16, bool)| *call != "sweep" || !is_named;
    assert!(state.nameless_calls.iter().all(nameless), "no certificate");
    drop(state);
    let states = claims(&car).into_iter().map(|(_, claim)| claim.state).collect::<Vec<_>>();
    assert_eq!(states, [ClaimState::Sent, ClaimState::Swept]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_too_few_cars_could_answer_waits() {
    let market = Market::open().await;
    let car = driven(&market).await;
    market.state().campaigns = vec![campaign(1, fact(Signal::SPEED, 0, 9_999))];
    market.state().vehicles_in_scope = 9;
    let config = config(&market, &car, 0);
    let lists = || {
        let state = market.state();
        state.nameless_calls.iter().filter(|(call, ..)| *call == "list").count()
    };
    run_until(&config, |_| lists() > 2).await;
    assert!(claims(&car).is_empty());

    market.state().vehicles_in_scope = 10;
    run_until(&config, |status| status.claims_sent == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_waits_for_its_time_even_across_restarts() {
    let market = Market::open().await;
    let car = driven(&market).await;
    market.state().campaigns = vec![campaign(1, fact(Signal::SPEED, 0, 9_999))];
    let config = config(&market, &car, 1_000_000);
    run_until(&config, |status| status.claims_waiting == 1).await;
    let before = claims(&car);
    run_until(&config, |status| status.connected && status.claims_waiting == 1).await;

    assert_eq!(claims(&car), before);
    assert_eq!(before[0].1.state, ClaimState::Waiting);
    assert!(before[0].1.due_at() > edge_agent::clock::now());
    assert!(market.state().claims.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_concern_this_car_is_not_answered() {
    let market = Market::open().await;
    let car = driven(&market).await;
    let make = ClassPattern { make: Some("Honda".to_owned()), ..ClassPattern::default() };
    let another = |number, first, last, class| Campaign {
        scope: Scope::new(class, first, last).unwrap(),
        ..campaign(number, fact(Signal::SPEED, 0, 9_999))
    };
    let pedal = Signal::by_path("Vehicle.Chassis.Accelerator.PedalPosition").unwrap();
    let wheel = Signal::by_path("Vehicle.Chassis.Axle.Row1.Wheel.Left.Speed").unwrap();
    market.state().campaigns = vec![
        another(1, DAY, DAY, make),
        another(2, DAY + 1, DAY + 9, ClassPattern::default()),
        another(3, 0, DAY - 1, ClassPattern::default()),
        campaign(4, fact(pedal, 0, 9_999)),
        campaign(5, fact(wheel, 0, 9_999)),
        campaign(6, fact(Signal::SPEED, 9_000, 9_999)),
        Campaign { closes_at: T0, ..campaign(7, fact(Signal::SPEED, 0, 9_999)) },
        campaign(9, fact(Signal::SPEED, 0, 9_999)),
    ];
    run_until(&config(&market, &car, 0), |status| status.claims_sent == 1).await;

    let answered: Vec<_> = claims(&car).into_iter().map(|(id, _)| id).collect();
    assert_eq!(answered, [campaign(9, fact(Signal::SPEED, 0, 1)).id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_owner_keeps_by_now_is_not_answered() {
    let market = Market::open().await;
    let car = driven(&market).await;
    let config = config(&market, &car, 0);
    run_until(&config, |status| status.done).await;
    assert!(status::read(car.data_dir()).unwrap().proofs_placed > 0);

    market.state().policy = prove(2, &[]);
    market.state().campaigns = vec![campaign(1, fact(Signal::SPEED, 0, 9_999))];
    run_until(&config, |status| status.consent_version == 2).await;
    let calls = |errand| {
        let state = market.state();
        state.nameless_calls.iter().filter(|(call, ..)| *call == errand).count()
    };
    let before = calls("list");
    run_until(&config, |_| calls("list") > before + 2).await;
    assert_eq!(calls("path"), 0, "it asks for no leaf of its own");
    assert!(claims(&car).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaf_that_no_root_holds_yet_waits_for_one() {
    let market = Market::open().await;
    let car = driven(&market).await;
    market.state().published = Some(0);
    market.state().campaigns = vec![campaign(1, fact(Signal::SPEED, 0, 9_999))];
    let config = config(&market, &car, 0);
    run_until(&config, |_| {
        let mut state = market.state();
        let asked = state.nameless_calls.iter().any(|(call, ..)| *call == "path");
        assert!(state.claims.is_empty());
        if asked {
            state.published = None;
        }
        asked
    })
    .await;
    run_until(&config, |status| status.claims_sent == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_claim_is_not_sent_again_and_a_busy_market_is_asked_later() {
    let market = Market::open().await;
    let car = driven(&market).await;
    market.state().campaigns = vec![campaign(1, fact(Signal::SPEED, 0, 9_999))];
    // Taken from the end.
    market.state().claim_answers = vec![
        tonic::Status::already_exists("this vehicle has claimed with another payee"),
        tonic::Status::resource_exhausted("too many claims are waiting"),
    ];
    let config = config(&market, &car, 0);
    run_until(&config, |status| status.claims_refused == 1).await;

    let [(_, claim)] = &claims(&car)[..] else { panic!("one claim") };
    let words = "this vehicle has claimed with another payee".to_owned();
    assert_eq!(claim.state, ClaimState::Refused(words));
    let sent = || {
        let state = market.state();
        state.nameless_calls.iter().filter(|(call, ..)| *call == "claim").count()
    };
    assert_eq!(sent(), 2);
    let calls = market.state().nameless_calls.len();
    run_until(&config, |_| market.state().nameless_calls.len() > calls + 1).await;
    assert_eq!(sent(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_proves_windows_and_trips_by_hand() {
    let market = Market::open().await;
    let car = driven(&market).await;
    let config = config(&market, &car, 0);
    run_until(&config, |status| status.done).await;
    let leaves = car.data_dir().join("leaves");
    let bytes: Vec<_> = market.state().leaves.iter().flat_map(|leaf| leaf.to_bytes()).collect();
    std::fs::write(&leaves, bytes).unwrap();
    let mut figures = [Bounds::ANY_FIGURE; Figure::COUNT];
    figures[3] = Bounds::of_figure(0, 7_000).unwrap();
    let period = Period::Trip;
    let asked = Question::Summary(SummaryBounds { signal: Signal::SPEED, period, figures });
    market.state().campaigns = vec![campaign(1, asked.clone())];
    let id = market.state().campaigns[0].id.to_string();

    let out = car.data_dir().join("claim.json");
    let prove = async |more: &[&str]| {
        let config = car.data_dir().join("agent.toml");
        let (config, out) = (config.to_str().unwrap(), out.to_str().unwrap());
        let words = ["edge-agent", "prove", "--config", config, "--out", out];
        let line = words.iter().chain(more).copied();
        Cli::try_parse_from(line)?.run().await
    };
    let opened = || {
        let text = std::fs::read_to_string(&out).unwrap();
        let (statement, proof) = serde_json::from_str::<ClaimFile>(&text).unwrap().open().unwrap();
        verify(&statement, &proof);
        statement
    };
    let speed = ["--signal", "Vehicle.Speed"];
    prove(&[&speed[..], &["--low", "10", "--high", "20"]].concat()).await.unwrap();
    assert_eq!(opened().question, fact(Signal::SPEED, 1_000, 2_000));
    assert_eq!((opened().scope.first_day(), opened().scope.last_day()), (DAY, DAY));

    let trip = ["--trip", "--figure", "mean=0..70", "--leaves", leaves.to_str().unwrap()];
    prove(&[&speed[..], &trip].concat()).await.unwrap();
    assert_eq!(opened().question, asked);
    prove(&["--campaign", &id]).await.unwrap();
    assert_eq!((opened().question, opened().campaign.to_string()), (asked, id));

    std::fs::remove_file(&out).unwrap();
    #[rustfmt::skip] // a table is read by column
    let cases = [
        (vec!["--signal", "Vehicle.Speed", "--low", "90"],      "not true of any"),
        (vec!["--signal", "Vehicle.Speed", "--low", "9", "--high", "8"], "can not be proven"),
        (vec!["--inside", "0/0/0"],                             "is its group (location) on prove?"),
        (vec![],                                                "say what is to be proven"),
    ];
    for (line, expected) in cases {
        let error = format!("{:#}", prove(&line).await.unwrap_err());
        assert!(error.contains(expected), "{error}");
    }
    let _spool = Spool::open(car.data_dir(), std::num::NonZeroU64::MAX).unwrap();
    let error = format!("{:#}", prove(&["--inside", "0/0/0"]).await.unwrap_err());
    assert!(error.contains("stop the agent first"), "{error}");
    assert!(!out.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spool_shows_nothing_of_what_is_proven() {
    let market = Market::open().await;
    let car = driven(&market).await;
    run_until(&config(&market, &car, 0), |status| status.done).await;
    let status = status::read(car.data_dir()).unwrap();
    assert_eq!((status.counters.windows_committed, status.counters.summaries_committed), (3, 2));
    assert_eq!((status.proofs_kept, status.proofs_placed), (5, 5));

    let bytes = car.spooled();
    // Speeds in a record are differences of ten hundredths, one byte each.
    let run = [20_u8; 32];
    assert!(!bytes.windows(run.len()).any(|window| window == run));
    let word = b"\"lanes\"";
    assert!(!bytes.windows(word.len()).any(|window| window == word), "nor open windows");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_retention_of_no_days_nothing_is_kept() {
    let market = Market::open().await;
    let car = driven(&market).await;
    let config = AgentConfig::load(&car.config(&market, "proofs_retention_days = 0")).unwrap();
    run_until(&config, |status| status.done).await;

    let status = status::read(car.data_dir()).unwrap();
    assert_eq!((status.counters.windows_committed, status.proofs_kept), (3, 0));
    assert_eq!(market.state().leaves.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_and_the_day_go_on_after_a_stop_and_a_start() {
    let market = Market::open().await;
    let car = driven(&market).await;
    let path = car.config(&market, "");
    let text = std::fs::read_to_string(&path).unwrap();
    let slow = path.with_file_name("slow.toml");
    std::fs::write(&slow, text.replace("\"flat-out\"", "100.0")).unwrap();
    run_until(&AgentConfig::load(&slow).unwrap(), |status| status.position > 500).await;
    let stopped = status::read(car.data_dir()).unwrap().counters;
    assert!(stopped.frames_read < 2_000 && stopped.summaries_committed == 1, "{stopped:?}");

    run_until(&AgentConfig::load(&path).unwrap(), |status| status.done).await;
    let done = status::read(car.data_dir()).unwrap();
    assert_eq!(done.counters.windows_committed, 3, "as without a stop");
    assert_eq!(done.counters.summaries_committed, 3, "two trips and one day");
    assert_eq!((done.proofs_kept, done.proofs_placed), (6, 6));
}
