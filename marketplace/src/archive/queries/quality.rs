//! The statements about scores and their reasons.

use std::collections::BTreeMap;

use diesel::prelude::*;
use telematics::ids::Id;
use telematics::{Sample, Signal, Timestamp, Value, VehicleId};

use super::{damaged, to_i64, to_u64};
use crate::archive::quality::{Latest, Reason, ReasonKind, Score};
use crate::archive::verbs::{ArchiveError, Scored, VehicleQuality};
use crate::db::Conn;
use crate::schema::{batch_reasons, batches, chains, latest_values, reason_totals};

/// Ids in one `IN (…)`; both engines allow many more.
const IDS_MAX: usize = 500;

/// Keeps a reason of batch `seq`, and adds it to those of its vehicle.
pub(in crate::archive) fn insert_reason(
    conn: &mut Conn,
    vehicle: VehicleId,
    seq: u64,
    reason: &Reason,
) -> Result<(), ArchiveError> {
    let signal = i32::from(reason.signal.number());
    let count = to_i64("batch_reasons", reason.count)?;
    let row = (
        batch_reasons::vehicle_id.eq(vehicle.to_vec()),
        batch_reasons::seq.eq(to_i64("batch_reasons", seq)?),
        batch_reasons::reason.eq(reason.kind.as_str()),
        batch_reasons::signal.eq(signal),
        batch_reasons::sample_count.eq(count),
        batch_reasons::worst.eq(reason.worst),
    );
    diesel::insert_into(batch_reasons::table).values(row).execute(conn)?;

    let total = reason_totals::table
        .filter(reason_totals::vehicle_id.eq(vehicle.to_vec()))
        .filter(reason_totals::reason.eq(reason.kind.as_str()))
        .filter(reason_totals::signal.eq(signal));
    let known = total.clone().select(reason_totals::worst).first::<i64>(conn).optional()?;
    if let Some(known) = known {
        let worst = reason.kind.worse(reason.signal, known, reason.worst);
        diesel::update(total)
            .set((
                reason_totals::sample_count.eq(reason_totals::sample_count + count),
                reason_totals::worst.eq(worst),
            ))
            .execute(conn)?;
        return Ok(());
    }
    let row = (
        reason_totals::vehicle_id.eq(vehicle.to_vec()),
        reason_totals::reason.eq(reason.kind.as_str()),
        reason_totals::signal.eq(signal),
        reason_totals::sample_count.eq(count),
        reason_totals::worst.eq(reason.worst),
    );
    diesel::insert_into(reason_totals::table).values(row).execute(conn)?;
    Ok(())
}

pub(super) fn erase_reasons(conn: &mut Conn, vehicle: VehicleId) -> Result<(), ArchiveError> {
    let id = vehicle.to_vec();
    diesel::delete(batch_reasons::table.filter(batch_reasons::vehicle_id.eq(&id))).execute(conn)?;
    diesel::delete(reason_totals::table.filter(reason_totals::vehicle_id.eq(&id))).execute(conn)?;
    Ok(())
}

/// The newest value of each signal. One statement for all, as a list of some would be prepared anew at
/// each call.
pub(in crate::archive) fn latest_of_all(
    conn: &mut Conn,
    vehicle: VehicleId,
) -> Result<Vec<Latest>, ArchiveError> {
    // No limit: a vehicle has one row a signal of the catalogue.
    let rows = latest_values::table
        .filter(latest_values::vehicle_id.eq(vehicle.to_vec()))
        .order(latest_values::signal)
        .select(LATEST)
        .load::<(i32, i64, i64, i64)>(conn)?;
    rows.into_iter().map(to_latest).collect()
}

/// The newest values of many vehicles.
pub(in crate::archive) fn latest_among(
    conn: &mut Conn,
    vehicles: &[VehicleId],
    signals: Option<&[Signal]>,
) -> Result<Vec<(VehicleId, Sample)>, ArchiveError> {
    let numbers = signals.unwrap_or_default().iter().map(|signal| i32::from(signal.number()));
    let numbers = numbers.collect::<Vec<_>>();
    let mut found = Vec::new();
    for vehicles in vehicles.chunks(IDS_MAX) {
        let ids = vehicles.iter().map(Id::to_vec).collect::<Vec<_>>();
        // No limit: a vehicle has one row a signal of the catalogue.
        let mut rows = latest_values::table
            .filter(latest_values::vehicle_id.eq_any(ids))
            .select((
                latest_values::vehicle_id,
                latest_values::signal,
                latest_values::measured_at,
                latest_values::value,
            ))
            .into_boxed();
        if signals.is_some() {
            rows = rows.filter(latest_values::signal.eq_any(&numbers));
        }
        for (vehicle, signal, time, value) in rows.load::<(Vec<u8>, i32, i64, i64)>(conn)? {
            found.push((to_vehicle("latest_values", &vehicle)?, to_sample(signal, time, value)?));
        }
    }
    Ok(found)
}

/// The columns of a [`Latest`].
const LATEST: (
    latest_values::signal,
    latest_values::measured_at,
    latest_values::value,
    latest_values::unchanged_since,
) = (
    latest_values::signal,
    latest_values::measured_at,
    latest_values::value,
    latest_values::unchanged_since,
);

