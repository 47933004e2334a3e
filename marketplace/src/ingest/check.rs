//! What can be decided about a batch without the database, cheapest first.
//!
//! **Invariant:** only [`check()`] makes an [`AcceptedBatch`], so whatever [`super::record()`] keeps is
//! of the caller, within the limits, signed, decodable, consented to and as coarse as its owner wants it.

use telematics::batch::SealedBatch;
use telematics::consent::Policy;
use telematics::loss::{Bridge, Loss};
use telematics::payload::{self, Contents, PAYLOAD_BYTES_MAX, PayloadError};
use telematics::window::Committed;
use telematics::{BatchHash, SignalGroup, Timestamp};
use zk::Leaf;

use super::contents::check_contents;
use super::outcome::{IngestError, Outcome, Refusal};
use super::plausibility::{self, Known};
use super::position::{Place, Position};
use crate::archive::{self, Quality};
use crate::consent;
use crate::db::Conn;
use crate::identity::{self, Prover, Vehicle};

/// What is known of a vehicle when its batches are looked at.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The end of its chain.
    pub position: Position,
    /// The consent in force.
    pub policy: Policy,
    /// As whom it proves.
    pub prover: Option<Prover>,
    /// What it sent last.
    pub known: Known,
}

impl Standing {
    /// Knows what `batch` brings, as if it were recorded.
    pub fn follow(&mut self, batch: &AcceptedBatch) {
        let Some(body) = &batch.body else { return };
        self.position = batch.end;
        self.known.follow(&body.contents.samples, body.quality.judged_at);
    }
}

/// A batch that may be recorded.
#[derive(Clone, Debug)]
pub struct AcceptedBatch {
    pub(super) vehicle: Vehicle,
    pub(super) batch: SealedBatch,
    pub(super) hash: BatchHash,
    /// The chain's end with it: itself, unless it states that batches behind its position are lost.
    pub(super) end: Position,
    /// `None` when it does not follow the chain's end: then it is compared, never kept as samples.
    pub(super) body: Option<Body>,
}

/// What a batch brings.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) contents: Contents,
    /// One for each commitment, in their order.
    pub(super) leaves: Vec<Leaf>,
    /// The UTC day that is in the leaves, counted from 1970-01-01.
    pub(super) day: u16,
    pub(super) quality: Quality,
}

impl AcceptedBatch {
    /// The chain's end once this batch is recorded, when it moves it.
    #[must_use]
    pub fn moves_to(&self) -> Option<Position> {
        self.body.is_some().then_some(self.end)
    }
}

/// Reads what [`check()`] must know of `vehicle`.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn standing(conn: &mut Conn, vehicle: &Vehicle) -> Result<Standing, IngestError> {
    let position = Position::of(archive::chain(conn, vehicle.id)?);
    let policy = consent::in_force(conn, vehicle.id)?;
    let known = Known::new(archive::latest_of_all(conn, vehicle.id)?);
    Ok(Standing { position, policy, prover: identity::prover(conn, vehicle.id)?, known })
}

/// Decides about `batch` of `vehicle`, received `now`: what may be recorded, or the answer that it gets.
///
/// # Errors
/// The answer: a refusal, or the position to send again from.
pub fn check(
    vehicle: &Vehicle,
    standing: &Standing,
    batch: SealedBatch,
    now: Timestamp,
) -> Result<AcceptedBatch, Outcome> {
    let place = check_header(vehicle, standing, &batch).map_err(Outcome::Refused)?;
    if place == Place::Ahead {
        return Err(Outcome::Resend { from_seq: standing.position.next_seq() });
    }
    let contents = check_body(vehicle, standing, &batch, place).map_err(Outcome::Refused)?;
    let body = contents.map(|contents| body(standing, contents, now)).transpose();
    let body = body.map_err(Outcome::Refused)?;
    let hash = batch.hash();
    let end = end(&batch, hash).map_err(Outcome::Refused)?;
    Ok(AcceptedBatch { vehicle: *vehicle, hash, end, batch, body })
}

/// The end of a chain with `batch` in it. Called when its signature is known to be right.
fn end(batch: &SealedBatch, hash: BatchHash) -> Result<Position, Refusal> {
    Loss::of(batch).map_err(PayloadError::from)?;
    let end = Bridge::behind(batch, hash);
    Ok(Position { last_seq: end.seq, last_hash: end.hash })
}

