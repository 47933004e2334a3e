//! Which runs a question is about.
//!
//! **Invariant:** conditions are decided over names of vehicles that are permitted, and over runs of these alone. A
//! condition on the vehicle, or on signal and group, is decided here, once a name; any other only leaves out runs in
//! which no row can meet it, and is decided again for each row.

use std::collections::{BTreeSet, HashMap};
use std::num::NonZeroU64;
use std::sync::Arc;

use deltalake::arrow::array::{
    Array as _, ArrayRef, AsArray, BooleanArray, Date32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use deltalake::arrow::datatypes::SchemaRef;
use deltalake::datafusion::catalog::Session;
use deltalake::datafusion::common::pruning::PruningStatistics;
use deltalake::datafusion::common::{Column as ColumnName, DFSchema, ScalarValue};
use deltalake::datafusion::error::Result;
use deltalake::datafusion::logical_expr::Expr;
use deltalake::datafusion::logical_expr::utils::conjunction;
use deltalake::datafusion::physical_expr::PhysicalExpr;
use deltalake::datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use telematics::{Signal, SignalGroup};

use super::columns::{Column, day, each};
use super::file::{FileIndex, Indexes, SampleFile};
use super::runs::{Run, RunIndex};

/// Rows that are read by one thread before it looks for more.
const PART_ROWS: u64 = 256 * 1024;

/// What rows are wanted.
pub(in crate::questions) struct Wanted<'a> {
    /// Of these vehicles; of all that there are when it is not said.
    pub(in crate::questions) vehicles: Option<&'a StringArray>,
    /// Rows that are not in a file yet, in the form of the table.
    pub(in crate::questions) recent: &'a RecordBatch,
    /// Rows that meet all of these.
    pub(in crate::questions) conditions: &'a [Expr],
    /// Turns conditions into something that can be decided.
    pub(in crate::questions) session: &'a dyn Session,
    /// The columns of the table.
    pub(in crate::questions) schema: SchemaRef,
}

/// What is to be read.
pub(in crate::questions) struct Chosen {
    pub(super) names: ListedNames,
    pub(super) parts: Vec<Part>,
    /// What each row has to meet still.
    pub(super) conditions: Vec<Expr>,
}

/// Different names, each list as a column.
#[derive(Clone, Debug)]
pub(super) struct ListedNames {
    pub(super) vehicles: ArrayRef,
    pub(super) signals: ArrayRef,
    pub(super) groups: ArrayRef,
}

/// Runs that are read one after another.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) place: Place,
    pub(super) runs: Vec<Picked>,
}

impl Part {
    pub(super) fn rows(&self) -> usize {
        let rows: u64 = self.runs.iter().map(|run| u64::from(run.rows)).sum();
        usize::try_from(rows).unwrap_or(usize::MAX)
    }
}

/// Where they are.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In one row group of a file.
    File { file: SampleFile, index: Arc<FileIndex>, row_group: u32 },
    /// In memory, in the form of the table.
    Recent(RecordBatch),
}

/// A run that is read. Names are places in [`ListedNames`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Picked {
    pub(super) first_row: u32,
    pub(super) rows: u32,
    pub(super) vehicle: i32,
    pub(super) signal: i32,
    pub(super) group: Option<i32>,
    /// In days since 1970.
    pub(super) day: i32,
    /// As in [`Run`].
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) times: Option<NonZeroU64>,
}

impl Picked {
    /// Whether it is of one of these vehicles, by their places.
    pub(super) fn is_among(&self, vehicles: &BooleanArray) -> bool {
        usize::try_from(self.vehicle).is_ok_and(|vehicle| vehicles.value(vehicle))
    }

    /// Whether all rows of both have in common what those of a run have.
    pub(super) fn is_of_the_same(&self, other: &Self) -> bool {
        (self.vehicle, self.signal, self.day) == (other.vehicle, other.signal, other.day)
    }
}

/// A run that may be read.
struct Candidate {
    /// Its place among all files; the one behind them is what is in none.
    file: usize,
    row_group: u32,
    picked: Picked,
}

