//! Keeps a question stoppable: one that is over its time ends at the next pause of its threads, and a join may go on for
//! hours over rows that are in memory without making one.
//!
//! **Invariant:** above each join there is a pause for every batch, and no join compares more than [`PAIRS_MAX`] pairs
//! of rows one by one, which happens between two batches.

use std::fmt;
use std::sync::Arc;

use deltalake::datafusion::common::Statistics;
use deltalake::datafusion::common::config::ConfigOptions;
use deltalake::datafusion::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use deltalake::datafusion::error::{DataFusionError, Result};
use deltalake::datafusion::execution::{SendableRecordBatchStream, TaskContext};
use deltalake::datafusion::physical_expr::PhysicalExpr;
use deltalake::datafusion::physical_optimizer::PhysicalOptimizerRule;
use deltalake::datafusion::physical_plan::joins::{CrossJoinExec, NestedLoopJoinExec};
use deltalake::datafusion::physical_plan::statistics::{
    ChildStats, StatisticsArgs, StatisticsContext,
};
use deltalake::datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use deltalake::datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
};
use futures_util::StreamExt as _;

use crate::questions::QuestionError;
use crate::questions::scan::is_run_by_run;

/// Pairs of rows that may be compared one by one. Some ten million are in a second.
const PAIRS_MAX: usize = 1_000_000_000;

/// Refuses a join that compares each row of many with each of many others.
pub(super) fn check_pairs(plan: &Arc<dyn ExecutionPlan>) -> Result<(), QuestionError> {
    let known = StatisticsContext::new();
    let mut pairs_most = 0;
    plan.apply(|node| {
        if node.is::<CrossJoinExec>() || node.is::<NestedLoopJoinExec>() {
            let rows = |side: &&Arc<dyn ExecutionPlan>| {
                let side = known.compute(side.as_ref(), &StatisticsArgs::new());
                side.ok().and_then(|side| side.num_rows.get_value().copied())
            };
            let sides = node.children().iter().map(rows).collect::<Option<Vec<_>>>();
            let pairs = sides.unwrap_or_default().into_iter().reduce(usize::saturating_mul);
            pairs_most = pairs_most.max(pairs.unwrap_or(0));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    if pairs_most <= PAIRS_MAX {
        return Ok(());
    }
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Err(QuestionError::TooMuch {
        what: "pairs of rows to compare one by one",
        actual: count(pairs_most),
        max: count(PAIRS_MAX),
        instead: "join with `=`, or aggregate or filter both sides before",
    })
}

/// Puts a [`Pause`] above each join but those of ours, which make their own.
#[derive(Debug)]
pub(super) struct PauseAboveJoins;

impl PhysicalOptimizerRule for PauseAboveJoins {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let pause = |node: Arc<dyn ExecutionPlan>| {
            if node.children().len() < 2 || is_run_by_run(&node) {
                return Ok(Transformed::no(node));
            }
            let pause: Arc<dyn ExecutionPlan> = Arc::new(Pause { joined: node });
            Ok(Transformed::yes(pause))
        };
        Ok(plan.transform_up(pause)?.data)
    }

    fn name(&self) -> &'static str {
        "pause above joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Lets others have the thread after each batch.
#[derive(Debug)]
struct Pause {
    joined: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for Pause {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pause")
    }
}

impl ExecutionPlan for Pause {
    fn name(&self) -> &'static str {
        "Pause"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.joined.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.joined]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let unknown = || Arc::new(Statistics::new_unknown(&self.schema()));
        Ok(inputs.first().cloned().unwrap_or_else(unknown))
    }

    fn apply_expressions(
        &self,
        _each: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let none = || DataFusionError::Internal("a pause is above something".to_owned());
        Ok(Arc::new(Self { joined: children.pop().ok_or_else(none)? }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = self.joined.execute(partition, context)?.then(|rows| async {
            tokio::task::yield_now().await;
            rows
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}