/// Whose, how large, where in the chain, under which consent: no cryptography yet.
fn check_header(
    vehicle: &Vehicle,
    standing: &Standing,
    batch: &SealedBatch,
) -> Result<Place, Refusal> {
    let header = &batch.header;
    if header.vehicle != vehicle.id {
        return Err(Refusal::WrongVehicle { named: header.vehicle, caller: vehicle.id });
    }
    if batch.payload.len() > PAYLOAD_BYTES_MAX {
        return Err(PayloadError::TooLarge { actual: batch.payload.len() }.into());
    }
    if header.seq == 0 {
        return Err(Refusal::NoPosition);
    }
    let place = standing.position.place(header);
    let (used, in_force) = (header.consent_version, standing.policy.version());
    // A batch sent before was made under an older policy, and still gets its receipt.
    let is_stale = if place == Place::Next { used != in_force } else { used > in_force };
    if is_stale && place != Place::Ahead {
        return Err(Refusal::StaleConsent { used, in_force });
    }
    Ok(place)
}

/// Who signed, what is inside, and may it be.
fn check_body(
    vehicle: &Vehicle,
    standing: &Standing,
    batch: &SealedBatch,
    place: Place,
) -> Result<Option<Contents>, Refusal> {
    // Also of what is not next: only a signature makes a contradiction evidence.
    batch.verify(&vehicle.key)?;
    if place != Place::Next {
        return Ok(None);
    }
    let contents = payload::decode(&batch.payload)?;
    check_contents(&standing.policy, &contents)?;
    Ok(Some(contents))
}

/// Judges the samples and makes the leaves, some 50 µs of hashing each: so outside the transaction.
fn body(standing: &Standing, contents: Contents, now: Timestamp) -> Result<Body, Refusal> {
    let location = standing.policy.precision(SignalGroup::Location);
    let quality = plausibility::judge(&contents.samples, &standing.known, location, now);
    let day = u16::try_from(now.day()).unwrap_or_default();
    if contents.commitments.is_empty() {
        return Ok(Body { contents, leaves: Vec::new(), day, quality });
    }
    let Prover { commitment, class } = standing.prover.ok_or(Refusal::NoIdentity)?;
    let leaf = |committed: &Committed| zk::leaf(commitment, class, day, committed.commitment);
    let leaves = contents.commitments.iter().map(leaf).collect::<Result<_, _>>()?;
    Ok(Body { contents, leaves, day, quality })
}

#[cfg(test)]
mod tests {
    use telematics::BatchHeader;
    use telematics::consent::{Disclosure, PolicyVersion};
    use telematics::loss::{LossReason, NotALoss};
    use telematics::testing::{self, T0, signing_key};
    use telematics::window::Commitment;
    use telematics::{Powertrain, Precision, Sample, Signal, Value, VehicleDescription};
    use zk::{ClassNumbers, IdentityCommitment};

    use super::*;
    use crate::archive::ReasonKind;

    fn car() -> Vehicle {
        Vehicle { id: testing::vehicle(255), key: signing_key(1).verifying_key() }
    }

    fn prover() -> Prover {
        let car = VehicleDescription::new("VW", "ID.4", 2022, Powertrain::Electric).unwrap();
        let commitment = IdentityCommitment::from_bytes(&[1; 32]).unwrap();
        Prover { commitment, class: ClassNumbers::of(&car) }
    }

    /// A vehicle with three batches, that shares motion and proves battery.
    fn standing() -> Standing {
        let groups =
            [(SignalGroup::Motion, Disclosure::Share), (SignalGroup::Battery, Disclosure::Prove)];
        Standing {
            position: Position { last_seq: 3, last_hash: BatchHash([3; 32]) },
            policy: Policy::new(PolicyVersion::FIRST, groups.into()),
            prover: Some(prover()),
            known: Known::default(),
        }
    }

    fn honest() -> SealedBatch {
        testing::batch(4, BatchHash([3; 32]), &signing_key(1))
    }

