//! Puts side by side what two signals of a vehicle were at the same time.
//!
//! Samples of both come sorted by vehicle and time, so it is enough to go along two lists, where the engine would look
//! up each row among all.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use deltalake::arrow::array::{
    Array as _, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, UInt32Array,
};
use deltalake::arrow::compute::{BatchCoalescer, take};
use deltalake::arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use deltalake::datafusion::common::config::ConfigOptions;
use deltalake::datafusion::common::runtime::SpawnedTask;
use deltalake::datafusion::common::tree_node::{Transformed, TreeNode as _, TreeNodeRecursion};
use deltalake::datafusion::error::{DataFusionError, Result};
use deltalake::datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use deltalake::datafusion::execution::{SendableRecordBatchStream, TaskContext};
use deltalake::datafusion::logical_expr::JoinType;
use deltalake::datafusion::physical_expr::PhysicalExpr;
use deltalake::datafusion::physical_expr::expressions::Column as ColumnExpr;
use deltalake::datafusion::physical_optimizer::PhysicalOptimizerRule;
use deltalake::datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use deltalake::datafusion::physical_plan::coop::CooperativeExec;
use deltalake::datafusion::physical_plan::joins::HashJoinExec;
use deltalake::datafusion::physical_plan::repartition::RepartitionExec;
use deltalake::datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use deltalake::datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
};
use futures_util::TryStreamExt as _;
use tokio::sync::OnceCell;

use super::columns::Column;
use super::file::BATCH_ROWS;
use super::plan::SamplesExec;
use super::runs::wrong;

/// Puts [`SideBySide`] in the place of a join of samples by vehicle and time.
#[derive(Debug)]
pub(in crate::questions) struct JoinRuns;

impl PhysicalOptimizerRule for JoinRuns {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let side_by_side = |node: Arc<dyn ExecutionPlan>| {
            let join = node.downcast_ref::<HashJoinExec>().and_then(SideBySide::instead_of);
            Ok(match join {
                Some(join) => {
                    let join: Arc<dyn ExecutionPlan> = Arc::new(join);
                    Transformed::yes(join)
                }
                None => Transformed::no(node),
            })
        };
        Ok(plan.transform_up(side_by_side)?.data)
    }

    fn name(&self) -> &'static str {
        "join runs"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Rows of two tables of samples that have the same vehicle and the same time.
#[derive(Debug)]
struct SideBySide {
    left: Arc<Left>,
    right: Arc<dyn ExecutionPlan>,
    /// The columns of both, one after the other, that are handed up.
    projection: Vec<usize>,
    properties: Arc<PlanProperties>,
}

/// The side that is read first, once for all parts of the other.
#[derive(Debug)]
struct Left {
    plan: Arc<dyn ExecutionPlan>,
    lists: OnceCell<Lists>,
}

impl SideBySide {
    /// Does what `join` does, if that is what it does.
    fn instead_of(join: &HashJoinExec) -> Option<Self> {
        let is_plain = *join.join_type() == JoinType::Inner
            && join.filter().is_none()
            && join.fetch().is_none()
            && !join.null_aware;
        let (left, right) = (samples(join.left())?, samples(join.right())?);
        let properties = join.properties();
        let parts = |plan: &Arc<PlanProperties>| plan.partitioning.partition_count();
        if !is_plain
            || !is_by_vehicle_and_time(join)
            || parts(properties) != parts(right.properties())
        {
            return None;
        }
        let columns = join.join_schema().fields().len();
        Some(Self {
            left: Left::of(Arc::clone(left)),
            right: Arc::clone(right),
            projection: join
                .projection
                .as_ref()
                .map_or_else(|| (0..columns).collect(), |projection| projection.to_vec()),
            properties: Arc::clone(properties),
        })
    }
}

impl Left {
    fn of(plan: Arc<dyn ExecutionPlan>) -> Arc<Self> {
        Arc::new(Self { plan, lists: OnceCell::new() })
    }

    async fn lists(&self, context: &Arc<TaskContext>) -> Result<&Lists> {
        self.lists.get_or_try_init(|| self.read(context)).await
    }

