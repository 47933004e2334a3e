//! Appending and asking.

use std::collections::BTreeMap;

use telematics::loss::Bridge;
use telematics::payload::Contents;
use telematics::{BatchHash, Sample, SealedBatch, Signal, Timestamp, VehicleId};

use super::days::{self, SignalSet};
use super::quality::{Latest, Newest, Quality, Reason, Score, horizon};
use super::queries;
use super::retention::Span;
use crate::db::{self, Conn};

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

/// How much the archive took in, but for what was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Batches of all vehicles.
    pub batches: u64,
    /// Samples in them.
    pub samples: u64,
}

/// A batch as its vehicle's owner is shown how plausible it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scored {
    /// Position in the vehicle's chain.
    pub seq: u64,
    /// Samples in it.
    pub samples: u64,
    /// When it was taken in.
    pub received_at: Timestamp,
    /// How plausible they are.
    pub score: Score,
    /// Why not more.
    pub reasons: Vec<Reason>,
}

/// How plausible everything is that a vehicle sent since there are scores.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VehicleQuality {
    /// Samples that were scored.
    pub samples: u64,
    /// Their scores added up, in per mille.
    pub score_sum: u64,
    /// What speaks against them, one for each kind and signal.
    pub reasons: Vec<Reason>,
}

/// Keeps `batch`, whose hash, contents and quality are given, as the new end of its vehicle's chain.
/// Samples of the future are kept like others, but are nobody's latest value.
///
/// # Errors
/// A batch that does not follow the last one is refused.
pub fn append(
    conn: &mut Conn,
    batch: &SealedBatch,
    hash: BatchHash,
    contents: &Contents,
    quality: &Quality,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let vehicle = batch.header.vehicle;
    let samples = i32::try_from(contents.samples.len()).unwrap_or(i32::MAX);
    let end = Bridge::behind(batch, hash);
    if !queries::move_chain(conn, &batch.header, end, (samples, quality), now)? {
        return Err(ArchiveError::NotNext { vehicle, seq: batch.header.seq });
    }
    // Numbers it: the lake reads behind the last number that it has.
    db::take_turn(conn)?;
    let span = Span::of(&contents.samples);
    queries::insert_batch(conn, batch, hash, (samples, span, quality), now)?;
    for reason in &quality.reasons {
        queries::insert_reason(conn, vehicle, batch.header.seq, reason)?;
    }
    let changed = move_latest(conn, vehicle, contents, horizon(quality.judged_at))?;
    days::note(conn, vehicle, (contents, quality), changed, now)
}

/// Moves the latest values of `vehicle` on to those of `contents`, and says which signals changed.
fn move_latest(
    conn: &mut Conn,
    vehicle: VehicleId,
    contents: &Contents,
    horizon: Timestamp,
) -> Result<SignalSet, ArchiveError> {
    // One question for all signals: a batch has dozens of them.
    let known = queries::latest_of_all(conn, vehicle)?;
    let known = known.into_iter().map(|latest| (latest.sample.signal, latest));
    let known = known.collect::<BTreeMap<_, _>>();
    let mut changed = SignalSet::default();
    for newest in newest(&contents.samples, horizon) {
        let before = known.get(&newest.signal()).copied();
        if newest.has_changed(before.as_ref()) {
            changed.insert(newest.signal());
        }
        let latest = newest.after(before);
        if before != Some(latest) {
            queries::set_latest(conn, vehicle, &latest, before.is_some())?;
        }
    }
    Ok(changed)
}

/// The newest sample of each signal that is not of the future. `samples` are grouped by signal.
pub fn newest(samples: &[Sample], horizon: Timestamp) -> impl Iterator<Item = Newest> {
    let runs = samples.chunk_by(|one, next| one.signal == next.signal);
    runs.filter_map(move |run| Newest::of(run, horizon))
}

/// The newest value of each signal that `vehicle` sent, by signal, and since when it has been the same.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn latest_of_all(conn: &mut Conn, vehicle: VehicleId) -> Result<Vec<Latest>, ArchiveError> {
    queries::latest_of_all(conn, vehicle)
}

/// The newest values of `vehicles`: of these signals, or of all when none is said.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn latest_among(
    conn: &mut Conn,
    vehicles: &[VehicleId],
    signals: Option<&[Signal]>,
) -> Result<Vec<(VehicleId, Sample)>, ArchiveError> {
    queries::latest_among(conn, vehicles, signals)
}

/// The last `limit` batches of `vehicle` that have a score, newest first.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn scored(
    conn: &mut Conn,
    vehicle: VehicleId,
    limit: u32,
) -> Result<Vec<Scored>, ArchiveError> {
    queries::scored(conn, vehicle, limit)
}

/// How plausible what each vehicle sent is. Vehicles without a score are not in it.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn qualities(conn: &mut Conn) -> Result<BTreeMap<VehicleId, VehicleQuality>, ArchiveError> {
    queries::qualities(conn)
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

/// Batches with samples that were committed after `arrival`, in that order, at most `limit`. Those whose
/// payload is gone have none, here and in the questions below.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn after(conn: &mut Conn, arrival: i64, limit: u32) -> Result<Vec<StoredBatch>, ArchiveError> {
    queries::after(conn, arrival, limit)
}

/// The batches that follow `arrival`, as many as together have at most `samples` samples, and at least
/// one if there is one: what is moved to the lake at once.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn portion(
    conn: &mut Conn,
    arrival: i64,
    samples: u64,
) -> Result<Vec<StoredBatch>, ArchiveError> {
    match queries::portion_end(conn, arrival, samples)? {
        Some(end) => queries::between(conn, arrival, end),
        None => Ok(Vec::new()),
    }
}

/// Batches with samples of `vehicle` behind position `after`, in their order, at most `limit`.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn of_vehicle(
    conn: &mut Conn,
    vehicle: VehicleId,
    after: u64,
    limit: u32,
) -> Result<Vec<StoredBatch>, ArchiveError> {
    queries::of_vehicle(conn, vehicle, after, limit)
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

/// The last batch that there is; 0 when there is none.
///
/// # Errors
/// Fails when the database does.
pub fn last_arrival(conn: &mut Conn) -> Result<i64, ArchiveError> {
    queries::last_arrival(conn)
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
    let latest = queries::latest_of_all(conn, vehicle)?;
    Ok(latest.into_iter().map(|latest| latest.sample).collect())
}

/// Deletes everything that `vehicle` sent, and what is known from it. The end of its chain stays, so that
/// its key can not begin another. May be repeated.
///
/// # Errors
/// Fails when the database does.
pub fn erase(conn: &mut Conn, vehicle: VehicleId) -> Result<(), ArchiveError> {
    queries::erase(conn, vehicle)
}

/// How much the archive took in, but for what was erased.
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
        let db = Db::of_test(folder.path());
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
        let plausible = Quality::new(contents.samples.len(), Vec::new(), T0);
        db.write(move |conn| append(conn, &batch, hash, &contents, &plausible, T0)).await?;
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
