//! The only statements that name the tables of the archive.

mod days;
mod quality;
mod retention;

use diesel::dsl::{max, sum};
use diesel::prelude::*;
use telematics::consent::PolicyVersion;
use telematics::loss::Bridge;
use telematics::{BatchHash, BatchHeader, SealedBatch, Timestamp, VehicleId};

use super::quality::{Latest, Quality};
use super::retention::Span;
use super::verbs::{ArchiveError, Chain, StoredBatch, Totals};
use crate::db::Conn;
use crate::schema::{batches, chains, latest_values, quarantine};

pub(super) use days::{days, first_day, forget_days, note_day};
pub(super) use quality::{insert_reason, latest_among, latest_of_all, qualities, scored};
pub(super) use retention::{empty, empty_evidence, forget_latest, last_gone, over};

/// Batches that are moved to the lake together, at most.
const PORTION_BATCHES_MAX: i64 = 20_000;
/// Rows of evidence that one answer has at most.
const EVIDENCE_MAX: i64 = 1_000;

/// Moves the end of the chain to where it is with the batch of `header` in it, and says whether that
/// followed the end.
pub(super) fn move_chain(
    conn: &mut Conn,
    header: &BatchHeader,
    end: Bridge,
    (samples, quality): (i32, &Quality),
    now: Timestamp,
) -> Result<bool, ArchiveError> {
    let samples = i64::from(samples);
    let scores = samples.saturating_mul(quality.score.per_mille().into());
    let seq = to_i64("chains", header.seq)?;
    let last_seq = to_i64("chains", end.seq)?;
    if header.seq == 1 {
        if header.prev_hash != BatchHash::GENESIS || chain(conn, header.vehicle)?.is_some() {
            return Ok(false);
        }
        let row = (
            chains::vehicle_id.eq(header.vehicle.to_vec()),
            chains::last_seq.eq(last_seq),
            chains::last_hash.eq(end.hash.0.to_vec()),
            chains::samples.eq(samples),
            chains::updated_at.eq(now.as_micros()),
            chains::scored_samples.eq(samples),
            chains::score_sum.eq(scores),
        );
        diesel::insert_into(chains::table).values(row).execute(conn)?;
        return Ok(true);
    }
    let before = chains::table
        .filter(chains::vehicle_id.eq(header.vehicle.to_vec()))
        .filter(chains::last_seq.eq(seq - 1))
        .filter(chains::last_hash.eq(header.prev_hash.0.to_vec()));
    let moved = diesel::update(before)
        .set((
            chains::last_seq.eq(last_seq),
            chains::last_hash.eq(end.hash.0.to_vec()),
            chains::samples.eq(chains::samples + samples),
            chains::updated_at.eq(now.as_micros()),
            chains::scored_samples.eq(chains::scored_samples + samples),
            chains::score_sum.eq(chains::score_sum + scores),
        ))
        .execute(conn)?;
    Ok(moved == 1)
}

pub(super) fn insert_batch(
    conn: &mut Conn,
    batch: &SealedBatch,
    hash: BatchHash,
    (samples, span, quality): (i32, Span, &Quality),
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let score = (samples > 0).then(|| i32::from(quality.score.per_mille()));
    let row = (
        batches::vehicle_id.eq(batch.header.vehicle.to_vec()),
        batches::seq.eq(to_i64("batches", batch.header.seq)?),
        batches::hash.eq(hash.0.to_vec()),
        batches::prev_hash.eq(batch.header.prev_hash.0.to_vec()),
        batches::consent_version.eq(version_number(&batch.header)?),
        batches::payload.eq(batch.payload.clone()),
        batches::signature.eq(batch.signature.to_vec()),
        batches::samples.eq(samples),
        batches::received_at.eq(now.as_micros()),
        batches::score.eq(score),
        batches::sample_groups.eq(span.groups),
        batches::first_day.eq(span.first_day),
    );
    diesel::insert_into(batches::table).values(row).execute(conn)?;
    Ok(())
}

