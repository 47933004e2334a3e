//! Appending and asking.

use std::collections::BTreeMap;

use telematics::loss::Bridge;
use telematics::payload::Contents;
use telematics::{BatchHash, Sample, SealedBatch, Signal, Timestamp, VehicleId};

use super::queries;
use crate::db::Conn;

/// Why the archive could not keep or return something.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The batch does not follow the last one.
    #[error("batch {seq} of {vehicle} does not follow the end of its chain")]
    NotNext {
        /// The vehicle.
        vehicle: VehicleId,
        /// The position of the batch.
        seq: u64,
    },
    /// A row that no longer reads as what it was.
    #[error("a row of table `{table}` is damaged: {what}")]
    Damaged {
        /// The table.
        table: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// The database failed.
    #[error("cannot read or store batches")]
    Storage(#[from] diesel::result::Error),
}

/// The end of a vehicle's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Position of the last batch.
    pub last_seq: u64,
    /// Its hash.
    pub last_hash: BatchHash,
    /// Samples in all its batches.
    pub samples: u64,
}

/// A batch as it was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBatch {
    /// Orders batches of all vehicles by the time they were committed.
    pub arrival: i64,
    /// Whose.
    pub vehicle: VehicleId,
    /// Position in the vehicle's chain.
    pub seq: u64,
    /// Its hash.
    pub hash: BatchHash,
    /// Samples, packed by [`telematics::payload::encode`].
    pub payload: Vec<u8>,
    /// How many.
    pub samples: u64,
    /// When it was taken in.
    pub received_at: Timestamp,
}

/// How much the archive holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Batches of all vehicles.
    pub batches: u64,
    /// Samples in them.
    pub samples: u64,
}

/// Keeps `batch`, whose hash and contents are given, as the new end of its vehicle's chain.
///
/// # Errors
/// A batch that does not follow the last one is refused.
pub fn append(
    conn: &mut Conn,
    batch: &SealedBatch,
    hash: BatchHash,
    contents: &Contents,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let samples = i32::try_from(contents.samples.len()).unwrap_or(i32::MAX);
    let end = Bridge::behind(batch, hash);
    if !queries::move_chain(conn, &batch.header, end, samples, now)? {
        let (vehicle, seq) = (batch.header.vehicle, batch.header.seq);
        return Err(ArchiveError::NotNext { vehicle, seq });
    }
    queries::insert_batch(conn, batch, hash, samples, now)?;
    for sample in newest(&contents.samples).values() {
        queries::move_latest(conn, batch.header.vehicle, sample)?;
    }
    Ok(())
}

/// The newest sample of each signal; of several at one time, the last.
fn newest(samples: &[Sample]) -> BTreeMap<Signal, Sample> {
    let mut newest = BTreeMap::<Signal, Sample>::new();
    for sample in samples {
        let known = newest.entry(sample.signal).or_insert(*sample);
        if sample.time >= known.time {
            *known = *sample;
        }
    }
    newest
}

/// The end of `vehicle`'s chain, or `None` before its first batch.
///
/// # Errors
/// Fails when the database does, or when the row is damaged.
pub fn chain(conn: &mut Conn, vehicle: VehicleId) -> Result<Option<Chain>, ArchiveError> {
    queries::chain(conn, vehicle)
}

/// The hash of `vehicle`'s batch at position `seq`.
///
/// # Errors
/// Fails when the database does, or when the row is damaged.
pub fn hash_at(
    conn: &mut Conn,
    vehicle: VehicleId,
    seq: u64,
) -> Result<Option<BatchHash>, ArchiveError> {
    queries::hash_at(conn, vehicle, seq)
}

/// Batches with samples that were committed after `arrival`, in that order, at most `limit`.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn after(conn: &mut Conn, arrival: i64, limit: u32) -> Result<Vec<StoredBatch>, ArchiveError> {
    queries::after(conn, arrival, limit)
}

/// As [`after`], of these vehicles only.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn after_of(
    conn: &mut Conn,
    vehicles: &[VehicleId],
    arrival: i64,
    limit: u32,
) -> Result<Vec<StoredBatch>, ArchiveError> {
    queries::after_of(conn, vehicles, arrival, limit)
}

/// How many batches [`after`] would return without a limit.
///
/// # Errors
/// Fails when the database does.
pub fn waiting(conn: &mut Conn, arrival: i64) -> Result<u64, ArchiveError> {
    queries::waiting(conn, arrival)
}

/// The newest value of each signal that `vehicle` sent, by signal.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn latest(conn: &mut Conn, vehicle: VehicleId) -> Result<Vec<Sample>, ArchiveError> {
    queries::latest(conn, vehicle)
}

/// How much the archive holds.
///
/// # Errors
/// Fails when the database does.
pub fn totals(conn: &mut Conn) -> Result<Totals, ArchiveError> {
    queries::totals(conn)
}

/// Keeps `batch` as evidence of a chain that contradicts itself. Once, however often it is sent.
///
/// # Errors
/// Fails when the database does.
pub fn quarantine(
    conn: &mut Conn,
    batch: &SealedBatch,
    hash: BatchHash,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    queries::insert_evidence(conn, batch, hash, now)
}

