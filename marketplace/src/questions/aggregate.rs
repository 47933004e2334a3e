//! Aggregates: one value for each vehicle, interval and signal.
//!
//! Everything but TOP and UNIQUE ([`super::counted`]) is one pass over the rows.

use std::collections::BTreeMap;

use deltalake::arrow::array::RecordBatch;
use deltalake::arrow::datatypes::{DataType, Float64Type, Int64Type};
use deltalake::datafusion::error::DataFusionError;
use deltalake::datafusion::functions_aggregate::average::avg_udaf;
use deltalake::datafusion::functions_aggregate::count::count_udaf;
use deltalake::datafusion::functions_aggregate::first_last::{first_value_udaf, last_value_udaf};
use deltalake::datafusion::functions_aggregate::median::median_udaf;
use deltalake::datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use deltalake::datafusion::logical_expr::ExprFunctionExt as _;
use deltalake::datafusion::logical_expr::expr::Sort;
use deltalake::datafusion::prelude::{DataFrame, Expr, cast, col, lit};
use telematics::{Timestamp, VehicleId};
use tokio_stream::StreamExt as _;

use super::read::{at, foreign, numbers, vehicles};
use super::rows::Meant;
use super::{AggregateQuestion, Aggregation, QuestionError, Source, Wanted, counted, within};

/// A prime below 2^31, so that a product of two numbers below it is an i64.
const PRIME: i64 = 2_147_483_629;

/// What became of the values of one interval.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// There were none.
    Nothing,
    /// One value, in the signal's unit.
    Number(f64),
    /// How many.
    Count(u64),
    /// Several.
    Values(Vec<f64>),
}

/// One vehicle in one interval. Intervals without values are left out.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Which vehicle.
    pub vehicle: VehicleId,
    /// When the interval begins.
    pub from: Timestamp,
    /// In the order in which they were asked for.
    pub cells: Vec<Cell>,
}

/// An answer, sorted by vehicle and time.
pub type Aggregated = Vec<Line>;

/// Lines by vehicle and number of the interval.
pub(super) type Cells = BTreeMap<(VehicleId, i64), Vec<Cell>>;

/// Answers `question`, which has been checked.
///
/// # Errors
/// When rows can not be read, or there are too many of them.
pub async fn aggregate(
    source: Source,
    question: AggregateQuestion,
) -> Result<Aggregated, QuestionError> {
    let session = source.desk.session()?;
    let meant = Meant {
        vehicles: &question.vehicles,
        signals: Some(question.signals.iter().map(|wanted| wanted.signal).collect()),
        period: Some(question.period),
    };
    let mut rows = source.rows(&session, &meant).await?;
    if let Some(region) = &question.region {
        rows = within::only(rows, &source, &question, region).await?;
    }
    let wanted = question.signals.iter().map(Wanted::rows).reduce(Expr::or);
    let rows = rows.filter(wanted.unwrap_or_else(|| lit(false)))?.select(columns(&question))?;

    let mut cells = Cells::new();
    let (repeated, single): (Vec<_>, Vec<_>) =
        question.signals.iter().enumerate().partition(|(_, wanted)| counted::is_counted(wanted));
    if !single.is_empty() {
        in_one_pass(rows.clone(), &single, &question, &mut cells).await?;
    }
    for (index, wanted) in repeated {
        counted::fill(rows.clone(), (index, wanted), &question, &mut cells).await?;
    }
    Ok(cells.into_iter().map(|(key, cells)| line(&question, key, cells)).collect())
}

/// What is needed of a row, with the number of its interval.
fn columns(question: &AggregateQuestion) -> Vec<Expr> {
    let since = cast(col("time"), DataType::Int64) - lit(question.period.from.as_micros());
    vec![
        col("vehicle"),
        (since / lit(question.width())).alias("interval"),
        col("signal"),
        col("time"),
        col("value"),
        col("arrival"),
    ]
}

async fn in_one_pass(
    rows: DataFrame,
    wanted: &[(usize, &Wanted)],
    question: &AggregateQuestion,
    cells: &mut Cells,
) -> Result<(), QuestionError> {
    let columns = wanted
        .iter()
        .map(|(index, wanted)| Ok(expression(wanted, question.seed)?.alias(name(*index))))
        .collect::<Result<Vec<_>, DataFusionError>>()?;
    let grouped = rows.aggregate(vec![col("vehicle"), col("interval")], columns)?;
    let mut answer = grouped.execute_stream().await?;
    while let Some(batch) = answer.next().await {
        let batch = batch?;
        let keys = keys(&batch)?;
        for one in wanted {
            put(cells, &batch, &keys, *one, question)?;
        }
    }
    Ok(())
}

