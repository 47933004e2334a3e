//! Rows run by run: what all rows of a run have in common is there once, and what is made of it is computed once.
//!
//! **Invariant:** a run of a block has at least one row, so nothing is computed for rows that are not there.

use std::ops::Range;
use std::sync::Arc;

use deltalake::arrow::array::{
    Array as _, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array,
};
use deltalake::arrow::compute::{concat, filter, take};
use deltalake::arrow::datatypes::{Schema, SchemaRef, TimestampMicrosecondType};
use deltalake::datafusion::common::tree_node::{
    Transformed, TransformedResult as _, TreeNode as _,
};
use deltalake::datafusion::error::{DataFusionError, Result};
use deltalake::datafusion::execution::{SendableRecordBatchStream, TaskContext};
use deltalake::datafusion::physical_expr::PhysicalExpr;
use deltalake::datafusion::physical_expr::expressions::Column;
use deltalake::datafusion::physical_expr::utils::collect_columns;
use deltalake::datafusion::physical_plan::ExecutionPlan;
use deltalake::datafusion::physical_plan::coop::CooperativeExec;
use deltalake::datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::columns::texts;
use super::join_vehicles::JoinVehicles;
use super::plan::SamplesExec;
use super::runs::wrong;
use super::side_by_side::SideBySide;

/// Blocks as they are read.
pub(super) type Blocks = BoxStream<'static, Result<Block>>;

/// A part of a plan that hands on blocks to those who can take them, and to all others rows.
pub(super) trait RunByRun: ExecutionPlan {
    /// Whether all rows of a run have the same in this column.
    fn is_of_runs(&self, column: usize) -> bool;

    /// Its rows.
    fn blocks(&self, partition: usize, context: &Arc<TaskContext>) -> Result<Blocks>;

    /// The same rows, each with all of its columns.
    fn rows(
        &self,
        partition: usize,
        context: &Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let schema = self.schema();
        let blocks = self.blocks(partition, context)?;
        let rows = blocks.map(move |block| block?.to_rows(&schema));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

/// `plan` as one that hands on blocks, if it does.
pub(super) fn run_by_run(plan: &Arc<dyn ExecutionPlan>) -> Option<&dyn RunByRun> {
    if let Some(samples) = plan.downcast_ref::<SamplesExec>() {
        return Some(samples);
    }
    if let Some(side_by_side) = plan.downcast_ref::<SideBySide>() {
        return Some(side_by_side);
    }
    if let Some(join) = plan.downcast_ref::<JoinVehicles>() {
        return Some(join);
    }
    // It has nothing to do where blocks are handed on: whoever takes many makes pauses.
    let below = plan.downcast_ref::<CooperativeExec>()?.children();
    below.first().and_then(|plan| run_by_run(plan))
}

/// `plan`, which was put above one that hands on blocks, as that one.
pub(super) fn blocks_of(plan: &Arc<dyn ExecutionPlan>) -> Result<&dyn RunByRun> {
    let none = || DataFusionError::Internal(format!("{} hands on no blocks", plan.name()));
    run_by_run(plan).ok_or_else(none)
}

/// Whether it hands on blocks.
pub(in crate::questions) fn is_run_by_run(plan: &Arc<dyn ExecutionPlan>) -> bool {
    run_by_run(plan).is_some()
}

/// A column of a block.
#[derive(Clone, Debug)]
pub(super) enum Values {
    /// One a run.
    OfRuns(ArrayRef),
    /// One a row.
    OfRows(ArrayRef),
}

/// Rows of one run, one after another.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) run: usize,
    pub(super) rows: Range<usize>,
}

/// Some rows, those of a run one after another.
#[derive(Clone, Debug)]
pub(super) struct Block {
    columns: Vec<Values>,
    /// The rows of each run.
    lengths: Vec<usize>,
}

impl Block {
    /// Each column has a value for each of `lengths`, or as many as they are together. No length is zero.
    pub(super) const fn new(columns: Vec<Values>, lengths: Vec<usize>) -> Self {
        Self { columns, lengths }
    }

    pub(super) fn rows(&self) -> usize {
        self.lengths.iter().sum()
    }

    /// What a value a row takes in memory.
    pub(super) fn bytes(&self) -> usize {
        let of_rows = self.columns.iter().filter(|column| matches!(column, Values::OfRows(_)));
        self.rows() * of_rows.count() * size_of::<i64>()
    }

    /// All runs, each whole.
    pub(super) fn pieces(&self) -> Vec<Piece> {
        let mut start = 0;
        let whole = |(run, length): (usize, &usize)| {
            let rows = start..start + length;
            start = rows.end;
            Piece { run, rows }
        };
        self.lengths.iter().enumerate().map(whole).collect()
    }

    pub(super) fn column(&self, index: usize) -> Result<&Values> {
        let none = || DataFusionError::Internal(format!("a block has no column {index}"));
        self.columns.get(index).ok_or_else(none)
    }

