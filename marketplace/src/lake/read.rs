//! Questions to the lake, answered at a pinned version so that two answers agree.

use std::collections::BTreeMap;
use std::sync::Arc;

use deltalake::DeltaTable;
use deltalake::arrow::array::{AsArray, RecordBatch};
use deltalake::arrow::compute::cast;
use deltalake::arrow::datatypes::{DataType, Field, Int64Type, Schema};
use deltalake::datafusion::common::ScalarValue;
use deltalake::datafusion::execution::SendableRecordBatchStream;
use deltalake::datafusion::functions_aggregate::expr_fn::count;
use deltalake::datafusion::prelude::{DataFrame, Expr, SessionContext, cast as cast_to, col, lit};
use deltalake::delta_datafusion::create_session_state_with_spill_config;
use telematics::{Signal, VehicleId};

use super::table::{last_arrival, load};
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
    /// Of batches behind this one; 0 for all.
    pub after_arrival: i64,
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
        if filter.after_arrival > 0 {
            wanted = wanted.and(col("arrival").gt(lit(filter.after_arrival)));
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

    /// The last batch that is in the table at `version`.
    ///
    /// # Errors
    /// When the version is unknown or its log can not be read.
    pub async fn last_arrival_at(&self, version: u64) -> Result<i64, LakeError> {
        last_arrival(&self.at(version).await?).await
    }

    /// Every row of `vehicle` that came with the batch `last` or before, in the columns of `schema`.
    ///
    /// # Errors
    /// When the table's log can not be read, or the query fails.
    pub async fn rows_until(
        &self,
        vehicle: VehicleId,
        last: i64,
        schema: &Schema,
    ) -> Result<SendableRecordBatchStream, LakeError> {
        let frame = all_rows(&self.latest()).await?.frame;
        let wanted = one_of("vehicle", [vehicle.to_string()]).and(col("arrival").lt_eq(lit(last)));
        let column = |field: &Arc<Field>| {
            cast_to(col(field.name()), field.data_type().clone()).alias(field.name())
        };
        let columns = schema.fields().iter().map(column).collect::<Vec<_>>();
        Ok(frame.filter(wanted)?.select(columns)?.execute_stream().await?)
    }

    /// The table as it was at `version`.
    pub(super) async fn at(&self, version: u64) -> Result<DeltaTable, LakeError> {
        let table = self.latest();
        if table.version() == Some(version) {
            return Ok(table);
        }
        Ok(load(&table.log_store(), Some(version)).await?)
    }

    async fn all_rows(&self, version: u64) -> Result<Rows, LakeError> {
        all_rows(&self.at(version).await?).await
    }
}

/// Every row of the table as it is loaded.
pub(super) async fn all_rows(table: &DeltaTable) -> Result<Rows, LakeError> {
    let state = create_session_state_with_spill_config(Some(QUERY_BYTES_MAX), None);
    let session = SessionContext::new_with_state(state);
    let frame = session.read_table(table.table_provider().await?)?;
    Ok(Rows { session, frame })
}

fn one_of(column: &str, values: impl IntoIterator<Item = impl Into<String>>) -> Expr {
    let value = |value: String| Expr::Literal(ScalarValue::Utf8(Some(value)), None);
    col(column).in_list(values.into_iter().map(Into::into).map(value).collect(), false)
}

pub(super) fn vehicles(batch: &RecordBatch) -> Result<Vec<VehicleId>, LakeError> {
    let parse =
        |text: String| VehicleId::parse(&text).or(Err(LakeError::Foreign { column: "vehicle" }));
    texts(batch, "vehicle")?.into_iter().map(parse).collect()
}

pub(super) fn texts(batch: &RecordBatch, column: &'static str) -> Result<Vec<String>, LakeError> {
    let found = batch.column_by_name(column).ok_or(LakeError::Foreign { column })?;
    // The engine chooses between string representations.
    let plain = cast(found, &DataType::Utf8)?;
    let texts = plain.as_string_opt::<i32>().ok_or(LakeError::Foreign { column })?;
    Ok(texts.iter().flatten().map(ToOwned::to_owned).collect())
}

pub(super) fn integers(batch: &RecordBatch, column: &'static str) -> Result<Vec<i64>, LakeError> {
    let found =
        batch.column_by_name(column).and_then(|found| found.as_primitive_opt::<Int64Type>());
    Ok(found.ok_or(LakeError::Foreign { column })?.values().to_vec())
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
            after_arrival: 0,
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
        let counts = count(everyone.clone()).await;
        assert_eq!(counts, BTreeMap::from([(vehicle(1), 3), (vehicle(2), 4)]));
        let new = RowFilter { after_arrival: 2, ..everyone };
        assert_eq!(count(new).await, BTreeMap::from([(vehicle(2), 4)]));
        assert_eq!(lake.last_arrival_at(lake.version()).await.unwrap(), 3);
    }
}
