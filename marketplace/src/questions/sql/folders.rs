//! What a condition on the rows of the lake says of the folders that they are in: the group follows from the
//! signal, and the day from the time. Saying it lets whole folders be left out.
//!
//! **Invariant:** every row that meets the condition meets what is said here.

use deltalake::arrow::datatypes::DataType;
use deltalake::datafusion::common::ScalarValue;
use deltalake::datafusion::logical_expr::expr::InList;
use deltalake::datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};
use deltalake::datafusion::prelude::{col, lit};
use telematics::Signal;

/// What `condition` says of group and day, if anything.
pub(super) fn folders(condition: &Expr) -> Option<Expr> {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            match (folders(left), folders(right)) {
                (Some(left), Some(right)) => Some(left.and(right)),
                (one, other) => one.or(other),
            }
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Some(folders(left)?.or(folders(right)?))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (&**left, &**right) {
            (Expr::Column(column), Expr::Literal(value, _)) => compared(&column.name, *op, value),
            (Expr::Literal(value, _), Expr::Column(column)) => {
                compared(&column.name, op.swap()?, value)
            }
            _ => None,
        },
        Expr::Between(Between { expr, negated: false, low, high }) => match (&**low, &**high) {
            (Expr::Literal(low, _), Expr::Literal(high, _)) => {
                let Expr::Column(column) = &**expr else { return None };
                let from = compared(&column.name, Operator::GtEq, low)?;
                Some(from.and(compared(&column.name, Operator::LtEq, high)?))
            }
            _ => None,
        },
        Expr::InList(InList { expr, list, negated: false }) => {
            let Expr::Column(column) = &**expr else { return None };
            let each = list.iter().map(|value| match value {
                Expr::Literal(value, _) => compared(&column.name, Operator::Eq, value),
                _ => None,
            });
            each.reduce(|one, other| Some(one?.or(other?)))?
        }
        _ => None,
    }
}

/// What a comparison of `column` with `value` says.
fn compared(column: &str, op: Operator, value: &ScalarValue) -> Option<Expr> {
    match (column, op) {
        ("signal", Operator::Eq) => {
            let signal = Signal::by_path(value.try_as_str()??).ok()?;
            Some(col("group").eq(lit(signal.group().as_str())))
        }
        ("time", Operator::Eq) => Some(col("day").eq(day(value)?)),
        ("time", Operator::Gt | Operator::GtEq) => Some(col("day").gt_eq(day(value)?)),
        ("time", Operator::Lt | Operator::LtEq) => Some(col("day").lt_eq(day(value)?)),
        _ => None,
    }
}

/// The day of a time.
fn day(time: &ScalarValue) -> Option<Expr> {
    if time.is_null() || !matches!(time.data_type(), DataType::Timestamp(..)) {
        return None;
    }
    Some(Expr::Literal(time.cast_to(&DataType::Date32).ok()?, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEED: &str = "Vehicle.Speed";
    const GEAR: &str = "Vehicle.Powertrain.Transmission.CurrentGear";

    /// So many hours after 1970 began.
    fn hours(hours: i64) -> Expr {
        let micros = Some(hours * 3_600_000_000);
        Expr::Literal(ScalarValue::TimestampMicrosecond(micros, Some("UTC".into())), None)
    }

    fn day(day: i32) -> Expr {
        Expr::Literal(ScalarValue::Date32(Some(day)), None)
    }

    #[test]
    fn the_group_follows_from_the_signal_and_the_day_from_the_time() {
        let (signal, time, value) = (|| col("signal"), || col("time"), || col("value"));
        let (group, on) = (|| col("group"), || col("day"));
        let speed = || signal().eq(lit(SPEED));
        let motion = || group().eq(lit("motion"));
        let either = signal().in_list(vec![lit(SPEED), lit(GEAR)], false);
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (speed(),                                Some(motion())),
            (lit(SPEED).eq(signal()),                Some(motion())),
            (speed().and(value().gt(lit(1.0))),      Some(motion())),
            (speed().or(value().gt(lit(1.0))),       None),
            (either,                                 Some(motion().or(group().eq(lit("driving"))))),
            (signal().in_list(vec![lit(SPEED)], true), None),
            (signal().not_eq(lit(SPEED)),            None),
            (signal().eq(lit("Vehicle.None")),       None),
            (value().eq(lit(1.0)),                   None),
            (time().gt(hours(25)),                   Some(on().gt_eq(day(1)))),
            (hours(25).gt(time()),                   Some(on().lt_eq(day(1)))),
            (time().lt(hours(48)),                   Some(on().lt_eq(day(2)))),
            (time().lt_eq(hours(-1)),                Some(on().lt_eq(day(-1)))),
            (time().eq(hours(47)),                   Some(on().eq(day(1)))),
            (time().not_eq(hours(47)),               None),
            (time().between(hours(1), hours(25)),    Some(on().gt_eq(day(0)).and(on().lt_eq(day(1))))),
            (time().not_between(hours(1), hours(25)), None),
            (speed().and(time().gt(hours(25))),      Some(motion().and(on().gt_eq(day(1))))),
        ];
        for (condition, expected) in cases {
            assert_eq!(folders(&condition), expected, "{condition}");
        }
    }
}