    /// The times in a column of those that differ from row to row.
    pub(super) fn times(&self, column: usize) -> Result<&[i64]> {
        let times = match self.column(column)? {
            Values::OfRows(times) => times.as_primitive_opt::<TimestampMicrosecondType>(),
            Values::OfRuns(_) => None,
        };
        Ok(times.ok_or_else(|| wrong("time"))?.values())
    }

    /// The names in a column of those that are of whole runs: one a run.
    pub(super) fn names(&self, column: usize) -> Result<Vec<Option<&str>>> {
        match self.column(column)? {
            Values::OfRuns(names) => texts(names),
            Values::OfRows(_) => Err(wrong("vehicle")),
        }
    }

    pub(super) fn project(&self, projection: &[usize]) -> Result<Self> {
        let columns = projection.iter().map(|column| self.column(*column).cloned());
        Ok(Self { columns: columns.collect::<Result<_>>()?, lengths: self.lengths.clone() })
    }

    /// Some rows of one run.
    pub(super) fn piece(&self, piece: &Piece) -> Self {
        let column = |column: &Values| match column {
            Values::OfRuns(values) => Values::OfRuns(values.slice(piece.run, 1)),
            Values::OfRows(values) => {
                Values::OfRows(values.slice(piece.rows.start, piece.rows.len()))
            }
        };
        let columns = self.columns.iter().map(column).collect();
        Self { columns, lengths: vec![piece.rows.len()] }
    }

    /// The rows at these `places` of a block of one run; without copying them when they lie together.
    pub(super) fn picked(&self, places: &UInt32Array) -> Result<Self> {
        let together = places.values().is_sorted_by(|one, next| one + 1 == *next);
        let first = places.values().first().filter(|_| together);
        let first = first.and_then(|first| usize::try_from(*first).ok());
        if let Some(first) = first {
            return Ok(self.piece(&Piece { run: 0, rows: first..first + places.len() }));
        }
        let column = |column: &Values| {
            Ok(match column {
                Values::OfRuns(values) => Values::OfRuns(Arc::clone(values)),
                Values::OfRows(values) => Values::OfRows(take(values, places, None)?),
            })
        };
        let columns = self.columns.iter().map(column).collect::<Result<_>>()?;
        Ok(Self { columns, lengths: vec![places.len()] })
    }

    /// The columns of both, of which each row of one belongs to a row of the other.
    pub(super) fn beside(&self, other: &Self) -> Self {
        let columns = self.columns.iter().chain(&other.columns).cloned().collect();
        Self { columns, lengths: self.lengths.clone() }
    }

    /// All rows of `blocks`, which have columns of the same kinds.
    pub(super) fn concat(blocks: &[Self]) -> Result<Self> {
        let together = |index: usize| {
            let of_all = |block: &Self| match block.column(index)? {
                Values::OfRuns(values) => Ok((true, Arc::clone(values))),
                Values::OfRows(values) => Ok((false, Arc::clone(values))),
            };
            let columns = blocks.iter().map(of_all).collect::<Result<Vec<_>>>()?;
            let values = columns.iter().map(|(_, values)| values.as_ref()).collect::<Vec<_>>();
            let values = concat(&values)?;
            let is_of_runs = columns.iter().all(|(is_of_runs, _)| *is_of_runs);
            Ok(if is_of_runs { Values::OfRuns(values) } else { Values::OfRows(values) })
        };
        let count = blocks.first().map_or(0, |block| block.columns.len());
        let columns = (0..count).map(together).collect::<Result<_>>()?;
        let lengths = blocks.iter().flat_map(|block| &block.lengths).copied().collect();
        Ok(Self { columns, lengths })
    }

    /// A value for each row.
    pub(super) fn of_rows(&self, values: &Values) -> Result<ArrayRef> {
        match values {
            Values::OfRows(values) => Ok(Arc::clone(values)),
            Values::OfRuns(values) => Ok(take(values, &self.run_of_rows(), None)?),
        }
    }

    fn run_of_rows(&self) -> UInt32Array {
        let mut runs = Vec::with_capacity(self.rows());
        for (run, length) in (0..).zip(&self.lengths) {
            runs.extend(std::iter::repeat_n(run, *length));
        }
        runs.into()
    }

    /// All rows with all columns.
    pub(super) fn to_rows(&self, schema: &SchemaRef) -> Result<RecordBatch> {
        let columns = self.columns.iter().map(|column| self.of_rows(column));
        batch(schema, columns.collect::<Result<_>>()?, self.rows())
    }

