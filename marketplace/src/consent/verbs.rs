//! Granting, changing and asking.

use std::collections::BTreeMap;

use telematics::consent::{Disclosure, Policy, PolicyVersion};
use telematics::{Signal, Timestamp, VehicleId};

use super::decision::Decision;
use super::purpose::{Purpose, Purposes};
use super::queries::{self, Numbered};
use crate::db::Conn;
use crate::identity::{self, IdentityError, Owner};

/// Why a decision could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum ConsentError {
    /// Not the caller's vehicle; whether it exists is none of his business.
    #[error("you have no vehicle {vehicle}")]
    NotYours {
        /// The vehicle named.
        vehicle: VehicleId,
    },
    /// Every enrolled vehicle has a policy; this one has none.
    #[error("{vehicle} has no policy; enrol it")]
    NoPolicy {
        /// The vehicle.
        vehicle: VehicleId,
    },
    /// A row whose vehicle does not read.
    #[error("a row of table `policies` names no vehicle")]
    NotAnId,
    /// A row that no longer reads as a policy.
    #[error("the policy of {vehicle} is damaged")]
    Damaged {
        /// The vehicle.
        vehicle: VehicleId,
    },
    /// More decisions than can be counted.
    #[error("{vehicle} has too many decisions")]
    TooMany {
        /// The vehicle.
        vehicle: VehicleId,
    },
    /// Vehicles could not be read.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The database failed.
    #[error("cannot read or store consent")]
    Storage(#[from] diesel::result::Error),
}

/// Gives `vehicle` its first policy. Called once, at enrolment.
///
/// # Errors
/// Fails when the database does, also when the vehicle has a policy already.
pub fn grant(
    conn: &mut Conn,
    vehicle: VehicleId,
    decision: &Decision,
    now: Timestamp,
) -> Result<Policy, ConsentError> {
    queries::insert(conn, vehicle, PolicyVersion::FIRST, decision, now)?;
    Ok(decision.policy(PolicyVersion::FIRST))
}

/// Decides anew what `vehicle` of `owner` discloses, how precisely and what for; groups that `decision` does not name
/// are kept from now on, and have the usual precision.
///
/// Safe to retry: the decision that is in force already makes no new version.
///
/// # Errors
/// A vehicle that is not the owner's is refused.
pub fn decide(
    conn: &mut Conn,
    owner: &Owner,
    vehicle: VehicleId,
    decision: &Decision,
    now: Timestamp,
) -> Result<Policy, ConsentError> {
    let known = identity::vehicles(conn, &[vehicle])?;
    if known.first().is_none_or(|known| known.owner != owner.id) {
        return Err(ConsentError::NotYours { vehicle });
    }
    let (version, before) = latest(conn, vehicle)?;
    if *decision == before {
        return Ok(before.policy(version));
    }
    let version = version.next();
    queries::insert(conn, vehicle, version, decision, now)?;
    Ok(decision.policy(version))
}

/// The policy of `vehicle` that is in force.
///
/// # Errors
/// A vehicle without a policy is refused, and a damaged policy is never guessed at.
pub fn in_force(conn: &mut Conn, vehicle: VehicleId) -> Result<Policy, ConsentError> {
    let (version, decision) = latest(conn, vehicle)?;
    Ok(decision.policy(version))
}

/// What rows of `vehicle` may be used for.
///
/// # Errors
/// As [`in_force`].
pub fn purposes(conn: &mut Conn, vehicle: VehicleId) -> Result<Purposes, ConsentError> {
    Ok(latest(conn, vehicle)?.1.purposes().clone())
}

fn latest(conn: &mut Conn, vehicle: VehicleId) -> Result<Numbered, ConsentError> {
    queries::latest(conn, vehicle)?.ok_or(ConsentError::NoPolicy { vehicle })
}

/// The policies in force of `vehicles`.
///
/// # Errors
/// As [`in_force`].
pub fn all_in_force(
    conn: &mut Conn,
    vehicles: &[VehicleId],
) -> Result<BTreeMap<VehicleId, Policy>, ConsentError> {
    let policy =
        |(vehicle, (version, decision)): (VehicleId, Numbered)| (vehicle, decision.policy(version));
    Ok(all_latest(conn, vehicles)?.into_iter().map(policy).collect())
}

fn all_latest(
    conn: &mut Conn,
    vehicles: &[VehicleId],
) -> Result<BTreeMap<VehicleId, Numbered>, ConsentError> {
    let decisions = queries::latest_of(conn, vehicles)?;
    match vehicles.iter().find(|vehicle| !decisions.contains_key(*vehicle)) {
        Some(vehicle) => Err(ConsentError::NoPolicy { vehicle: *vehicle }),
        None => Ok(decisions),
    }
}

/// Whether `policy` shares every one of `signals`.
#[must_use]
pub fn shares(policy: &Policy, signals: &[Signal]) -> bool {
    signals.iter().all(|signal| policy.disclosure(*signal) == Disclosure::Share)
}

/// Those of `vehicles` that share every one of `signals` now for `purpose`, in the order given. No purpose is asked of what
/// was sold before there were any.
///
/// # Errors
/// As [`in_force`].
pub fn sharing(
    conn: &mut Conn,
    vehicles: &[VehicleId],
    signals: &[Signal],
    purpose: Option<Purpose>,
) -> Result<Vec<VehicleId>, ConsentError> {
    let decisions = all_latest(conn, vehicles)?;
    let is_sharing = |vehicle: &&VehicleId| {
        decisions.get(vehicle).is_some_and(|(version, decision)| {
            shares(&decision.policy(*version), signals)
                && purpose.is_none_or(|purpose| decision.purposes().permit(purpose))
        })
    };
    Ok(vehicles.iter().filter(is_sharing).copied().collect())
}

