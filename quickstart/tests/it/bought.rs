//! Reads what a buyer downloaded, with the stock Parquet reader.

use std::fs::File;
use std::path::Path;

use deltalake::arrow::array::{AsArray, RecordBatch};
use deltalake::arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use deltalake::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use quickstart::buyer::Buyer;
use serde_json::Value;

/// One row of a delivered file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) vehicle: String,
    pub(crate) signal: String,
    pub(crate) unit: String,
    /// Microseconds since 1970.
    pub(crate) time: i64,
    pub(crate) value: f64,
}

/// Downloads what `order` delivered into `folder` and reads its rows.
pub(crate) async fn rows(buyer: &Buyer, order: &Value, folder: &Path) -> Vec<Row> {
    let file = folder.join("bought.parquet");
    buyer.download(order, &file).await.unwrap();

    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
    reader.build().unwrap().flat_map(|batch| batch_rows(&batch.unwrap())).collect()
}

fn batch_rows(batch: &RecordBatch) -> Vec<Row> {
    let column = |name: &str| batch.column_by_name(name).unwrap_or_else(|| panic!("no {name}"));
    let texts = |name: &str| column(name).as_string::<i32>().clone();
    let [vehicles, signals, units] = ["vehicle", "signal", "unit"].map(texts);
    let times = column("time").as_primitive::<TimestampMicrosecondType>();
    let values = column("value").as_primitive::<Float64Type>();
    (0..batch.num_rows())
        .map(|row| Row {
            vehicle: vehicles.value(row).to_owned(),
            signal: signals.value(row).to_owned(),
            unit: units.value(row).to_owned(),
            time: times.value(row),
            value: values.value(row),
        })
        .collect()
}
