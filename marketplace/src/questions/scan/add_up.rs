//! Adds up rows run by run, where they would be looked up in a table one by one.
//!
//! Samples come sorted by vehicle and time, so rows of one group come one after another. It is enough to see where a
//! group ends: what is added up is handed on then, and the second half of the aggregation, which is the engine's own,
//! puts together what was in several places.

use std::fmt;
use std::sync::Arc;

use deltalake::arrow::array::{ArrayRef, AsArray, RecordBatch, UInt32Array};
use deltalake::arrow::compute::{partition, take};
use deltalake::datafusion::common::config::ConfigOptions;
use deltalake::datafusion::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use deltalake::datafusion::error::Result;
use deltalake::datafusion::execution::{SendableRecordBatchStream, TaskContext};
use deltalake::datafusion::logical_expr::EmitTo;
use deltalake::datafusion::physical_expr::expressions::Column as ColumnExpr;
use deltalake::datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use deltalake::datafusion::physical_optimizer::PhysicalOptimizerRule;
use deltalake::datafusion::physical_plan::aggregates::{
    AggregateExec, AggregateMode, aggregate_expressions,
};
use deltalake::datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use deltalake::datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
};
use futures_util::StreamExt as _;

use super::columns::Column;
use super::intervals;
use super::plan::SamplesExec;

/// Puts [`ByRuns`] where it helps.
#[derive(Debug)]
pub(in crate::questions) struct AddUpRuns;

impl PhysicalOptimizerRule for AddUpRuns {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let by_runs = |node: Arc<dyn ExecutionPlan>| {
            let aggregate = node.downcast_ref::<AggregateExec>();
            let Some(aggregate) = aggregate.filter(|aggregate| is_by_runs(aggregate)) else {
                return Ok(Transformed::no(node));
            };
            let by_runs: Arc<dyn ExecutionPlan> =
                Arc::new(ByRuns { aggregate: again(aggregate, None)? });
            Ok(Transformed::yes(by_runs))
        };
        Ok(plan.transform_up(by_runs)?.data)
    }

    fn name(&self) -> &'static str {
        "add up runs"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The same aggregate, perhaps over another input.
fn again(
    aggregate: &AggregateExec,
    input: Option<Arc<dyn ExecutionPlan>>,
) -> Result<AggregateExec> {
    AggregateExec::try_new(
        *aggregate.mode(),
        aggregate.group_expr().clone(),
        aggregate.aggr_expr().to_vec(),
        aggregate.filter_expr().to_vec(),
        input.unwrap_or_else(|| Arc::clone(aggregate.input())),
        aggregate.input_schema(),
    )
}

/// Whether it is the first half of an aggregation of samples, over groups in which many come one after another.
fn is_by_runs(aggregate: &AggregateExec) -> bool {
    let groups = aggregate.group_expr();
    let functions = aggregate.aggr_expr();
    *aggregate.mode() == AggregateMode::Partial
        && groups.is_single()
        && !groups.is_empty()
        && groups.expr().iter().all(|(group, _)| has_runs(group))
        && functions.iter().all(|function| {
            function.groups_accumulator_supported() && function.order_bys().is_empty()
        })
        && aggregate.limit_options().is_none()
        && aggregate.input().is::<SamplesExec>()
}

/// Whether rows one after another have the same: all columns but time and value, and intervals of time.
fn has_runs(group: &Arc<dyn PhysicalExpr>) -> bool {
    if let Some(column) = group.downcast_ref::<ColumnExpr>() {
        return ![Column::Time, Column::Value].iter().any(|one| one.name() == column.name());
    }
    let function = group.downcast_ref::<ScalarFunctionExpr>();
    function.is_some_and(|function| ["date_bin", "date_trunc"].contains(&function.name()))
}

/// The first half of an aggregation, run by run.
#[derive(Debug)]
struct ByRuns {
    aggregate: AggregateExec,
}

/// Adds up the runs of a batch. A run that goes on in the next is handed on twice.
fn add_up(
    aggregate: &AggregateExec,
    arguments: &[Vec<Arc<dyn PhysicalExpr>>],
    rows: &RecordBatch,
) -> Result<RecordBatch> {
    let groups = aggregate.group_expr().expr().iter();
    let groups = groups.map(|(group, _)| intervals::evaluate(group, rows));
    let groups = groups.collect::<Result<Vec<_>>>()?;
    let runs = partition(&groups.iter().map(by_number).collect::<Vec<_>>())?.ranges();
    let starts = runs.iter().map(|run| u32::try_from(run.start).unwrap_or(u32::MAX));
    let starts = UInt32Array::from_iter_values(starts);
    let mut columns = groups
        .iter()
        .map(|group| take(group, &starts, None))
        .collect::<deltalake::arrow::error::Result<Vec<_>>>()?;

    let mut run_of = Vec::with_capacity(rows.num_rows());
    for (index, run) in runs.iter().enumerate() {
        run_of.extend(std::iter::repeat_n(index, run.len()));
    }
    let evaluate =
        |expression: &Arc<dyn PhysicalExpr>| expression.evaluate(rows)?.into_array(rows.num_rows());
    let functions = aggregate.aggr_expr().iter().zip(arguments).zip(aggregate.filter_expr());
    for ((function, arguments), only) in functions {
        let values = arguments.iter().map(evaluate).collect::<Result<Vec<_>>>()?;
        let only = only.as_ref().map(evaluate).transpose()?;
        let only = only.as_ref().map(AsArray::as_boolean);
        let mut sums = function.create_groups_accumulator()?;
        sums.update_batch(&values, &run_of, only, runs.len())?;
        columns.extend(sums.state(EmitTo::All)?);
    }
    Ok(RecordBatch::try_new(aggregate.schema(), columns)?)
}

/// Something that differs when two names may: their numbers.
fn by_number(column: &ArrayRef) -> ArrayRef {
    match column.as_any_dictionary_opt() {
        Some(names) => deltalake::arrow::array::make_array(names.keys().to_data()),
        None => Arc::clone(column),
    }
}

impl DisplayAs for ByRuns {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByRuns: ")?;
        self.aggregate.fmt_as(kind, f)
    }
}

impl ExecutionPlan for ByRuns {
    fn name(&self) -> &'static str {
        "ByRuns"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.aggregate.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.aggregate.children()
    }

    fn apply_expressions(
        &self,
        each: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.aggregate.apply_expressions(each)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self { aggregate: again(&self.aggregate, children.pop())? }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = self.aggregate.input().execute(partition, context)?;
        let aggregate = again(&self.aggregate, None)?;
        let arguments = aggregate_expressions(aggregate.aggr_expr(), aggregate.mode(), 0)?;
        let added = rows.map(move |rows| add_up(&aggregate, &arguments, &rows?));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), added)))
    }
}
