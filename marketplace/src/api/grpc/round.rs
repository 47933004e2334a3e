//! One round of a stream: what a car has sent so far is checked, recorded together and answered.
//!
//! **Invariant:** there is one answer for each batch, in order; an error is the last one.

use std::time::Duration;

use proto::v1;
use telematics::{SealedBatch, Timestamp};
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};

use super::ingest::Answer;
use super::status;
use super::writer::Writer;
use crate::app::App;
use crate::identity::{IdentityError, Vehicle};
use crate::ingest::{self, AcceptedBatch, Outcome, Receipt, Refusal, Standing};

/// Batches that a car may send ahead of the answers.
pub(super) const UNANSWERED_MAX: usize = 64;
/// Payload in one round: bounds the memory that one car can take up here.
const ROUND_BYTES_MAX: usize = 8 << 20;

/// Waits for a batch and takes those that have arrived with it. Empty when the car is done.
pub(super) async fn take(
    batches: &mut Streaming<v1::SubmitBatchesRequest>,
) -> Result<Vec<v1::SubmitBatchesRequest>, Status> {
    let Some(first) = batches.message().await.map_err(unreadable)? else { return Ok(Vec::new()) };
    let mut bytes = first.payload.len();
    let mut round = vec![first];
    while round.len() < UNANSWERED_MAX && bytes < ROUND_BYTES_MAX {
        // What fails now fails again in the next round, after these are answered.
        let Ok(Ok(Some(next))) = timeout(Duration::ZERO, batches.message()).await else { break };
        bytes += next.payload.len();
        round.push(next);
    }
    Ok(round)
}

/// The stream's own errors say what tonic saw; ours say it in the words of the contract.
fn unreadable(status: Status) -> Status {
    match status.code() {
        Code::OutOfRange | Code::Internal => Status::invalid_argument(format!(
            "a message does not parse or is larger than a batch may be: {}",
            status.message()
        )),
        _ => status,
    }
}

/// What is known about the batches of a round before it is recorded.
#[derive(Default)]
struct Checked {
    /// Position of each batch, and its outcome when recording it is not needed to know it.
    outcomes: Vec<(u64, Option<Outcome>)>,
    /// The batches whose outcomes the writer returns, in the same order.
    accepted: Vec<AcceptedBatch>,
    /// Why the stream ends after them: a message that says no batch.
    malformed: Option<Status>,
}

/// Answers the batches of one round.
pub(super) async fn answer(
    app: &App,
    writer: &Writer,
    vehicle: Vehicle,
    sent: Vec<v1::SubmitBatchesRequest>,
) -> Vec<Answer> {
    let standing = match app.db.read(move |conn| ingest::standing(conn, &vehicle)).await {
        Ok(standing) => standing,
        Err(error) => return vec![Err(status::storage(app, &error))],
    };
    let now = app.clock.now();
    // Signatures and decompression cost milliseconds: not on a thread that serves others.
    let checked =
        tokio::task::spawn_blocking(move || check_all(&vehicle, standing, sent, now)).await;
    let Ok(mut checked) = checked else {
        return vec![Err(Status::internal("checking a batch failed"))];
    };
    let accepted = std::mem::take(&mut checked.accepted);
    let recorded = if accepted.is_empty() { Ok(Vec::new()) } else { writer.record(accepted).await };
    match recorded {
        Ok(recorded) => in_order(vehicle, checked, recorded),
        Err(status) => vec![Err(status)],
    }
}

/// Checks batches as if each before it were recorded already.
fn check_all(
    vehicle: &Vehicle,
    mut standing: Standing,
    sent: Vec<v1::SubmitBatchesRequest>,
    now: Timestamp,
) -> Checked {
    let mut checked = Checked::default();
    for wire in sent {
        let seq = wire.seq;
        let batch = match SealedBatch::try_from(wire) {
            Ok(batch) => batch,
            Err(error) => {
                checked.malformed = Some(Status::invalid_argument(error.to_string()));
                break;
            }
        };
        match ingest::check(vehicle, &standing, batch, now) {
            Ok(batch) => {
                standing.follow(&batch);
                checked.accepted.push(batch);
                checked.outcomes.push((seq, None));
            }
            Err(outcome) => checked.outcomes.push((seq, Some(outcome))),
        }
    }
    checked
}

fn in_order(vehicle: Vehicle, checked: Checked, recorded: Vec<Outcome>) -> Vec<Answer> {
    use v1::submit_batches_response::Outcome as Wire;
    let suspended = || Err(status::identity(&IdentityError::Suspended { vehicle: vehicle.id }));
    let answer = |outcome| Ok(v1::SubmitBatchesResponse { outcome: Some(outcome) });

    let mut recorded = recorded.into_iter();
    let mut answers = Vec::new();
    for (seq, outcome) in checked.outcomes {
        match outcome.or_else(|| recorded.next()) {
            Some(Outcome::Receipt(receipt)) => answers.push(answer(Wire::Receipt(shown(&receipt)))),
            Some(Outcome::Resend { from_seq }) => {
                answers.push(answer(Wire::Resend(v1::Resend { from_seq })));
            }
            Some(Outcome::Refused(refusal)) => {
                let is_fork = matches!(refusal, Refusal::ForkedChain { .. });
                answers.push(answer(Wire::Refusal(explained(seq, &refusal))));
                if is_fork {
                    answers.push(suspended());
                    return answers;
                }
            }
            Some(Outcome::Suspended) => {
                answers.push(suspended());
                return answers;
            }
            None => {
                answers.push(Err(Status::internal("recording a batch failed")));
                return answers;
            }
        }
    }
    answers.extend(checked.malformed.map(Err));
    answers
}

fn shown(receipt: &Receipt) -> v1::Receipt {
    v1::Receipt {
        seq: receipt.seq,
        batch_hash: receipt.hash.0.to_vec(),
        existed: receipt.existed,
        consent_version: receipt.consent_version.number(),
        leaves: receipt.leaves.map(Into::into),
    }
}

fn explained(seq: u64, refusal: &Refusal) -> v1::Refusal {
    use v1::RefusalReason as Reason;
    let reason = match refusal {
        Refusal::WrongVehicle { .. } => Reason::WrongVehicle,
        Refusal::NoPosition
        | Refusal::BadPayload(_)
        | Refusal::NoIdentity
        | Refusal::BadCommitment(_) => Reason::BadPayload,
        Refusal::WrongSignature(_) => Reason::WrongSignature,
        Refusal::StaleConsent { .. } => Reason::StaleConsent,
        Refusal::NotConsented { .. } => Reason::NotConsented,
        Refusal::TooPrecise { .. } => Reason::TooPrecise,
        Refusal::ForkedChain { .. } => Reason::ForkedChain,
    };
    v1::Refusal { seq, reason: reason.into(), message: refusal.to_string() }
}
