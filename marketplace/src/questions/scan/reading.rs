//! How rows are made of what is in a file, or is not in one yet.
//!
//! **Invariant:** only the columns `time` and `value` are read; names are those of the runs.

use std::ops::Range;
use std::sync::Arc;

use deltalake::arrow::array::{ArrayRef, AsArray, BooleanArray, Date32Array, RecordBatch};
use deltalake::arrow::compute::{cast, concat_batches};
use deltalake::arrow::datatypes::{Field, SchemaRef};
use deltalake::datafusion::common::Column as ColumnName;
use deltalake::datafusion::error::Result;
use deltalake::datafusion::logical_expr::Expr;
use deltalake::parquet::arrow::arrow_reader::RowSelection;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::block::{Block, Blocks, Over, Values};
use super::chosen::{Chosen, ListedNames, Part, Picked, Place, Wanted};
use super::columns::{Column, each};
use super::file::BATCH_ROWS;
use super::runs::wrong;

/// What of each row is read, and what is handed up.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) names: ListedNames,
    condition: Option<Over>,
    /// The columns that are read or asked about, and those of them that are handed up.
    columns: Vec<Column>,
    read: SchemaRef,
    handed_up: Vec<usize>,
    pub(super) schema: SchemaRef,
}

/// What there is in the columns of a file, none of them when only rows are counted; and how many rows there are.
pub(super) type Raw = (Option<RecordBatch>, usize);

impl Reading {
    pub(super) fn new(chosen: &Chosen, wanted: &Wanted<'_>, projection: &[usize]) -> Result<Self> {
        let asked = chosen.conditions.iter().flat_map(Expr::column_refs);
        let place = |column: &ColumnName| wanted.schema.index_of(&column.name);
        let mut needed = asked.map(place).collect::<Result<Vec<_>, _>>()?;
        needed.extend(projection);
        needed.sort_unstable();
        needed.dedup();
        let place = |column: &usize| needed.iter().position(|needed| needed == column);
        let handed_up = projection.iter().filter_map(place).collect();
        let read = Arc::new(wanted.schema.project(&needed)?);
        let condition = wanted.decidable(chosen.conditions.clone(), &read)?;
        Ok(Self {
            names: chosen.names.clone(),
            condition: condition.map(|condition| Over::new(&condition, &read)).transpose()?,
            columns: needed.iter().filter_map(|column| Column::ALL.get(*column)).copied().collect(),
            read,
            handed_up,
            schema: Arc::new(wanted.schema.project(projection)?),
        })
    }

    /// The same, of which only some of the columns are handed up.
    pub(super) fn narrowed(&self, used: &[usize]) -> Result<Self> {
        let used = used.iter().filter_map(|column| self.handed_up.get(*column)).copied();
        let used = used.collect::<Vec<_>>();
        let looked_at = self.condition.iter().flat_map(Over::columns);
        let mut kept = looked_at.chain(&used).copied().collect::<Vec<_>>();
        kept.sort_unstable();
        kept.dedup();
        let place = |column: &usize| kept.iter().position(|kept| kept == column);
        Ok(Self {
            names: self.names.clone(),
            condition: self.condition.as_ref().map(|condition| condition.among(&kept)),
            columns: kept.iter().filter_map(|kept| self.columns.get(*kept)).copied().collect(),
            read: Arc::new(self.read.project(&kept)?),
            handed_up: used.iter().filter_map(place).collect(),
            schema: Arc::new(self.read.project(&used)?),
        })
    }

    /// The column that is handed up at this place.
    pub(super) fn column(&self, index: usize) -> Option<Column> {
        self.columns.get(*self.handed_up.get(index)?).copied()
    }

    /// The rows of those `vehicles` in one part.
    pub(super) fn blocks(
        self: Arc<Self>,
        mut part: Part,
        vehicles: &BooleanArray,
    ) -> Result<Blocks> {
        part.runs.retain(|run| run.is_among(vehicles));
        let raw = self.raw(&part)?;
        let mut spans = Spans::of(part.runs);
        let complete = move |raw: Result<Raw>| {
            let (raw, rows) = raw?;
            let block = self.whole(raw.as_ref(), &together(spans.take(rows)))?;
            let block = match self.met(&block)? {
                Some(met) => block.filter(&met)?,
                None => block,
            };
            self.handed_up(&block)
        };
        let blocks = raw.map(complete);
        Ok(blocks.try_filter(|block| std::future::ready(block.rows() > 0)).boxed())
    }

