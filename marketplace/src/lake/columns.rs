//! Samples as columns: the schema of the lake and how rows get into it.

use std::sync::Arc;

use deltalake::arrow::array::{
    ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use deltalake::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use deltalake::kernel::{DataType as DeltaType, StructField};
use telematics::{Sample, VehicleId};

use super::LakeError;

/// Columns by which the table is cut into folders.
pub(super) const PARTITIONS: [&str; 2] = ["day", "group"];

/// A batch on its way into the lake.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// Its place in the order of all batches.
    pub arrival: i64,
    /// Whose.
    pub vehicle: VehicleId,
    /// What is in it.
    pub samples: Vec<Sample>,
}

/// The columns as Delta Lake declares them.
pub(super) fn delta_schema() -> [StructField; 7] {
    [
        StructField::not_null("vehicle", DeltaType::STRING),
        StructField::not_null("signal", DeltaType::STRING),
        StructField::not_null("group", DeltaType::STRING),
        StructField::not_null("day", DeltaType::DATE),
        StructField::not_null("time", DeltaType::TIMESTAMP),
        StructField::not_null("value", DeltaType::DOUBLE),
        StructField::not_null("arrival", DeltaType::LONG),
    ]
}

/// The samples of all batches as one record batch, sorted by signal, vehicle and time, so that what
/// is read together lies together.
///
/// # Errors
/// When Arrow refuses the columns.
pub fn record_batch(batches: &[&Arrived]) -> Result<RecordBatch, LakeError> {
    let mut rows: Vec<(&Arrived, &Sample)> = batches
        .iter()
        .flat_map(|batch| batch.samples.iter().map(move |sample| (*batch, sample)))
        .collect();
    rows.sort_by_key(|(batch, sample)| {
        (sample.signal.path(), batch.vehicle, sample.time, batch.arrival)
    });

    let samples = || rows.iter().map(|(_, sample)| sample);
    let days = samples().map(|sample| i32::try_from(sample.time.day()).unwrap_or(i32::MAX));
    let times = samples().map(|sample| sample.time.as_micros());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(vehicle_texts(&rows)),
        Arc::new(StringArray::from_iter_values(samples().map(|sample| sample.signal.path()))),
        Arc::new(StringArray::from_iter_values(samples().map(|s| s.signal.group().as_str()))),
        Arc::new(Date32Array::from_iter_values(days)),
        Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC")),
        Arc::new(Float64Array::from_iter_values(samples().map(|sample| sample.physical()))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|(batch, _)| batch.arrival))),
    ];
    Ok(RecordBatch::try_new(Arc::new(arrow_schema()), columns)?)
}

/// Text ids, made once per run of one vehicle.
fn vehicle_texts(rows: &[(&Arrived, &Sample)]) -> StringArray {
    let mut last: Option<(VehicleId, String)> = None;
    let mut texts = Vec::with_capacity(rows.len());
    for (batch, _) in rows {
        let text = match last.take() {
            Some((vehicle, text)) if vehicle == batch.vehicle => text,
            _ => batch.vehicle.to_string(),
        };
        texts.push(text.clone());
        last = Some((batch.vehicle, text));
    }
    StringArray::from(texts)
}

fn arrow_schema() -> Schema {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Schema::new(vec![
        Field::new("vehicle", DataType::Utf8, false),
        Field::new("signal", DataType::Utf8, false),
        Field::new("group", DataType::Utf8, false),
        Field::new("day", DataType::Date32, false),
        Field::new("time", time, false),
        Field::new("value", DataType::Float64, false),
        Field::new("arrival", DataType::Int64, false),
    ])
}

#[cfg(test)]
mod tests {
    use deltalake::arrow::array::AsArray;
    use telematics::testing::{samples, vehicle};

    use super::*;

    #[test]
    fn rows_are_sorted_by_signal_vehicle_and_time() {
        let speed = samples("Vehicle.Speed", 2);
        let gear = samples("Vehicle.Powertrain.Transmission.CurrentGear", 1);
        let batches = [
            Arrived { arrival: 1, vehicle: vehicle(2), samples: [speed.clone(), gear].concat() },
            Arrived { arrival: 2, vehicle: vehicle(1), samples: speed },
        ];

        let rows = record_batch(&batches.each_ref()).unwrap();

        let arrivals: Vec<i64> = rows["arrival"]
            .as_primitive::<deltalake::arrow::datatypes::Int64Type>()
            .values()
            .to_vec();
        assert_eq!(arrivals, [1, 2, 2, 1, 1]);
        assert_eq!(
            rows["signal"].as_string::<i32>().value(0),
            "Vehicle.Powertrain.Transmission.CurrentGear"
        );
        assert_eq!(rows["group"].as_string::<i32>().value(4), "motion");
        assert_eq!(rows["vehicle"].as_string::<i32>().value(1), vehicle(1).to_string());
    }
}
