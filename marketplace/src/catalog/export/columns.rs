//! The columns of a delivered Parquet file, as a contract describes them.
//!
//! **Invariant:** they are those that the delivery module writes, in its order. An integration test reads a
//! delivered file and compares names, types and nulls.

use super::odcs::{LogicalType, Property, TypeOptions};

/// One column: name, logical type, Parquet's physical type, what it says.
type Column = (&'static str, LogicalType, &'static str, &'static str);

#[rustfmt::skip] // a table is read by column
const COLUMNS: [Column; 9] = [
    ("vehicle",    LogicalType::String,    "BYTE_ARRAY", "A pseudonym of the vehicle: the same in everything that one buyer buys of this dataset, another one everywhere else."),
    ("make",       LogicalType::String,    "BYTE_ARRAY", "The brand of the vehicle."),
    ("model",      LogicalType::String,    "BYTE_ARRAY", "The model of the vehicle."),
    ("model_year", LogicalType::Integer,   "INT32",      "The model year of the vehicle."),
    ("powertrain", LogicalType::String,    "BYTE_ARRAY", "What drives the vehicle, such as electric or hybrid."),
    ("signal",     LogicalType::String,    "BYTE_ARRAY", "The path of the signal in the Vehicle Signal Specification."),
    ("unit",       LogicalType::String,    "BYTE_ARRAY", "The unit of the value, as the Vehicle Signal Specification spells it."),
    ("time",       LogicalType::Timestamp, "INT64",      "When the value was measured: microseconds, UTC."),
    ("value",      LogicalType::Number,    "DOUBLE",     "The value that was measured, in the unit of its row."),
];

/// The columns in their order.
pub(super) fn columns() -> Vec<Property> {
    let property = |(name, logical_type, physical_type, description): Column| Property {
        name,
        logical_type,
        physical_type,
        description,
        required: true,
        logical_type_options: (logical_type == LogicalType::Timestamp)
            .then_some(TypeOptions { timezone: true }),
        authoritative_definitions: Vec::new(),
        quality: Vec::new(),
        custom_properties: Vec::new(),
    };
    COLUMNS.map(property).into()
}
