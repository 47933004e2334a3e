//! Intervals of time, as `date_bin` and `date_trunc` cut it.
//!
//! The engine divides for every row. Samples come in the order of time, so most are in the interval of the one before,
//! which a comparison tells.

use std::sync::Arc;

use deltalake::arrow::array::{
    Array as _, ArrayRef, AsArray, RecordBatch, TimestampMicrosecondArray, TimestampNanosecondArray,
};
use deltalake::arrow::buffer::ScalarBuffer;
use deltalake::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use deltalake::datafusion::common::ScalarValue;
use deltalake::datafusion::error::{DataFusionError, Result};
use deltalake::datafusion::physical_expr::expressions::{CastExpr, Column, Literal};
use deltalake::datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use super::columns::DAY_MICROS;

const SECOND_MICROS: i64 = 1_000_000;

/// What `group` is for each of `rows`.
pub(super) fn evaluate(group: &Arc<dyn PhysicalExpr>, rows: &RecordBatch) -> Result<ArrayRef> {
    if let Some((column, micros)) = interval(group)
        && let DataType::Timestamp(unit, zone) = group.data_type(&rows.schema())?
        && zone.as_ref().is_none_or(|zone| zone.as_ref() == "UTC")
        && let Some(times) = rows.column(column).as_primitive_opt::<TimestampMicrosecondType>()
    {
        match unit {
            TimeUnit::Microsecond => {
                let starts = TimestampMicrosecondArray::new(
                    starts(times.values(), micros, 1)?,
                    times.nulls().cloned(),
                );
                return Ok(Arc::new(starts.with_timezone_opt(zone)));
            }
            TimeUnit::Nanosecond => {
                let starts = TimestampNanosecondArray::new(
                    starts(times.values(), micros, 1_000)?,
                    times.nulls().cloned(),
                );
                return Ok(Arc::new(starts.with_timezone_opt(zone)));
            }
            TimeUnit::Second | TimeUnit::Millisecond => {}
        }
    }
    group.evaluate(rows)?.into_array(rows.num_rows())
}

/// The column that `group` cuts into intervals from 1970 on, and how long these are.
fn interval(group: &Arc<dyn PhysicalExpr>) -> Option<(usize, i64)> {
    let function = group.downcast_ref::<ScalarFunctionExpr>()?;
    let [size, time] = function.args() else { return None };
    // `date_bin` has times made finer first.
    let time = time.downcast_ref::<CastExpr>().map_or(time, CastExpr::expr);
    let column = time.downcast_ref::<Column>()?.index();
    let size = size.downcast_ref::<Literal>()?.value();
    let micros = match (function.name(), size) {
        ("date_bin", ScalarValue::IntervalMonthDayNano(Some(size))) => {
            let is_fixed = size.months == 0 && size.nanoseconds % 1_000 == 0;
            let days = i64::from(size.days).checked_mul(DAY_MICROS)?;
            is_fixed.then(|| days.checked_add(size.nanoseconds / 1_000))??
        }
        ("date_trunc", unit) => match unit.try_as_str()?? {
            "second" => SECOND_MICROS,
            "minute" => 60 * SECOND_MICROS,
            "hour" => 3_600 * SECOND_MICROS,
            "day" => DAY_MICROS,
            _ => return None,
        },
        _ => return None,
    };
    (micros > 0).then_some((column, micros))
}

/// The start of the interval that each time is in, in units of which a microsecond has so many.
fn starts(times: &[i64], micros: i64, units: i64) -> Result<ScalarBuffer<i64>> {
    let (mut current, mut start) = (0..0, 0);
    let mut starts = Vec::with_capacity(times.len());
    for time in times {
        if !current.contains(time) {
            let from = time.saturating_sub(time.rem_euclid(micros));
            current = from..from.saturating_add(micros);
            start = from.checked_mul(units).ok_or_else(|| too_far(from))?;
        }
        starts.push(start);
    }
    Ok(starts.into())
}

/// As the engine says it.
fn too_far(micros: i64) -> DataFusionError {
    let what = format!("{micros} microseconds since 1970 are too far away for nanoseconds");
    DataFusionError::Execution(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_begin_at_1970_in_both_directions() {
        let minute = 60 * SECOND_MICROS;
        let times = [-minute - 1, -minute, -1, 0, minute - 1, minute, 5, i64::MAX];
        let expected = [-2 * minute, -minute, -minute, 0, 0, minute, 0];
        let found = starts(&times, minute, 1).unwrap();
        assert_eq!(found[..7], expected);
        assert_eq!(found[7], i64::MAX - i64::MAX % minute);

        let fine = starts(&times[..7], minute, 1_000).unwrap();
        assert_eq!(fine.to_vec(), expected.map(|start| start * 1_000));
        let error = starts(&[i64::MAX], minute, 1_000).unwrap_err().to_string();
        assert!(error.contains("too far away"), "{error}");
    }
}
