//! The columns that SQL sees, and how they are made of what is in a file.
//!
//! Vehicles, signals and groups are numbers into a list of names: the names of all rows of a question are one list
//! each, so that comparing rows is comparing numbers.

use std::sync::Arc;

use deltalake::arrow::array::{
    Array as _, ArrayRef, AsArray, DictionaryArray, Int32Array, StringArray,
};
use deltalake::arrow::compute::cast;
use deltalake::arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef, TimeUnit};
use deltalake::datafusion::error::Result;

use super::runs::wrong;

/// Microseconds of a day.
pub(super) const DAY_MICROS: i64 = 86_400_000_000;

/// The columns, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Vehicle,
    Signal,
    Group,
    Day,
    Time,
    Value,
}

impl Column {
    pub(super) const ALL: [Self; 6] =
        [Self::Vehicle, Self::Signal, Self::Group, Self::Day, Self::Time, Self::Value];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Vehicle => "vehicle",
            Self::Signal => "signal",
            Self::Group => "group",
            Self::Day => "day",
            Self::Time => "time",
            Self::Value => "value",
        }
    }

    fn field(self) -> Field {
        match self {
            Self::Vehicle | Self::Signal => Field::new(self.name(), name_type(), false),
            // Of a signal that the catalogue does not know any more there is none.
            Self::Group => Field::new(self.name(), name_type(), true),
            Self::Day => Field::new(self.name(), DataType::Date32, false),
            Self::Time => Field::new(self.name(), time_type(), false),
            Self::Value => Field::new(self.name(), DataType::Float64, false),
        }
    }

    /// The column of a file that it is made of; what all rows of a run have in common is made of the run.
    pub(super) const fn source(self) -> Option<&'static str> {
        match self {
            Self::Vehicle | Self::Signal | Self::Group | Self::Day => None,
            Self::Time => Some("time"),
            Self::Value => Some("value"),
        }
    }
}

/// The columns of the table `samples`.
pub(in crate::questions) fn schema() -> SchemaRef {
    Arc::new(Schema::new(Column::ALL.map(Column::field).to_vec()))
}

/// The type of names.
pub(in crate::questions) fn name_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Names as a column of numbers into the list of them.
///
/// # Errors
/// When there are more than 2^31.
pub(in crate::questions) fn names<'a>(
    names: impl IntoIterator<Item = &'a str>,
) -> Result<ArrayRef> {
    let names = StringArray::from_iter_values(names);
    Ok(cast(&names, &name_type())?)
}

/// The names at these places of a list.
pub(super) fn each(
    list: &ArrayRef,
    places: impl IntoIterator<Item = Option<i32>>,
) -> Result<ArrayRef> {
    let places = places.into_iter().collect::<Int32Array>();
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(places, Arc::clone(list))?))
}

/// The day that a time in microseconds is of.
pub(super) fn day(micros: i64) -> i32 {
    i32::try_from(micros.div_euclid(DAY_MICROS)).unwrap_or(i32::MAX)
}

/// The texts of a column of names.
pub(super) fn texts(names: &ArrayRef) -> Result<Vec<Option<&str>>> {
    let numbers = names.as_dictionary_opt::<Int32Type>().ok_or_else(|| wrong("vehicle"))?;
    let texts = numbers.values().as_string_opt::<i32>().ok_or_else(|| wrong("vehicle"))?;
    let text = |number: Option<i32>| {
        let number = usize::try_from(number?).ok()?;
        (number < texts.len() && texts.is_valid(number)).then(|| texts.value(number))
    };
    Ok(numbers.keys().iter().map(text).collect())
}
