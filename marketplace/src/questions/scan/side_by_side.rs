//! Puts side by side what two signals of a vehicle were at the same time.
//!
//! Samples of both come sorted by vehicle and time, so it is enough to go along two lists, where the engine would look
//! up each row among all; and of most not even that ([`Pairs`]).

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use deltalake::arrow::array::UInt32Array;
use deltalake::datafusion::common::Statistics;
use deltalake::datafusion::common::runtime::SpawnedTask;
use deltalake::datafusion::common::stats::Precision;
use deltalake::datafusion::common::tree_node::TreeNodeRecursion;
use deltalake::datafusion::error::{DataFusionError, Result};
use deltalake::datafusion::execution::memory_pool::MemoryConsumer;
use deltalake::datafusion::execution::{SendableRecordBatchStream, TaskContext};
use deltalake::datafusion::physical_expr::PhysicalExpr;
use deltalake::datafusion::physical_expr::expressions::Column as ColumnExpr;
use deltalake::datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use deltalake::datafusion::physical_plan::coop::CooperativeExec;
use deltalake::datafusion::physical_plan::joins::HashJoinExec;
use deltalake::datafusion::physical_plan::repartition::RepartitionExec;
use deltalake::datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use deltalake::datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
};
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::sync::OnceCell;

use super::block::{Block, Blocks, RunByRun, blocks_of, run_by_run};
use super::columns::Column;
use super::file::BATCH_ROWS;
use super::joins::{as_many_rows, handed_up, is_plain, two};
use super::pairs::Pairs;
use super::plan::SamplesExec;
use super::stretches::{Keys, Lists, Stretch};

/// Rows of two tables of samples that have the same vehicle and the same time.
#[derive(Debug)]
pub(super) struct SideBySide {
    /// What needs no comparing, and is not read by the sides.
    pairs: Arc<Pairs>,
    left: Arc<Left>,
    right: Arc<dyn ExecutionPlan>,
    right_keys: Keys,
    /// The columns of both, one after the other, that are handed up.
    projection: Vec<usize>,
    properties: Arc<PlanProperties>,
}

/// The side that is read first, once for all parts of the other.
#[derive(Debug)]
struct Left {
    plan: Arc<dyn ExecutionPlan>,
    keys: Keys,
    lists: OnceCell<Lists>,
}

impl SideBySide {
    /// Does what `join` does, if that is what it does.
    pub(super) fn instead_of(join: &HashJoinExec) -> Option<Self> {
        let (left, right) = (samples(join.left())?, samples(join.right())?);
        let left_keys = Keys::of(&left.schema()).ok()?;
        let right_keys = Keys::of(&right.schema()).ok()?;
        let properties = join.properties();
        let parts = |plan: &Arc<PlanProperties>| plan.partitioning.partition_count();
        if !is_plain(join)
            || !is_by_vehicle_and_time(join)
            || parts(properties) != parts(right.properties())
        {
            return None;
        }
        let projection = handed_up(join);
        let (pairs, left, right) = Pairs::of(left, right, &projection).ok()?;
        Some(Self {
            pairs: Arc::new(pairs),
            left: Left::of(Arc::new(left), left_keys),
            right: Arc::new(right),
            right_keys,
            projection,
            properties: Arc::clone(properties),
        })
    }
}

impl Left {
    fn of(plan: Arc<dyn ExecutionPlan>, keys: Keys) -> Arc<Self> {
        Arc::new(Self { plan, keys, lists: OnceCell::new() })
    }

    async fn lists(&self, context: &Arc<TaskContext>) -> Result<&Lists> {
        self.lists.get_or_try_init(|| self.read(context)).await
    }

