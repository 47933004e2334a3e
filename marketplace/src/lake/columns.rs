//! Samples as columns: the schema of the lake and how rows get into it.

use std::collections::BTreeMap;
use std::sync::Arc;

use deltalake::arrow::array::{
    ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringBuilder,
    TimestampMicrosecondArray,
};
use deltalake::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use deltalake::kernel::{DataType as DeltaType, StructField};
use deltalake::parquet::basic::{Compression, Encoding};
use deltalake::parquet::file::properties::WriterProperties;
use telematics::{Sample, Signal, SignalGroup, VehicleId};

use super::LakeError;

/// Columns by which the table is cut into folders.
pub(super) const PARTITIONS: [&str; 2] = ["day", "group"];

/// Rows that are handed to the writer together: enough to be worth it, few enough to fit into caches.
const BLOCK_ROWS: usize = 1 << 16;
/// Rows that are compressed together. Who wants some minutes of each car reads a page of each.
const PAGE_ROWS: usize = 1 << 12;

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

/// Samples of one signal and one day, as they came in one batch.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) signal: Signal,
    pub(super) vehicle: VehicleId,
    arrival: i64,
    pub(super) samples: &'a [Sample],
}

/// Cuts batches into runs, by the partition that they belong to: the day and the group. Those of a partition
/// are sorted by signal, vehicle and time, so that what is read together lies together.
pub(super) fn partitions<'a>(
    batches: &[&'a Arrived],
) -> BTreeMap<(i32, SignalGroup), Vec<Run<'a>>> {
    let mut partitions = BTreeMap::<_, Vec<Run<'_>>>::new();
    for batch in batches {
        let day = |sample: &Sample| sample.time.day();
        let runs = batch
            .samples
            .chunk_by(|one, next| one.signal == next.signal && day(one) == day(next))
            .filter_map(|samples| Some((samples.first()?, samples)));
        for (first, samples) in runs {
            let key = (i32::try_from(day(first)).unwrap_or(i32::MAX), first.signal.group());
            let (vehicle, arrival) = (batch.vehicle, batch.arrival);
            let run = Run { signal: first.signal, vehicle, arrival, samples };
            partitions.entry(key).or_default().push(run);
        }
    }
    // Runs are few where samples are many.
    for runs in partitions.values_mut() {
        runs.sort_by_key(|run| {
            let first_at = run.samples.first().map(|sample| sample.time);
            (run.signal.path(), run.vehicle, first_at, run.arrival)
        });
    }
    partitions
}

/// The rows of one partition, in blocks of some [`BLOCK_ROWS`], without the columns of the partition.
pub(super) fn blocks<'a>(
    runs: &'a [Run<'_>],
) -> impl Iterator<Item = Result<RecordBatch, LakeError>> + use<'a> {
    let mut columns = by_column(runs).peekable();
    std::iter::from_fn(move || {
        columns.peek()?;
        let mut block = Block::default();
        while block.rows() < BLOCK_ROWS
            && let Some(column) = columns.next()
        {
            block.push(column);
        }
        let schema = Arc::new(Schema::new(file_fields()));
        Some(RecordBatch::try_new(schema, block.finish()).map_err(LakeError::from))
    })
}

/// The rows of all batches with every column of the table.
///
/// # Errors
/// When Arrow refuses the columns.
pub fn record_batch(batches: &[&Arrived]) -> Result<RecordBatch, LakeError> {
    let (mut block, mut days, mut groups) = (Block::default(), Vec::new(), StringBuilder::new());
    for ((day, group), runs) in partitions(batches) {
        by_column(&runs).for_each(|column| block.push(column));
        for _ in days.len()..block.rows() {
            days.push(day);
            groups.append_value(group.as_str());
        }
    }
    let mut fields = file_fields();
    fields.push(Field::new("day", DataType::Date32, false));
    fields.push(Field::new("group", DataType::Utf8, false));
    let mut columns = block.finish();
    columns.push(Arc::new(Date32Array::from(days)));
    columns.push(Arc::new(groups.finish()));
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// The runs of each signal of each vehicle, which are sorted.
fn by_column<'a, 'b>(runs: &'a [Run<'b>]) -> impl Iterator<Item = &'a [Run<'b>]> {
    runs.chunk_by(|one, next| (one.signal, one.vehicle) == (next.signal, next.vehicle))
}

/// Rows that are written together.
#[derive(Default)]
struct Block {
    vehicles: StringBuilder,
    signals: StringBuilder,
    times: Vec<i64>,
    values: Vec<f64>,
    arrivals: Vec<i64>,
}

impl Block {
    const fn rows(&self) -> usize {
        self.times.len()
    }

