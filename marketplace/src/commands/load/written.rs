//! What trucks send, as files that other databases read: `readings.parquet`, `diagnostics.parquet` and
//! `tags.parquet`, as the benchmark has them, and `owner.key`, with which the market is asked.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use deltalake::arrow::array::{
    ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use deltalake::parquet::arrow::ArrowWriter;
use indicatif::ProgressBar;
use telematics::{Value, VehicleId};

use super::trucks::{FIELDS, Reading, STEPS_PER_DAY, Truck};

/// Those of [`FIELDS`] that are in `readings`; the rest are in `diagnostics`.
const READINGS: usize = 7;
/// Rows that are written together.
const BLOCK_ROWS: usize = 1 << 18;

/// Writes the fleet into `folder`: `trucks` with the vehicle that each became, before they drive.
pub(super) fn write(
    folder: &Path,
    mut trucks: Vec<(VehicleId, Truck)>,
    days: u32,
    owner_key: &str,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    std::fs::write(folder.join("owner.key"), owner_key)?;
    let tags = tags(&trucks)?;
    let mut file = create(folder, "tags.parquet", &tags)?;
    file.write(&tags)?;
    file.close()?;

    let fields = [0..READINGS, READINGS..FIELDS.len()];
    let [reading, diagnostic] = fields.clone().map(|fields| columns(&[], &trucks, fields));
    let mut readings = create(folder, "readings.parquet", &reading?)?;
    let mut diagnostics = create(folder, "diagnostics.parquet", &diagnostic?)?;
    let mut rows = Vec::with_capacity(BLOCK_ROWS + trucks.len());
    // In the order of time, as all of them send at once.
    for step in 0..i64::from(days) * STEPS_PER_DAY {
        for (number, (_, truck)) in (0..).zip(&mut trucks) {
            rows.extend(truck.drive().map(|reading| (number, reading)));
        }
        if rows.len() >= BLOCK_ROWS || step + 1 == i64::from(days) * STEPS_PER_DAY {
            let [of_readings, of_diagnostics] = fields.clone();
            readings.write(&columns(&rows, &trucks, of_readings)?)?;
            diagnostics.write(&columns(&rows, &trucks, of_diagnostics)?)?;
            bar.inc(rows.len().try_into()?);
            rows.clear();
        }
    }
    readings.close()?;
    diagnostics.close()?;
    Ok(())
}

/// `id`, `name` (the vehicle), and what its owner says about each truck.
fn tags(trucks: &[(VehicleId, Truck)]) -> anyhow::Result<RecordBatch> {
    let texts = |text: &dyn Fn(&(VehicleId, Truck)) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(trucks.iter().map(text)))
    };
    let ids = 0..i32::try_from(trucks.len())?;
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("id".to_owned(), Arc::new(Int32Array::from_iter_values(ids))),
        ("name".to_owned(), texts(&|(vehicle, _)| vehicle.to_string())),
        ("model".to_owned(), texts(&|(_, truck)| truck.model().0.to_owned())),
    ];
    let names = trucks.first().map(|(_, truck)| truck.labels()).unwrap_or_default();
    for name in names.into_keys() {
        let column = texts(&|(_, truck)| truck.labels().remove(&name).unwrap_or_default());
        columns.push((name, column));
    }
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// `time`, `tags_id` and the fields `which` of [`FIELDS`].
fn columns(
    rows: &[(i32, Reading)],
    trucks: &[(VehicleId, Truck)],
    which: std::ops::Range<usize>,
) -> anyhow::Result<RecordBatch> {
    let times = rows.iter().map(|(_, reading)| reading.time.as_micros());
    let times = TimestampMicrosecondArray::from_iter_values(times);
    let numbers = Int32Array::from_iter_values(rows.iter().map(|(number, _)| *number));
    let mut columns: Vec<(&str, ArrayRef)> =
        vec![("time", Arc::new(times)), ("tags_id", Arc::new(numbers))];
    let signals = trucks.first().context("no trucks")?.1.signals();
    for (index, ((name, _), signal)) in FIELDS.into_iter().zip(signals).enumerate() {
        if which.contains(&index) {
            let decimals = signal.decimals();
            let value = |(_, reading): &(i32, Reading)| {
                let raw = reading.values.get(index).copied().unwrap_or_default();
                Value::from_raw(raw).to_physical(decimals)
            };
            columns.push((name, Arc::new(Float64Array::from_iter_values(rows.iter().map(value)))));
        }
    }
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// A file in `folder` for rows like `rows`.
fn create(folder: &Path, name: &str, rows: &RecordBatch) -> anyhow::Result<ArrowWriter<File>> {
    let path = folder.join(name);
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(ArrowWriter::try_new(file, rows.schema(), None)?)
}