impl Chosen {
    /// Looks through `files` and picks what is `wanted`.
    pub(in crate::questions) async fn among(
        files: &[SampleFile],
        indexes: &Indexes,
        wanted: &Wanted<'_>,
    ) -> Result<Self> {
        let indexes = indexes.of(files).await?;
        let recent = RunIndex::of(wanted.recent)?;
        let runs = indexes.iter().map(|index| &index.runs).chain([&recent]).collect::<Vec<_>>();
        let conditions = |of: &dyn Fn(&Expr) -> bool| {
            wanted.conditions.iter().filter(|condition| of(condition)).cloned().collect::<Vec<_>>()
        };
        let of_vehicles = |condition: &Expr| is_of(condition, &[Column::Vehicle]);
        let of_signals = |condition: &Expr| is_of(condition, &[Column::Signal, Column::Group]);
        let lists = Lists::new(&runs, wanted.vehicles);
        let vehicles = lists.vehicles(wanted, conditions(&of_vehicles))?;
        let signals = lists.signals(wanted, conditions(&of_signals))?;
        let mut candidates = lists.candidates(&runs, &vehicles, &signals);
        let of_rows = conditions(&|condition| !of_vehicles(condition) && !of_signals(condition));
        if let Some(condition) = wanted.decidable(of_rows.clone(), &wanted.schema)? {
            let schema = Arc::clone(&wanted.schema);
            let may =
                PruningPredicateBuilder::new().with_file_schema(schema).try_build(condition)?;
            let mut may = may.prune(&Times::of(&candidates))?.into_iter();
            candidates.retain(|_| may.next().unwrap_or(true));
        }
        Ok(Self {
            names: lists.names,
            parts: parts(candidates, |file, row_group| {
                match (files.get(file), indexes.get(file)) {
                    (Some(file), Some(index)) => {
                        Place::File { file: file.clone(), index: Arc::clone(index), row_group }
                    }
                    _ => Place::Recent(wanted.recent.clone()),
                }
            }),
            conditions: of_rows,
        })
    }
}

impl Wanted<'_> {
    /// All of `conditions` as one, over rows of these columns; none when there is none.
    pub(super) fn decidable(
        &self,
        conditions: Vec<Expr>,
        columns: &SchemaRef,
    ) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let schema = DFSchema::try_from(Arc::clone(columns))?;
        let all = conjunction(conditions);
        all.map(|all| self.session.create_physical_expr(all, &schema)).transpose()
    }
}

/// Whether a condition is about nothing but these columns.
fn is_of(condition: &Expr, columns: &[Column]) -> bool {
    let is_one = |name: &ColumnName| columns.iter().any(|column| column.name() == name.name);
    condition.column_refs().into_iter().all(is_one)
}

/// The names of all files, and which place each has.
struct Lists<'a> {
    names: ListedNames,
    vehicles: HashMap<&'a str, i32>,
    signals: HashMap<&'a str, i32>,
    /// The place of each signal's group.
    groups: Vec<Option<i32>>,
}