fn to_latest(
    (signal, measured_at, value, since): (i32, i64, i64, i64),
) -> Result<Latest, ArchiveError> {
    let sample = to_sample(signal, measured_at, value)?;
    Ok(Latest { sample, since: Timestamp::from_micros(since) })
}

fn to_sample(signal: i32, measured_at: i64, value: i64) -> Result<Sample, ArchiveError> {
    let number = u64::try_from(signal).unwrap_or_default();
    let signal =
        Signal::by_number(number).map_err(|error| damaged("latest_values", &error.to_string()))?;
    Ok(Sample { signal, time: Timestamp::from_micros(measured_at), value: Value::from_raw(value) })
}

/// The last batches of `vehicle` that have a score, newest first.
pub(in crate::archive) fn scored(
    conn: &mut Conn,
    vehicle: VehicleId,
    limit: u32,
) -> Result<Vec<Scored>, ArchiveError> {
    let rows = batches::table
        .filter(batches::vehicle_id.eq(vehicle.to_vec()))
        .filter(batches::score.is_not_null())
        .order(batches::seq.desc())
        .limit(i64::from(limit))
        .select((batches::seq, batches::samples, batches::received_at, batches::score))
        .load::<(i64, i32, i64, Option<i32>)>(conn)?;
    let Some(oldest) = rows.last().map(|row| row.0) else { return Ok(Vec::new()) };
    let mut reasons = reasons_from(conn, vehicle, oldest)?;
    let read = |(seq, samples, received_at, score): (i64, i32, i64, Option<i32>)| {
        Ok(Scored {
            seq: to_u64("batches", seq)?,
            samples: to_u64("batches", samples.into())?,
            received_at: Timestamp::from_micros(received_at),
            score: to_score("batches", score.unwrap_or(-1))?,
            reasons: reasons.remove(&seq).unwrap_or_default(),
        })
    };
    rows.into_iter().map(read).collect()
}

/// The reasons of batches from position `seq` on.
fn reasons_from(
    conn: &mut Conn,
    vehicle: VehicleId,
    seq: i64,
) -> Result<BTreeMap<i64, Vec<Reason>>, ArchiveError> {
    // No limit: the caller bounds the batches, and a batch has a few reasons for each signal.
    let rows = batch_reasons::table
        .filter(batch_reasons::vehicle_id.eq(vehicle.to_vec()))
        .filter(batch_reasons::seq.ge(seq))
        .order((batch_reasons::seq, batch_reasons::reason, batch_reasons::signal))
        .select((
            batch_reasons::seq,
            (
                batch_reasons::reason,
                batch_reasons::signal,
                batch_reasons::sample_count,
                batch_reasons::worst,
            ),
        ))
        .load::<(i64, ReasonColumns)>(conn)?;
    let mut reasons = BTreeMap::<i64, Vec<Reason>>::new();
    for (seq, columns) in rows {
        reasons.entry(seq).or_default().push(to_reason("batch_reasons", columns)?);
    }
    Ok(reasons)
}

/// What is known of all batches of each vehicle that has a score or a reason.
pub(in crate::archive) fn qualities(
    conn: &mut Conn,
) -> Result<BTreeMap<VehicleId, VehicleQuality>, ArchiveError> {
    let rows = chains::table
        .filter(chains::scored_samples.gt(0))
        .select((chains::vehicle_id, chains::scored_samples, chains::score_sum))
        .load::<(Vec<u8>, i64, i64)>(conn)?;
    let mut qualities = BTreeMap::<VehicleId, VehicleQuality>::new();
    for (vehicle, samples, score_sum) in rows {
        let quality = qualities.entry(to_vehicle("chains", &vehicle)?).or_default();
        quality.samples = to_u64("chains", samples)?;
        quality.score_sum = to_u64("chains", score_sum)?;
    }
    let rows = reason_totals::table
        .order((reason_totals::vehicle_id, reason_totals::reason, reason_totals::signal))
        .select((
            reason_totals::vehicle_id,
            (
                reason_totals::reason,
                reason_totals::signal,
                reason_totals::sample_count,
                reason_totals::worst,
            ),
        ))
        .load::<(Vec<u8>, ReasonColumns)>(conn)?;
    for (vehicle, columns) in rows {
        let quality = qualities.entry(to_vehicle("reason_totals", &vehicle)?).or_default();
        quality.reasons.push(to_reason("reason_totals", columns)?);
    }
    Ok(qualities)
}

/// Kind, signal, count, worst.
type ReasonColumns = (String, i32, i64, i64);

fn to_reason(
    table: &'static str,
    (kind, signal, count, worst): ReasonColumns,
) -> Result<Reason, ArchiveError> {
    let number = u64::try_from(signal).unwrap_or_default();
    Ok(Reason {
        kind: ReasonKind::parse(&kind).ok_or_else(|| damaged(table, "a reason is unknown"))?,
        signal: Signal::by_number(number).map_err(|error| damaged(table, &error.to_string()))?,
        count: to_u64(table, count)?,
        worst,
    })
}

fn to_score(table: &'static str, score: i32) -> Result<Score, ArchiveError> {
    let score = u16::try_from(score).ok().and_then(Score::new);
    score.ok_or_else(|| damaged(table, "a score is not per mille"))
}

pub(super) fn to_vehicle(table: &'static str, bytes: &[u8]) -> Result<VehicleId, ArchiveError> {
    VehicleId::from_bytes(bytes).map_err(|error| damaged(table, &error.to_string()))
}