    /// Adds the runs of one signal of one vehicle.
    fn push(&mut self, column: &[Run<'_>]) {
        let Some(Run { signal, vehicle, .. }) = column.first() else { return };
        let (vehicle, signal, decimals) = (vehicle.to_string(), signal.path(), signal.decimals());
        let rows = column.iter().flat_map(|run| run.samples.iter().map(|row| (row, run.arrival)));
        let mut rows = rows.collect::<Vec<_>>();
        let order = |(sample, arrival): &(&Sample, i64)| (sample.time, *arrival);
        if !rows.is_sorted_by_key(order) {
            rows.sort_by_key(order);
        }
        for (sample, arrival) in rows {
            self.vehicles.append_value(&vehicle);
            self.signals.append_value(signal);
            self.times.push(sample.time.as_micros());
            self.values.push(sample.value.to_physical(decimals));
            self.arrivals.push(arrival);
        }
    }

    /// The columns of [`file_fields`].
    fn finish(mut self) -> Vec<ArrayRef> {
        let times = TimestampMicrosecondArray::from(self.times).with_timezone("UTC");
        vec![
            Arc::new(self.vehicles.finish()),
            Arc::new(self.signals.finish()),
            Arc::new(times),
            Arc::new(Float64Array::from(self.values)),
            Arc::new(Int64Array::from(self.arrivals)),
        ]
    }
}

/// What is in a file: the columns of the table without those of the partition.
fn file_fields() -> Vec<Field> {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    vec![
        Field::new("vehicle", DataType::Utf8, false),
        Field::new("signal", DataType::Utf8, false),
        Field::new("time", time, false),
        Field::new("value", DataType::Float64, false),
        Field::new("arrival", DataType::Int64, false),
    ]
}

/// How the columns are written: what grows steadily as differences, the rest as the library thinks best.
pub(super) fn writer_properties() -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_data_page_row_count_limit(PAGE_ROWS);
    for steady in ["time", "arrival"] {
        properties = properties
            .set_column_dictionary_enabled(steady.into(), false)
            .set_column_encoding(steady.into(), Encoding::DELTA_BINARY_PACKED);
    }
    properties.build()
}

#[cfg(test)]
mod tests {
    use deltalake::arrow::array::AsArray;
    use deltalake::arrow::compute::concat_batches;
    use deltalake::arrow::datatypes::{Int64Type, TimestampMicrosecondType};
    use telematics::testing::{T0, samples, vehicle};

    use super::*;

    fn rows(runs: &[Run<'_>]) -> RecordBatch {
        let blocks = blocks(runs).collect::<Result<Vec<_>, _>>().unwrap();
        concat_batches(&blocks[0].schema(), &blocks).unwrap()
    }

    fn arrivals(rows: &RecordBatch) -> Vec<i64> {
        rows["arrival"].as_primitive::<Int64Type>().values().to_vec()
    }

    #[test]
    fn each_group_and_each_day_has_rows_of_its_own() {
        let mut speed = samples("Vehicle.Speed", 2);
        speed[1].time = T0.plus_seconds(86_400);
        let gear = samples("Vehicle.Powertrain.Transmission.CurrentGear", 1);
        let batch = Arrived { arrival: 1, vehicle: vehicle(1), samples: [speed, gear].concat() };

        let partitions = partitions(&[&batch]);

        let day = i32::try_from(T0.day()).unwrap();
        let keys = partitions.keys().copied().collect::<Vec<_>>();
        let (motion, driving) = (SignalGroup::Motion, SignalGroup::Driving);
        assert_eq!(keys, [(day, motion), (day, driving), (day + 1, motion)]);
    }

    #[test]
    fn rows_are_sorted_by_signal_vehicle_and_time() {
        let speed = samples("Vehicle.Speed", 2);
        let wheel = samples("Vehicle.Chassis.Axle.Row1.Wheel.Left.Speed", 1);
        let batches = [
            Arrived { arrival: 1, vehicle: vehicle(2), samples: [speed.clone(), wheel].concat() },
            Arrived { arrival: 2, vehicle: vehicle(1), samples: speed },
        ];

        let mut partitions = partitions(&batches.each_ref());
        let rows = rows(&partitions.pop_first().unwrap().1);

        assert_eq!(arrivals(&rows), [1, 2, 2, 1, 1]);
        let signal = rows["signal"].as_string::<i32>().value(0);
        assert_eq!(signal, "Vehicle.Chassis.Axle.Row1.Wheel.Left.Speed");
        assert_eq!(rows["vehicle"].as_string::<i32>().value(1), vehicle(1).to_string());
    }

    #[test]
    fn samples_that_come_late_are_put_in_their_place() {
        let batch = |arrival, seconds: &[i64]| {
            let sample = samples("Vehicle.Speed", 1)[0];
            let at = |second: &i64| Sample { time: T0.plus_seconds(*second), ..sample };
            Arrived { arrival, vehicle: vehicle(1), samples: seconds.iter().map(at).collect() }
        };
        let batches = [batch(1, &[1, 5, 9]), batch(2, &[2, 5, 12])];

        let mut partitions = partitions(&batches.each_ref());
        let rows = rows(&partitions.pop_first().unwrap().1);

        let seconds = rows["time"].as_primitive::<TimestampMicrosecondType>().values().iter();
        let seconds = seconds.map(|at| (at - T0.as_micros()) / 1_000_000).collect::<Vec<_>>();
        assert_eq!(seconds, [1, 2, 5, 5, 9, 12]);
        assert_eq!(arrivals(&rows), [1, 2, 1, 2, 1, 2]);
    }
}
