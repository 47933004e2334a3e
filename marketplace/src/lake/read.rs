//! Questions to the lake, answered at a pinned version so that two answers agree.

use std::collections::BTreeMap;

use deltalake::arrow::array::{Array, AsArray, RecordBatch};
use deltalake::arrow::compute::cast;
use deltalake::arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use deltalake::datafusion::common::ScalarValue;
use deltalake::datafusion::functions_aggregate::expr_fn::{count, max, min};
use deltalake::datafusion::prelude::{DataFrame, Expr, SessionContext, col, lit};
use deltalake::delta_datafusion::create_session_state_with_spill_config;
use telematics::{Signal, Timestamp, VehicleId};

use super::{Lake, LakeError};

/// Memory that one query may take before it goes on in temporary files.
const QUERY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Which rows are meant.
#[derive(Clone, Debug)]
pub struct RowFilter {
    /// Of these signals.
    pub signals: Vec<Signal>,
    /// Of these vehicles; of all when it is not said.
    pub vehicles: Option<Vec<VehicleId>>,
}

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

/// Rows of the lake, not read yet.
pub struct Rows {
    /// What else the query may use.
    pub session: SessionContext,
    /// The rows, with the columns of the lake.
    pub frame: DataFrame,
}

impl Lake {
    /// The rows that `filter` means, at `version`.
    ///
    /// # Errors
    /// When the version is unknown or its log can not be read.
    pub async fn rows(&self, version: u64, filter: &RowFilter) -> Result<Rows, LakeError> {
        let Rows { session, frame } = self.all_rows(version).await?;
        let groups = filter.signals.iter().map(|signal| signal.group().as_str());
        let signals = filter.signals.iter().map(|signal| signal.path());
        // The group follows from the signal; saying it lets whole partitions be left out.
        let mut wanted = one_of("group", groups).and(one_of("signal", signals));
        if let Some(vehicles) = &filter.vehicles {
            wanted = wanted.and(one_of("vehicle", vehicles.iter().map(ToString::to_string)));
        }
        Ok(Rows { session, frame: frame.filter(wanted)? })
    }

    /// Rows per vehicle that `filter` means, at `version`. Vehicles without rows are not in it.
    ///
    /// # Errors
    /// As [`Self::rows`], and when the query fails.
    pub async fn count(
        &self,
        version: u64,
        filter: &RowFilter,
    ) -> Result<BTreeMap<VehicleId, u64>, LakeError> {
        let rows = self.rows(version, filter).await?;
        let counted =
            rows.frame.aggregate(vec![col("vehicle")], vec![count(lit(1)).alias("rows")])?;
        let mut counts = BTreeMap::new();
        for batch in counted.collect().await? {
            for (vehicle, rows) in vehicles(&batch)?.into_iter().zip(integers(&batch, "rows")?) {
                counts.insert(vehicle, u64::try_from(rows).unwrap_or(0));
            }
        }
        Ok(counts)
    }

    /// What is in the table at `version`, by vehicle and signal.
    ///
    /// # Errors
    /// As [`Self::rows`], and when the query fails.
    pub async fn describe(&self, version: u64) -> Result<Vec<Measured>, LakeError> {
        let aggregates = vec![
            count(lit(1)).alias("rows"),
            min(col("time")).alias("first"),
            max(col("time")).alias("last"),
        ];
        let frame = self.all_rows(version).await?.frame;
        let grouped = frame.aggregate(vec![col("vehicle"), col("signal")], aggregates)?;
        let mut all = Vec::new();
        for batch in grouped.collect().await? {
            all.extend(measured(&batch)?);
        }
        all.sort_by_key(|measured| (measured.vehicle, measured.signal));
        Ok(all)
    }

    async fn all_rows(&self, version: u64) -> Result<Rows, LakeError> {
        let mut table = self.latest();
        if table.version() != Some(version) {
            table.load_version(version).await?;
        }
        let state = create_session_state_with_spill_config(Some(QUERY_BYTES_MAX), None);
        let session = SessionContext::new_with_state(state);
        let frame = session.read_table(table.table_provider().await?)?;
        Ok(Rows { session, frame })
    }
}

