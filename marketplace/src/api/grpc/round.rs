//! One round of a stream: what a car has sent so far is checked, recorded together and answered.
//!
//! **Invariant:** there is one answer for each batch, in order; an error is the last one.

use std::time::Duration;

use proto::v1;
use telematics::VehicleId;
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};

use super::admission::{Admission, Place};
use super::check::{Checked, Checker};
use super::ingest::Answer;
use super::status;
use super::writer::Writer;
use crate::app::App;
use crate::identity::{IdentityError, Vehicle};
use crate::ingest::{self, Outcome, Receipt, Refusal, Standing};

/// Batches that a car may send ahead of the answers.
pub(super) const UNANSWERED_MAX: usize = 64;
/// Payload in one round: bounds the share of the room that one car can take up.
const ROUND_BYTES_MAX: usize = 8 << 20;

type Batch = v1::SubmitBatchesRequest;

/// What arrives on a stream, cut into rounds.
pub(super) struct Rounds {
    batches: Streaming<Batch>,
    vehicle: VehicleId,
    admission: Admission,
    /// Arrived, but there was no room for it in the round before.
    held_over: Option<Batch>,
}

/// Batches that were let in together.
pub(super) struct Round {
    batches: Vec<Batch>,
    /// Given back when the round is answered.
    places: Vec<Place>,
    /// Why the stream ends after them.
    end: Option<Status>,
}

impl Rounds {
    pub(super) const fn new(
        batches: Streaming<Batch>,
        vehicle: VehicleId,
        admission: Admission,
    ) -> Self {
        Self { batches, vehicle, admission, held_over: None }
    }

    /// Waits for the first batch of the next round; none when the car is done. Nothing is lost when it is
    /// dropped while it waits.
    pub(super) async fn first(&mut self) -> Result<Option<Batch>, Status> {
        match self.held_over.take() {
            Some(batch) => Ok(Some(batch)),
            None => self.batches.message().await.map_err(unreadable),
        }
    }

    /// Finds room for `first`, and takes what has arrived with it as far as there is room.
    pub(super) async fn fill(&mut self, first: Batch) -> Result<Round, Status> {
        let mut bytes = first.payload.len();
        self.admission.quota(self.vehicle, bytes)?;
        let place = self.admission.room(bytes).await?;
        let mut round = Round { batches: vec![first], places: vec![place], end: None };
        while round.batches.len() < UNANSWERED_MAX && bytes < ROUND_BYTES_MAX {
            // What fails now fails again in the next round, after these are answered.
            let Ok(Ok(Some(next))) = timeout(Duration::ZERO, self.batches.message()).await else {
                break;
            };
            let Some(place) = self.admission.room_now(next.payload.len()) else {
                self.held_over = Some(next);
                break;
            };
            if let Err(status) = self.admission.quota(self.vehicle, next.payload.len()) {
                round.end = Some(status);
                break;
            }
            bytes += next.payload.len();
            round.batches.push(next);
            round.places.push(place);
        }
        Ok(round)
    }
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

/// Answers the rounds of one stream.
pub(super) struct Answers<'a> {
    app: &'a App,
    checker: &'a Checker,
    writer: &'a Writer,
    vehicle: Vehicle,
    /// What is known of the vehicle, as long as everything went as it said. Whatever it does not know yet
    /// is found when the batch is recorded.
    standing: Option<Standing>,
}

impl<'a> Answers<'a> {
    pub(super) const fn new(
        app: &'a App,
        checker: &'a Checker,
        writer: &'a Writer,
        vehicle: Vehicle,
    ) -> Self {
        Self { app, checker, writer, vehicle, standing: None }
    }

    /// Reads the standing of the vehicle anew before the next round.
    pub(super) fn forget_standing(&mut self) {
        self.standing = None;
    }

    /// The answers to `round`.
    pub(super) async fn to(&mut self, round: Round) -> Vec<Answer> {
        match self.checked(round.batches).await {
            Ok(checked) => {
                let recorded = self.writer.record(checked.accepted).await;
                drop(round.places);
                match recorded {
                    Ok(recorded) => {
                        let is_as_checked = checked.outcomes.iter().all(|(_, one)| one.is_none())
                            && recorded.iter().all(|one| matches!(one, Outcome::Receipt(_)));
                        self.standing = is_as_checked.then_some(checked.standing);
                        let end = checked.malformed.or(round.end);
                        in_order(self.vehicle, checked.outcomes, recorded, end)
                    }
                    Err(status) => vec![Err(status)],
                }
            }
            Err(status) => vec![Err(status)],
        }
    }

    async fn checked(&mut self, batches: Vec<Batch>) -> Result<Checked, Status> {
        let vehicle = self.vehicle;
        let standing = if let Some(standing) = self.standing.take() {
            standing
        } else {
            let read = self.app.db.read(move |conn| ingest::standing(conn, &vehicle)).await;
            read.map_err(|error| status::storage(self.app, &error))?
        };
        self.checker.check(vehicle, standing, batches, self.app.clock.now()).await
    }
}

fn in_order(
    vehicle: Vehicle,
    outcomes: Vec<(u64, Option<Outcome>)>,
    recorded: Vec<Outcome>,
    end: Option<Status>,
) -> Vec<Answer> {
    use v1::submit_batches_response::Outcome as Wire;
    let suspended = || Err(status::identity(&IdentityError::Suspended { vehicle: vehicle.id }));
    let answer = |outcome| Ok(v1::SubmitBatchesResponse { outcome: Some(outcome) });

    let mut recorded = recorded.into_iter();
    let mut answers = Vec::new();
    for (seq, outcome) in outcomes {
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
    answers.extend(end.map(Err));
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
