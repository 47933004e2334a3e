//! Rows while a vehicle was in a region.
//!
//! A vehicle is where its last position says, for 15 minutes: so long a position stands for, when it
//! leaves the car as a cell.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use deltalake::arrow::array::{ArrayRef, AsArray, BooleanArray};
use deltalake::arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMicrosecondType};
use deltalake::datafusion::error::DataFusionError;
use deltalake::datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use deltalake::datafusion::prelude::{DataFrame, cast, col};
use telematics::precision::BIN_SECONDS;
use telematics::{Signal, Timestamp, VehicleId};
use tokio_stream::StreamExt as _;

use super::place::{Point, Region};
use super::read::{at, foreign, numbers, texts, vehicles};
use super::rows::Meant;
use super::{AggregateQuestion, Period, QuestionError, Source};

/// Latitudes and longitudes that are looked at.
const POSITIONS_MAX: u64 = 2_000_000;

/// Positions of one vehicle: latitude and longitude, as far as they are known.
type Track = BTreeMap<Timestamp, [Option<f64>; 2]>;

/// When each vehicle was in the region, as microseconds from and to, in order.
type Stays = BTreeMap<String, Vec<(i64, i64)>>;

/// Those of `rows` that were measured in `region`.
pub(super) async fn only(
    rows: DataFrame,
    source: &Source,
    question: &AggregateQuestion,
    region: &Region,
) -> Result<DataFrame, QuestionError> {
    let mut stays = Stays::new();
    for (vehicle, track) in tracks(source, question).await? {
        stays.insert(vehicle.to_string(), stays_of(&track, region));
    }
    let vehicle = cast(col("vehicle"), DataType::Utf8);
    Ok(rows.filter(was_there(stays).call(vec![vehicle, col("time")]))?)
}

async fn tracks(
    source: &Source,
    question: &AggregateQuestion,
) -> Result<BTreeMap<VehicleId, Track>, QuestionError> {
    let Period { from, to } = question.period;
    let meant = Meant {
        vehicles: &question.vehicles,
        signals: Some(BTreeSet::from([Signal::LATITUDE, Signal::LONGITUDE])),
        period: Some(Period { from: from.plus_seconds(-BIN_SECONDS), to }),
    };
    let rows = source.rows(&source.desk.session()?, &meant).await?;
    let columns = ["vehicle", "signal", "time", "value"].map(col);
    let mut answer = rows.select(columns)?.execute_stream().await?;
    let (mut tracks, mut count) = (BTreeMap::<VehicleId, Track>::new(), 0);
    while let Some(batch) = answer.next().await {
        let batch = batch?;
        count += u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
        if count > POSITIONS_MAX {
            let (max, instead) = (POSITIONS_MAX, "ask about less time or fewer vehicles");
            return Err(QuestionError::TooMuch { what: "positions", actual: count, max, instead });
        }
        let (signals, times) = (texts(&batch, "signal")?, numbers(&batch, "time")?);
        let values = numbers::<Float64Type>(&batch, "value")?;
        for (row, vehicle) in vehicles(&batch)?.into_iter().enumerate() {
            let time = at::<TimestampMicrosecondType>(times, row).ok_or_else(|| foreign("time"))?;
            let time = Timestamp::from_micros(time);
            let place = tracks.entry(vehicle).or_default().entry(time).or_default();
            let half = usize::from(signals.value(row) == Signal::LONGITUDE.path());
            if let Some(half) = place.get_mut(half) {
                *half = at(values, row);
            }
        }
    }
    Ok(tracks)
}

/// When a vehicle with this track was in `region`.
fn stays_of(track: &Track, region: &Region) -> Vec<(i64, i64)> {
    let places: Vec<(Timestamp, Point)> = track
        .iter()
        .filter_map(|(time, [latitude, longitude])| {
            Some((*time, Point { latitude: (*latitude)?, longitude: (*longitude)? }))
        })
        .collect();
    let ends = places.iter().skip(1).map(|(time, _)| *time).chain([Timestamp::CALENDAR_END]);
    let mut stays: Vec<(i64, i64)> = Vec::new();
    for ((from, place), next) in places.iter().zip(ends) {
        if !region.contains(*place) {
            continue;
        }
        let (from, to) = (from.as_micros(), next.min(from.plus_seconds(BIN_SECONDS)).as_micros());
        match stays.last_mut() {
            Some(last) if last.1 == from => last.1 = to,
            _ => stays.push((from, to)),
        }
    }
    stays
}

/// A function of vehicle and time.
fn was_there(stays: Stays) -> ScalarUDF {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let judge = move |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let [vehicles, times] = arrays.as_slice() else {
            return Err(DataFusionError::Internal("vehicle and time are needed".to_owned()));
        };
        let times = times.as_primitive::<TimestampMicrosecondType>();
        let names = vehicles.as_string::<i32>();
        let found = names.iter().zip(times).map(|(name, time)| is_in(&stays, name?, time?));
        let found: ArrayRef = Arc::new(found.collect::<BooleanArray>());
        Ok(ColumnarValue::Array(found))
    };
    let arguments = vec![DataType::Utf8, time];
    create_udf("was_there", arguments, DataType::Boolean, Volatility::Immutable, Arc::new(judge))
}

fn is_in(stays: &Stays, name: &str, time: i64) -> Option<bool> {
    let stays = stays.get(name)?;
    let behind = stays.partition_point(|(from, _)| *from <= time);
    let (_, to) = stays.get(behind.checked_sub(1)?)?;
    Some(time < *to)
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    #[test]
    fn a_position_stands_until_the_next_one_or_for_a_quarter_of_an_hour() {
        let (here, there) = ([Some(1.0), Some(1.0)], [Some(5.0), Some(5.0)]);
        let region =
            Region::Circle { centre: Point { latitude: 1.0, longitude: 1.0 }, kilometres: 9.0 };
        let at = |minute: i64| T0.plus_seconds(minute * 60);
        let track = Track::from([
            (at(0), here),
            (at(10), here),
            (at(15), there),
            (at(20), here),
            (at(21), [Some(1.0), None]),
            (at(60), here),
        ]);

        let minutes = stays_of(&track, &region)
            .into_iter()
            .map(|(from, to)| [from, to].map(|at| (at - T0.as_micros()) / 60_000_000))
            .collect::<Vec<_>>();
        assert_eq!(minutes, [[0, 15], [20, 35], [60, 75]]);

        let stays = Stays::from([("car".to_owned(), stays_of(&track, &region))]);
        let is_in = |name, minute| is_in(&stays, name, at(minute).as_micros()).unwrap_or(false);
        let found = [-1, 0, 14, 15, 20, 34, 35, 61].map(|minute| is_in("car", minute));
        assert_eq!(found, [false, true, true, false, true, true, false, true]);
        assert!(!is_in("another", 0));
    }
}
