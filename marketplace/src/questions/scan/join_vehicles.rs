//! Joins samples with rows about their vehicles: once a run, where the engine would once a row.
//!
//! **Invariant:** before the first sample is read, those below know which vehicles the other side has.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use deltalake::arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use deltalake::arrow::compute::{concat_batches, take};
use deltalake::arrow::datatypes::SchemaRef;
use deltalake::datafusion::common::tree_node::TreeNodeRecursion;
use deltalake::datafusion::common::{NullEquality, Statistics};
use deltalake::datafusion::error::{DataFusionError, Result};
use deltalake::datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use deltalake::datafusion::execution::{SendableRecordBatchStream, TaskContext};
use deltalake::datafusion::physical_expr::PhysicalExpr;
use deltalake::datafusion::physical_expr::expressions::{
    Column, DynamicFilterPhysicalExpr, InListExpr,
};
use deltalake::datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use deltalake::datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use deltalake::datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::OnceCell;

use super::block::{Block, Blocks, RunByRun, Values, blocks_of, run_by_run};
use super::columns::{name_type, texts};
use super::joins::{as_many_rows, handed_up, is_plain, two};

/// Rows about vehicles, and of each the samples that have its name.
#[derive(Debug)]
pub(super) struct JoinVehicles {
    left: Arc<Left>,
    right: Arc<dyn ExecutionPlan>,
    /// The column of the right side that is compared.
    name: usize,
    /// The columns of both, one after the other, that are handed up.
    projection: Vec<usize>,
    properties: Arc<PlanProperties>,
}

/// The side that is read first, once for all parts of the other.
#[derive(Debug)]
struct Left {
    plan: Arc<dyn ExecutionPlan>,
    name: Arc<dyn PhysicalExpr>,
    tells: Option<Tells>,
    rows: OnceCell<Arc<Vehicles>>,
}

/// How those on the right are told which names there are.
#[derive(Clone, Debug)]
struct Tells {
    /// Their column.
    name: Arc<dyn PhysicalExpr>,
    schema: SchemaRef,
    /// What they look at.
    filter: Arc<dyn PhysicalExpr>,
}

/// What was read of it.
#[derive(Debug)]
struct Vehicles {
    rows: RecordBatch,
    /// Those of each name, and which list is of which name.
    lists: Vec<Vec<u32>>,
    by_name: HashMap<String, usize>,
    /// Given back when the rows are dropped.
    _memory: MemoryReservation,
}

impl JoinVehicles {
    /// Does what `join` does, if that is what it does.
    pub(super) fn instead_of(join: &HashJoinExec) -> Option<Self> {
        let is_read_once = *join.partition_mode() == PartitionMode::CollectLeft;
        let is_by_names = join.null_equality() == NullEquality::NullEqualsNothing;
        let [(left, right)] = join.on() else { return None };
        let name = right.downcast_ref::<Column>()?.index();
        let samples = run_by_run(join.right())?;
        let is_name = |of: &Arc<dyn PhysicalExpr>, side: &Arc<dyn ExecutionPlan>| {
            of.data_type(&side.schema()).is_ok_and(|kind| kind == name_type())
        };
        if !is_plain(join)
            || !is_read_once
            || !is_by_names
            || !samples.is_of_runs(name)
            || !is_name(left, join.left())
            || !is_name(right, join.right())
        {
            return None;
        }
        let tells = join.dynamic_expressions_produced().pop().map(|filter| Tells {
            name: Arc::clone(right),
            schema: join.right().schema(),
            filter,
        });
        Some(Self {
            left: Arc::new(Left {
                plan: Arc::clone(join.left()),
                name: Arc::clone(left),
                tells,
                rows: OnceCell::new(),
            }),
            right: Arc::clone(join.right()),
            name,
            projection: handed_up(join),
            properties: Arc::clone(join.properties()),
        })
    }
}

impl Left {
    async fn rows(&self, context: &Arc<TaskContext>) -> Result<Arc<Vehicles>> {
        self.rows.get_or_try_init(|| self.read(context)).await.cloned()
    }

