//! The leaf of a plan that reads what was chosen, in as many parts at once as there are cores.
//!
//! What turns out to have no use above, while the question is answered, is left out with its runs ([`Joined`]).

use std::fmt;
use std::sync::Arc;

use deltalake::datafusion::common::Statistics;
use deltalake::datafusion::common::config::ConfigOptions;
use deltalake::datafusion::common::stats::Precision;
use deltalake::datafusion::common::tree_node::TreeNodeRecursion;
use deltalake::datafusion::error::{DataFusionError, Result};
use deltalake::datafusion::execution::{SendableRecordBatchStream, TaskContext};
use deltalake::datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use deltalake::datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use deltalake::datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation,
};
use deltalake::datafusion::physical_plan::metrics::{
    ExecutionPlanMetricsSet, MetricBuilder, MetricsSet,
};
use deltalake::datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::block::{Block, Blocks, RunByRun};
use super::chosen::{Chosen, Part, Wanted};
use super::joined::Joined;
use super::reading::Reading;

/// Reads samples.
#[derive(Clone, Debug)]
pub(in crate::questions) struct SamplesExec {
    reading: Arc<Reading>,
    /// What each thread reads.
    shares: Arc<Vec<Vec<Part>>>,
    joined: Joined,
    rows: usize,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl SamplesExec {
    /// Reads the columns `projection` of what was `chosen` because it is `wanted`.
    pub(in crate::questions) fn new(
        chosen: Chosen,
        wanted: &Wanted<'_>,
        projection: &[usize],
    ) -> Result<Self> {
        let reading = Arc::new(Reading::new(&chosen, wanted, projection)?);
        let rows = chosen.parts.iter().map(Part::rows).sum();
        let cores = wanted.session.config().target_partitions().max(1);
        let shares = shared(chosen.parts, cores);
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&reading.schema)),
            Partitioning::UnknownPartitioning(cores),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        let metrics = ExecutionPlanMetricsSet::new();
        Ok(Self {
            reading,
            shares: Arc::new(shares),
            joined: Joined::default(),
            rows,
            properties,
            metrics,
        })
    }

    pub(super) const fn reading(&self) -> &Arc<Reading> {
        &self.reading
    }

    pub(super) const fn joined(&self) -> &Joined {
        &self.joined
    }

    pub(super) fn threads(&self) -> usize {
        self.shares.len()
    }

    /// All that is read.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.shares.iter().flatten()
    }

    /// The same, of other parts.
    pub(super) fn with_parts(&self, parts: Vec<Part>) -> Self {
        let rows = parts.iter().map(Part::rows).sum();
        let shares = Arc::new(shared(parts, self.threads()));
        Self { shares, rows, ..self.clone() }
    }
}

/// Deals parts out, so that threads have about as much each.
pub(super) fn shared<T: Clone>(parts: Vec<T>, threads: usize) -> Vec<Vec<T>> {
    let mut shares = vec![Vec::new(); threads];
    for (part, share) in parts.into_iter().zip((0..threads).cycle()) {
        if let Some(share) = shares.get_mut(share) {
            share.push(part);
        }
    }
    shares
}

impl RunByRun for SamplesExec {
    fn is_of_runs(&self, column: usize) -> bool {
        self.reading.column(column).is_some_and(|column| column.source().is_none())
    }

    fn blocks(&self, partition: usize, _context: &Arc<TaskContext>) -> Result<Blocks> {
        let reading = Arc::clone(&self.reading);
        let joined = self.joined.clone();
        let share = self.shares.get(partition).cloned().unwrap_or_default();
        let blocks = stream::once(async move {
            let vehicles = joined.wanted(&reading.names.vehicles)?;
            let blocks = move |part| Arc::clone(&reading).blocks(part, &vehicles);
            Ok::<_, DataFusionError>(stream::iter(share).map(blocks).try_flatten())
        });
        let read = MetricBuilder::new(&self.metrics).output_rows(partition);
        let count = move |block: &Block| read.add(block.rows());
        Ok(blocks.try_flatten().inspect_ok(count).boxed())
    }
}

impl DisplayAs for SamplesExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.parts().count();
        write!(f, "SamplesExec: rows={}, parts={parts}{}", self.rows, self.joined)
    }
}

impl ExecutionPlan for SamplesExec {
    fn name(&self) -> &'static str {
        "SamplesExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        each: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.joined.apply(each)
    }

    fn with_new_children(
        self: Arc<Self>,
        _none: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        pushed: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(self.joined.take(pushed, |joined| Arc::new(Self { joined, ..self.clone() })))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.rows(partition, &context)
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        let mut known = Statistics::new_unknown(&self.reading.schema);
        if partition.is_none() {
            known.num_rows = Precision::Inexact(self.rows);
        }
        Ok(Arc::new(known))
    }
}