    async fn read(&self, context: &Arc<TaskContext>) -> Result<Lists> {
        let parts = self.plan.properties().partitioning.partition_count();
        let read = |part| {
            let rows = self.plan.execute(part, Arc::clone(context))?;
            let memory = MemoryConsumer::new("SideBySide").register(context.memory_pool());
            Ok(SpawnedTask::spawn(Lists::read(rows, memory)))
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
fn samples(plan: &Arc<dyn ExecutionPlan>) -> Option<&Arc<dyn ExecutionPlan>> {
    if plan.is::<SamplesExec>() {
        return Some(plan);
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

/// Rows of one vehicle, each later than the one before.
#[derive(Clone, Debug)]
struct Piece {
    rows: RecordBatch,
    from: i64,
    to: i64,
}

/// What a piece takes in memory beside its rows.
const PIECE_BYTES: usize = 512;

/// The pieces of each vehicle.
#[derive(Debug, Default)]
struct Lists {
    /// In the order of their beginning. Beside each, the latest end of it and those before.
    of: BTreeMap<String, Vec<(Piece, i64)>>,
    /// Given back when the lists are dropped.
    memory: Vec<MemoryReservation>,
}

impl Lists {
    async fn read(mut rows: SendableRecordBatchStream, memory: MemoryReservation) -> Result<Self> {
        let mut lists = Self::default();
        while let Some(rows) = rows.try_next().await? {
            let pieces = pieces(&rows)?;
            let values = rows.num_rows() * rows.num_columns() * size_of::<i64>();
            memory.try_grow(values + pieces.len() * PIECE_BYTES)?;
            for (vehicle, piece) in pieces {
                match lists.of.get_mut(vehicle) {
                    Some(list) => list.push((piece, 0)),
                    None => {
                        lists.of.insert(vehicle.to_owned(), vec![(piece, 0)]);
                    }
                }
            }
        }
        lists.memory.push(memory);
        Ok(lists)
    }

    fn merge(&mut self, other: Self) {
        for (vehicle, pieces) in other.of {
            self.of.entry(vehicle).or_default().extend(pieces);
        }
        self.memory.extend(other.memory);
    }

    fn sort(&mut self) {
        for list in self.of.values_mut() {
            list.sort_by_key(|(piece, _)| piece.from);
            let mut latest = i64::MIN;
            for (piece, latest_so_far) in list {
                latest = latest.max(piece.to);
                *latest_so_far = latest;
            }
        }
    }

    fn of(&self, vehicle: &str) -> &[(Piece, i64)] {
        self.of.get(vehicle).map_or(&[], Vec::as_slice)
    }
}

/// Cuts rows where the vehicle is another, or no later time follows.
fn pieces(rows: &RecordBatch) -> Result<Vec<(&str, Piece)>> {
    let vehicles = rows.column_by_name(Column::Vehicle.name());
    let vehicles = vehicles.and_then(|vehicles| vehicles.as_dictionary_opt::<Int32Type>());
    let vehicles = vehicles.ok_or_else(|| wrong(Column::Vehicle.name()))?;
    let names = vehicles.values().as_string::<i32>();
    let mut pieces = Vec::new();
    let mut start = 0;
    let in_order = vehicles.keys().values().iter().zip(times(rows)?).collect::<Vec<_>>();
    for piece in in_order.chunk_by(|one, next| one.0 == next.0 && one.1 < next.1) {
        let (Some((key, from)), Some((_, to))) = (piece.first(), piece.last()) else { continue };
        let name = usize::try_from(**key).ok().filter(|key| *key < names.len());
        let name = name.ok_or_else(|| wrong(Column::Vehicle.name()))?;
        let rows = rows.slice(start, piece.len());
        pieces.push((names.value(name), Piece { rows, from: **from, to: **to }));
        start += piece.len();
    }
    Ok(pieces)
}

fn times(rows: &RecordBatch) -> Result<&[i64]> {
    let times = rows.column_by_name(Column::Time.name());
    let times = times.and_then(|times| times.as_primitive_opt::<TimestampMicrosecondType>());
    Ok(times.ok_or_else(|| wrong(Column::Time.name()))?.values())
}

/// The rows of two pieces that have the same time, in pairs.
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

/// Those of a column; without copying them when they lie together.
fn picked(column: &ArrayRef, places: &UInt32Array) -> Result<ArrayRef> {
    let together = places.values().is_sorted_by(|one, next| one + 1 == *next);
    let first = places.values().first().filter(|_| together);
    Ok(match first.and_then(|first| usize::try_from(*first).ok()) {
        Some(first) => column.slice(first, places.len()),
        None => take(column, places, None)?,
    })
}

/// Going through the right side.
struct Joining {
    right: SendableRecordBatchStream,
    /// What is to be joined of the rows that were read last, and how far it is with the first of it.
    todo: VecDeque<(String, Piece)>,
    next_left: Option<usize>,
    left_columns: usize,
    projection: Vec<usize>,
    done: BatchCoalescer,
    is_over: bool,
}

impl Joining {
    /// The next rows, as many as there are or [`BATCH_ROWS`]. However many come of it, no more are held.
    async fn next(&mut self, left: &Lists) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(done) = self.done.next_completed_batch() {
                return Ok(Some(done));
            }
            if self.join_next(left)? {
                tokio::task::consume_budget().await;
            } else if self.is_over {
                return Ok(None);
            } else if let Some(rows) = self.right.try_next().await? {
                let pieces = pieces(&rows)?.into_iter();
                self.todo.extend(pieces.map(|(vehicle, piece)| (vehicle.to_owned(), piece)));
            } else {
                self.done.finish_buffered_batch()?;
                self.is_over = true;
            }
        }
    }

    /// Joins one piece with one of the left side. Says whether there was any.
    fn join_next(&mut self, left: &Lists) -> Result<bool> {
        let Some((vehicle, right)) = self.todo.front() else { return Ok(false) };
        let list = left.of(vehicle);
        let first = || list.partition_point(|(_, latest)| *latest < right.from);
        let index = self.next_left.unwrap_or_else(first);
        if let Some((piece, _)) = list.get(index).filter(|(piece, _)| piece.from <= right.to) {
            let rows = self.joined(piece, right)?;
            self.done.push_batch(rows)?;
            self.next_left = Some(index + 1);
        } else {
            self.todo.pop_front();
            self.next_left = None;
        }
        Ok(true)
    }

    fn joined(&self, left: &Piece, right: &Piece) -> Result<RecordBatch> {
        let (lefts, rights) = same(times(&left.rows)?, times(&right.rows)?);
        let column = |column: &usize| match column.checked_sub(self.left_columns) {
            None => picked(left.rows.column(*column), &lefts),
            Some(column) => picked(right.rows.column(column), &rights),
        };
        let columns = self.projection.iter().map(column).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(lefts.len()));
        let schema = self.done.schema();
        Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
    }
}

impl DisplayAs for SideBySide {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SideBySide: by=[vehicle, time], projection={:?}", self.projection)
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
        let [left, right] = <[_; 2]>::try_from(children)
            .map_err(|_other| DataFusionError::Internal("two sides make a join".to_owned()))?;
        let (projection, properties) = (self.projection.clone(), Arc::clone(&self.properties));
        Ok(Arc::new(Self { left: Left::of(left), right, projection, properties }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let schema = self.schema();
        let joining = Joining {
            right: self.right.execute(partition, Arc::clone(&context))?,
            todo: VecDeque::new(),
            next_left: None,
            left_columns: self.left.plan.schema().fields().len(),
            projection: self.projection.clone(),
            done: BatchCoalescer::new(Arc::clone(&schema), BATCH_ROWS),
            is_over: false,
        };
        let left = Arc::clone(&self.left);
        let rows = futures_util::stream::try_unfold(joining, move |mut joining| {
            let (left, context) = (Arc::clone(&left), Arc::clone(&context));
            async move {
                let rows = joining.next(left.lists(&context).await?).await?;
                Ok(rows.map(|rows| (rows, joining)))
            }
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
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
