//! What functions add up for each of many pieces of a block.
//!
//! The engine looks for each row up which group it is of. Of `avg`, `sum` and `count`, which are asked most, the rows of a
//! piece are added up one after another instead; for all others the engine's way is taken.

use std::sync::Arc;

use deltalake::arrow::array::{
    Array as _, ArrayRef, AsArray, Float64Array, Int64Array, UInt64Array,
};
use deltalake::arrow::datatypes::Float64Type;
use deltalake::datafusion::error::Result;
use deltalake::datafusion::logical_expr::EmitTo;
use deltalake::datafusion::physical_expr::aggregate::AggregateFunctionExpr;

use super::block::{Block, Over, Piece, Values};

/// A function, what it is of, and of which rows; of all when it is not said.
pub(super) struct Function {
    pub(super) definition: Arc<AggregateFunctionExpr>,
    pub(super) arguments: Vec<Over>,
    pub(super) only: Option<Over>,
}

impl Function {
    /// What the second half of the aggregation takes of each of `pieces`, which are all rows of `block`.
    pub(super) fn states(&self, block: &Block, pieces: &[Piece]) -> Result<Vec<ArrayRef>> {
        let values = self.arguments.iter().map(|argument| argument.evaluate(block));
        let values = values.collect::<Result<Vec<_>>>()?;
        if let ([values], None, false) = (&values[..], &self.only, self.definition.is_distinct())
            && let Some(states) = added_up(self.definition.fun().name(), values, pieces)
        {
            return Ok(states);
        }
        let values = values.iter().map(|values| block.of_rows(values));
        let values = values.collect::<Result<Vec<_>>>()?;
        let only = self.only.as_ref().map(|only| block.of_rows(&only.evaluate(block)?));
        let only = only.transpose()?;
        let only = only.as_ref().map(AsArray::as_boolean);
        let mut piece_of_rows = Vec::with_capacity(block.rows());
        for (index, piece) in pieces.iter().enumerate() {
            piece_of_rows.extend(std::iter::repeat_n(index, piece.rows.len()));
        }
        let mut sums = self.definition.create_groups_accumulator()?;
        sums.update_batch(&values, &piece_of_rows, only, pieces.len())?;
        sums.state(EmitTo::All)
    }
}

/// The states of a function of numbers none of which is null, if it is one of the few.
fn added_up(function: &str, values: &Values, pieces: &[Piece]) -> Option<Vec<ArrayRef>> {
    let (Values::OfRuns(array) | Values::OfRows(array)) = values;
    if array.null_count() > 0 {
        return None;
    }
    let count = |piece: &Piece| i64::try_from(piece.rows.len()).unwrap_or(i64::MAX);
    let sums = || -> Option<ArrayRef> {
        let numbers = array.as_primitive_opt::<Float64Type>()?.values();
        let of_piece = |piece: &Piece| match values {
            Values::OfRuns(_) => {
                let rows = u32::try_from(piece.rows.len()).ok()?;
                Some(numbers.get(piece.run)? * f64::from(rows))
            }
            Values::OfRows(_) => numbers.get(piece.rows.clone()).map(sum),
        };
        let sums = pieces.iter().map(of_piece).collect::<Option<Vec<_>>>()?;
        Some(Arc::new(Float64Array::from(sums)))
    };
    match function {
        "count" => Some(vec![Arc::new(pieces.iter().map(count).collect::<Int64Array>())]),
        "sum" => Some(vec![sums()?]),
        "avg" => {
            let count = |piece| u64::try_from(count(piece)).unwrap_or(0);
            Some(vec![Arc::new(pieces.iter().map(count).collect::<UInt64Array>()), sums()?])
        }
        _ => None,
    }
}

/// In eight lanes, which a processor adds at once.
fn sum(numbers: &[f64]) -> f64 {
    let (lanes, rest) = numbers.as_chunks::<8>();
    let mut sums = [0.0; 8];
    for lane in lanes {
        for (sum, number) in sums.iter_mut().zip(lane) {
            *sum += number;
        }
    }
    sums.iter().chain(rest).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_numbers_are_added() {
        for count in [0_u32, 1, 7, 8, 9, 16, 100] {
            let numbers = (1..=count).map(f64::from).collect::<Vec<_>>();
            let difference = sum(&numbers) - f64::from(count * (count + 1) / 2);
            assert!(difference.abs() < 1e-9, "{count}");
        }
    }
}