#[cfg(test)]
mod tests {
    use telematics::testing::{T0, signing_key, vehicle};
    use telematics::{OwnerId, Powertrain, SignalGroup, VehicleDescription};

    use super::*;
    use crate::db::Db;
    use crate::identity::{ApiKey, NewVehicle};

    /// Two vehicles of one owner, and another owner with none.
    async fn market() -> (tempfile::TempDir, Db, Owner, Owner) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::of_test(folder.path());
        let owners = db.write::<_, ConsentError, _>(enrol_two).await.unwrap();
        (folder, db, owners.0, owners.1)
    }

    fn enrol_two(conn: &mut Conn) -> Result<(Owner, Owner), ConsentError> {
        let operator = identity::create_operator(conn, &ApiKey::new([1; 32]), T0)?;
        let mut owner = |number: u8| {
            let (id, key) = (OwnerId::new(T0, [number; 10]), ApiKey::new([number; 32]));
            identity::create_owner(conn, &operator, "Ada", id, &key, T0)
        };
        let (ada, bob) = (owner(2)?, owner(3)?);
        let description =
            VehicleDescription::new("VW", "ID.4", 2022, Powertrain::Electric).unwrap();
        for number in [1, 2] {
            let secret = [number; 10];
            let key = signing_key(number).verifying_key();
            identity::create_enrolment_code(conn, &ada, &secret, "", T0)?;
            let identity = zk::IdentityCommitment::from_bytes(&[number; 32]).unwrap();
            let description = description.clone();
            let car = NewVehicle { id: vehicle(number), key, identity, description };
            identity::enroll(conn, &secret, &car, T0)?;
            grant(conn, vehicle(number), &Decision::parse("motion=share").unwrap(), T0)?;
        }
        Ok((ada, bob))
    }

    #[tokio::test]
    async fn a_decision_replaces_the_one_before_and_a_repeat_changes_nothing() {
        let (_folder, db, ada, _) = market().await;
        let groups = Decision::parse("battery=share,motion=prove").unwrap();

        let (first, again) = db
            .write::<_, ConsentError, _>(move |conn| {
                let first = decide(conn, &ada, vehicle(1), &groups, T0)?;
                Ok((first, decide(conn, &ada, vehicle(1), &groups, T0)?))
            })
            .await
            .unwrap();

        assert_eq!(first.version(), PolicyVersion::new(2));
        assert_eq!(first, again);
        assert_eq!(db.read(|conn| in_force(conn, vehicle(1))).await.unwrap(), first);
    }

    #[tokio::test]
    async fn another_precision_is_another_decision() {
        let (_folder, db, ada, _) = market().await;
        let decide = |text: &str| {
            let decision = Decision::parse(text).unwrap();
            db.write(move |conn| decide(conn, &ada, vehicle(1), &decision, T0))
        };

        let whole = decide("motion=share;motion=whole").await.unwrap();
        assert_eq!(whole.version(), PolicyVersion::new(2));
        assert_eq!(whole.precision(SignalGroup::Motion).to_string(), "whole");
        assert_eq!(db.read(|conn| in_force(conn, vehicle(1))).await.unwrap(), whole);
        assert_eq!(decide("motion=share;motion=whole,location=h3-6").await.unwrap(), whole);
        let usual = decide("motion=share").await.unwrap();
        assert_eq!(usual.version(), PolicyVersion::new(3));
        assert_eq!(usual.precision(SignalGroup::Motion).to_string(), "exact");
    }

    #[tokio::test]
    async fn another_owner_can_not_decide() {
        let (_folder, db, ada, bob) = market().await;
        let attempt = |owner: Owner, car: u8| {
            db.write(move |conn| decide(conn, &owner, vehicle(car), &Decision::default(), T0))
        };

        assert!(matches!(attempt(bob, 1).await, Err(ConsentError::NotYours { .. })));
        assert!(matches!(attempt(ada, 9).await, Err(ConsentError::NotYours { .. })));
    }

    #[tokio::test]
    async fn only_vehicles_that_share_every_signal_are_sharing() {
        let (_folder, db, ada, _) = market().await;
        let groups = Decision::parse("battery=share,motion=share").unwrap();
        db.write(move |conn| decide(conn, &ada, vehicle(2), &groups, T0)).await.unwrap();
        let speed = Signal::by_path("Vehicle.Speed").unwrap();
        let charge =
            Signal::by_path("Vehicle.Powertrain.TractionBattery.StateOfCharge.Current").unwrap();

        let both = [vehicle(1), vehicle(2)];
        let ask = |signals: Vec<Signal>| db.read(move |conn| sharing(conn, &both, &signals, None));

        assert_eq!(ask(vec![speed]).await.unwrap(), both);
        assert_eq!(ask(vec![speed, charge]).await.unwrap(), [vehicle(2)]);
    }

    #[tokio::test]
    async fn only_vehicles_whose_owners_permit_the_purpose_are_sharing() {
        let (_folder, db, ada, _) = market().await;
        let for_all = Decision::parse("motion=share;;traffic,advertising").unwrap();
        let decided = db.write(move |conn| decide(conn, &ada, vehicle(2), &for_all, T0));
        assert_eq!(decided.await.unwrap().version(), PolicyVersion::new(2), "another decision");
        let speed = [Signal::by_path("Vehicle.Speed").unwrap()];
        let both = [vehicle(1), vehicle(2)];
        let ask = |purpose| db.read(move |conn| sharing(conn, &both, &speed, Some(purpose)));

        assert_eq!(ask(Purpose::Traffic).await.unwrap(), both);
        assert_eq!(ask(Purpose::Research).await.unwrap(), [vehicle(1)]);
        assert_eq!(ask(Purpose::Advertising).await.unwrap(), [vehicle(2)]);
    }
}