fn one_of(column: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Expr {
    let value = |value: String| Expr::Literal(ScalarValue::Utf8(Some(value)), None);
    col(column).in_list(values.into_iter().map(Into::into).map(value).collect(), false)
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

fn vehicles(batch: &RecordBatch) -> Result<Vec<VehicleId>, LakeError> {
    let parse =
        |text: String| VehicleId::parse(&text).or(Err(LakeError::Foreign { column: "vehicle" }));
    texts(batch, "vehicle")?.into_iter().map(parse).collect()
}

fn texts(batch: &RecordBatch, column: &'static str) -> Result<Vec<String>, LakeError> {
    let found = batch.column_by_name(column).ok_or(LakeError::Foreign { column })?;
    // The engine chooses between string representations.
    let plain = cast(found, &DataType::Utf8)?;
    let texts = plain.as_string_opt::<i32>().ok_or(LakeError::Foreign { column })?;
    Ok(texts.iter().flatten().map(ToOwned::to_owned).collect())
}

fn integers(batch: &RecordBatch, column: &'static str) -> Result<Vec<i64>, LakeError> {
    let found =
        batch.column_by_name(column).and_then(|found| found.as_primitive_opt::<Int64Type>());
    Ok(found.ok_or(LakeError::Foreign { column })?.values().to_vec())
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

    fn arrived(arrival: i64, number: u8, path: &str, count: u16) -> Arrived {
        Arrived { arrival, vehicle: vehicle(number), samples: samples(path, count) }
    }

    fn filter(numbers: &[u8], paths: &[&str]) -> RowFilter {
        RowFilter {
            signals: paths.iter().map(|path| Signal::by_path(path).unwrap()).collect(),
            vehicles: Some(numbers.iter().map(|number| vehicle(*number)).collect()),
        }
    }

    #[tokio::test]
    async fn what_was_appended_is_counted_once_however_often_it_is_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let batches = [arrived(1, 1, "Vehicle.Speed", 5), arrived(2, 2, "Vehicle.Speed", 7)];

        let lake = Lake::open(folder.path()).await.unwrap();
        assert_eq!(lake.append(&batches).await.unwrap(), 12);
        // The commit happened, but whoever made it died before he knew.
        drop(lake);
        let lake = Lake::open(folder.path()).await.unwrap();
        assert_eq!(lake.last_arrival().await.unwrap(), 2);
        assert_eq!(lake.append(&batches).await.unwrap(), 0);
        let more = [batches.to_vec(), vec![arrived(3, 1, "Vehicle.Speed", 1)]].concat();
        assert_eq!(lake.append(&more).await.unwrap(), 1);

        let counts =
            lake.count(lake.version(), &filter(&[1, 2], &["Vehicle.Speed"])).await.unwrap();
        assert_eq!(counts, BTreeMap::from([(vehicle(1), 6), (vehicle(2), 7)]));
    }

    #[tokio::test]
    async fn two_processes_do_not_write_a_batch_twice() {
        let folder = tempfile::tempdir().unwrap();
        let one = Lake::open(folder.path()).await.unwrap();
        let other = Lake::open(folder.path()).await.unwrap();
        let batch = [arrived(1, 1, "Vehicle.Speed", 5)];

        assert_eq!(one.append(&batch).await.unwrap(), 5);
        assert_eq!(other.append(&batch).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_pinned_version_does_not_see_what_came_later() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        lake.append(&[arrived(1, 1, "Vehicle.Speed", 5)]).await.unwrap();
        let pinned = lake.version();
        lake.append(&[arrived(2, 1, "Vehicle.Speed", 5)]).await.unwrap();

        let speed = filter(&[1], &["Vehicle.Speed"]);
        assert_eq!(lake.count(pinned, &speed).await.unwrap()[&vehicle(1)], 5);
        assert_eq!(lake.count(lake.version(), &speed).await.unwrap()[&vehicle(1)], 10);
    }

    #[tokio::test]
    async fn only_what_the_filter_means_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        let gear = "Vehicle.Powertrain.Transmission.CurrentGear";
        lake.append(&[
            arrived(1, 1, "Vehicle.Speed", 5),
            arrived(2, 1, gear, 3),
            arrived(3, 2, gear, 4),
        ])
        .await
        .unwrap();

        let count = async |filter: RowFilter| lake.count(lake.version(), &filter).await.unwrap();
        assert_eq!(count(filter(&[1], &[gear])).await, BTreeMap::from([(vehicle(1), 3)]));
        assert_eq!(count(filter(&[3], &[gear])).await, BTreeMap::new());
        assert_eq!(count(filter(&[1, 2], &[])).await, BTreeMap::new());
        let everyone = RowFilter { vehicles: None, ..filter(&[], &[gear]) };
        assert_eq!(count(everyone).await, BTreeMap::from([(vehicle(1), 3), (vehicle(2), 4)]));
    }

    #[tokio::test]
    async fn describing_measures_rows_and_times() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        assert!(lake.describe(lake.version()).await.unwrap().is_empty());

        lake.append(&[arrived(1, 1, "Vehicle.Speed", 5)]).await.unwrap();

        let sent = samples("Vehicle.Speed", 5);
        let expected = Measured {
            vehicle: vehicle(1),
            signal: sent[0].signal,
            rows: 5,
            first_at: sent[0].time,
            last_at: sent[4].time,
        };
        assert_eq!(lake.describe(lake.version()).await.unwrap(), [expected]);
    }
}