    async fn read(&self, context: &Arc<TaskContext>) -> Result<Lists> {
        let parts = self.plan.properties().partitioning.partition_count();
        let read = |part| {
            let blocks = blocks_of(&self.plan)?.blocks(part, context)?;
            let memory = MemoryConsumer::new("SideBySide").register(context.memory_pool());
            Ok(SpawnedTask::spawn(Lists::read(blocks, self.keys, memory)))
        };
        let reading = (0..parts).map(read).collect::<Result<Vec<_>>>()?;
        let mut lists = Lists::default();
        for read in reading {
            let read = read.join().await;
            lists.merge(read.map_err(|error| DataFusionError::External(Box::new(error)))??);
        }
        lists.sort();
        Ok(lists)
    }
}

/// The samples that a plan reads and only hands around between threads.
fn samples(plan: &Arc<dyn ExecutionPlan>) -> Option<&SamplesExec> {
    if let Some(samples) = plan.downcast_ref() {
        return Some(samples);
    }
    let hands_around = plan.is::<RepartitionExec>()
        || plan.is::<CoalescePartitionsExec>()
        || plan.is::<CooperativeExec>();
    samples(plan.children().into_iter().next().filter(|_| hands_around)?)
}

/// Whether vehicle is compared with vehicle and time with time, and nothing else with anything.
fn is_by_vehicle_and_time(join: &HashJoinExec) -> bool {
    let name = |side: &Arc<dyn PhysicalExpr>| {
        side.downcast_ref::<ColumnExpr>().map(|column| column.name().to_owned())
    };
    let mut compared = Vec::new();
    for (left, right) in join.on() {
        let (Some(left), Some(right)) = (name(left), name(right)) else { return false };
        if left != right {
            return false;
        }
        compared.push(left);
    }
    compared.sort_unstable();
    compared == [Column::Time.name(), Column::Vehicle.name()]
}

/// The rows of two stretches that have the same time, in pairs.
fn same(left: &[i64], right: &[i64]) -> (UInt32Array, UInt32Array) {
    let (mut lefts, mut rights) = (Vec::new(), Vec::new());
    let (mut i, mut j) = (0, 0);
    let place = |row: usize| u32::try_from(row).unwrap_or(u32::MAX);
    while let (Some(one), Some(other)) = (left.get(i), right.get(j)) {
        if one == other {
            lefts.push(place(i));
            rights.push(place(j));
        }
        i += usize::from(one <= other);
        j += usize::from(other <= one);
    }
    (lefts.into(), rights.into())
}

/// Going through the right side.
struct Joining {
    left_keys: Keys,
    right: Blocks,
    right_keys: Keys,
    /// What is to be joined of the rows that were read last, and how far it is with the first of it.
    todo: VecDeque<(String, Stretch)>,
    next_left: Option<usize>,
    projection: Vec<usize>,
    /// What is joined already, and how many rows it has.
    done: Vec<Block>,
    done_rows: usize,
    is_over: bool,
}

impl Joining {
    /// The next rows, about as many as there are or [`BATCH_ROWS`]. However many come of it, no more are held.
    async fn next(&mut self, left: &Lists) -> Result<Option<Block>> {
        loop {
            if self.done_rows >= BATCH_ROWS || self.is_over && self.done_rows > 0 {
                self.done_rows = 0;
                return Ok(Some(Block::concat(&std::mem::take(&mut self.done))?));
            }
            if self.join_next(left)? {
                tokio::task::consume_budget().await;
            } else if self.is_over {
                return Ok(None);
            } else if let Some(rows) = self.right.try_next().await? {
                let stretches = self.right_keys.stretches(&rows)?.into_iter();
                self.todo.extend(stretches.map(|(vehicle, rows)| (vehicle.to_owned(), rows)));
            } else {
                self.is_over = true;
            }
        }
    }

    /// Joins one stretch with one of the left side. Says whether there was any.
    fn join_next(&mut self, left: &Lists) -> Result<bool> {
        let Some((vehicle, right)) = self.todo.front() else { return Ok(false) };
        let list = left.of(vehicle);
        let first = || list.partition_point(|(_, latest)| *latest < right.from);
        let index = self.next_left.unwrap_or_else(first);
        if let Some((left, _)) = list.get(index).filter(|(left, _)| left.from <= right.to) {
            if let Some(joined) = self.joined(&left.rows, &right.rows)? {
                self.done_rows += joined.rows();
                self.done.push(joined);
            }
            self.next_left = Some(index + 1);
        } else {
            self.todo.pop_front();
            self.next_left = None;
        }
        Ok(true)
    }