    async fn read(&self, context: &Arc<TaskContext>) -> Result<Arc<Vehicles>> {
        let mut batches = self.plan.execute(0, Arc::clone(context))?;
        let memory = MemoryConsumer::new("JoinVehicles").register(context.memory_pool());
        let mut rows = Vec::new();
        while let Some(batch) = batches.try_next().await? {
            memory.try_grow(batch.get_array_memory_size())?;
            rows.push(batch);
        }
        let rows = concat_batches(&self.plan.schema(), &rows)?;
        let names = self.name.evaluate(&rows)?.into_array(rows.num_rows())?;
        let (mut lists, mut by_name) = (Vec::<Vec<u32>>::new(), HashMap::<String, usize>::new());
        for (row, name) in (0..).zip(texts(&names)?) {
            let Some(name) = name else { continue };
            let list = *by_name.entry(name.to_owned()).or_insert(lists.len());
            if list == lists.len() {
                lists.push(Vec::new());
            }
            if let Some(list) = lists.get_mut(list) {
                list.push(row);
            }
        }
        if let Some(Tells { name, schema, filter }) = &self.tells
            && let Some(filter) = filter.downcast_ref::<DynamicFilterPhysicalExpr>()
        {
            let is_there = InListExpr::try_new_from_array(Arc::clone(name), names, false, schema)?;
            filter.update(Arc::new(is_there))?;
            filter.mark_complete();
        }
        Ok(Arc::new(Vehicles { rows, lists, by_name, _memory: memory }))
    }
}

impl Vehicles {
    /// The list of each of these names.
    fn lists(&self, names: &[Option<&str>]) -> Vec<Option<usize>> {
        names.iter().map(|name| self.by_name.get((*name)?).copied()).collect()
    }

    fn list(&self, list: Option<usize>) -> &[u32] {
        list.and_then(|list| self.lists.get(list)).map_or(&[], Vec::as_slice)
    }

    /// All columns of a block, each run beside the row of its list whose `turn` it is, as far as there is one.
    fn beside(&self, samples: Block, lists: &[Option<usize>], turn: usize) -> Result<Block> {
        let rows = lists.iter().map(|list| self.list(*list).get(turn).copied());
        let has_one = rows.clone().map(|row| row.is_some()).collect::<Vec<_>>();
        let rows = rows.flatten().map(Some).collect::<UInt32Array>();
        let column = |column: &ArrayRef| Ok(Values::OfRuns(take(column, &rows, None)?));
        let columns = self.rows.columns().iter().map(column).collect::<Result<Vec<_>>>()?;
        Ok(samples.filter_runs(&has_one)?.behind(columns))
    }
}

impl RunByRun for JoinVehicles {
    fn is_of_runs(&self, column: usize) -> bool {
        let left = self.left.plan.schema().fields().len();
        let samples =
            |column| run_by_run(&self.right).is_some_and(|samples| samples.is_of_runs(column));
        self.projection
            .get(column)
            .is_some_and(|column| column.checked_sub(left).is_none_or(samples))
    }

    fn blocks(&self, partition: usize, context: &Arc<TaskContext>) -> Result<Blocks> {
        let samples = blocks_of(&self.right)?.blocks(partition, context)?;
        let (left, name, projection) = (Arc::clone(&self.left), self.name, self.projection.clone());
        let context = Arc::clone(context);
        let blocks = async move {
            let vehicles = left.rows(&context).await?;
            let join = move |samples: Result<Block>| join(&samples?, &vehicles, name, &projection);
            Ok::<_, DataFusionError>(samples.map(join).try_flatten())
        };
        Ok(stream::once(blocks).try_flatten().boxed())
    }
}

/// A block for each row that one of the runs has its name from: mostly a single one.
fn join(
    samples: &Block,
    vehicles: &Arc<Vehicles>,
    name: usize,
    projection: &[usize],
) -> Result<Blocks> {
    let lists = vehicles.lists(&samples.names(name)?);
    let turns = lists.iter().map(|list| vehicles.list(*list).len()).max().unwrap_or(0);
    let (samples, vehicles) = (samples.clone(), Arc::clone(vehicles));
    let projection = projection.to_vec();
    let joined = move |turn| {
        let joined = vehicles.beside(samples.clone(), &lists, turn);
        let joined = joined.and_then(|joined| joined.project(&projection));
        async move {
            tokio::task::consume_budget().await;
            joined
        }
    };
    Ok(stream::iter(0..turns).then(joined).boxed())
}

impl DisplayAs for JoinVehicles {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinVehicles: by={}, projection={:?}", self.name, self.projection)
    }
}

impl ExecutionPlan for JoinVehicles {
    fn name(&self) -> &'static str {
        "JoinVehicles"
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

    fn dynamic_expressions_produced(&self) -> Vec<Arc<dyn PhysicalExpr>> {
        self.left.tells.iter().map(|tells| Arc::clone(&tells.filter)).collect()
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [plan, right] = two(children)?;
        let (name, tells) = (Arc::clone(&self.left.name), self.left.tells.clone());
        let left = Arc::new(Left { plan, name, tells, rows: OnceCell::new() });
        let (name, projection) = (self.name, self.projection.clone());
        let properties = Arc::clone(&self.properties);
        Ok(Arc::new(Self { left, right, name, projection, properties }))
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

    /// As many as there are samples: a vehicle has one row about it, as a rule.
    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        Ok(Arc::new(as_many_rows(&self.schema(), inputs)))
    }
}
