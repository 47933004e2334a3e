//! How a car becomes a vehicle: the owner asks for a code, the car shows it once.

use ed25519_dalek::VerifyingKey;
use sha2::{Digest, Sha256};
use telematics::{OwnerId, Timestamp, VehicleDescription, VehicleId};
use zk::IdentityCommitment;

use super::labels::Labels;
use super::principal::Owner;
use super::vehicles::{VehicleRecord, VehicleStatus};
use super::{IdentityError, queries};
use crate::db::Conn;

/// How long a code can be used.
pub const CODE_VALID_SECONDS: i64 = 600;

/// A car that asks to become a vehicle.
#[derive(Clone, Debug)]
pub struct NewVehicle {
    /// The id that it gets.
    pub id: VehicleId,
    /// The key that it signs with.
    pub key: VerifyingKey,
    /// What it proves under.
    pub identity: IdentityCommitment,
    /// What it is.
    pub description: VehicleDescription,
}

/// What a used code was good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// Whose vehicle it is now.
    pub owner: OwnerId,
    /// The consent that the owner chose with the code.
    pub consent: String,
}

/// Makes `secret` good for one vehicle of `owner`, and returns until when.
///
/// # Errors
/// Fails when the database does, also when `secret` was given before.
pub fn create_enrolment_code(
    conn: &mut Conn,
    owner: &Owner,
    secret: &[u8; 10],
    consent: &str,
    now: Timestamp,
) -> Result<Timestamp, IdentityError> {
    let expires_at = now.plus_seconds(CODE_VALID_SECONDS);
    queries::insert_code(conn, &hash(secret), owner.id, consent, (now, expires_at))?;
    Ok(expires_at)
}

/// Makes `car` a vehicle of the owner who was given `secret`.
///
/// # Errors
/// A code that was never given, was used or is too old is refused, and so is a key that another
/// vehicle has.
pub fn enroll(
    conn: &mut Conn,
    secret: &[u8; 10],
    car: &NewVehicle,
    now: Timestamp,
) -> Result<Enrolled, IdentityError> {
    let hash = hash(secret);
    let code = queries::code(conn, &hash)?.ok_or(IdentityError::UnknownCode)?;
    if code.used {
        return Err(IdentityError::UsedCode);
    }
    if now > code.expires_at {
        return Err(IdentityError::ExpiredCode);
    }
    if queries::is_key_taken(conn, &car.key)? {
        return Err(IdentityError::KeyTaken);
    }
    let record = VehicleRecord {
        id: car.id,
        owner: code.owner,
        description: car.description.clone(),
        status: VehicleStatus::Active,
        enrolled_at: now,
        labels: Labels::default(),
    };
    queries::insert_vehicle(conn, &record, &car.key, car.identity)?;
    // Asked again by the statement that uses it up, so that two cars never share one code.
    if queries::use_code(conn, &hash, car.id)? == 0 {
        return Err(IdentityError::UsedCode);
    }
    Ok(Enrolled { owner: code.owner, consent: code.consent })
}

fn hash(secret: &[u8; 10]) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

#[cfg(test)]
mod tests {
    use telematics::testing::{T0, signing_key, vehicle};
    use telematics::{OwnerId, Powertrain};

    use super::*;
    use crate::db::Db;
    use crate::identity::{self, ApiKey, Labels};

    const SECRET: [u8; 10] = [7; 10];

    fn description() -> VehicleDescription {
        VehicleDescription::new("Toyota", "RAV4", 2021, Powertrain::Hybrid).unwrap()
    }

    fn car(id: u8, key: u8) -> NewVehicle {
        NewVehicle {
            id: vehicle(id),
            key: signing_key(key).verifying_key(),
            identity: IdentityCommitment::from_bytes(&[id; 32]).unwrap(),
            description: description(),
        }
    }

