//! What is in the lake, by vehicle and signal.
//!
//! Measured once and then kept up to date with each batch that this process appends. Those that another
//! process appended are read, and Delta Lake finds them by the `arrival` bounds of its files.
//!
//! **Invariant:** rows are only ever added, so what was measured stays true. A process that starts
//! measures everything again.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use deltalake::arrow::array::{Array, AsArray, RecordBatch};
use deltalake::arrow::datatypes::TimestampMicrosecondType;
use deltalake::datafusion::functions_aggregate::expr_fn::{count, max, min};
use deltalake::datafusion::prelude::{col, lit};
use telematics::{Signal, Timestamp, VehicleId};

use super::columns::{Arrived, partitions};
use super::read::{all_rows, integers, texts, vehicles};
use super::table::last_arrival;
use super::{Lake, LakeError};

/// What is in the lake of one signal of one vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// Whose.
    pub vehicle: VehicleId,
    /// Which.
    pub signal: Signal,
    /// How many.
    pub rows: u64,
    /// Time of the first.
    pub first_at: Timestamp,
    /// Time of the last.
    pub last_at: Timestamp,
}

/// Everything that was measured up to one batch.
#[derive(Default)]
pub(super) struct Statistics {
    last_arrival: i64,
    lines: BTreeMap<(VehicleId, Signal), Measured>,
}

impl Statistics {
    fn add(&mut self, new: Measured) {
        match self.lines.entry((new.vehicle, new.signal)) {
            Entry::Vacant(line) => {
                line.insert(new);
            }
            Entry::Occupied(line) => {
                let line = line.into_mut();
                line.rows = line.rows.saturating_add(new.rows);
                line.first_at = line.first_at.min(new.first_at);
                line.last_at = line.last_at.max(new.last_at);
            }
        }
    }
}

impl Lake {
    /// Knows what `batches` bring, that were appended behind `last` and up to `newest`. Without it they
    /// would be read again.
    pub(super) async fn measure(&self, batches: &[&Arrived], last: i64, newest: i64) {
        let mut kept = self.measured.lock().await;
        let Some(known) = kept.as_mut().filter(|known| known.last_arrival == last) else { return };
        for run in partitions(batches).into_values().flatten() {
            let times = run.samples.iter().map(|sample| sample.time);
            let (Some(first_at), Some(last_at)) = (times.clone().min(), times.max()) else {
                continue;
            };
            let rows = u64::try_from(run.samples.len()).unwrap_or(u64::MAX);
            let (vehicle, signal) = (run.vehicle, run.signal);
            known.add(Measured { vehicle, signal, rows, first_at, last_at });
        }
        known.last_arrival = newest;
    }

    /// What is in the table at `version`, by vehicle and signal.
    ///
    /// # Errors
    /// When the version is unknown, or the query fails.
    pub async fn describe(&self, version: u64) -> Result<Vec<Measured>, LakeError> {
        let table = self.at(version).await?;
        let last = last_arrival(&table).await?;
        let mut kept = self.measured.lock().await;
        // An older version than was measured last: begin anew.
        let mut known = kept.take().filter(|known| known.last_arrival <= last).unwrap_or_default();
        if known.last_arrival < last {
            let new =
                all_rows(&table).await?.frame.filter(col("arrival").gt(lit(known.last_arrival)))?;
            let aggregates = vec![
                count(lit(1)).alias("rows"),
                min(col("time")).alias("first"),
                max(col("time")).alias("last"),
            ];
            let grouped = new.aggregate(vec![col("vehicle"), col("signal")], aggregates)?;
            for batch in grouped.collect().await? {
                for line in measured(&batch)? {
                    known.add(line);
                }
            }
            known.last_arrival = last;
        }
        let lines = known.lines.values().copied().collect();
        *kept = Some(known);
        Ok(lines)
    }
}

fn measured(batch: &RecordBatch) -> Result<Vec<Measured>, LakeError> {
    let signals = texts(batch, "signal")?
        .into_iter()
        .map(|path| Signal::by_path(&path).or(Err(LakeError::Foreign { column: "signal" })))
        .collect::<Result<Vec<_>, _>>()?;
    let vehicles = vehicles(batch)?;
    let rows = integers(batch, "rows")?;
    let (first, last) = (times(batch, "first")?, times(batch, "last")?);
    let lines = vehicles.into_iter().zip(signals).zip(rows).zip(first.into_iter().zip(last));
    let measured = lines.map(|(((vehicle, signal), rows), (first_at, last_at))| Measured {
        vehicle,
        signal,
        rows: u64::try_from(rows).unwrap_or(0),
        first_at,
        last_at,
    });
    Ok(measured.collect())
}

fn times(batch: &RecordBatch, column: &'static str) -> Result<Vec<Timestamp>, LakeError> {
    let found = batch.column_by_name(column);
    let micros = found
        .and_then(|found| found.as_primitive_opt::<TimestampMicrosecondType>())
        .filter(|micros| micros.null_count() == 0)
        .ok_or(LakeError::Foreign { column })?;
    Ok(micros.values().iter().map(|micros| Timestamp::from_micros(*micros)).collect())
}

#[cfg(test)]
mod tests {
    use telematics::testing::{samples, vehicle};

    use super::*;
    use crate::lake::Arrived;

    fn speed(arrival: i64, count: u16) -> Arrived {
        Arrived { arrival, vehicle: vehicle(1), samples: samples("Vehicle.Speed", count) }
    }

    #[tokio::test]
    async fn what_is_in_the_lake_is_measured_and_kept_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        let rows = async |version| {
            let lines = lake.describe(version).await.unwrap();
            lines.iter().map(|line| line.rows).collect::<Vec<_>>()
        };
        assert_eq!(rows(lake.version()).await, [0; 0]);

        lake.append(&[speed(1, 5)]).await.unwrap();
        let early = lake.version();
        assert_eq!(rows(early).await, [5]);
        lake.append(&[speed(2, 7)]).await.unwrap();
        assert_eq!(rows(lake.version()).await, [12]);

        let sent = samples("Vehicle.Speed", 7);
        let expected = Measured {
            vehicle: vehicle(1),
            signal: sent[0].signal,
            rows: 12,
            first_at: sent[0].time,
            last_at: sent[6].time,
        };
        assert_eq!(lake.describe(lake.version()).await.unwrap(), [expected]);
        assert_eq!(rows(early).await, [5], "an older version has what it had");
        let reopened = Lake::open(folder.path()).await.unwrap();
        assert_eq!(reopened.describe(reopened.version()).await.unwrap(), [expected]);
    }
}