/// Keeps the accepted batch of `vehicle` at `seq` as evidence, beside the one that contradicts it.
///
/// # Errors
/// Fails when the database does, or when the row is damaged. No such batch is no error.
pub fn quarantine_stored(
    conn: &mut Conn,
    vehicle: VehicleId,
    seq: u64,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    match queries::sealed_at(conn, vehicle, seq)? {
        Some((batch, hash)) => queries::insert_evidence(conn, &batch, hash, now),
        None => Ok(()),
    }
}

/// Hashes of the evidence against `vehicle`, at most 1,000.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn quarantined(conn: &mut Conn, vehicle: VehicleId) -> Result<Vec<BatchHash>, ArchiveError> {
    queries::evidence(conn, vehicle)
}

#[cfg(test)]
mod tests {
    use telematics::testing::{self, T0, signing_key};
    use telematics::{OwnerId, Powertrain, Value, VehicleDescription, payload};

    use super::*;
    use crate::db::Db;
    use crate::identity::{self, ApiKey, IdentityError, NewVehicle};

    async fn market_with_a_car() -> (tempfile::TempDir, Db) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open_in(folder.path()).unwrap();
        db.write::<_, IdentityError, _>(|conn| {
            let operator = identity::create_operator(conn, &ApiKey::new([1; 32]), T0)?;
            let (id, key) = (OwnerId::new(T0, [1; 10]), ApiKey::new([2; 32]));
            let owner = identity::create_owner(conn, &operator, "Ada", id, &key, T0)?;
            identity::create_enrolment_code(conn, &owner, &[1; 10], "", T0)?;
            let car = VehicleDescription::new("VW", "ID.4", 2022, Powertrain::Electric).unwrap();
            let car = NewVehicle {
                id: testing::vehicle(255),
                key: signing_key(1).verifying_key(),
                identity: zk::IdentityCommitment::from_bytes(&[1; 32]).unwrap(),
                description: car,
            };
            identity::enroll(conn, &[1; 10], &car, T0)
        })
        .await
        .unwrap();
        (folder, db)
    }

    async fn append_one(db: &Db, batch: SealedBatch) -> Result<BatchHash, ArchiveError> {
        let hash = batch.hash();
        let contents = payload::decode(&batch.payload).unwrap();
        db.write(move |conn| append(conn, &batch, hash, &contents, T0)).await?;
        Ok(hash)
    }

    #[tokio::test]
    async fn a_chain_grows_only_at_its_end() {
        let (_folder, db) = market_with_a_car().await;
        let batch = |seq, prev| testing::batch(seq, prev, &signing_key(1));

        let early = append_one(&db, batch(2, BatchHash::GENESIS)).await;
        assert!(matches!(early, Err(ArchiveError::NotNext { seq: 2, .. })));
        let first = append_one(&db, batch(1, BatchHash::GENESIS)).await.unwrap();
        let twice = append_one(&db, batch(1, BatchHash::GENESIS)).await;
        assert!(matches!(twice, Err(ArchiveError::NotNext { seq: 1, .. })));
        let stranger = append_one(&db, batch(2, BatchHash([9; 32]))).await;
        assert!(matches!(stranger, Err(ArchiveError::NotNext { seq: 2, .. })));
        let second = append_one(&db, batch(2, first)).await.unwrap();

        let end = db.read(|conn| chain(conn, testing::vehicle(255))).await.unwrap();
        assert_eq!(end, Some(Chain { last_seq: 2, last_hash: second, samples: 20 }));
        let kept = db.read(|conn| after(conn, 0, 10)).await.unwrap();
        assert_eq!(kept.iter().map(|batch| batch.hash).collect::<Vec<_>>(), [first, second]);
        let totals = db.read(totals).await.unwrap();
        assert_eq!(totals, Totals { batches: 2, samples: 20 });
    }

    #[tokio::test]
    async fn the_latest_value_never_moves_back_in_time() {
        let (_folder, db) = market_with_a_car().await;
        let sample = |second: i64| Sample {
            time: T0.plus_seconds(second),
            value: Value::from_raw(second),
            ..testing::samples("Vehicle.Speed", 1)[0]
        };
        let template = testing::batch(1, BatchHash::GENESIS, &signing_key(1));
        let mut prev = BatchHash::GENESIS;
        for (seq, seconds) in [(1, vec![5, 7, 6]), (2, vec![3]), (3, vec![9])] {
            let mut header = template.header;
            (header.seq, header.prev_hash) = (seq, prev);
            let samples = seconds.into_iter().map(sample).collect();
            let contents = Contents { samples, commitments: Vec::new() };
            let batch = SealedBatch::seal(header, payload::encode(&contents), &signing_key(1));
            prev = append_one(&db, batch).await.unwrap();

            let latest = db.read(|conn| latest(conn, testing::vehicle(255))).await.unwrap();
            assert_eq!(latest, [sample(if seq == 3 { 9 } else { 7 })]);
        }
    }
}
