//! Joins samples with rows about their vehicles: once a run, where the engine would once a row.
//!
//! **Invariant:** before the first sample is read, those below know which vehicles the other side has.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use deltalake::arrow::array::{Array as _, ArrayRef, AsArray, RecordBatch, UInt32Array};
use deltalake::arrow::compute::{concat_batches, take};
use deltalake::arrow::datatypes::{Int32Type, SchemaRef};
use deltalake::datafusion::common::tree_node::TreeNodeRecursion;
use deltalake::datafusion::common::{NullEquality, Statistics};
use deltalake::datafusion::error::{DataFusionError, Result};
use deltalake::datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use deltalake::datafusion::execution::{SendableRecordBatchStream, TaskContext};
use deltalake::datafusion::logical_expr::JoinType;
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

use super::block::{Block, Blocks, RunByRun, Values, as_many_rows, run_by_run, two};
use super::runs::wrong;

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
    rows: OnceCell<Vehicles>,
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
    by_name: HashMap<String, Vec<u32>>,
    /// Given back when the rows are dropped.
    _memory: MemoryReservation,
}

impl JoinVehicles {
    /// Does what `join` does, if that is what it does.
    pub(super) fn instead_of(join: &HashJoinExec) -> Option<Self> {
        let is_plain = *join.join_type() == JoinType::Inner
            && *join.partition_mode() == PartitionMode::CollectLeft
            && join.null_equality() == NullEquality::NullEqualsNothing
            && join.filter().is_none()
            && join.fetch().is_none()
            && !join.null_aware;
        let [(left, right)] = join.on() else { return None };
        let name = right.downcast_ref::<Column>()?.index();
        let samples = run_by_run(join.right())?;
        let is_name = |of: &Arc<dyn PhysicalExpr>, side: &Arc<dyn ExecutionPlan>| {
            of.data_type(&side.schema()).is_ok_and(|kind| kind == super::name_type())
        };
        if !is_plain
            || !samples.is_of_runs(name)
            || !is_name(left, join.left())
            || !is_name(right, join.right())
        {
            return None;
        }
        let columns = join.join_schema().fields().len();
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
            projection: join
                .projection
                .as_ref()
                .map_or_else(|| (0..columns).collect(), |projection| projection.to_vec()),
            properties: Arc::clone(join.properties()),
        })
    }

    fn samples(&self) -> Result<&dyn RunByRun> {
        let no_runs = || DataFusionError::Internal("there are no runs to join".to_owned());
        run_by_run(&self.right).ok_or_else(no_runs)
    }
}

impl Left {
    async fn rows(&self, context: &Arc<TaskContext>) -> Result<&Vehicles> {
        self.rows.get_or_try_init(|| self.read(context)).await
    }

    async fn read(&self, context: &Arc<TaskContext>) -> Result<Vehicles> {
        let mut batches = self.plan.execute(0, Arc::clone(context))?;
        let memory = MemoryConsumer::new("JoinVehicles").register(context.memory_pool());
        let mut rows = Vec::new();
        while let Some(batch) = batches.try_next().await? {
            memory.try_grow(batch.get_array_memory_size())?;
            rows.push(batch);
        }
        let rows = concat_batches(&self.plan.schema(), &rows)?;
        let names = self.name.evaluate(&rows)?.into_array(rows.num_rows())?;
        let mut by_name = HashMap::<String, Vec<u32>>::new();
        for (row, name) in (0..).zip(texts(&names)?) {
            if let Some(name) = name {
                by_name.entry(name.to_owned()).or_default().push(row);
            }
        }
        if let Some(Tells { name, schema, filter }) = &self.tells
            && let Some(filter) = filter.downcast_ref::<DynamicFilterPhysicalExpr>()
        {
            let is_there = InListExpr::try_new_from_array(Arc::clone(name), names, false, schema)?;
            filter.update(Arc::new(is_there))?;
            filter.mark_complete();
        }
        Ok(Vehicles { rows, by_name, _memory: memory })
    }
}

/// The texts of a column of names.
fn texts(names: &ArrayRef) -> Result<Vec<Option<&str>>> {
    let numbers = names.as_dictionary_opt::<Int32Type>().ok_or_else(|| wrong("vehicle"))?;
    let texts = numbers.values().as_string_opt::<i32>().ok_or_else(|| wrong("vehicle"))?;
    let text = |number: Option<i32>| {
        let number = usize::try_from(number?).ok()?;
        (number < texts.len() && texts.is_valid(number)).then(|| texts.value(number))
    };
    Ok(numbers.keys().iter().map(text).collect())
}

impl Vehicles {
    /// The rows that each run of a block has its name from.
    fn of(&self, names: &Values) -> Result<Vec<&[u32]>> {
        let Values::OfRuns(names) = names else { return Err(wrong("vehicle")) };
        let rows = |name: Option<&str>| self.by_name.get(name?).map(Vec::as_slice);
        Ok(texts(names)?.into_iter().map(|name| rows(name).unwrap_or_default()).collect())
    }

    /// All columns of a block, each run beside the row that is its `turn`, as far as there is one.
    fn beside(&self, samples: &Block, rows: &[&[u32]], turn: usize) -> Result<Block> {
        let row = |rows: &&[u32]| rows.get(turn).copied();
        let has_one = rows.iter().map(|rows| row(rows).is_some()).collect::<Vec<_>>();
        let rows = rows.iter().filter_map(row).collect::<UInt32Array>();
        let column = |column: &ArrayRef| Ok(Values::OfRuns(take(column, &rows, None)?));
        let columns = self.rows.columns().iter().map(column).collect::<Result<Vec<_>>>()?;
        Ok(samples.clone().filter_runs(&has_one)?.behind(columns))
    }
}

impl RunByRun for JoinVehicles {
    fn is_of_runs(&self, column: usize) -> bool {
        let left = self.left.plan.schema().fields().len();
        let samples = |column| self.samples().is_ok_and(|samples| samples.is_of_runs(column));
        self.projection
            .get(column)
            .is_some_and(|column| column.checked_sub(left).is_none_or(samples))
    }

    fn blocks(&self, partition: usize, context: &Arc<TaskContext>) -> Result<Blocks> {
        let samples = self.samples()?.blocks(partition, context)?;
        let (left, name, projection) = (Arc::clone(&self.left), self.name, self.projection.clone());
        let context = Arc::clone(context);
        let blocks = async move {
            left.rows(&context).await?;
            let join =
                move |samples: Block| join(&samples, Arc::clone(&left), name, projection.clone());
            Ok::<_, DataFusionError>(samples.map_ok(join).try_flatten())
        };
        Ok(stream::once(blocks).try_flatten().boxed())
    }
}

/// A block for each row that one of the runs has its name from: mostly a single one.
fn join(samples: &Block, left: Arc<Left>, name: usize, projection: Vec<usize>) -> Blocks {
    let samples = samples.clone();
    let next = move |turn: usize| {
        let (left, projection) = (Arc::clone(&left), projection.clone());
        let samples = samples.clone();
        async move {
            tokio::task::consume_budget().await;
            let Some(vehicles) = left.rows.get() else { return Ok(None) };
            let rows = vehicles.of(samples.column(name)?)?;
            if rows.iter().all(|rows| rows.len() <= turn) {
                return Ok(None);
            }
            let joined = vehicles.beside(&samples, &rows, turn)?.project(&projection)?;
            Ok::<_, DataFusionError>(Some((joined, turn + 1)))
        }
    };
    stream::try_unfold(0, next).boxed()
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