    /// [`honest`], changed and then signed.
    fn signed(change: impl FnOnce(&mut BatchHeader)) -> SealedBatch {
        let mut header = honest().header;
        change(&mut header);
        SealedBatch::seal(header, honest().payload, &signing_key(1))
    }

    fn holding(contents: &Contents) -> SealedBatch {
        SealedBatch::seal(honest().header, payload::encode(contents), &signing_key(1))
    }

    const SPEED: &str = "Vehicle.Speed";
    const CHARGE: &str = "Vehicle.Powertrain.TractionBattery.StateOfCharge.Current";

    fn charge() -> Signal {
        Signal::by_path(CHARGE).unwrap()
    }

    fn committed(signal: Signal) -> Committed {
        Committed { signal, commitment: Commitment([1; 32]) }
    }

    fn refusal(batch: SealedBatch) -> Refusal {
        match check(&car(), &standing(), batch, T0) {
            Err(Outcome::Refused(refusal)) => refusal,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_honest_batch_moves_the_chain() {
        let accepted = check(&car(), &standing(), honest(), T0).unwrap();

        let end = Position { last_seq: 4, last_hash: honest().hash() };
        assert_eq!(accepted.moves_to(), Some(end));
    }

    #[test]
    fn what_is_implausible_is_accepted_with_its_reasons() {
        let impossible = Contents {
            samples: vec![Sample { value: Value::from_raw(-1), ..testing::samples(SPEED, 1)[0] }],
            ..Contents::default()
        };
        let mut standing = standing();
        let accepted = check(&car(), &standing, holding(&impossible), T0).unwrap();

        let quality = &accepted.body.as_ref().unwrap().quality;
        assert_eq!(quality.reasons[0].kind, ReasonKind::OutOfRange);
        assert_eq!((quality.score.per_mille(), quality.judged_at), (0, T0));
        standing.follow(&accepted);
        assert_eq!(standing.position, accepted.moves_to().unwrap());
    }

    #[test]
    fn a_loss_moves_the_chain_to_where_its_bridge_leads() {
        let loss = |to: u64| {
            let hash = BatchHash([7; 32]);
            let bridge = Some(Bridge { seq: to, hash });
            let payload = Loss { bridge, ..Loss::new(LossReason::SpoolFull) }.to_payload();
            SealedBatch::seal(honest().header, payload, &signing_key(1))
        };
        let accepted = check(&car(), &standing(), loss(9), T0).unwrap();
        let end = Position { last_seq: 9, last_hash: BatchHash([7; 32]) };
        assert_eq!(accepted.moves_to(), Some(end));
        assert!(accepted.body.unwrap().contents.samples.is_empty());

        let astray = NotALoss::LeadsAstray { seq: 4, to: 3 };
        assert_eq!(refusal(loss(3)), Refusal::BadPayload(PayloadError::NotALoss(astray)));
        let mut forged = loss(9);
        forged.payload[14] ^= 1;
        assert!(matches!(refusal(forged), Refusal::WrongSignature(_)));
    }

    #[test]
    fn a_gap_asks_to_send_again() {
        let answer = check(&car(), &standing(), signed(|header| header.seq = 6), T0).unwrap_err();

        assert_eq!(answer, Outcome::Resend { from_seq: 4 });
    }

    #[test]
    fn what_is_not_next_is_compared_and_never_kept() {
        for batch in [
            signed(|header| header.seq = 3),
            signed(|header| header.prev_hash = BatchHash([9; 32])),
        ] {
            let accepted = check(&car(), &standing(), batch, T0).unwrap();
            assert_eq!(accepted.moves_to(), None);
        }
    }

    #[test]
    fn a_batch_of_another_vehicle_is_refused() {
        let other = testing::vehicle(1);
        let batch = signed(|header| header.vehicle = other);

        assert_eq!(refusal(batch), Refusal::WrongVehicle { named: other, caller: car().id });
    }

    #[test]
    fn one_flipped_bit_anywhere_is_refused() {
        for bit in 0..honest().payload.len() * 8 {
            let mut batch = honest();
            batch.payload[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(refusal(batch), Refusal::WrongSignature(_)), "payload bit {bit}");
        }
        for bit in 0..512 {
            let mut batch = honest();
            batch.signature[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(refusal(batch), Refusal::WrongSignature(_)), "signature bit {bit}");
        }
    }

    /// A damaged copy must not look like a second history: that would suspend an honest car.
    #[test]
    fn a_damaged_repetition_is_no_evidence() {
        let mut batch = signed(|header| header.seq = 3);
        batch.payload[0] ^= 1;

        assert!(matches!(refusal(batch), Refusal::WrongSignature(_)));
    }

    #[test]
    fn stale_and_future_consent_is_refused() {
        let in_force = PolicyVersion::FIRST;
        for number in [0, 2, u32::MAX] {
            let used = PolicyVersion::new(number);
            let batch = signed(|header| header.consent_version = used);
            assert_eq!(refusal(batch), Refusal::StaleConsent { used, in_force });
        }
    }

    #[test]
    fn position_zero_is_refused() {
        assert_eq!(refusal(signed(|header| header.seq = 0)), Refusal::NoPosition);
    }

    #[test]
    fn an_oversized_payload_is_refused_before_its_signature_is_looked_at() {
        let large = SealedBatch { payload: vec![0; PAYLOAD_BYTES_MAX + 1], ..honest() };

        let expected = PayloadError::TooLarge { actual: PAYLOAD_BYTES_MAX + 1 };
        assert_eq!(refusal(large), Refusal::BadPayload(expected));
    }

    #[test]
    fn a_payload_that_does_not_decode_is_refused() {
        let batch = SealedBatch::seal(honest().header, vec![1, 2, 3], &signing_key(1));

        assert_eq!(refusal(batch), Refusal::BadPayload(PayloadError::NotCompressed));
    }

    #[test]
    fn contents_that_the_policy_does_not_let_out_are_refused() {
        let samples = Contents { samples: testing::samples(CHARGE, 3), ..Contents::default() };
        let expected = Refusal::NotConsented { signal: charge(), disclosure: Disclosure::Prove };
        assert_eq!(refusal(holding(&samples)), expected);

        let proven = Contents { commitments: vec![committed(charge())], ..Contents::default() };
        assert!(check(&car(), &standing(), holding(&proven), T0).is_ok());
    }

    #[test]
    fn samples_finer_than_the_policy_of_their_batch_are_refused() {
        let Standing { policy, .. } = standing();
        let precisions = [(SignalGroup::Motion, Precision::Whole)].into();
        let whole = Standing { policy: policy.with_precisions(precisions), ..standing() };

        let refused = check(&car(), &whole, honest(), T0).unwrap_err();

        let signal = Signal::by_path("Vehicle.Speed").unwrap();
        let expected = Refusal::TooPrecise { signal, precision: Precision::Whole };
        assert_eq!(refused, Outcome::Refused(expected));
    }

    #[test]
    fn a_commitment_becomes_a_leaf_of_its_vehicle_and_the_day_it_is_received_on() {
        let contents =
            Contents { commitments: vec![committed(charge()); 2], ..Contents::default() };
        let accepted = check(&car(), &standing(), holding(&contents), T0).unwrap();

        let body = accepted.body.unwrap();
        let Prover { commitment, class } = prover();
        let leaf = zk::leaf(commitment, class, 19_723, Commitment([1; 32])).unwrap();
        assert_eq!((body.day, body.leaves), (19_723, vec![leaf; 2]));
    }

    #[test]
    fn commitments_of_a_vehicle_without_an_identity_are_refused_and_its_samples_are_not() {
        let unknown = Standing { prover: None, ..standing() };
        let contents = Contents { commitments: vec![committed(charge())], ..Contents::default() };

        let refused = check(&car(), &unknown, holding(&contents), T0).unwrap_err();

        assert_eq!(refused, Outcome::Refused(Refusal::NoIdentity));
        assert!(Refusal::NoIdentity.to_string().contains("enrol again"));
        assert!(check(&car(), &unknown, honest(), T0).is_ok());
    }

    #[test]
    fn bytes_that_are_no_commitment_are_refused() {
        let commitment = Commitment([255; 32]);
        let bad = Committed { commitment, ..committed(charge()) };
        let contents = Contents { commitments: vec![bad], ..Contents::default() };

        let expected = zk::NotACommitment::NotCanonical { commitment };
        assert_eq!(refusal(holding(&contents)), Refusal::BadCommitment(expected));
    }
}
