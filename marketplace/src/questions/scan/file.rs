//! Parquet files of samples, and what is remembered of them: where each signal of each vehicle is.
//!
//! **Invariant:** a file never changes once it has its name, so what is remembered of it stays true. The memory
//! is bounded: what was not used for longest is forgotten, and read again when it is asked for.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use deltalake::arrow::datatypes::{Field, Schema};
use deltalake::datafusion::common::runtime::SpawnedTask;
use deltalake::datafusion::error::{DataFusionError, Result};
use deltalake::parquet::arrow::ProjectionMask;
use deltalake::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, RowSelection,
};
use deltalake::parquet::arrow::async_reader::{
    AsyncFileReader, ParquetRecordBatchStream, ParquetRecordBatchStreamBuilder,
};
use deltalake::parquet::errors::{ParquetError, Result as ParquetResult};
use deltalake::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _, TryFutureExt as _, TryStreamExt as _};
use lru::LruCache;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::columns::name_type;
use super::runs::{RunIndex, Runs};

/// Rows that are decoded together: enough to be worth it, few enough to fit into caches.
pub(super) const BATCH_ROWS: usize = 32 * 1024;
/// What is remembered of all files together. A run takes 48 bytes.
const REMEMBERED_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Files that are looked through at once.
const READ_AT_ONCE_MAX: usize = 8;

/// A Parquet file with the columns `vehicle`, `signal`, `time` and `value`, and perhaps more.
#[derive(Clone, Debug)]
pub(in crate::questions) struct SampleFile {
    pub(in crate::questions) store: Arc<dyn ObjectStore>,
    pub(in crate::questions) path: Path,
    pub(in crate::questions) bytes: u64,
}

/// What there is in a file.
#[derive(Debug)]
pub(super) struct FileIndex {
    metadata: ArrowReaderMetadata,
    pub(super) runs: RunIndex,
}

impl SampleFile {
    /// Some of the columns of one row group, and all of its rows or those selected.
    pub(super) fn read(
        &self,
        index: &FileIndex,
        row_group: u32,
        columns: &[&str],
        selection: Option<RowSelection>,
    ) -> Result<ParquetRecordBatchStream<Self>> {
        self.read_with(&index.metadata, row_group, columns, selection)
    }

    fn read_with(
        &self,
        metadata: &ArrowReaderMetadata,
        row_group: u32,
        columns: &[&str],
        selection: Option<RowSelection>,
    ) -> Result<ParquetRecordBatchStream<Self>> {
        let row_group = usize::try_from(row_group).unwrap_or(usize::MAX);
        let mask = ProjectionMask::columns(metadata.parquet_schema(), columns.iter().copied());
        let mut rows =
            ParquetRecordBatchStreamBuilder::new_with_metadata(self.clone(), metadata.clone())
                .with_projection(mask)
                .with_row_groups(vec![row_group])
                .with_batch_size(BATCH_ROWS);
        if let Some(selection) = selection {
            rows = rows.with_row_selection(selection);
        }
        Ok(rows.build()?)
    }

    /// Reads the names and times of all rows.
    async fn look_through(self) -> Result<FileIndex> {
        let looked = self.runs().await;
        looked.map_err(|error| error.context(format!("in the file {}", self.path)))
    }

    async fn runs(&self) -> Result<FileIndex> {
        let options = ArrowReaderOptions::new().with_offset_index_policy(PageIndexPolicy::Optional);
        let metadata = ArrowReaderMetadata::load_async(&mut self.clone(), options).await?;
        let metadata = with_names_by_number(&metadata)?;
        let mut runs = Runs::default();
        for row_group in (0_u32..).take(metadata.metadata().num_row_groups()) {
            let columns = ["vehicle", "signal", "time"];
            let mut rows = self.read_with(&metadata, row_group, &columns, None)?;
            let mut first_row = 0;
            while let Some(rows) = rows.try_next().await? {
                runs.add(row_group, first_row, &rows)?;
                first_row += u32::try_from(rows.num_rows()).unwrap_or(u32::MAX);
            }
        }
        Ok(FileIndex { metadata, runs: runs.finish() })
    }
}

impl AsyncFileReader for SampleFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        self.store.get_range(&self.path, range).map_err(refused).boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        async move { self.store.get_ranges(&self.path, &ranges).await.map_err(refused) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        let bytes = self.bytes;
        let reader = ParquetMetaDataReader::new().with_arrow_reader_options(options);
        async move { Ok(Arc::new(reader.load_and_finish(self, bytes).await?)) }.boxed()
    }
}

fn refused(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

impl FileIndex {
    fn bytes(&self) -> usize {
        self.runs.bytes() + self.metadata.metadata().memory_size()
    }

    /// Rows of a row group.
    pub(super) fn rows_of(&self, row_group: u32) -> usize {
        let row_groups = self.metadata.metadata().row_groups();
        let row_group = usize::try_from(row_group).ok().and_then(|index| row_groups.get(index));
        row_group.map_or(0, |row_group| usize::try_from(row_group.num_rows()).unwrap_or(0))
    }
}

/// Has names read as numbers into a list of them, as they are written, instead of one by one.
fn with_names_by_number(metadata: &ArrowReaderMetadata) -> Result<ArrowReaderMetadata> {
    let field = |field: &Arc<Field>| match field.name().as_str() {
        "vehicle" | "signal" => Arc::new(field.as_ref().clone().with_data_type(name_type())),
        _ => Arc::clone(field),
    };
    let fields = metadata.schema().fields().iter().map(field).collect::<Vec<_>>();
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
    Ok(ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)?)
}

/// What is remembered of files. Cheap to clone.
#[derive(Clone)]
pub(in crate::questions) struct Indexes(Arc<Mutex<Remembered>>);

struct Remembered {
    files: LruCache<(Path, u64), Arc<FileIndex>>,
    bytes: usize,
}

impl Default for Indexes {
    fn default() -> Self {
        let files = LruCache::unbounded();
        Self(Arc::new(Mutex::new(Remembered { files, bytes: 0 })))
    }
}

impl Indexes {
    /// What is in each of `files`, in their order.
    pub(super) async fn of(&self, files: &[SampleFile]) -> Result<Vec<Arc<FileIndex>>> {
        let one = |file: SampleFile| async move {
            if let Some(index) = self.remembered(&file) {
                return Ok(index);
            }
            let looked = SpawnedTask::spawn(file.clone().look_through()).join().await;
            let index = looked.map_err(|error| DataFusionError::External(Box::new(error)))??;
            let index = Arc::new(index);
            self.remember(&file, &index);
            Ok(index)
        };
        futures_util::stream::iter(files.to_vec())
            .map(one)
            .buffered(READ_AT_ONCE_MAX)
            .try_collect()
            .await
    }

    fn remembered(&self, file: &SampleFile) -> Option<Arc<FileIndex>> {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.files.get(&(file.path.clone(), file.bytes)).cloned()
    }

    fn remember(&self, file: &SampleFile, index: &Arc<FileIndex>) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.bytes += index.bytes();
        let before = memory.files.push((file.path.clone(), file.bytes), Arc::clone(index));
        memory.bytes -= before.map_or(0, |(_, before)| before.bytes());
        while memory.bytes > REMEMBERED_BYTES_MAX
            && let Some((_, oldest)) = memory.files.pop_lru()
        {
            memory.bytes -= oldest.bytes();
        }
    }
}
