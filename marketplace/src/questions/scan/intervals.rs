//! Intervals of time, as `date_bin` and `date_trunc` cut it.
//!
//! The engine divides for every row. Samples come in the order of time, so most are in the interval of the one before,
//! which a comparison tells; what interval it is the engine says once for all of them.

use std::ops::Range;
use std::sync::Arc;

use deltalake::arrow::datatypes::{DataType, Schema, TimeUnit};
use deltalake::datafusion::common::ScalarValue;
use deltalake::datafusion::physical_expr::expressions::{CastExpr, Column, Literal};
use deltalake::datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use super::columns::DAY_MICROS;

const SECOND_MICROS: i64 = 1_000_000;

/// Equal intervals from 1970 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Intervals {
    /// The column whose times they are of.
    pub(super) column: usize,
    micros: i64,
}

impl Intervals {
    /// Those that `group`, which is over rows of `schema`, cuts the times of a column into.
    pub(super) fn of(group: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Option<Self> {
        let is_utc = |zone: Option<Arc<str>>| zone.is_none_or(|zone| zone.as_ref() == "UTC");
        match group.data_type(schema).ok()? {
            DataType::Timestamp(TimeUnit::Microsecond | TimeUnit::Nanosecond, zone)
                if is_utc(zone.clone()) => {}
            _ => return None,
        }
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
        (micros > 0).then_some(Self { column, micros })
    }

    /// Cuts `rows` wherever a time is in another interval than the one before.
    pub(super) fn cut(self, times: &[i64], rows: Range<usize>) -> Vec<Range<usize>> {
        let mut pieces = Vec::new();
        let mut rest = rows;
        while let Some(times) = times.get(rest.clone())
            && let Some(first) = times.first()
        {
            let from = first.saturating_sub(first.rem_euclid(self.micros));
            let current = from..from.saturating_add(self.micros);
            let other = times.iter().skip(1).position(|time| !current.contains(time));
            let end = other.map_or(rest.end, |other| rest.start + 1 + other);
            pieces.push(rest.start..end);
            rest.start = end;
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_begin_at_1970_in_both_directions() {
        let minute = 60 * SECOND_MICROS;
        let minutes = Intervals { column: 0, micros: minute };
        let times = [-minute - 1, -minute, -1, 0, minute - 1, minute, 5, i64::MAX, i64::MAX];
        #[rustfmt::skip] // by interval
        assert_eq!(minutes.cut(&times, 0..9), [0..1, 1..3, 3..5, 5..6, 6..7, 7..8, 8..9]);
        assert_eq!(minutes.cut(&times, 2..4), [2..3, 3..4]);
        assert!(minutes.cut(&times, 4..4).is_empty());
    }
}
