//! Keeping an accepted batch, inside the transaction.

use telematics::consent::Policy;
use telematics::{LeavesAt, Timestamp};

use super::check::{AcceptedBatch, Body};
use super::outcome::{IngestError, Outcome, Receipt, Refusal};
use super::position::{Place, Position};
use crate::db::Conn;
use crate::identity::{self, IdentityError, Vehicle};
use crate::{archive, consent, epochs};

/// Keeps batches in order, or answers why one can not be kept any more: one outcome a batch.
///
/// Looks again at everything that may have changed since it was checked: another connection of the
/// vehicle may have moved the chain, its owner may have decided anew.
///
/// # Errors
/// Fails when the database does. Then the transaction must be undone and nothing acknowledged.
pub fn record(
    conn: &mut Conn,
    accepted: &[AcceptedBatch],
    now: Timestamp,
) -> Result<Vec<Outcome>, IngestError> {
    let mut outcomes = Vec::with_capacity(accepted.len());
    for round in accepted.chunk_by(|one, next| one.vehicle == next.vehicle) {
        let Some(first) = round.first() else { continue };
        record_round(conn, &first.vehicle, round, now, &mut outcomes)?;
    }
    Ok(outcomes)
}

/// Keeps batches of one vehicle, whose standing is read once.
fn record_round(
    conn: &mut Conn,
    vehicle: &Vehicle,
    round: &[AcceptedBatch],
    now: Timestamp,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), IngestError> {
    let answered = outcomes.len() + round.len();
    match identity::vehicle(conn, vehicle.id, vehicle.key) {
        Err(IdentityError::Suspended { .. }) => {}
        other => {
            other?;
            let policy = consent::in_force(conn, vehicle.id)?;
            let mut position = Position::of(archive::chain(conn, vehicle.id)?);
            for batch in round {
                let outcome = record_next(conn, &policy, &mut position, batch, now)?;
                let is_fork = matches!(outcome, Outcome::Refused(Refusal::ForkedChain { .. }));
                outcomes.push(outcome);
                if is_fork {
                    break;
                }
            }
        }
    }
    outcomes.resize(answered, Outcome::Suspended);
    Ok(())
}

fn record_next(
    conn: &mut Conn,
    policy: &Policy,
    position: &mut Position,
    accepted: &AcceptedBatch,
    now: Timestamp,
) -> Result<Outcome, IngestError> {
    match (position.place(&accepted.batch.header), &accepted.body) {
        (Place::Next, Some(body)) => {
            let (used, in_force) = (accepted.batch.header.consent_version, policy.version());
            if used != in_force {
                return Ok(Outcome::Refused(Refusal::StaleConsent { used, in_force }));
            }
            let leaves = keep(conn, accepted, body, now)?;
            *position = accepted.end;
            Ok(receipt(accepted, policy, leaves, Existed::No))
        }
        // The chain's end is not where it was when the batch was checked.
        (Place::Next, None) | (Place::Ahead, _) => {
            Ok(Outcome::Resend { from_seq: position.next_seq() })
        }
        (Place::Behind, _) => compare(conn, accepted, policy, now),
        (Place::Diverges, _) => fork(conn, accepted, position.last_seq, now),
    }
}

/// Keeps the batch and its leaves.
fn keep(
    conn: &mut Conn,
    accepted: &AcceptedBatch,
    body: &Body,
    now: Timestamp,
) -> Result<Option<LeavesAt>, IngestError> {
    let Body { contents, quality, .. } = body;
    archive::append(conn, &accepted.batch, accepted.hash, contents, quality, now)?;
    let batch = (accepted.vehicle.id, accepted.batch.header.seq);
    Ok(epochs::append(conn, batch, &body.leaves, body.day, now)?)
}

/// Whether a batch was kept before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Existed {
    No,
    Yes,
}

fn receipt(
    accepted: &AcceptedBatch,
    policy: &Policy,
    leaves: Option<LeavesAt>,
    existed: Existed,
) -> Outcome {
    Outcome::Receipt(Receipt {
        seq: accepted.batch.header.seq,
        hash: accepted.hash,
        existed: existed == Existed::Yes,
        consent_version: policy.version(),
        leaves,
    })
}

/// A batch at a position that is taken: the same one again, the statement that a car lost its copy of what
/// is kept here, or another one.
fn compare(
    conn: &mut Conn,
    accepted: &AcceptedBatch,
    policy: &Policy,
    now: Timestamp,
) -> Result<Outcome, IngestError> {
    let seq = accepted.batch.header.seq;
    let end = accepted.end;
    let is_kept = match archive::hash_at(conn, accepted.vehicle.id, seq)? {
        Some(hash) if hash == accepted.hash => true,
        // Only a loss ends elsewhere than at itself.
        Some(_) if end.last_seq != seq => {
            archive::hash_at(conn, accepted.vehicle.id, end.last_seq)? == Some(end.last_hash)
        }
        known => known == Some(end.last_hash),
    };
    if !is_kept {
        return fork(conn, accepted, seq, now);
    }
    let leaves = epochs::leaves_of(conn, accepted.vehicle.id, seq)?;
    Ok(receipt(accepted, policy, leaves, Existed::Yes))
}

/// Keeps both sides of a contradiction as evidence, and shuts the vehicle out: either its key or its
/// memory is in two places.
fn fork(
    conn: &mut Conn,
    accepted: &AcceptedBatch,
    contradicted_seq: u64,
    now: Timestamp,
) -> Result<Outcome, IngestError> {
    let (vehicle, seq) = (accepted.vehicle.id, accepted.batch.header.seq);
    archive::quarantine(conn, &accepted.batch, accepted.hash, now)?;
    archive::quarantine_stored(conn, vehicle, contradicted_seq, now)?;
    identity::suspend(conn, vehicle)?;
    Ok(Outcome::Refused(Refusal::ForkedChain { vehicle, seq }))
}
