//! The stream of one car's batches, from outside.

use marketplace::{archive, consent};
use proto::v1;
use proto::v1::RefusalReason as Reason;
use proto::v1::ingest_client::IngestClient;
use proto::v1::submit_batches_response::Outcome;
use telematics::payload::PAYLOAD_BYTES_MAX;
use telematics::{BatchHash, SealedBatch};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::cars::{self, Car};
use crate::market::Market;

#[tokio::test]
async fn batches_are_acknowledged_in_order_and_kept_once() {
    let market = Market::start().await;
    let mut car = Car::enrol(&market).await;
    let batches = (0..100).map(|_| car.batch()).collect::<Vec<_>>();
    let expected = |existed| (1..=100).map(|seq| (seq, existed)).collect::<Vec<_>>();

    assert_eq!(car.send(&market, batches.clone()).await.receipts(), expected(false));
    assert_eq!(car.send(&market, batches.clone()).await.receipts(), expected(true));

    let kept = market.app.db.read(|conn| archive::after(conn, 0, 1_000)).await.unwrap();
    let hashes =
        |batches: &[SealedBatch]| batches.iter().map(SealedBatch::hash).collect::<Vec<_>>();
    assert_eq!(kept.iter().map(|batch| batch.hash).collect::<Vec<_>>(), hashes(&batches));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cars_that_send_at_once_all_get_their_receipts() {
    let market = Market::start().await;
    let mut cars = Vec::new();
    for _ in 0..5 {
        cars.push(Car::enrol(&market).await);
    }

    let batches = cars.iter_mut().map(|car| (0..30).map(|_| car.batch()).collect::<Vec<_>>());
    let batches = batches.collect::<Vec<_>>();
    let [one, two, three, four, five] =
        [0, 1, 2, 3, 4].map(|n| cars[n].send(&market, batches[n].clone()));
    let answers = tokio::join!(one, two, three, four, five);

    for answers in [answers.0, answers.1, answers.2, answers.3, answers.4] {
        assert_eq!(answers.receipts().len(), 30);
    }
    assert_eq!(market.app.db.read(archive::totals).await.unwrap().batches, 150);
}

#[tokio::test]
async fn what_is_acknowledged_is_there_after_a_restart() {
    let market = Market::start().await;
    let mut car = Car::enrol(&market).await;
    let first = car.batch();
    car.send(&market, [first.clone()]).await.receipts();

    let market = market.restart().await;

    let second = car.batch();
    assert_eq!(car.send(&market, [first, second]).await.receipts(), [(1, true), (2, false)]);
}

#[tokio::test]
async fn a_gap_asks_to_send_again_from_there() {
    let market = Market::start().await;
    let mut car = Car::enrol(&market).await;
    let (first, second, third) = (car.batch(), car.batch(), car.batch());

    let answers = car.send(&market, [first, third.clone(), second.clone(), third]).await;

    let seq = |outcome: &Outcome| match outcome {
        Outcome::Receipt(receipt) => (receipt.seq, "kept"),
        Outcome::Resend(resend) => (resend.from_seq, "send again"),
        Outcome::Refusal(refusal) => panic!("{refusal:?}"),
    };
    let told = answers.outcomes.iter().map(seq).collect::<Vec<_>>();
    assert_eq!(told, [(1, "kept"), (2, "send again"), (2, "kept"), (3, "kept")]);
}

#[tokio::test]
async fn one_flipped_bit_is_refused_and_the_car_may_go_on() {
    let market = Market::start().await;
    let mut car = Car::enrol(&market).await;
    let good = car.batch();
    let mut flipped = good.clone();
    flipped.payload[5] ^= 0x10;

    let message = car.send(&market, [flipped]).await.refusal(Reason::WrongSignature).to_owned();

    assert!(message.contains("damaged"), "{message}");
    assert_eq!(car.send(&market, [good]).await.receipts(), [(1, false)]);
}

#[tokio::test]
async fn a_forked_chain_is_quarantined_and_its_vehicle_suspended() {
    let market = Market::start().await;
    let mut car = Car::enrol(&market).await;
    let other_history = car.batch_of("Vehicle.Speed", 3);
    let history = car.batch();
    car.send(&market, [history.clone()]).await.receipts();

    let after = car.batch();
    let answers = car.send(&market, [other_history.clone(), after]).await;

    answers.refusal(Reason::ForkedChain);
    assert_eq!(answers.end.as_ref().map(tonic::Status::code), Some(Code::PermissionDenied));
    let id = car.id;
    let mut evidence =
        market.app.db.read(move |conn| archive::quarantined(conn, id)).await.unwrap();
    evidence.sort_by_key(|hash| hash.0);
    let mut expected = [history.hash(), other_history.hash()];
    expected.sort_by_key(|hash| hash.0);
    assert_eq!(evidence, expected);
    let again = car.send(&market, [history]).await;
    assert_eq!(again.end.map(|status| status.code()), Some(Code::PermissionDenied));
}

#[tokio::test]
async fn a_batch_that_follows_another_batch_than_the_last_is_a_fork() {
    let market = Market::start().await;
    let mut car = Car::enrol(&market).await;
    let first = car.batch();
    let mut header = car.header();
    header.prev_hash = BatchHash([9; 32]);
    let stranger = SealedBatch::seal(header, first.payload.clone(), &car.key);

    let answers = car.send(&market, [first, stranger]).await;

    assert!(matches!(answers.outcomes[0], Outcome::Receipt(_)), "{answers:?}");
    assert!(matches!(answers.outcomes[1], Outcome::Refusal(_)), "{answers:?}");
    let id = car.id;
    let evidence = market.app.db.read(move |conn| archive::quarantined(conn, id)).await.unwrap();
    assert_eq!(evidence.len(), 2);
}

#[tokio::test]
async fn a_running_stream_ends_when_its_vehicle_is_suspended() {
    let market = Market::start().await;
    let mut car = Car::enrol(&market).await;
    let (sender, batches) = mpsc::channel(8);
    sender.send(v1::SubmitBatchesRequest::from(car.batch())).await.unwrap();
    let mut client = IngestClient::new(car.connect(&market).await.unwrap());
    let mut answers =
        client.submit_batches(ReceiverStream::new(batches)).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().is_some());

    market.suspend(car.id).await;
    sender.send(car.batch().into()).await.unwrap();

    assert_eq!(answers.message().await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_stream_that_is_silent_is_cut_too_when_its_vehicle_is_suspended() {
    let market = Market::start_with(|config| config.ingest.access_check_seconds = 1).await;
    let mut car = Car::enrol(&market).await;
    let (sender, batches) = mpsc::channel(8);
    sender.send(v1::SubmitBatchesRequest::from(car.batch())).await.unwrap();
    let mut client = IngestClient::new(car.connect(&market).await.unwrap());
    let mut answers =
        client.submit_batches(ReceiverStream::new(batches)).await.unwrap().into_inner();
    assert!(answers.message().await.unwrap().is_some());

    market.suspend(car.id).await;

    assert_eq!(answers.message().await.unwrap_err().code(), Code::PermissionDenied);
}

#[tokio::test]
async fn a_car_that_sends_more_than_its_share_waits_and_loses_nothing() {
    let market = Market::start_with(|config| {
        config.ingest.vehicle_bytes_per_second = 512 << 10;
        config.ingest.vehicle_burst_bytes = 1 << 20;
    })
    .await;
    let (mut greedy, mut modest) = (Car::enrol(&market).await, Car::enrol(&market).await);
    let batches = (0..40).map(|_| greedy.batch_of_noise(10_000)).collect::<Vec<_>>();

    let refused = greedy.send(&market, batches.clone()).await;

    let status = refused.end.unwrap();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert!(!refused.outcomes.is_empty() && refused.outcomes.len() < 40);
    let wait = status.get_details_retry_info().unwrap().retry_delay.unwrap();
    let small = modest.batch();
    assert_eq!(modest.send(&market, [small]).await.receipts().len(), 1);
    tokio::time::sleep(wait).await;
    let rest = batches[refused.outcomes.len()..][..1].to_vec();
    assert_eq!(greedy.send(&market, rest).await.receipts().len(), 1);
}

#[tokio::test]
async fn a_batch_made_under_an_older_consent_is_refused() {
    let market = Market::start().await;
    let mut car = Car::enrol(&market).await;
    let first = car.batch();
    car.send(&market, [first.clone()]).await.receipts();
    let id = car.id;
    market.decide(&car.owner, id, "motion=keep").await;

    let late = car.batch();
    let answers = car.send(&market, [late]).await;
    let message = answers.refusal(Reason::StaleConsent);

    assert!(message.contains("version 1, but 2 is in force"), "{message}");
    // What was taken in before is still acknowledged, and says that there is something newer.
    let again = car.send(&market, [first]).await;
    assert!(
        matches!(&again.outcomes[0], Outcome::Receipt(receipt) if receipt.existed && receipt.consent_version == 2)
    );
    let in_force = market.app.db.read(move |conn| consent::in_force(conn, id)).await.unwrap();
    assert_eq!(in_force.version().number(), 2);
}

#[tokio::test]
async fn a_signal_that_the_owner_keeps_is_refused() {
    let market = Market::start().await;
    let car = Car::enrol(&market).await;
    let batch = car.batch_of("Vehicle.CurrentLocation.Latitude", 5);

    let answers = car.send(&market, [batch]).await;

    let message = answers.refusal(Reason::NotConsented);
    assert!(message.contains("Vehicle.CurrentLocation.Latitude"), "{message}");
    assert_eq!(market.app.db.read(archive::totals).await.unwrap().batches, 0);
}

#[tokio::test]
async fn a_batch_of_another_vehicle_is_refused() {
    let market = Market::start().await;
    let (car, mut other) = (Car::enrol(&market).await, Car::enrol(&market).await);

    let answers = car.send(&market, [other.batch()]).await;

    answers.refusal(Reason::WrongVehicle);
}

#[tokio::test]
async fn an_oversized_payload_is_refused() {
    let market = Market::start().await;
    let mut car = Car::enrol(&market).await;
    let large = SealedBatch { payload: vec![7; PAYLOAD_BYTES_MAX + 1], ..car.batch() };

    car.send(&market, [large]).await.refusal(Reason::BadPayload);
}

#[tokio::test]
async fn a_message_that_no_batch_can_be_ends_the_stream_after_what_was_good() {
    let market = Market::start().await;
    let mut car = Car::enrol(&market).await;
    let good = v1::SubmitBatchesRequest::from(car.batch());
    let huge = v1::SubmitBatchesRequest { payload: vec![7; 2 << 20], ..good.clone() };
    let malformed = v1::SubmitBatchesRequest { prev_hash: vec![1], ..good.clone() };

    for bad in [malformed, huge] {
        let answers = car.send(&market, [good.clone(), bad]).await;
        assert_eq!(answers.outcomes.len(), 1, "{answers:?}");
        assert_eq!(answers.end.map(|status| status.code()), Some(Code::InvalidArgument));
    }
}

#[tokio::test]
async fn a_market_that_stops_tells_its_streams() {
    let market = Market::start().await;
    let mut car = Car::enrol(&market).await;
    let (sender, batches) = mpsc::channel(8);
    sender.send(v1::SubmitBatchesRequest::from(car.batch())).await.unwrap();
    let mut client = IngestClient::new(car.connect(&market).await.unwrap());
    let stream = client.submit_batches(ReceiverStream::new(batches)).await.unwrap().into_inner();

    let (answers, ()) = tokio::join!(cars::collect(stream), async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        market.stop().await;
    });

    assert_eq!(answers.outcomes.len(), 1);
    assert_eq!(answers.end.map(|status| status.code()), Some(Code::Unavailable));
}
