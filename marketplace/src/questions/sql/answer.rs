//! The answer to a statement, as typed rows.
//!
//! **Invariant:** it has at most the rows that a question may have, and a bounded size.

use deltalake::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use deltalake::arrow::compute::cast;
use deltalake::arrow::datatypes::{
    DataType, Float64Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType, UInt64Type,
};
use telematics::Timestamp;

use crate::questions::QuestionError;
use crate::questions::read::foreign;

/// Bytes of an answer, about as it is sent.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// None; also a number that is none, such as `0.0 / 0.0`.
    Null,
    /// Yes or no.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A count that may be larger.
    Count(u64),
    /// A number.
    Number(f64),
    /// Text, a date, a time in RFC 3339, and whatever else there is.
    Text(String),
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Name and type of each column.
    pub columns: Vec<(String, &'static str)>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
}

/// An answer that is growing.
pub(super) struct Collected {
    table: Table,
    rows_max: u64,
    bytes: u64,
}

impl Collected {
    pub(super) fn new(schema: &Schema, rows_max: u64) -> Self {
        let column = |field: &std::sync::Arc<deltalake::arrow::datatypes::Field>| {
            (field.name().clone(), word(field.data_type()))
        };
        let columns = schema.fields().iter().map(column).collect();
        Self { table: Table { columns, rows: Vec::new() }, rows_max, bytes: 0 }
    }

    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<(), QuestionError> {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let refuse = |what, actual, max| {
            let instead = "aggregate, filter, or add a LIMIT";
            Err(QuestionError::TooMuch { what, actual, max, instead })
        };
        let rows = count(self.table.rows.len()).saturating_add(count(batch.num_rows()));
        if rows > self.rows_max {
            return refuse("rows or more", rows, self.rows_max);
        }
        let mut new = vec![Vec::with_capacity(batch.num_columns()); batch.num_rows()];
        for column in batch.columns() {
            for (row, value) in new.iter_mut().zip(values(column)?) {
                self.bytes = self.bytes.saturating_add(size(&value));
                row.push(value);
            }
            if self.bytes > BYTES_MAX {
                return refuse("bytes or more", self.bytes, BYTES_MAX);
            }
        }
        self.table.rows.append(&mut new);
        Ok(())
    }

    pub(super) fn finish(self) -> Table {
        self.table
    }
}

fn size(value: &Value) -> u64 {
    const NUMBER: u64 = 16;
    match value {
        Value::Text(text) => u64::try_from(text.len()).unwrap_or(u64::MAX).saturating_add(NUMBER),
        _ => NUMBER,
    }
}

/// What is said of a column's type.
fn word(kind: &DataType) -> &'static str {
    match kind {
        DataType::Boolean => "boolean",
        DataType::Timestamp(..) => "time",
        DataType::Date32 | DataType::Date64 => "date",
        kind if kind.is_integer() => "integer",
        kind if kind.is_floating() => "number",
        _ => "text",
    }
}

fn values(column: &ArrayRef) -> Result<Vec<Value>, QuestionError> {
    let numbers = |column: &ArrayRef| -> Result<Vec<Value>, QuestionError> {
        let plain = cast(column, &DataType::Float64)?;
        let finite = |number: Option<f64>| number.filter(|number| number.is_finite());
        let values = plain.as_primitive::<Float64Type>().iter().map(finite);
        Ok(values.map(|number| number.map_or(Value::Null, Value::Number)).collect())
    };
    match column.data_type() {
        DataType::Null => Ok(vec![Value::Null; column.len()]),
        DataType::Boolean => {
            let values = column.as_boolean().iter();
            Ok(values.map(|value| value.map_or(Value::Null, Value::Boolean)).collect())
        }
        DataType::UInt64 => {
            let values = column.as_primitive::<UInt64Type>().iter();
            Ok(values.map(|value| value.map_or(Value::Null, Value::Count)).collect())
        }
        kind if kind.is_integer() => {
            let plain = cast(column, &DataType::Int64)?;
            let values = plain.as_primitive::<Int64Type>().iter();
            Ok(values.map(|value| value.map_or(Value::Null, Value::Integer)).collect())
        }
        kind if kind.is_floating() => numbers(column),
        DataType::Timestamp(..) => times(column),
        _ => {
            let plain = cast(column, &DataType::Utf8)?;
            let texts = plain.as_string_opt::<i32>().ok_or_else(|| foreign("of text"))?;
            let text =
                |text: Option<&str>| text.map_or(Value::Null, |text| Value::Text(text.into()));
            Ok(texts.iter().map(text).collect())
        }
    }
}

fn times(column: &ArrayRef) -> Result<Vec<Value>, QuestionError> {
    let zone = Some("UTC".into());
    let plain = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, zone))?;
    let text = |micros: i64| Value::Text(Timestamp::from_micros(micros).to_string());
    let values = plain.as_primitive::<TimestampMicrosecondType>().iter();
    Ok(values.map(|micros| micros.map_or(Value::Null, text)).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use deltalake::arrow::array::{Date32Array, Float64Array, Int32Array, StringArray};
    use deltalake::arrow::array::{TimestampMicrosecondArray, UInt64Array};
    use telematics::testing::T0;

    use super::*;

    fn batch() -> RecordBatch {
        let times = TimestampMicrosecondArray::from(vec![Some(T0.as_micros()), None]);
        let columns: [(&str, ArrayRef); 6] = [
            ("count", Arc::new(UInt64Array::from(vec![u64::MAX, 0]))),
            ("whole", Arc::new(Int32Array::from(vec![Some(-1), None]))),
            ("real", Arc::new(Float64Array::from(vec![1.5, f64::NAN]))),
            ("text", Arc::new(StringArray::from(vec![Some("a"), None]))),
            ("day", Arc::new(Date32Array::from(vec![Some(1), None]))),
            ("time", Arc::new(times.with_timezone("UTC"))),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn values_keep_their_types() {
        let mut collected = Collected::new(&batch().schema(), 10);
        collected.add(&batch()).unwrap();
        let table = collected.finish();

        let types: Vec<_> = table.columns.iter().map(|(_, kind)| *kind).collect();
        assert_eq!(types, ["integer", "integer", "number", "text", "date", "time"]);
        let text = |text: &str| Value::Text(text.to_owned());
        let first = [
            Value::Count(u64::MAX),
            Value::Integer(-1),
            Value::Number(1.5),
            text("a"),
            text("1970-01-02"),
            text("2024-01-01T00:00:00Z"),
        ];
        assert_eq!(table.rows[0], first);
        assert_eq!(table.rows[1][0], Value::Count(0));
        assert!(table.rows[1][1..].iter().all(|value| *value == Value::Null));
    }

    #[test]
    fn an_answer_that_grows_too_large_is_refused() {
        let mut collected = Collected::new(&batch().schema(), 3);
        collected.add(&batch()).unwrap();
        let error = collected.add(&batch()).unwrap_err().to_string();
        assert!(error.contains("4 rows") && error.contains("LIMIT"), "{error}");

        let long: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(16_000); 5_000]));
        let long = RecordBatch::try_from_iter([("text", long)]).unwrap();
        let error = Collected::new(&long.schema(), 10_000).add(&long).unwrap_err().to_string();
        assert!(error.contains("bytes") && error.contains("67108864"), "{error}");
    }
}
