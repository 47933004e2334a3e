//! Runs: rows of a file that are of the same signal, vehicle and day, one after another. Many are several runs, so that of
//! a day some minutes can be read.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher as _};
use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::LazyLock;

use deltalake::arrow::array::{Array, AsArray, RecordBatch, StringArray};
use deltalake::arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use deltalake::datafusion::error::{DataFusionError, Result};
use foldhash::quality::RandomState;

use super::columns::DAY_MICROS;
use crate::questions::read::foreign;

/// Rows of a run: few beside a day's, so that a short time is found; enough that remembering one is cheap.
const RUN_ROWS_MAX: u32 = 1024;

/// Rows of one signal of one vehicle on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::questions) struct Run {
    /// The row group, and the first of the rows in it.
    pub(super) row_group: u32,
    pub(super) first_row: u32,
    pub(super) rows: u32,
    /// The places of both in the names of the file.
    pub(super) vehicle: u32,
    pub(super) signal: u32,
    /// The first and the last time, in microseconds since 1970.
    pub(super) from: i64,
    pub(super) to: i64,
    /// A hash of all times; none when one is not later than the one before.
    pub(super) times: Option<NonZeroU64>,
}

/// One for all runs that this process looks at, and known to nobody: who could make two lists of times with the same hash
/// would make a join pair what does not belong together.
static TIMES: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// All runs of a file, or of rows that are in none.
#[derive(Debug)]
pub(super) struct RunIndex {
    pub(super) vehicles: StringArray,
    pub(super) signals: StringArray,
    pub(super) runs: Vec<Run>,
}

impl RunIndex {
    /// The runs of rows that are in no file.
    pub(super) fn of(rows: &RecordBatch) -> Result<Self> {
        let mut runs = Runs::default();
        runs.add(0, 0, rows)?;
        Ok(runs.finish())
    }

    pub(super) fn bytes(&self) -> usize {
        let names = self.vehicles.get_array_memory_size() + self.signals.get_array_memory_size();
        self.runs.len() * size_of::<Run>() + names
    }
}

/// All runs, while rows are looked through.
#[derive(Default)]
pub(super) struct Runs {
    vehicles: Names,
    signals: Names,
    list: Vec<Run>,
    /// The times of the last run, while each is later than the one before.
    times: Option<Times>,
}

struct Times {
    hasher: <RandomState as BuildHasher>::Hasher,
    last: i64,
}

impl Times {
    fn begin(time: i64) -> Self {
        let mut hasher = TIMES.build_hasher();
        hasher.write_i64(time);
        Self { hasher, last: time }
    }

    fn then(mut self, time: i64) -> Option<Self> {
        self.hasher.write_i64(time);
        (self.last < time).then_some(Self { hasher: self.hasher, last: time })
    }
}

impl Runs {
    /// Adds rows of `row_group`, the first of which has the number `first_row` in it.
    pub(super) fn add(&mut self, row_group: u32, first_row: u32, rows: &RecordBatch) -> Result<()> {
        let vehicles = self.vehicles.of(rows, "vehicle")?;
        let signals = self.signals.of(rows, "signal")?;
        let times = column(rows, "time")?.as_primitive_opt::<TimestampMicrosecondType>();
        let times = times.ok_or_else(|| wrong("time"))?.values();
        // Of the last run. What begins in a batch may go on in the next.
        let last = self.list.last().map(|run| run.from);
        let mut today = last.map_or(0..0, day_of);
        for (row, ((vehicle, signal), time)) in
            (first_row..).zip(vehicles.into_iter().zip(signals).zip(times.iter().copied()))
        {
            match self.list.last_mut() {
                Some(run)
                    if (run.row_group, run.vehicle, run.signal) == (row_group, vehicle, signal)
                        && run.rows < RUN_ROWS_MAX
                        && today.contains(&time) =>
                {
                    run.rows += 1;
                    run.from = run.from.min(time);
                    run.to = run.to.max(time);
                    self.times = self.times.take().and_then(|times| times.then(time));
                }
                _ => {
                    self.end_last();
                    today = day_of(time);
                    self.times = Some(Times::begin(time));
                    self.list.push(Run {
                        row_group,
                        first_row: row,
                        rows: 1,
                        vehicle,
                        signal,
                        from: time,
                        to: time,
                        times: None,
                    });
                }
            }
        }
        Ok(())
    }

    /// Notes the times of the last run, which is whole.
    fn end_last(&mut self) {
        if let (Some(run), Some(times)) = (self.list.last_mut(), self.times.take()) {
            run.times = NonZeroU64::new(times.hasher.finish());
        }
    }

    pub(super) fn finish(mut self) -> RunIndex {
        self.end_last();
        self.list.shrink_to_fit();
        RunIndex {
            vehicles: self.vehicles.list.into(),
            signals: self.signals.list.into(),
            runs: self.list,
        }
    }
}

/// The times of the day that one is of.
fn day_of(time: i64) -> Range<i64> {
    let midnight = time.saturating_sub(time.rem_euclid(DAY_MICROS));
    midnight..midnight.saturating_add(DAY_MICROS)
}

/// Different names, in the order in which they were met.
#[derive(Debug, Default)]
struct Names {
    places: HashMap<String, u32>,
    list: Vec<String>,
}

impl Names {
    /// The place of each row's name.
    fn of(&mut self, rows: &RecordBatch, name: &'static str) -> Result<Vec<u32>> {
        let column = column(rows, name)?.as_dictionary_opt::<Int32Type>();
        let column = column.filter(|column| column.null_count() == 0).ok_or_else(|| wrong(name))?;
        let values = column.values().as_string_opt::<i32>().ok_or_else(|| wrong(name))?;
        let places = values.iter().map(|name| self.place(name.unwrap_or_default()));
        let places = places.collect::<Vec<_>>();
        let place = |key: &i32| {
            let key = usize::try_from(*key).ok()?;
            places.get(key).copied()
        };
        column.keys().values().iter().map(place).collect::<Option<_>>().ok_or_else(|| wrong(name))
    }

    fn place(&mut self, name: &str) -> u32 {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.list.push(name.to_owned());
        self.places.insert(name.to_owned(), place);
        place
    }
}

fn column<'a>(rows: &'a RecordBatch, name: &'static str) -> Result<&'a dyn Array> {
    rows.column_by_name(name).map(AsRef::as_ref).ok_or_else(|| wrong(name))
}

/// What is in a file is not what we wrote.
pub(super) fn wrong(column: &'static str) -> DataFusionError {
    DataFusionError::External(Box::new(foreign(column)))
}