impl<'a> Lists<'a> {
    fn new(indexes: &[&'a RunIndex], vehicles: Option<&'a StringArray>) -> Self {
        let all = |of: &dyn Fn(&'a RunIndex) -> &'a StringArray| {
            let names = indexes.iter().flat_map(|index| of(index).iter().flatten());
            names.collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        };
        let every = || all(&|index| &index.vehicles);
        let vehicles = vehicles.map_or_else(every, |names| names.iter().flatten().collect());
        let signals = all(&|index| &index.signals);
        let list = |names: &[&str]| -> ArrayRef { Arc::new(StringArray::from_iter_values(names)) };
        Self {
            names: ListedNames {
                vehicles: list(&vehicles),
                signals: list(&signals),
                groups: list(&SignalGroup::ALL.map(SignalGroup::as_str)),
            },
            groups: signals.iter().map(|signal| group_of(signal)).collect(),
            vehicles: vehicles.into_iter().zip(0..).collect(),
            signals: signals.into_iter().zip(0..).collect(),
        }
    }

    /// Which vehicles meet all of `conditions`.
    fn vehicles(&self, wanted: &Wanted<'_>, conditions: Vec<Expr>) -> Result<BooleanArray> {
        let every = (0..).map(Some).take(self.names.vehicles.len());
        met(wanted, conditions, &[0], vec![each(&self.names.vehicles, every)?])
    }

    /// Which signals do.
    fn signals(&self, wanted: &Wanted<'_>, conditions: Vec<Expr>) -> Result<BooleanArray> {
        let every = (0..).map(Some).take(self.names.signals.len());
        let groups = each(&self.names.groups, self.groups.iter().copied())?;
        met(wanted, conditions, &[1, 2], vec![each(&self.names.signals, every)?, groups])
    }

    /// All runs of these vehicles and signals.
    fn candidates(
        &self,
        indexes: &[&RunIndex],
        vehicles: &BooleanArray,
        signals: &BooleanArray,
    ) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for (file, index) in indexes.iter().enumerate() {
            let vehicles = places(&index.vehicles, &self.vehicles, vehicles);
            let signals = places(&index.signals, &self.signals, signals);
            let place =
                |places: &[Option<i32>], name: u32| *places.get(usize::try_from(name).ok()?)?;
            candidates.extend(index.runs.iter().filter_map(|run| {
                let signal = place(&signals, run.signal)?;
                let vehicle = place(&vehicles, run.vehicle)?;
                let group = usize::try_from(signal).ok();
                let group = group.and_then(|signal| *self.groups.get(signal)?);
                let Run { row_group, first_row, rows, from, to, times, .. } = *run;
                let day = day(from);
                let picked =
                    Picked { first_row, rows, vehicle, signal, group, day, from, to, times };
                Some(Candidate { file, row_group, picked })
            }));
        }
        candidates
    }
}

/// The place of each of a file's names among all; none for one that is not wanted.
fn places(
    names: &StringArray,
    all: &HashMap<&str, i32>,
    wanted: &BooleanArray,
) -> Vec<Option<i32>> {
    let place = |name: Option<&str>| {
        let place = *all.get(name?)?;
        let index = usize::try_from(place).ok()?;
        (wanted.is_valid(index) && wanted.value(index)).then_some(place)
    };
    names.iter().map(place).collect()
}

/// Which rows of some columns of the table meet all of `conditions`.
fn met(
    wanted: &Wanted<'_>,
    conditions: Vec<Expr>,
    columns: &[usize],
    names: Vec<ArrayRef>,
) -> Result<BooleanArray> {
    let names = RecordBatch::try_new(Arc::new(wanted.schema.project(columns)?), names)?;
    let rows = names.num_rows();
    match wanted.decidable(conditions, &names.schema())? {
        Some(condition) => Ok(condition.evaluate(&names)?.into_array(rows)?.as_boolean().clone()),
        None => Ok(BooleanArray::from(vec![true; rows])),
    }
}

/// The place of a signal's group among all groups.
fn group_of(signal: &str) -> Option<i32> {
    let group = Signal::by_path(signal).ok()?.group();
    let place = SignalGroup::ALL.iter().position(|other| *other == group)?;
    i32::try_from(place).ok()
}

/// Between what times runs are.
struct Times {
    from: Vec<i64>,
    to: Vec<i64>,
}

impl Times {
    fn of(candidates: &[Candidate]) -> Self {
        Self {
            from: candidates.iter().map(|candidate| candidate.picked.from).collect(),
            to: candidates.iter().map(|candidate| candidate.picked.to).collect(),
        }
    }

    fn column(column: &ColumnName, times: &[i64]) -> Option<ArrayRef> {
        if column.name == Column::Time.name() {
            let times = TimestampMicrosecondArray::from(times.to_vec()).with_timezone("UTC");
            return Some(Arc::new(times));
        }
        if column.name == Column::Day.name() {
            let days = times.iter().map(|time| day(*time));
            return Some(Arc::new(Date32Array::from_iter_values(days)));
        }
        None
    }
}

impl PruningStatistics for Times {
    fn min_values(&self, column: &ColumnName) -> Option<ArrayRef> {
        Self::column(column, &self.from)
    }

    fn max_values(&self, column: &ColumnName) -> Option<ArrayRef> {
        Self::column(column, &self.to)
    }

    fn num_containers(&self) -> usize {
        self.from.len()
    }

    fn null_counts(&self, _column: &ColumnName) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        None
    }

    fn contained(
        &self,
        _column: &ColumnName,
        _values: &std::collections::HashSet<ScalarValue>,
    ) -> Option<BooleanArray> {
        None
    }
}

/// Cuts what is left into parts of some [`PART_ROWS`]; `place` says where a row group of a file is.
fn parts(candidates: Vec<Candidate>, place: impl Fn(usize, u32) -> Place) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let (mut last, mut rows) = (None, 0);
    for candidate in candidates {
        let (file, row_group) = (candidate.file, candidate.row_group);
        if last != Some((file, row_group)) || rows >= PART_ROWS {
            parts.push(Part { place: place(file, row_group), runs: Vec::new() });
            (last, rows) = (Some((file, row_group)), 0);
        }
        rows += u64::from(candidate.picked.rows);
        if let Some(part) = parts.last_mut() {
            part.runs.push(candidate.picked);
        }
    }
    parts
}