    async fn market_with_a_code() -> (tempfile::TempDir, Db, Owner) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::of_test(folder.path());
        let owner = db
            .write::<_, IdentityError, _>(|conn| {
                let operator = identity::create_operator(conn, &ApiKey::new([1; 32]), T0)?;
                let (id, key) = (OwnerId::new(T0, [1; 10]), ApiKey::new([2; 32]));
                let owner = identity::create_owner(conn, &operator, "Ada", id, &key, T0)?;
                create_enrolment_code(conn, &owner, &SECRET, "motion=share", T0)?;
                Ok(owner)
            })
            .await
            .unwrap();
        (folder, db, owner)
    }

    async fn enroll_at(
        db: &Db,
        secret: [u8; 10],
        number: u8,
        now: Timestamp,
    ) -> Result<Enrolled, IdentityError> {
        db.write(move |conn| enroll(conn, &secret, &car(number, number), now)).await
    }

    #[tokio::test]
    async fn a_code_makes_a_vehicle_of_its_owner() {
        let (_folder, db, owner) = market_with_a_code().await;

        let enrolled = enroll_at(&db, SECRET, 1, T0.plus_seconds(600)).await.unwrap();

        assert_eq!(enrolled, Enrolled { owner: owner.id, consent: "motion=share".to_owned() });
        let mine = db.read(move |conn| identity::vehicles_of(conn, &owner)).await.unwrap();
        assert_eq!(mine.len(), 1);
        assert_eq!((mine[0].id, mine[0].description.clone()), (vehicle(1), description()));
    }

    #[tokio::test]
    async fn each_change_of_an_owners_vehicles_is_counted() {
        let (_folder, db, owner) = market_with_a_code().await;
        let mut versions = Vec::new();
        let mut note = async |change: fn(&mut Conn, &Owner) -> Result<(), IdentityError>| {
            let changed = move |conn: &mut _| {
                change(conn, &owner)?;
                identity::fleet_version(conn, &owner)
            };
            versions.push(db.write(changed).await.unwrap());
        };
        note(|_, _| Ok(())).await;
        note(|conn, _| enroll(conn, &SECRET, &car(1, 1), T0).map(drop)).await;
        note(|conn, owner| identity::label(conn, owner, vehicle(1), &Labels::default())).await;
        note(|conn, _| identity::suspend(conn, vehicle(1))).await;
        note(|_, _| Ok(())).await;

        assert_eq!(versions, [0, 1, 2, 3, 3]);
    }

    #[tokio::test]
    async fn a_code_never_given_is_refused() {
        let (_folder, db, _) = market_with_a_code().await;

        let refused = enroll_at(&db, [8; 10], 1, T0).await;

        assert!(matches!(refused, Err(IdentityError::UnknownCode)));
    }

    #[tokio::test]
    async fn a_code_is_refused_the_second_time() {
        let (_folder, db, _) = market_with_a_code().await;
        enroll_at(&db, SECRET, 1, T0).await.unwrap();

        assert!(matches!(enroll_at(&db, SECRET, 2, T0).await, Err(IdentityError::UsedCode)));
    }

    #[tokio::test]
    async fn a_code_is_refused_after_ten_minutes() {
        let (_folder, db, owner) = market_with_a_code().await;

        let refused = enroll_at(&db, SECRET, 1, T0.plus_micros(600_000_001)).await;

        assert!(matches!(refused, Err(IdentityError::ExpiredCode)));
        let mine = db.read(move |conn| identity::vehicles_of(conn, &owner)).await.unwrap();
        assert!(mine.is_empty());
    }

    #[tokio::test]
    async fn a_key_is_one_vehicle_only() {
        let (_folder, db, owner) = market_with_a_code().await;
        enroll_at(&db, SECRET, 1, T0).await.unwrap();
        db.write(move |conn| create_enrolment_code(conn, &owner, &[9; 10], "", T0)).await.unwrap();

        let refused = db.write(move |conn| enroll(conn, &[9; 10], &car(2, 1), T0)).await;

        assert!(matches!(refused, Err(IdentityError::KeyTaken)));
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_many_cars_with_one_code_exactly_one_wins() {
        let (_folder, db, owner) = market_with_a_code().await;

        let cars = (1..=8).map(|number| {
            let db = db.clone();
            tokio::spawn(async move { enroll_at(&db, SECRET, number, T0).await.is_ok() })
        });
        let mut winners = 0;
        for car in cars.collect::<Vec<_>>() {
            winners += usize::from(car.await.unwrap());
        }

        assert_eq!(winners, 1);
        let mine = db.read(move |conn| identity::vehicles_of(conn, &owner)).await.unwrap();
        assert_eq!(mine.len(), 1);
    }
}
