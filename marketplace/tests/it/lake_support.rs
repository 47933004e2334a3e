//! What is in a lake, row by row, and what should be.

use deltalake::arrow::array::{AsArray as _, RecordBatch};
use deltalake::arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use deltalake::datafusion::prelude::{Expr, SessionContext, cast, col};
use marketplace::lake::Lake;
use telematics::payload::Contents;
use telematics::testing::{T0, samples};
use telematics::{Sample, Value, VehicleId};

/// One row, in the order in which rows are compared.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub(crate) struct Row {
    pub(crate) vehicle: String,
    pub(crate) signal: String,
    pub(crate) micros: i64,
    pub(crate) value: f64,
    pub(crate) day: String,
}

impl Row {
    pub(crate) fn of(vehicle: VehicleId, sample: &Sample) -> Self {
        Self {
            vehicle: vehicle.to_string(),
            signal: sample.signal.path().to_owned(),
            micros: sample.time.as_micros(),
            value: sample.value.to_physical(sample.signal.decimals()),
            day: sample.time.to_string()[..10].to_owned(),
        }
    }
}

/// Rows of `vehicle` that are to be in a lake which all of `contents` went into.
pub(crate) fn expected(vehicle: VehicleId, contents: &[Contents]) -> Vec<Row> {
    let samples = contents.iter().flat_map(|contents| &contents.samples);
    sorted(samples.map(|sample| Row::of(vehicle, sample)).collect())
}

/// Every row of the newest version.
pub(crate) async fn rows(lake: &Lake) -> Vec<Row> {
    let newest = lake.newest().await.unwrap();
    let frame = newest.rows(&SessionContext::new(), &[]).await.unwrap();
    let text = |name: &str| cast(col(name), DataType::Utf8).alias(name);
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let time: Expr = cast(cast(col("time"), micros), DataType::Int64).alias("micros");
    let columns = vec![text("vehicle"), text("signal"), text("day"), time, col("value")];
    let batches = frame.select(columns).unwrap().collect().await.unwrap();
    sorted(batches.iter().flat_map(in_batch).collect())
}

fn in_batch(batch: &RecordBatch) -> Vec<Row> {
    let text = |name: &str| batch[name].as_string::<i32>();
    let (vehicles, signals, days) = (text("vehicle"), text("signal"), text("day"));
    let micros = batch["micros"].as_primitive::<Int64Type>();
    let values = batch["value"].as_primitive::<Float64Type>();
    let row = |index| Row {
        vehicle: vehicles.value(index).to_owned(),
        signal: signals.value(index).to_owned(),
        micros: micros.value(index),
        value: values.value(index),
        day: days.value(index).to_owned(),
    };
    (0..values.len()).map(row).collect()
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by(|one, other| one.partial_cmp(other).unwrap());
    rows
}

/// Speeds of `count` tenths of a second from `second` on, no two of them the same.
pub(crate) fn speeds(second: i64, count: u16) -> Contents {
    let later = |sample: Sample| Sample {
        time: sample.time.plus_seconds(second),
        value: Value::from_raw(second * 10 + sample.value.raw()),
        ..sample
    };
    let samples = samples("Vehicle.Speed", count).into_iter().map(later).collect();
    Contents { samples, ..Contents::default() }
}

/// The folder of `day`, counted from [`T0`], in which the speeds of that day are.
pub(crate) fn day_of(day: i64) -> String {
    T0.plus_seconds(day * 86_400).to_string()[..10].to_owned()
}