fn name(index: usize) -> String {
    format!("wanted_{index}")
}

fn expression(wanted: &Wanted, seed: u64) -> Result<Expr, DataFusionError> {
    let value = || vec![col("value")];
    let by_time = || vec![ascending(col("time")), ascending(col("arrival"))];
    let (aggregate, order) = match wanted.aggregation {
        Aggregation::Avg => (avg_udaf().call(value()), None),
        Aggregation::Med => (median_udaf().call(value()), None),
        Aggregation::Min => (min_udaf().call(value()), None),
        Aggregation::Max => (max_udaf().call(value()), None),
        Aggregation::First => (first_value_udaf().call(value()), Some(by_time())),
        Aggregation::Last => (last_value_udaf().call(value()), Some(by_time())),
        Aggregation::Rand => (first_value_udaf().call(value()), Some(shuffled(seed))),
        Aggregation::Count | Aggregation::Top | Aggregation::Unique => {
            (count_udaf().call(value()), None)
        }
    };
    let aggregate = aggregate.filter(wanted.rows());
    match order {
        Some(order) => aggregate.order_by(order).build(),
        None => aggregate.build(),
    }
}

fn ascending(column: Expr) -> Sort {
    column.sort(true, false)
}

/// An order that `seed` chooses: each moment is multiplied by a number modulo a prime, which makes
/// each of them come first about equally often.
fn shuffled(seed: u64) -> Vec<Sort> {
    let prime = u64::try_from(PRIME).unwrap_or(u64::MAX);
    let factor = i64::try_from(seed % (prime - 1) + 1).unwrap_or(1);
    let offset = i64::try_from(seed / prime % prime).unwrap_or(0);
    let moment = cast(col("time"), DataType::Int64) % lit(PRIME);
    let place = (moment * lit(factor) + lit(offset)) % lit(PRIME);
    vec![ascending(place), ascending(col("time")), ascending(col("arrival"))]
}

/// Vehicle and number of the interval of each row.
pub(super) fn keys(batch: &RecordBatch) -> Result<Vec<(VehicleId, i64)>, QuestionError> {
    let intervals = numbers::<Int64Type>(batch, "interval")?;
    let key =
        |(row, vehicle)| Ok((vehicle, at(intervals, row).ok_or_else(|| foreign("interval"))?));
    vehicles(batch)?.into_iter().enumerate().map(key).collect()
}

/// Puts one column of an answer where it belongs.
fn put(
    cells: &mut Cells,
    batch: &RecordBatch,
    keys: &[(VehicleId, i64)],
    (index, wanted): (usize, &Wanted),
    question: &AggregateQuestion,
) -> Result<(), QuestionError> {
    let column = name(index);
    if wanted.aggregation == Aggregation::Count {
        let counts = numbers::<Int64Type>(batch, &column)?;
        for (row, key) in keys.iter().enumerate() {
            let count = at(counts, row).and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
            set(cells, *key, (index, Cell::Count(count)), question);
        }
        return Ok(());
    }
    let values = numbers::<Float64Type>(batch, &column)?;
    for (row, key) in keys.iter().enumerate() {
        let cell = at(values, row).map_or(Cell::Nothing, Cell::Number);
        set(cells, *key, (index, cell), question);
    }
    Ok(())
}

pub(super) fn set(
    cells: &mut Cells,
    key: (VehicleId, i64),
    (index, cell): (usize, Cell),
    question: &AggregateQuestion,
) {
    let line = cells.entry(key).or_insert_with(|| {
        let empty = |wanted: &Wanted| match wanted.aggregation {
            Aggregation::Count => Cell::Count(0),
            Aggregation::Unique => Cell::Values(Vec::new()),
            _ => Cell::Nothing,
        };
        question.signals.iter().map(empty).collect()
    });
    if let Some(place) = line.get_mut(index) {
        *place = cell;
    }
}

fn line(
    question: &AggregateQuestion,
    (vehicle, interval): (VehicleId, i64),
    cells: Vec<Cell>,
) -> Line {
    let from = question.period.from.plus_micros(interval.saturating_mul(question.width()));
    Line { vehicle, from, cells }
}
