//! Reading columns of an answer.

use deltalake::arrow::array::{Array, AsArray, PrimitiveArray, RecordBatch, StringArray};
use deltalake::arrow::compute::cast;
use deltalake::arrow::datatypes::{ArrowPrimitiveType, DataType};
use telematics::VehicleId;

use super::QuestionError;

pub(super) fn foreign(column: &str) -> QuestionError {
    QuestionError::Foreign { column: column.to_owned() }
}

/// A column of numbers or times.
pub(super) fn numbers<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    column: &str,
) -> Result<&'a PrimitiveArray<T>, QuestionError> {
    let found = batch.column_by_name(column);
    found.and_then(|found| found.as_primitive_opt::<T>()).ok_or_else(|| foreign(column))
}

/// A column of text, however the engine keeps it.
pub(super) fn texts(batch: &RecordBatch, column: &str) -> Result<StringArray, QuestionError> {
    let found = batch.column_by_name(column).ok_or_else(|| foreign(column))?;
    let plain = cast(found, &DataType::Utf8)?;
    plain.as_string_opt::<i32>().cloned().ok_or_else(|| foreign(column))
}

/// The vehicles of each row.
pub(super) fn vehicles(batch: &RecordBatch) -> Result<Vec<VehicleId>, QuestionError> {
    let texts = texts(batch, "vehicle")?;
    let parse = |text: Option<&str>| {
        let parsed = text.and_then(|text| VehicleId::parse(text).ok());
        parsed.ok_or_else(|| foreign("vehicle"))
    };
    texts.iter().map(parse).collect()
}

/// A number of a column, if there is one in this row.
pub(super) fn at<T: ArrowPrimitiveType>(
    column: &PrimitiveArray<T>,
    row: usize,
) -> Option<T::Native> {
    column.is_valid(row).then(|| column.value(row))
}
