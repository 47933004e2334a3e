//! The leaf of a plan that reads what was chosen, in as many parts at once as there are cores.
//!
//! A join above may find, while the question is answered, that it has no use for most vehicles. Their runs are left out.

use std::fmt;
use std::sync::Arc;

use deltalake::arrow::array::{
    Array as _, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions,
};
use deltalake::arrow::compute::{and, cast, filter_record_batch};
use deltalake::arrow::datatypes::{Field, Schema, SchemaRef};
use deltalake::datafusion::common::config::ConfigOptions;
use deltalake::datafusion::common::stats::Precision;
use deltalake::datafusion::common::tree_node::TreeNodeRecursion;
use deltalake::datafusion::common::{Column as ColumnName, Statistics};
use deltalake::datafusion::error::{DataFusionError, Result};
use deltalake::datafusion::execution::{SendableRecordBatchStream, TaskContext};
use deltalake::datafusion::logical_expr::Expr;
use deltalake::datafusion::physical_expr::expressions::DynamicFilterPhysicalExpr;
use deltalake::datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};
use deltalake::datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use deltalake::datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use deltalake::datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation,
};
use deltalake::datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use deltalake::datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use deltalake::parquet::arrow::arrow_reader::RowSelection;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::chosen::{Chosen, ListedNames, Part, Picked, Wanted};
use super::columns::{Column, days, repeated};
use super::file::BATCH_ROWS;
use super::runs::wrong;

/// Reads samples.
#[derive(Clone, Debug)]
pub(in crate::questions) struct SamplesExec {
    reading: Arc<Reading>,
    /// What each thread reads.
    shares: Arc<Vec<Vec<Part>>>,
    /// What joins above want of vehicles. Known when their other side was read, which is before any row is asked for here.
    joined: Vec<Arc<dyn PhysicalExpr>>,
    /// Rows that are not in a file yet, in the form of the table.
    recent: RecordBatch,
    rows: usize,
    properties: Arc<PlanProperties>,
}

/// How rows are made of what is in a file.
#[derive(Debug)]
struct Reading {
    names: ListedNames,
    condition: Option<Arc<dyn PhysicalExpr>>,
    /// The columns that are read or asked about, and those of them that are handed up.
    columns: Vec<Column>,
    read: SchemaRef,
    handed_up: Vec<usize>,
    schema: SchemaRef,
}

impl SamplesExec {
    /// Reads the columns `projection` of what was `chosen`, and of `recent`, which is in the form of the table,
    /// the rows that are `wanted`.
    pub(in crate::questions) fn new(
        chosen: Chosen,
        wanted: &Wanted<'_>,
        projection: &[usize],
        recent: &RecordBatch,
    ) -> Result<Self> {
        let recent = match wanted.decidable(wanted.conditions.to_vec(), &wanted.schema)? {
            Some(condition) => met(&condition, recent.clone())?,
            None => recent.clone(),
        };
        let recent = recent.project(projection)?;
        let reading = Reading::new(&chosen, wanted, projection)?;
        let runs = chosen.parts.iter().flat_map(|part| &part.runs);
        let in_files: u64 = runs.map(|run| u64::from(run.rows)).sum();
        let cores = wanted.session.config().target_partitions().max(1);
        let mut shares = vec![Vec::new(); cores];
        for (part, share) in chosen.parts.into_iter().zip((0..cores).cycle()) {
            if let Some(share) = shares.get_mut(share) {
                share.push(part);
            }
        }
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&reading.schema)),
            Partitioning::UnknownPartitioning(cores),
            EmissionType::Incremental,
            Boundedness::Bounded,
        ));
        let rows =
            usize::try_from(in_files).unwrap_or(usize::MAX).saturating_add(recent.num_rows());
        let (reading, shares) = (Arc::new(reading), Arc::new(shares));
        Ok(Self { reading, shares, joined: Vec::new(), recent, rows, properties })
    }
}

/// Whether `filter` is of a join, and about nothing but the vehicle.
fn is_of_joined_vehicles(filter: &Arc<dyn PhysicalExpr>) -> bool {
    let columns = collect_columns(filter);
    filter.is::<DynamicFilterPhysicalExpr>()
        && columns.iter().all(|column| column.name() == Column::Vehicle.name())
}

