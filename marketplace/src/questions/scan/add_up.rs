//! Adds up rows run by run, where they would be looked up in a table one by one.
//!
//! Rows of one group come one after another. It is enough to see where a group ends: what is added up is handed on then,
//! and the second half of the aggregation, which is the engine's own, puts together what was in several places.

use std::fmt;
use std::sync::Arc;

use deltalake::arrow::array::RecordBatch;
use deltalake::arrow::datatypes::SchemaRef;
use deltalake::datafusion::common::tree_node::TreeNodeRecursion;
use deltalake::datafusion::error::Result;
use deltalake::datafusion::execution::{SendableRecordBatchStream, TaskContext};
use deltalake::datafusion::physical_expr::PhysicalExpr;
use deltalake::datafusion::physical_expr::utils::collect_columns;
use deltalake::datafusion::physical_plan::aggregates::{
    AggregateExec, AggregateMode, aggregate_expressions,
};
use deltalake::datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use deltalake::datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
};
use futures_util::StreamExt as _;

use super::block::{Block, Over, Piece, RunByRun, blocks_of, run_by_run};
use super::intervals::Intervals;
use super::sums::Function;

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

/// Whether it is the first half of an aggregation, over groups in which many rows come one after another.
fn is_by_runs(aggregate: &AggregateExec) -> bool {
    let groups = aggregate.group_expr();
    let functions = aggregate.aggr_expr();
    *aggregate.mode() == AggregateMode::Partial
        && groups.is_single()
        && !groups.is_empty()
        && functions.iter().all(|function| {
            function.groups_accumulator_supported() && function.order_bys().is_empty()
        })
        && aggregate.limit_options().is_none()
        && run_by_run(aggregate.input())
            .is_some_and(|input| groups.expr().iter().all(|(group, _)| has_runs(input, group)))
}

/// Whether rows one after another have the same: what is of whole runs, and intervals of time.
fn has_runs(input: &dyn RunByRun, group: &Arc<dyn PhysicalExpr>) -> bool {
    collect_columns(group).iter().all(|column| input.is_of_runs(column.index()))
        || Intervals::of(group, &input.schema()).is_some()
}

/// The first half of an aggregation, run by run.
#[derive(Debug)]
pub(super) struct ByRuns {
    aggregate: AggregateExec,
}

impl ByRuns {
    /// Does what `aggregate` does, if that can be done run by run.
    pub(super) fn instead_of(aggregate: &AggregateExec) -> Result<Option<Self>> {
        let by_runs = || Ok(Self { aggregate: again(aggregate, None)? });
        is_by_runs(aggregate).then(by_runs).transpose()
    }

    fn adding(&self, input: &dyn RunByRun) -> Result<Adding> {
        let (aggregate, rows) = (&self.aggregate, input.schema());
        let groups = aggregate.group_expr().expr().iter().map(|(group, _)| group);
        let intervals = groups.clone().filter_map(|group| Intervals::of(group, &rows));
        let arguments = aggregate_expressions(aggregate.aggr_expr(), aggregate.mode(), 0)?;
        let over = |expression: &Arc<dyn PhysicalExpr>| Over::new(expression, &rows);
        let functions = aggregate.aggr_expr().iter().zip(&arguments).zip(aggregate.filter_expr());
        let function = |((function, arguments), only): ((&Arc<_>, &Vec<_>), &Option<_>)| {
            Ok(Function {
                definition: Arc::clone(function),
                arguments: arguments.iter().map(over).collect::<Result<_>>()?,
                only: only.as_ref().map(over).transpose()?,
            })
        };
        Ok(Adding {
            intervals: intervals.filter(|cut| !input.is_of_runs(cut.column)).collect(),
            groups: groups.map(over).collect::<Result<_>>()?,
            functions: functions.map(function).collect::<Result<_>>()?,
            schema: aggregate.schema(),
        })
    }
}

/// What is to be added up.
struct Adding {
    groups: Vec<Over>,
    /// Those of the groups that cut runs.
    intervals: Vec<Intervals>,
    functions: Vec<Function>,
    schema: SchemaRef,
}

impl Adding {
    /// Adds up the rows of a block. A group that goes on in the next is handed on twice.
    fn add_up(&self, block: &Block) -> Result<RecordBatch> {
        let mut pieces = block.pieces();
        for intervals in &self.intervals {
            pieces = cut(block, *intervals, pieces)?;
        }
        let groups = self.groups.iter().map(|group| group.of_first_rows(block, &pieces));
        let mut columns = groups.collect::<Result<Vec<_>>>()?;
        for function in &self.functions {
            columns.extend(function.states(block, &pieces)?);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

fn cut(block: &Block, intervals: Intervals, pieces: Vec<Piece>) -> Result<Vec<Piece>> {
    let times = block.times(intervals.column)?;
    let finer = |Piece { run, rows }: Piece| {
        intervals.cut(times, rows).into_iter().map(move |rows| Piece { run, rows })
    };
    Ok(pieces.into_iter().flat_map(finer).collect())
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
        let input = blocks_of(self.aggregate.input())?;
        let adding = self.adding(input)?;
        let blocks = input.blocks(partition, &context)?;
        let added = blocks.map(move |block| adding.add_up(&block?));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), added)))
    }
}
