//! What is in the lake, by vehicle and signal.
//!
//! Measured once and then kept up to date with each batch that this process appends. Those that another
//! process appended are read, and Delta Lake finds them by the `arrival` bounds of its files.
//!
//! **Invariant:** rows are only ever added, so what was measured stays true; whoever removes some forgets it.
//! A process that starts measures everything again.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use deltalake::arrow::array::{AsArray, RecordBatch};
use deltalake::arrow::datatypes::TimestampMicrosecondType;
use deltalake::datafusion::common::ScalarValue;
use deltalake::datafusion::functions_aggregate::expr_fn::{count, max, min};
use deltalake::datafusion::prelude::{Expr, col, lit, when};
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
    /// Time of the first; none while all are of the future.
    pub first_at: Option<Timestamp>,
    /// Time of the last that is not of the future.
    pub last_at: Option<Timestamp>,
}

/// Everything that was measured up to one batch.
#[derive(Default)]
pub(super) struct Statistics {
    last_arrival: i64,
    /// The version that was measured, or an earlier one.
    version: u64,
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
                line.first_at = earliest(line.first_at, new.first_at);
                line.last_at = line.last_at.max(new.last_at);
            }
        }
    }
}

/// The earlier of two times, as far as there are any.
#[must_use]
pub fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

impl Lake {
    /// Knows what `batches` bring, which were appended and are all that came behind `last`, so that they
    /// need not be read again. Rows later than `horizon` are as in [`Self::describe`].
    pub async fn measure(&self, batches: &[Arrived], last: i64, horizon: Timestamp) {
        let mut kept = self.measured.lock().await;
        let Some(known) = kept.as_mut().filter(|known| known.last_arrival == last) else { return };
        let Some(newest) = batches.iter().map(|batch| batch.arrival).max() else { return };
        let batches = batches.iter().collect::<Vec<_>>();
        for run in partitions(&batches).into_values().flatten() {
            let times = run.samples.iter().map(|sample| sample.time);
            let past = times.filter(|time| *time <= horizon);
            known.add(Measured {
                vehicle: run.vehicle,
                signal: run.signal,
                rows: u64::try_from(run.samples.len()).unwrap_or(u64::MAX),
                first_at: past.clone().min(),
                last_at: past.max(),
            });
        }
        known.last_arrival = newest;
    }

    /// What is in the table at `version`, by vehicle and signal. Rows that are later than `horizon` when
    /// they are measured are counted, but are neither first nor last.
    ///
    /// # Errors
    /// When the version is unknown, or the query fails.
    pub async fn describe(
        &self,
        version: u64,
        horizon: Timestamp,
    ) -> Result<Vec<Measured>, LakeError> {
        let table = self.at(version).await?;
        let last = last_arrival(&table).await?;
        let mut kept = self.measured.lock().await;
        // An older version than was measured last: begin anew.
        let is_earlier =
            |known: &Statistics| known.last_arrival <= last && known.version <= version;
        let mut known = kept.take().filter(is_earlier).unwrap_or_default();
        known.version = version;
        if known.last_arrival < last {
            let new =
                all_rows(&table).await?.frame.filter(col("arrival").gt(lit(known.last_arrival)))?;
            let grouped =
                new.aggregate(vec![col("vehicle"), col("signal")], aggregates(horizon)?)?;
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

/// What is asked about each signal of each vehicle.
fn aggregates(horizon: Timestamp) -> Result<Vec<Expr>, LakeError> {
    let micros = Some(horizon.as_micros());
    let horizon = lit(ScalarValue::TimestampMicrosecond(micros, Some("UTC".into())));
    // Of a row that is later there is no time.
    let past = when(col("time").lt_eq(horizon), col("time")).end()?;
    Ok(vec![count(lit(1)).alias("rows"), min(past.clone()).alias("first"), max(past).alias("last")])
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

fn times(batch: &RecordBatch, column: &'static str) -> Result<Vec<Option<Timestamp>>, LakeError> {
    let found = batch.column_by_name(column);
    let micros = found
        .and_then(|found| found.as_primitive_opt::<TimestampMicrosecondType>())
        .ok_or(LakeError::Foreign { column })?;
    Ok(micros.iter().map(|micros| micros.map(Timestamp::from_micros)).collect())
}

#[cfg(test)]
mod tests {
    use telematics::Sample;
    use telematics::testing::{T0, samples, vehicle};

    use super::*;
    use crate::lake::Arrived;

    const LATER: Timestamp = T0.plus_seconds(86_400);

    fn speed(arrival: i64, count: u16) -> Arrived {
        Arrived { arrival, vehicle: vehicle(1), samples: samples("Vehicle.Speed", count) }
    }

    #[tokio::test]
    async fn what_was_appended_needs_not_be_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        let horizon = T0.plus_seconds(60);
        lake.append(&[speed(1, 5)]).await.unwrap();
        lake.describe(lake.version(), horizon).await.unwrap();

        lake.append(&[speed(2, 7)]).await.unwrap();
        lake.measure(&[speed(2, 7)], 1, horizon).await;
        // Known already, and not behind what is known: neither counts twice.
        lake.measure(&[speed(2, 7)], 1, horizon).await;
        let known = lake.describe(lake.version(), horizon).await.unwrap();

        assert_eq!(known[0].rows, 12);
        let reopened = Lake::open(folder.path()).await.unwrap();
        assert_eq!(reopened.describe(reopened.version(), horizon).await.unwrap(), known);
    }

    #[tokio::test]
    async fn what_is_in_the_lake_is_measured_and_kept_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        let rows = async |version| {
            let lines = lake.describe(version, LATER).await.unwrap();
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
            first_at: Some(sent[0].time),
            last_at: Some(sent[6].time),
        };
        assert_eq!(lake.describe(lake.version(), LATER).await.unwrap(), [expected]);
        assert_eq!(rows(early).await, [5], "an older version has what it had");
        let reopened = Lake::open(folder.path()).await.unwrap();
        assert_eq!(reopened.describe(reopened.version(), LATER).await.unwrap(), [expected]);
    }

    #[tokio::test]
    async fn what_is_later_than_the_horizon_is_counted_and_never_the_last() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        let at = |arrival, seconds: &[i64]| {
            let sample = |second: &i64| Sample {
                time: T0.plus_seconds(*second),
                ..samples("Vehicle.Speed", 1)[0]
            };
            let samples = seconds.iter().map(sample).collect();
            Arrived { arrival, vehicle: vehicle(1), samples }
        };
        let described = async || {
            let lines = lake.describe(lake.version(), T0.plus_seconds(300)).await.unwrap();
            let seconds =
                |time: Option<Timestamp>| time.map(|time| time.micros_since(T0) / 1_000_000);
            (lines[0].rows, seconds(lines[0].first_at), seconds(lines[0].last_at))
        };

        lake.append(&[at(1, &[301, 4_000_000])]).await.unwrap();
        assert_eq!(described().await, (2, None, None));
        lake.append(&[at(2, &[9, 300, 302])]).await.unwrap();
        assert_eq!(described().await, (5, Some(9), Some(300)));
        lake.append(&[at(3, &[8_000_000])]).await.unwrap();
        assert_eq!(described().await, (6, Some(9), Some(300)));
    }
}
