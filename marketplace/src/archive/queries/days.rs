//! The statements about what vehicles did on a day.

use diesel::prelude::*;
use telematics::VehicleId;

use super::quality::to_vehicle;
use super::{to_i64, to_u64};
use crate::archive::days::{SignalSet, VehicleDay};
use crate::archive::retention::stored_day;
use crate::archive::verbs::ArchiveError;
use crate::db::Conn;
use crate::schema::vehicle_days;

/// Adds to what is known of a vehicle's day.
pub(in crate::archive) fn note_day(conn: &mut Conn, more: VehicleDay) -> Result<(), ArchiveError> {
    let (vehicle, day) = (more.vehicle.to_vec(), stored_day(more.day));
    let samples = to_i64("vehicle_days", more.samples)?;
    let score_sum = to_i64("vehicle_days", more.score_sum)?;
    let row = vehicle_days::table.find((vehicle.clone(), day));
    let known = row.clone().select(vehicle_days::varied_signals).first::<Vec<u8>>(conn);
    if let Some(known) = known.optional()? {
        let mut varied = SignalSet::from_bytes(known);
        varied.add_all(&more.varied);
        diesel::update(row)
            .set((
                vehicle_days::samples.eq(vehicle_days::samples + samples),
                vehicle_days::score_sum.eq(vehicle_days::score_sum + score_sum),
                vehicle_days::varied_signals.eq(varied.into_bytes()),
            ))
            .execute(conn)?;
        return Ok(());
    }
    let row = (
        vehicle_days::vehicle_id.eq(vehicle),
        vehicle_days::day.eq(day),
        vehicle_days::samples.eq(samples),
        vehicle_days::score_sum.eq(score_sum),
        vehicle_days::varied_signals.eq(more.varied.into_bytes()),
    );
    diesel::insert_into(vehicle_days::table).values(row).execute(conn)?;
    Ok(())
}

pub(in crate::archive) fn days(
    conn: &mut Conn,
    first_day: i64,
    end_day: i64,
) -> Result<Vec<VehicleDay>, ArchiveError> {
    // No limit: who closes a week wants all of it, a row for each vehicle and day.
    let rows = vehicle_days::table
        .filter(vehicle_days::day.ge(stored_day(first_day)))
        .filter(vehicle_days::day.lt(stored_day(end_day)))
        .order((vehicle_days::vehicle_id, vehicle_days::day))
        .select((
            vehicle_days::vehicle_id,
            vehicle_days::day,
            vehicle_days::samples,
            vehicle_days::score_sum,
            vehicle_days::varied_signals,
        ))
        .load::<(Vec<u8>, i32, i64, i64, Vec<u8>)>(conn)?;
    let read = |(vehicle, day, samples, score_sum, varied): (Vec<u8>, i32, i64, i64, Vec<u8>)| {
        Ok(VehicleDay {
            vehicle: to_vehicle("vehicle_days", &vehicle)?,
            day: day.into(),
            samples: to_u64("vehicle_days", samples)?,
            score_sum: to_u64("vehicle_days", score_sum)?,
            varied: SignalSet::from_bytes(varied),
        })
    };
    rows.into_iter().map(read).collect()
}

pub(in crate::archive) fn first_day(conn: &mut Conn) -> Result<Option<i64>, ArchiveError> {
    let day = vehicle_days::table
        .order(vehicle_days::day)
        .select(vehicle_days::day)
        .first::<i32>(conn)
        .optional()?;
    Ok(day.map(i64::from))
}

pub(in crate::archive) fn forget_days(conn: &mut Conn, end_day: i64) -> Result<u64, ArchiveError> {
    let over = vehicle_days::table.filter(vehicle_days::day.lt(stored_day(end_day)));
    let forgotten = diesel::delete(over).execute(conn)?;
    Ok(u64::try_from(forgotten).unwrap_or(u64::MAX))
}

pub(super) fn erase_days(conn: &mut Conn, vehicle: VehicleId) -> Result<(), ArchiveError> {
    let of_vehicle = vehicle_days::table.filter(vehicle_days::vehicle_id.eq(vehicle.to_vec()));
    diesel::delete(of_vehicle).execute(conn)?;
    Ok(())
}
