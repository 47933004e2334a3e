//! The pool that checks batches: signatures, decompression and hashing cost milliseconds, so they run on
//! threads of their own, no more of them than there are processors.
//!
//! Each signature is verified by itself, strictly: verifying many at once (a random combination of
//! them) would be cheaper by half, but it accepts signatures that others refuse, and a signature is what makes
//! a contradiction evidence.

use std::sync::Arc;
use std::thread;

use proto::v1;
use telematics::{SealedBatch, Timestamp};
use tokio::sync::Semaphore;
use tonic::Status;

use crate::identity::Vehicle;
use crate::ingest::{self, AcceptedBatch, Outcome, Standing};

/// Checks rounds. Cheap to clone.
#[derive(Clone)]
pub(super) struct Checker {
    processors: Arc<Semaphore>,
}

/// What is known about the batches of a round before it is recorded.
pub(super) struct Checked {
    /// Position of each batch, and its outcome when recording it is not needed to know it.
    pub(super) outcomes: Vec<(u64, Option<Outcome>)>,
    /// The batches whose outcomes the writer returns, in the same order.
    pub(super) accepted: Vec<AcceptedBatch>,
    /// What will be known of the vehicle when they are recorded.
    pub(super) standing: Standing,
    /// Why the stream ends after them: a message that says no batch.
    pub(super) malformed: Option<Status>,
}

impl Checker {
    pub(super) fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self { processors: Arc::new(Semaphore::new(processors)) }
    }

    /// Checks batches as if each before it were recorded already.
    pub(super) async fn check(
        &self,
        vehicle: Vehicle,
        standing: Standing,
        sent: Vec<v1::SubmitBatchesRequest>,
        now: Timestamp,
    ) -> Result<Checked, Status> {
        let failed = || Status::internal("checking a batch failed");
        let place = Arc::clone(&self.processors).acquire_owned().await.or(Err(failed()))?;
        let check = move || {
            let checked = check_all(&vehicle, standing, sent, now);
            drop(place);
            checked
        };
        tokio::task::spawn_blocking(check).await.or(Err(failed()))
    }
}

fn check_all(
    vehicle: &Vehicle,
    standing: Standing,
    sent: Vec<v1::SubmitBatchesRequest>,
    now: Timestamp,
) -> Checked {
    let (outcomes, accepted) = (Vec::with_capacity(sent.len()), Vec::with_capacity(sent.len()));
    let mut checked = Checked { outcomes, accepted, standing, malformed: None };
    for wire in sent {
        let seq = wire.seq;
        let batch = match SealedBatch::try_from(wire) {
            Ok(batch) => batch,
            Err(error) => {
                checked.malformed = Some(Status::invalid_argument(error.to_string()));
                break;
            }
        };
        match ingest::check(vehicle, &checked.standing, batch, now) {
            Ok(batch) => {
                checked.standing.follow(&batch);
                checked.accepted.push(batch);
                checked.outcomes.push((seq, None));
            }
            Err(outcome) => checked.outcomes.push((seq, Some(outcome))),
        }
    }
    checked
}