    fn joined(&self, left: &Block, right: &Block) -> Result<Option<Block>> {
        let (lefts, rights) = (self.left_keys.times(left)?, self.right_keys.times(right)?);
        if lefts == rights {
            return Ok(Some(left.beside(right).project(&self.projection)?));
        }
        let (lefts, rights) = same(lefts, rights);
        if lefts.is_empty() {
            return Ok(None);
        }
        let (left, right) = (left.picked(&lefts)?, right.picked(&rights)?);
        Ok(Some(left.beside(&right).project(&self.projection)?))
    }
}

impl RunByRun for SideBySide {
    fn is_of_runs(&self, column: usize) -> bool {
        let left = self.left.plan.schema().fields().len();
        let Some(column) = self.projection.get(column) else { return false };
        let (side, column) = match column.checked_sub(left) {
            None => (&self.left.plan, *column),
            Some(column) => (&self.right, column),
        };
        run_by_run(side).is_some_and(|side| side.is_of_runs(column))
    }

    fn blocks(&self, partition: usize, context: &Arc<TaskContext>) -> Result<Blocks> {
        let joining = Joining {
            left_keys: self.left.keys,
            right: blocks_of(&self.right)?.blocks(partition, context)?,
            right_keys: self.right_keys,
            todo: VecDeque::new(),
            next_left: None,
            projection: self.projection.clone(),
            done: Vec::new(),
            done_rows: 0,
            is_over: false,
        };
        let (left, context) = (Arc::clone(&self.left), Arc::clone(context));
        let blocks = futures_util::stream::try_unfold(joining, move |mut joining| {
            let (left, context) = (Arc::clone(&left), Arc::clone(&context));
            async move {
                let block = joining.next(left.lists(&context).await?).await?;
                Ok(block.map(|block| (block, joining)))
            }
        });
        Ok(self.pairs.blocks(partition).chain(blocks).boxed())
    }
}

impl DisplayAs for SideBySide {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self.pairs.rows();
        write!(f, "SideBySide: by=[vehicle, time], pairs={pairs}, projection={:?}", self.projection)
    }
}

impl ExecutionPlan for SideBySide {
    fn name(&self) -> &'static str {
        "SideBySide"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.left.plan, &self.right]
    }

    fn apply_expressions(
        &self,
        _each: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [left, right] = two(children)?;
        let left = Left::of(left, self.left.keys);
        let (pairs, right_keys) = (Arc::clone(&self.pairs), self.right_keys);
        let (projection, properties) = (self.projection.clone(), Arc::clone(&self.properties));
        Ok(Arc::new(Self { pairs, left, right, right_keys, projection, properties }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.rows(partition, &context)
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(None), ChildStats::At(partition)]
    }

    /// Its pairs, and as many as its larger side has.
    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let mut known = as_many_rows(&self.schema(), inputs);
        let pairs = Precision::Inexact(self.pairs.rows());
        known.num_rows = known.num_rows.add(&pairs);
        Ok(Arc::new(known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_the_same_time_are_paired() {
        let cases = [
            (vec![1, 2, 3], vec![1, 2, 3], vec![(0, 0), (1, 1), (2, 2)]),
            (vec![1, 3, 5, 9], vec![3, 4, 9], vec![(1, 0), (3, 2)]),
            (vec![1, 3], vec![2, 4], vec![]),
            (vec![], vec![1], vec![]),
            (vec![7], vec![5, 6, 7], vec![(0, 2)]),
        ];
        for (left, right, pairs) in cases {
            let (lefts, rights) = same(&left, &right);
            let found = lefts.values().iter().copied().zip(rights.values().iter().copied());
            assert_eq!(found.collect::<Vec<_>>(), pairs, "{left:?} {right:?}");
        }
    }
}
