//! TOP and UNIQUE: values are first counted, then chosen among.

use deltalake::arrow::datatypes::Float64Type;
use deltalake::datafusion::functions_aggregate::expr_fn::count;
use deltalake::datafusion::functions_aggregate::first_last::first_value;
use deltalake::datafusion::prelude::{DataFrame, col, lit};
use tokio_stream::StreamExt as _;

use super::aggregate::{Cell, Cells, keys, set};
use super::read::{at, numbers};
use super::{AggregateQuestion, Aggregation, QuestionError, Wanted};

/// Different values that UNIQUE lists of one interval at most.
const UNIQUE_MAX: usize = 1_000;

pub(super) const fn is_counted(wanted: &Wanted) -> bool {
    matches!(wanted.aggregation, Aggregation::Top | Aggregation::Unique)
}

/// Fills the cells of one signal.
pub(super) async fn fill(
    rows: DataFrame,
    (index, wanted): (usize, &Wanted),
    question: &AggregateQuestion,
    cells: &mut Cells,
) -> Result<(), QuestionError> {
    let interval = || vec![col("vehicle"), col("interval")];
    let each = [interval(), vec![col("value")]].concat();
    let counted =
        rows.filter(wanted.rows())?.aggregate(each, vec![count(lit(1)).alias("times")])?;
    let is_top = wanted.aggregation == Aggregation::Top;
    let chosen = if is_top {
        let order = vec![col("times").sort(false, false), col("value").sort(true, false)];
        counted.aggregate(interval(), vec![first_value(col("value"), order).alias("value")])?
    } else {
        let order = ["vehicle", "interval", "value"].map(|name| col(name).sort(true, false));
        counted.sort(order.to_vec())?
    };
    let mut answer = chosen.execute_stream().await?;
    while let Some(batch) = answer.next().await {
        let batch = batch?;
        let values = numbers::<Float64Type>(&batch, "value")?;
        for (row, key) in keys(&batch)?.into_iter().enumerate() {
            let Some(value) = at(values, row) else { continue };
            if is_top {
                set(cells, key, (index, Cell::Number(value)), question);
                continue;
            }
            if !cells.contains_key(&key) {
                set(cells, key, (index, Cell::Values(Vec::new())), question);
            }
            let cell = cells.get_mut(&key).and_then(|line| line.get_mut(index));
            if let Some(Cell::Values(values)) = cell {
                add(values, value)?;
            }
        }
    }
    Ok(())
}

fn add(values: &mut Vec<f64>, value: f64) -> Result<(), QuestionError> {
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    if values.len() == UNIQUE_MAX {
        return Err(QuestionError::TooMuch {
            what: "different values in one interval of UNIQUE",
            actual: count(UNIQUE_MAX) + 1,
            max: count(UNIQUE_MAX),
            instead: "ask for shorter intervals, or filter the values",
        });
    }
    values.push(value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_different_values_has_an_end() {
        let mut values = vec![0.0; UNIQUE_MAX - 1];
        add(&mut values, 1.0).unwrap();

        let error = add(&mut values, 2.0).unwrap_err().to_string();
        assert!(error.contains("at most 1000") && error.contains("filter"), "{error}");
    }
}