/// Keeps `latest` of its signal, of which `vehicle` has a row already if it `is_known`.
pub(super) fn set_latest(
    conn: &mut Conn,
    vehicle: VehicleId,
    latest: &Latest,
    is_known: bool,
) -> Result<(), ArchiveError> {
    let number = i32::from(latest.sample.signal.number());
    let values = (
        latest_values::measured_at.eq(latest.sample.time.as_micros()),
        latest_values::value.eq(latest.sample.value.raw()),
        latest_values::unchanged_since.eq(latest.since.as_micros()),
    );
    if is_known {
        let row = latest_values::table
            .filter(latest_values::vehicle_id.eq(vehicle.to_vec()))
            .filter(latest_values::signal.eq(number));
        diesel::update(row).set(values).execute(conn)?;
        return Ok(());
    }
    let key = (latest_values::vehicle_id.eq(vehicle.to_vec()), latest_values::signal.eq(number));
    let row = (key.0, key.1, values.0, values.1, values.2);
    diesel::insert_into(latest_values::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn chain(conn: &mut Conn, vehicle: VehicleId) -> Result<Option<Chain>, ArchiveError> {
    let row = chains::table
        .filter(chains::vehicle_id.eq(vehicle.to_vec()))
        .select((chains::last_seq, chains::last_hash, chains::samples))
        .first::<(i64, Vec<u8>, i64)>(conn)
        .optional()?;
    let read = |(last_seq, last_hash, samples): (i64, Vec<u8>, i64)| {
        Ok(Chain {
            last_seq: to_u64("chains", last_seq)?,
            last_hash: to_hash("chains", &last_hash)?,
            samples: to_u64("chains", samples)?,
        })
    };
    row.map(read).transpose()
}

pub(super) fn hash_at(
    conn: &mut Conn,
    vehicle: VehicleId,
    seq: u64,
) -> Result<Option<BatchHash>, ArchiveError> {
    let hash = batches::table
        .filter(batches::vehicle_id.eq(vehicle.to_vec()))
        .filter(batches::seq.eq(to_i64("batches", seq)?))
        .select(batches::hash)
        .first::<Vec<u8>>(conn)
        .optional()?;
    hash.map(|hash| to_hash("batches", &hash)).transpose()
}

pub(super) fn sealed_at(
    conn: &mut Conn,
    vehicle: VehicleId,
    seq: u64,
) -> Result<Option<(SealedBatch, BatchHash)>, ArchiveError> {
    let row = batches::table
        .filter(batches::vehicle_id.eq(vehicle.to_vec()))
        .filter(batches::seq.eq(to_i64("batches", seq)?))
        .select((
            batches::prev_hash,
            batches::consent_version,
            batches::payload,
            batches::signature,
            batches::hash,
        ))
        .first::<(Vec<u8>, i32, Vec<u8>, Vec<u8>, Vec<u8>)>(conn)
        .optional()?;
    let Some((prev_hash, version, payload, signature, hash)) = row else { return Ok(None) };
    let header = BatchHeader {
        vehicle,
        seq,
        prev_hash: to_hash("batches", &prev_hash)?,
        consent_version: PolicyVersion::new(u32::try_from(version).unwrap_or_default()),
    };
    let signature =
        signature.try_into().or(Err(damaged("batches", "signature is not 64 bytes")))?;
    let hash = to_hash("batches", &hash)?;
    Ok(Some((SealedBatch { header, payload, signature }, hash)))
}

pub(super) fn after(
    conn: &mut Conn,
    arrival: i64,
    limit: u32,
) -> Result<Vec<StoredBatch>, ArchiveError> {
    let rows = batches::table
        .filter(batches::arrival.gt(arrival))
        .filter(batches::first_day.is_not_null())
        .order(batches::arrival)
        .limit(i64::from(limit))
        .select(BatchRow::as_select())
        .load(conn)?;
    rows.into_iter().map(StoredBatch::try_from).collect()
}

/// The last of the batches behind `arrival` that together have at most `samples` samples, or of the first alone.
pub(super) fn portion_end(
    conn: &mut Conn,
    arrival: i64,
    samples: u64,
) -> Result<Option<i64>, ArchiveError> {
    let sizes = batches::table
        .filter(batches::arrival.gt(arrival))
        .filter(batches::first_day.is_not_null())
        .order(batches::arrival)
        .limit(PORTION_BATCHES_MAX)
        .select((batches::arrival, batches::samples))
        .load::<(i64, i32)>(conn)?;
    let (mut end, mut sum) = (None, 0_u64);
    for (arrival, count) in sizes {
        sum = sum.saturating_add(to_u64("batches", count.into())?);
        if end.is_some() && sum > samples {
            break;
        }
        end = Some(arrival);
    }
    Ok(end)
}

pub(super) fn between(
    conn: &mut Conn,
    after: i64,
    end: i64,
) -> Result<Vec<StoredBatch>, ArchiveError> {
    let rows = batches::table
        .filter(batches::arrival.gt(after))
        .filter(batches::arrival.le(end))
        .filter(batches::first_day.is_not_null())
        .order(batches::arrival)
        .select(BatchRow::as_select())
        .load(conn)?;
    rows.into_iter().map(StoredBatch::try_from).collect()
}

pub(super) fn of_vehicle(
    conn: &mut Conn,
    vehicle: VehicleId,
    after: u64,
    limit: u32,
) -> Result<Vec<StoredBatch>, ArchiveError> {
    let rows = batches::table
        .filter(batches::vehicle_id.eq(vehicle.to_vec()))
        .filter(batches::seq.gt(to_i64("batches", after)?))
        .filter(batches::first_day.is_not_null())
        .order(batches::seq)
        .limit(i64::from(limit))
        .select(BatchRow::as_select())
        .load(conn)?;
    rows.into_iter().map(StoredBatch::try_from).collect()
}

pub(super) fn after_of(
    conn: &mut Conn,
    vehicles: &[VehicleId],
    arrival: i64,
    limit: u32,
) -> Result<Vec<StoredBatch>, ArchiveError> {
    let newer = batches::table.filter(batches::arrival.gt(arrival));
    // Mostly nothing is, which is seen at once; to look for each of many vehicles takes longer.
    if !diesel::select(diesel::dsl::exists(newer)).get_result(conn)? {
        return Ok(Vec::new());
    }
    let rows = newer
        .filter(batches::first_day.is_not_null())
        .filter(batches::vehicle_id.eq_any(vehicles.iter().map(VehicleId::to_vec)))
        .order(batches::arrival)
        .limit(i64::from(limit))
        .select(BatchRow::as_select())
        .load(conn)?;
    rows.into_iter().map(StoredBatch::try_from).collect()
}

/// Deletes all that `vehicle` sent. The end of its chain stays.
pub(super) fn erase(conn: &mut Conn, vehicle: VehicleId) -> Result<(), ArchiveError> {
    let id = vehicle.to_vec();
    diesel::delete(batches::table.filter(batches::vehicle_id.eq(&id))).execute(conn)?;
    diesel::delete(latest_values::table.filter(latest_values::vehicle_id.eq(&id))).execute(conn)?;
    diesel::delete(quarantine::table.filter(quarantine::vehicle_id.eq(&id))).execute(conn)?;
    quality::erase_reasons(conn, vehicle)?;
    days::erase_days(conn, vehicle)?;
    diesel::update(chains::table.filter(chains::vehicle_id.eq(&id)))
        .set((
            chains::samples.eq(0_i64),
            chains::scored_samples.eq(0_i64),
            chains::score_sum.eq(0_i64),
        ))
        .execute(conn)?;
    Ok(())
}

pub(super) fn waiting(conn: &mut Conn, arrival: i64) -> Result<u64, ArchiveError> {
    let count: i64 = batches::table
        .filter(batches::arrival.gt(arrival))
        .filter(batches::first_day.is_not_null())
        .count()
        .get_result(conn)?;
    to_u64("batches", count)
}

pub(super) fn last_arrival(conn: &mut Conn) -> Result<i64, ArchiveError> {
    let last: Option<i64> = batches::table.select(max(batches::arrival)).first(conn)?;
    Ok(last.unwrap_or(0))
}

pub(super) fn totals(conn: &mut Conn) -> Result<Totals, ArchiveError> {
    let count: i64 = batches::table.count().get_result(conn)?;
    let samples = batches::table.select(sum(batches::samples)).first::<Option<i64>>(conn)?;
    Ok(Totals {
        batches: to_u64("batches", count)?,
        samples: to_u64("batches", samples.unwrap_or_default())?,
    })
}

pub(super) fn insert_evidence(
    conn: &mut Conn,
    batch: &SealedBatch,
    hash: BatchHash,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    let vehicle = batch.header.vehicle.to_vec();
    let known: i64 = quarantine::table
        .filter(quarantine::vehicle_id.eq(vehicle.clone()))
        .filter(quarantine::hash.eq(hash.0.to_vec()))
        .count()
        .get_result(conn)?;
    if known > 0 {
        return Ok(());
    }
    let row = (
        quarantine::vehicle_id.eq(vehicle),
        quarantine::hash.eq(hash.0.to_vec()),
        quarantine::seq.eq(to_i64("quarantine", batch.header.seq)?),
        quarantine::prev_hash.eq(batch.header.prev_hash.0.to_vec()),
        quarantine::consent_version.eq(version_number(&batch.header)?),
        quarantine::payload.eq(batch.payload.clone()),
        quarantine::signature.eq(batch.signature.to_vec()),
        quarantine::received_at.eq(now.as_micros()),
    );
    diesel::insert_into(quarantine::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn evidence(
    conn: &mut Conn,
    vehicle: VehicleId,
) -> Result<Vec<BatchHash>, ArchiveError> {
    let rows = quarantine::table
        .filter(quarantine::vehicle_id.eq(vehicle.to_vec()))
        .order((quarantine::seq, quarantine::hash))
        .limit(EVIDENCE_MAX)
        .select(quarantine::hash)
        .load::<Vec<u8>>(conn)?;
    rows.iter().map(|hash| to_hash("quarantine", hash)).collect()
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = batches)]
struct BatchRow {
    arrival: i64,
    vehicle_id: Vec<u8>,
    seq: i64,
    hash: Vec<u8>,
    payload: Vec<u8>,
    samples: i32,
    received_at: i64,
}

impl TryFrom<BatchRow> for StoredBatch {
    type Error = ArchiveError;

    fn try_from(row: BatchRow) -> Result<Self, ArchiveError> {
        Ok(Self {
            arrival: row.arrival,
            vehicle: VehicleId::from_bytes(&row.vehicle_id)
                .map_err(|error| damaged("batches", &error.to_string()))?,
            seq: to_u64("batches", row.seq)?,
            hash: to_hash("batches", &row.hash)?,
            payload: row.payload,
            samples: to_u64("batches", row.samples.into())?,
            received_at: Timestamp::from_micros(row.received_at),
        })
    }
}

fn to_hash(table: &'static str, bytes: &[u8]) -> Result<BatchHash, ArchiveError> {
    bytes.try_into().map(BatchHash).or(Err(damaged(table, "a hash is not 32 bytes")))
}

fn to_u64(table: &'static str, number: i64) -> Result<u64, ArchiveError> {
    u64::try_from(number).or(Err(damaged(table, "a count is negative")))
}

fn to_i64(table: &'static str, number: u64) -> Result<i64, ArchiveError> {
    i64::try_from(number).or(Err(damaged(table, "a position is beyond 2^63")))
}

fn version_number(header: &BatchHeader) -> Result<i32, ArchiveError> {
    let number = header.consent_version.number();
    i32::try_from(number).or(Err(damaged("batches", "a consent version is beyond 2^31")))
}

fn damaged(table: &'static str, what: &str) -> ArchiveError {
    ArchiveError::Damaged { table, what: what.to_owned() }
}
