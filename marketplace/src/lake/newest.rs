//! The newest rows: the table as it is now, together with batches that are not in it yet.

use std::sync::Arc;

use deltalake::DeltaTable;
use deltalake::arrow::array::RecordBatch;
use deltalake::arrow::compute::cast;
use deltalake::arrow::datatypes::{DataType, Field, Schema};
use deltalake::datafusion::common::ScalarValue;
use deltalake::datafusion::prelude::{DataFrame, SessionContext};
use deltalake::kernel::LogicalFileView;
use object_store::ObjectStore;
use object_store::path::Path;

use super::columns::record_batch;
use super::{Arrived, Lake, LakeError};

/// The table as it was when it was asked for, whatever is written meanwhile.
pub struct Newest {
    pub(super) table: DeltaTable,
    /// The last batch that is in it.
    pub last_arrival: i64,
}

impl Lake {
    /// The newest version of the table that this process knows.
    ///
    /// # Errors
    /// When its log can not be read.
    pub async fn newest(&self) -> Result<Newest, LakeError> {
        match self.newest_of(self.latest()).await {
            // Another process may have cut the log off that this one has read.
            Err(_) => self.refresh().await,
            known => known,
        }
    }
}

/// A Parquet file of the table.
#[derive(Clone, Debug)]
pub struct LakeFile {
    /// Its place in the table's store.
    pub path: Path,
    /// Its size.
    pub bytes: u64,
    /// Where it is.
    pub folder: Folder,
}

/// What all rows of a file have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The day, as days since 1970.
    pub day: Option<i32>,
    /// The group of signals.
    pub group: String,
}

impl Newest {
    /// Where the files are.
    #[must_use]
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        self.table.log_store().object_store(None)
    }

    /// The files of the table.
    ///
    /// # Errors
    /// When another program took rows out of a file without writing it anew, which we do not read.
    pub fn files(&self) -> Result<Vec<LakeFile>, LakeError> {
        let snapshot = self.table.snapshot()?.snapshot();
        let file = |file: LogicalFileView| {
            if file.deletion_vector_descriptor().is_some() {
                return Err(LakeError::Foreign { column: "deletionVector" });
            }
            let values = file.partition_values_map();
            let value = |name: &str| values.get(name).cloned().flatten();
            let day = value("day").map(|day| ScalarValue::try_from_string(day, &DataType::Date32));
            let day = match day.transpose()? {
                Some(ScalarValue::Date32(day)) => day,
                _ => None,
            };
            let folder = Folder { day, group: value("group").unwrap_or_default() };
            let bytes = u64::try_from(file.size()).unwrap_or(0);
            Ok(LakeFile { path: file.object_store_path(), bytes, folder })
        };
        snapshot.log_data().iter().map(file).collect()
    }

    /// Every row of the table, and those of `recent`, which came after [`Self::last_arrival`].
    ///
    /// # Errors
    /// When the table's log can not be read.
    pub async fn rows(
        &self,
        session: &SessionContext,
        recent: &[Arrived],
    ) -> Result<DataFrame, LakeError> {
        let frame = session.read_table(self.table.table_provider().await?)?;
        let recent = record_batch(&recent.iter().collect::<Vec<_>>())?;
        if recent.num_rows() == 0 {
            return Ok(frame);
        }
        let recent = in_form_of(frame.schema().as_arrow(), &recent)?;
        Ok(frame.union(session.read_batch(recent)?)?)
    }
}

/// The engine chooses between representations of a column; adding rows in another one would have it
/// convert the whole table.
fn in_form_of(schema: &Schema, rows: &RecordBatch) -> Result<RecordBatch, LakeError> {
    let column = |field: &Arc<Field>| {
        let found = rows.column_by_name(field.name());
        let found = found.ok_or(LakeError::Foreign { column: "of recent rows" })?;
        Ok((field.name().clone(), cast(found, field.data_type())?))
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>, LakeError>>()?;
    Ok(RecordBatch::try_from_iter(columns)?)
}

#[cfg(test)]
mod tests {
    use telematics::testing::{samples, vehicle};

    use super::*;

    #[tokio::test]
    async fn rows_that_are_not_in_the_table_yet_are_added() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        let batch = |arrival, count| {
            let samples = samples("Vehicle.Speed", count);
            Arrived { arrival, vehicle: vehicle(1), samples }
        };
        let count = async |lake: &Lake, recent: &[Arrived]| {
            let newest = lake.newest().await.unwrap();
            let rows = newest.rows(&SessionContext::new(), recent).await.unwrap();
            (newest.last_arrival, rows.count().await.unwrap())
        };
        assert_eq!(count(&lake, &[]).await, (0, 0));
        assert_eq!(count(&lake, &[batch(1, 5)]).await, (0, 5));

        lake.append(&[batch(1, 5)]).await.unwrap();
        let pinned = lake.newest().await.unwrap();
        lake.append(&[batch(2, 7)]).await.unwrap();

        assert_eq!(count(&lake, &[batch(3, 1), batch(4, 2)]).await, (2, 15));
        let rows = pinned.rows(&SessionContext::new(), &[]).await.unwrap();
        assert_eq!((pinned.last_arrival, rows.count().await.unwrap()), (1, 5));
    }
}