impl Reading {
    fn new(chosen: &Chosen, wanted: &Wanted<'_>, projection: &[usize]) -> Result<Self> {
        let asked = chosen.conditions.iter().flat_map(Expr::column_refs);
        let place = |column: &ColumnName| wanted.schema.index_of(&column.name);
        let mut needed = asked.map(place).collect::<Result<Vec<_>, _>>()?;
        needed.extend(projection);
        needed.sort_unstable();
        needed.dedup();
        let place = |column: &usize| needed.iter().position(|needed| needed == column);
        let handed_up = projection.iter().filter_map(place).collect();
        let read = Arc::new(wanted.schema.project(&needed)?);
        Ok(Self {
            names: chosen.names.clone(),
            condition: wanted.decidable(chosen.conditions.clone(), &read)?,
            columns: needed.iter().filter_map(|column| Column::ALL.get(*column)).copied().collect(),
            read,
            handed_up,
            schema: Arc::new(wanted.schema.project(projection)?),
        })
    }

    /// Which vehicles meet all of `joined`, as it stands now.
    fn vehicles(&self, joined: &[Arc<dyn PhysicalExpr>]) -> Result<BooleanArray> {
        let count = self.names.vehicles.len();
        let every = (0..).map(|place| (Some(place), 1)).take(count);
        let names = repeated(&self.names.vehicles, every)?;
        let names = RecordBatch::try_from_iter([(Column::Vehicle.name(), names)])?;
        let mut all = BooleanArray::from(vec![true; count]);
        for filter in joined {
            let filter = reassign_expr_columns(Arc::clone(filter), &names.schema())?;
            let met = filter.evaluate(&names)?.into_array(count)?;
            all = and(&all, met.as_boolean())?;
        }
        Ok(all)
    }

    /// The rows of those `vehicles` in one part.
    fn rows(
        self: Arc<Self>,
        mut part: Part,
        vehicles: &BooleanArray,
    ) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let is_wanted = |vehicle: i32| usize::try_from(vehicle).is_ok_and(|v| vehicles.value(v));
        part.runs.retain(|run| is_wanted(run.vehicle));
        let mut sources: Vec<&str> =
            self.columns.iter().filter_map(|column| column.source()).collect();
        sources.dedup();
        let picked = part.runs.iter();
        let raw: BoxStream<'static, Result<RecordBatch>> = if sources.is_empty() {
            let rows = picked.map(|run| u64::from(run.rows)).sum();
            stream::iter(counted(rows)).boxed()
        } else {
            let ranges = picked.map(range);
            let rows = part.index.rows_of(part.row_group);
            let selection = RowSelection::from_consecutive_ranges(ranges, rows);
            let rows = part.file.read(&part.index, part.row_group, &sources, Some(selection))?;
            rows.map_err(Into::into).boxed()
        };
        let mut spans = Spans { runs: part.runs.into_iter(), current: None };
        let complete = move |raw: Result<RecordBatch>| {
            let raw = raw?;
            let spans = spans.take(raw.num_rows());
            self.complete(&raw, &spans)
        };
        Ok(raw.map(complete).boxed())
    }

    /// Adds the names to what was read, leaves out what does not meet the conditions, and hands the rest up.
    fn complete(&self, raw: &RecordBatch, spans: &[(Picked, usize)]) -> Result<RecordBatch> {
        let rows = raw.num_rows();
        let named = |names, place: &dyn Fn(&Picked) -> Option<i32>| {
            repeated(names, spans.iter().map(|(run, rows)| (place(run), *rows)))
        };
        let source = |column: Column| -> Result<ArrayRef> {
            let name = column.source().unwrap_or_default();
            raw.column_by_name(name).cloned().ok_or_else(|| wrong(column.name()))
        };
        let column = |(column, field): (&Column, &Arc<Field>)| match column {
            Column::Vehicle => named(&self.names.vehicles, &|run| Some(run.vehicle)),
            Column::Signal => named(&self.names.signals, &|run| Some(run.signal)),
            Column::Group => named(&self.names.groups, &|run| run.group),
            Column::Day => days(&source(*column)?),
            Column::Time | Column::Value => Ok(cast(&source(*column)?, field.data_type())?),
        };
        let columns =
            self.columns.iter().zip(self.read.fields()).map(column).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let mut whole =
            RecordBatch::try_new_with_options(Arc::clone(&self.read), columns, &options)?;
        if let Some(condition) = &self.condition {
            whole = met(condition, whole)?;
        }
        Ok(whole.project(&self.handed_up)?)
    }
}