    /// What there is of a part, as it is in the file.
    pub(super) fn raw(&self, part: &Part) -> Result<BoxStream<'static, Result<Raw>>> {
        let mut sources: Vec<&str> =
            self.columns.iter().filter_map(|column| column.source()).collect();
        sources.dedup();
        if sources.is_empty() {
            return Ok(stream::iter(counted(part.rows()).map(|rows| Ok((None, rows)))).boxed());
        }
        let picked = part.runs.iter().map(range);
        let rows: BoxStream<'static, Result<RecordBatch>> = match &part.place {
            Place::File { file, index, row_group } => {
                let selection =
                    RowSelection::from_consecutive_ranges(picked, index.rows_of(*row_group));
                let rows = file.read(index, *row_group, &sources, Some(selection))?;
                rows.map_err(Into::into).boxed()
            }
            Place::Recent(rows) => {
                let slices = picked.map(|range| rows.slice(range.start, range.len()));
                let slices = slices.collect::<Vec<_>>();
                let picked = concat_batches(&rows.schema(), &slices)?;
                stream::iter([Ok(picked)]).boxed()
            }
        };
        let with_count = |rows: RecordBatch| {
            let count = rows.num_rows();
            (Some(rows), count)
        };
        Ok(rows.map_ok(with_count).boxed())
    }

    /// Adds to what was read what its runs have in common.
    pub(super) fn whole(
        &self,
        raw: Option<&RecordBatch>,
        spans: &[(Picked, usize)],
    ) -> Result<Block> {
        let named = |names, place: &dyn Fn(&Picked) -> Option<i32>| {
            let names = each(names, spans.iter().map(|(run, _)| place(run)))?;
            Ok(Values::OfRuns(names))
        };
        let source = |column: Column| -> Result<ArrayRef> {
            let found = column.source().and_then(|name| raw?.column_by_name(name));
            found.cloned().ok_or_else(|| wrong(column.name()))
        };
        let column = |(column, field): (&Column, &Arc<Field>)| match column {
            Column::Vehicle => named(&self.names.vehicles, &|run| Some(run.vehicle)),
            Column::Signal => named(&self.names.signals, &|run| Some(run.signal)),
            Column::Group => named(&self.names.groups, &|run| run.group),
            Column::Day => {
                let days = spans.iter().map(|(run, _)| run.day);
                Ok(Values::OfRuns(Arc::new(Date32Array::from_iter_values(days))))
            }
            Column::Time | Column::Value => {
                Ok(Values::OfRows(cast(&source(*column)?, field.data_type())?))
            }
        };
        let columns =
            self.columns.iter().zip(self.read.fields()).map(column).collect::<Result<_>>()?;
        let lengths = spans.iter().map(|(_, rows)| *rows).collect();
        Ok(Block::new(columns, lengths))
    }

    /// Which rows meet the conditions, if there is one.
    pub(super) fn met(&self, block: &Block) -> Result<Option<BooleanArray>> {
        let Some(condition) = &self.condition else { return Ok(None) };
        let met = block.of_rows(&condition.evaluate(block)?)?;
        Ok(Some(met.as_boolean().clone()))
    }

    /// The columns that are handed up.
    pub(super) fn handed_up(&self, block: &Block) -> Result<Block> {
        block.project(&self.handed_up)
    }
}

fn range(run: &Picked) -> Range<usize> {
    let place = |row: u32| usize::try_from(row).unwrap_or(usize::MAX);
    place(run.first_row)..place(run.first_row.saturating_add(run.rows))
}

/// `rows` in numbers of at most [`BATCH_ROWS`].
fn counted(mut rows: usize) -> impl Iterator<Item = usize> + Send {
    std::iter::from_fn(move || {
        let now = rows.min(BATCH_ROWS);
        rows -= now;
        (now > 0).then_some(now)
    })
}

/// Runs that are used up row by row.
pub(super) struct Spans {
    runs: std::vec::IntoIter<Picked>,
    /// What is left of a run that a batch ended in.
    current: Option<Picked>,
}

impl Spans {
    pub(super) fn of(runs: Vec<Picked>) -> Self {
        Self { runs: runs.into_iter(), current: None }
    }

    /// The runs of the next `rows` rows, and how many of these are of each.
    pub(super) fn take(&mut self, mut rows: usize) -> Vec<(Picked, usize)> {
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

/// One run for those after one another that have all in common.
fn together(mut spans: Vec<(Picked, usize)>) -> Vec<(Picked, usize)> {
    spans.dedup_by(|(next, rows), (run, together)| {
        let is_same = run.is_of_the_same(next);
        *together += if is_same { *rows } else { 0 };
        is_same
    });
    spans
}