    /// The rows that are `wanted`.
    pub(super) fn filter(self, wanted: &BooleanArray) -> Result<Self> {
        let wanted_rows = wanted.true_count();
        if wanted_rows == self.rows() {
            return Ok(self);
        }
        let mut start = 0;
        let left = |length: &usize| {
            let left = wanted.slice(start, *length).true_count();
            start += length;
            left
        };
        let mut lengths = self.lengths.iter().map(left).collect::<Vec<_>>();
        let runs = lengths.iter().map(|left| Some(*left > 0)).collect::<BooleanArray>();
        lengths.retain(|left| *left > 0);
        let column = |column: &Values| {
            Ok(match column {
                Values::OfRuns(values) => Values::OfRuns(filter(values, &runs)?),
                Values::OfRows(values) => Values::OfRows(filter(values, wanted)?),
            })
        };
        let columns = self.columns.iter().map(column).collect::<Result<_>>()?;
        Ok(Self { columns, lengths })
    }

    /// The same rows, with what each run has in common in more columns before all others.
    pub(super) fn behind(mut self, of_runs: Vec<Values>) -> Self {
        self.columns.splice(0..0, of_runs);
        self
    }

    /// The rows of the runs that are `wanted`.
    pub(super) fn filter_runs(self, wanted: &[bool]) -> Result<Self> {
        if wanted.iter().all(|wanted| *wanted) {
            return Ok(self);
        }
        let rows = self.lengths.iter().zip(wanted);
        let rows = rows.flat_map(|(length, wanted)| std::iter::repeat_n(Some(*wanted), *length));
        let rows = rows.collect::<BooleanArray>();
        self.filter(&rows)
    }
}

/// Rows, perhaps without a column.
fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

/// An expression over blocks.
#[derive(Debug)]
pub(super) struct Over {
    /// Over `columns` alone.
    expression: Arc<dyn PhysicalExpr>,
    columns: Vec<usize>,
    schema: SchemaRef,
}

impl Over {
    /// `expression`, which is over rows of `schema`.
    pub(super) fn new(expression: &Arc<dyn PhysicalExpr>, schema: &Schema) -> Result<Self> {
        let mut columns = collect_columns(expression).iter().map(Column::index).collect::<Vec<_>>();
        columns.sort_unstable();
        columns.dedup();
        let moved = |part: Arc<dyn PhysicalExpr>| {
            let Some(column) = part.downcast_ref::<Column>() else {
                return Ok(Transformed::no(part));
            };
            let place = columns.iter().position(|index| *index == column.index());
            let moved: Arc<dyn PhysicalExpr> =
                Arc::new(Column::new(column.name(), place.unwrap_or_default()));
            Ok(Transformed::yes(moved))
        };
        let expression = Arc::clone(expression).transform_up(moved).data()?;
        let schema = Arc::new(schema.project(&columns)?);
        Ok(Self { expression, columns, schema })
    }

    /// The columns that it looks at.
    pub(super) fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// The same over blocks that have these `columns` only, among which are all that it looks at.
    pub(super) fn among(&self, columns: &[usize]) -> Self {
        let place = |column: &usize| columns.iter().position(|other| other == column);
        Self {
            expression: Arc::clone(&self.expression),
            columns: self.columns.iter().filter_map(place).collect(),
            schema: Arc::clone(&self.schema),
        }
    }

    /// What it is for each row; or for each run, when it looks at nothing else.
    pub(super) fn evaluate(&self, block: &Block) -> Result<Values> {
        let block = block.project(&self.columns)?;
        let of_run = |column: &Values| match column {
            Values::OfRuns(values) => Some(Arc::clone(values)),
            Values::OfRows(_) => None,
        };
        if let Some(of_runs) = block.columns.iter().map(of_run).collect() {
            let runs = batch(&self.schema, of_runs, block.lengths.len())?;
            return Ok(Values::OfRuns(self.evaluate_rows(&runs)?));
        }
        Ok(Values::OfRows(self.evaluate_rows(&block.to_rows(&self.schema)?)?))
    }

    /// What it is for the first row of each of `pieces`.
    pub(super) fn of_first_rows(&self, block: &Block, pieces: &[Piece]) -> Result<ArrayRef> {
        let places = |place: fn(&Piece) -> usize| {
            let places = pieces.iter().map(|piece| u32::try_from(place(piece)).unwrap_or(u32::MAX));
            UInt32Array::from_iter_values(places)
        };
        let (runs, rows) = (places(|piece| piece.run), places(|piece| piece.rows.start));
        let first = |column: &usize| {
            Ok(match block.column(*column)? {
                Values::OfRuns(values) => take(values, &runs, None)?,
                Values::OfRows(values) => take(values, &rows, None)?,
            })
        };
        let columns = self.columns.iter().map(first).collect::<Result<_>>()?;
        self.evaluate_rows(&batch(&self.schema, columns, pieces.len())?)
    }

    /// What it is for each of `rows`, which have its columns.
    fn evaluate_rows(&self, rows: &RecordBatch) -> Result<ArrayRef> {
        self.expression.evaluate(rows)?.into_array(rows.num_rows())
    }
}
