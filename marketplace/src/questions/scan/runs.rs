//! Runs: rows of a file that are of the same signal of the same vehicle, one after another. Many are several runs, so
//! that of a day some minutes can be read.

use std::collections::HashMap;

use deltalake::arrow::array::{Array, AsArray, RecordBatch};
use deltalake::arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use deltalake::datafusion::error::{DataFusionError, Result};

use crate::questions::read::foreign;

/// Rows of a run: few beside a day's, so that a short time is found; enough that remembering one is cheap.
const RUN_ROWS_MAX: u32 = 1024;

/// Rows of one signal of one vehicle.
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
}

/// All runs of a file, while it is read.
#[derive(Debug, Default)]
pub(super) struct Runs {
    pub(super) vehicles: Names,
    pub(super) signals: Names,
    pub(super) list: Vec<Run>,
}

impl Runs {
    /// Adds rows of `row_group`, the first of which has the number `first_row` in it.
    pub(super) fn add(&mut self, row_group: u32, first_row: u32, rows: &RecordBatch) -> Result<()> {
        let vehicles = self.vehicles.of(rows, "vehicle")?;
        let signals = self.signals.of(rows, "signal")?;
        let times = column(rows, "time")?.as_primitive_opt::<TimestampMicrosecondType>();
        let times = times.ok_or_else(|| wrong("time"))?.values();
        for (row, ((vehicle, signal), time)) in
            (first_row..).zip(vehicles.into_iter().zip(signals).zip(times.iter().copied()))
        {
            match self.list.last_mut() {
                Some(run)
                    if (run.row_group, run.vehicle, run.signal) == (row_group, vehicle, signal)
                        && run.rows < RUN_ROWS_MAX =>
                {
                    run.rows += 1;
                    run.from = run.from.min(time);
                    run.to = run.to.max(time);
                }
                _ => self.list.push(Run {
                    row_group,
                    first_row: row,
                    rows: 1,
                    vehicle,
                    signal,
                    from: time,
                    to: time,
                }),
            }
        }
        Ok(())
    }
}

/// Different names, in the order in which they were met.
#[derive(Debug, Default)]
pub(super) struct Names {
    places: HashMap<String, u32>,
    pub(super) list: Vec<String>,
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