/// The rows that meet a condition.
fn met(condition: &Arc<dyn PhysicalExpr>, rows: RecordBatch) -> Result<RecordBatch> {
    let met = condition.evaluate(&rows)?.into_array(rows.num_rows())?;
    let met = met.as_boolean();
    if met.true_count() == rows.num_rows() {
        return Ok(rows);
    }
    Ok(filter_record_batch(&rows, met)?)
}

fn range(run: &Picked) -> std::ops::Range<usize> {
    let place = |row: u32| usize::try_from(row).unwrap_or(usize::MAX);
    place(run.first_row)..place(run.first_row.saturating_add(run.rows))
}

/// Batches without a column, of so many rows in all.
fn counted(mut rows: u64) -> impl Iterator<Item = Result<RecordBatch>> + Send {
    std::iter::from_fn(move || {
        let now = usize::try_from(rows).unwrap_or(usize::MAX).min(BATCH_ROWS);
        rows -= u64::try_from(now).unwrap_or(0);
        let options = RecordBatchOptions::new().with_row_count(Some(now));
        let batch =
            || RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options);
        (now > 0).then(|| Ok(batch()?))
    })
}

/// Runs that are used up row by row.
struct Spans {
    runs: std::vec::IntoIter<Picked>,
    /// What is left of a run that a batch ended in.
    current: Option<Picked>,
}

impl Spans {
    /// The runs of the next `rows` rows, and how many of these are of each.
    fn take(&mut self, mut rows: usize) -> Vec<(Picked, usize)> {
        let mut taken = Vec::new();
        while rows > 0
            && let Some(mut run) = self.current.take().or_else(|| self.runs.next())
        {
            let count = rows.min(usize::try_from(run.rows).unwrap_or(usize::MAX));
            taken.push((run, count));
            rows -= count;
            run.rows -= u32::try_from(count).unwrap_or(run.rows);
            self.current = (run.rows > 0).then_some(run);
        }
        taken
    }
}

impl DisplayAs for SamplesExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = self.shares.iter().map(Vec::len).sum::<usize>();
        write!(f, "SamplesExec: rows={}, parts={parts}", self.rows)?;
        self.joined.iter().try_for_each(|joined| write!(f, ", joined={joined}"))
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
        _each: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _none: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    /// Of a join's filters those on vehicles are remembered; the join decides about each row all the same.
    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        pushed: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let filters = pushed.parent_filters.iter().map(|pushed| &pushed.filter);
        let joined = filters.filter(|filter| is_of_joined_vehicles(filter)).cloned();
        let mut with_filters = self.clone();
        with_filters.joined.extend(joined);
        let undecided = FilterPushdownPropagation::all_unsupported(pushed);
        Ok(undecided.with_updated_node(Arc::new(with_filters)))
    }

    fn execute(
        &self,
        partition: usize,
        _context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let reading = Arc::clone(&self.reading);
        let joined = self.joined.clone();
        let share = self.shares.get(partition).cloned().unwrap_or_default();
        let in_files = stream::once(async move {
            let vehicles = reading.vehicles(&joined)?;
            let rows = move |part| Arc::clone(&reading).rows(part, &vehicles);
            Ok::<_, DataFusionError>(stream::iter(share).map(rows).try_flatten())
        });
        let in_files = in_files.try_flatten();
        let recent = (partition == 0).then(|| Ok(self.recent.clone()));
        let rows = stream::iter(recent).chain(in_files);
        let rows = rows.try_filter(|batch| std::future::ready(batch.num_rows() > 0));
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.reading.schema), rows)))
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        let mut known = Statistics::new_unknown(&self.reading.schema);
        if partition.is_none() {
            known.num_rows = Precision::Inexact(self.rows);
        }
        Ok(Arc::new(known))
    }
}
