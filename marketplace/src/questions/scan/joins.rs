//! What our joins, which take the place of the engine's, have in common.

use std::sync::Arc;

use deltalake::arrow::datatypes::SchemaRef;
use deltalake::datafusion::common::Statistics;
use deltalake::datafusion::common::stats::Precision;
use deltalake::datafusion::error::{DataFusionError, Result};
use deltalake::datafusion::logical_expr::JoinType;
use deltalake::datafusion::physical_plan::ExecutionPlan;
use deltalake::datafusion::physical_plan::joins::HashJoinExec;

/// Whether it is an inner join by nothing but equal keys.
pub(super) fn is_plain(join: &HashJoinExec) -> bool {
    *join.join_type() == JoinType::Inner
        && join.filter().is_none()
        && join.fetch().is_none()
        && !join.null_aware
}

/// The columns of both sides, one after the other, that it hands up.
pub(super) fn handed_up(join: &HashJoinExec) -> Vec<usize> {
    let every = || (0..join.join_schema().fields().len()).collect();
    join.projection.as_ref().map_or_else(every, |projection| projection.to_vec())
}

/// Its two sides.
pub(super) fn two(children: Vec<Arc<dyn ExecutionPlan>>) -> Result<[Arc<dyn ExecutionPlan>; 2]> {
    let other = |_| DataFusionError::Internal("two sides make a join".to_owned());
    <[_; 2]>::try_from(children).map_err(other)
}

/// Statistics when nothing is known but that it has about as many rows as its larger side.
pub(super) fn as_many_rows(schema: &SchemaRef, sides: &[Arc<Statistics>]) -> Statistics {
    let rows = sides.iter().map(|side| side.num_rows.get_value().copied());
    let rows = rows.collect::<Option<Vec<_>>>().and_then(|rows| rows.into_iter().max());
    let mut known = Statistics::new_unknown(schema);
    known.num_rows = rows.map_or(Precision::Absent, Precision::Inexact);
    known
}
