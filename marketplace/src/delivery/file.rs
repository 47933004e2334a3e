//! Writing the Parquet file of a delivery: whole or not at all.
//!
//! **Invariant:** a file has its final name only when all of it, and the name, are on the disk.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use deltalake::arrow::array::{AsArray, RecordBatch};
use deltalake::datafusion::execution::SendableRecordBatchStream;
use deltalake::parquet::arrow::AsyncArrowWriter;
use deltalake::parquet::basic::{Compression, ZstdLevel};
use deltalake::parquet::file::properties::WriterProperties;
use sha2::{Digest, Sha256};
use tokio_stream::StreamExt as _;

use super::DeliveryError;

/// Rows that are in memory while a file is written.
const ROWS_PER_GROUP: usize = 256 * 1024;
/// Bytes that are hashed at a time.
const HASH_BYTES: usize = 64 * 1024;

/// A file that is on the disk.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// Rows of each value of the first column.
    pub(super) rows: BTreeMap<String, u64>,
    pub(super) bytes: u64,
    pub(super) sha256: [u8; 32],
}

/// Writes all of `rows` to `file`.
pub(super) async fn write(
    file: &Path,
    rows: SendableRecordBatchStream,
) -> Result<Written, DeliveryError> {
    let refuse = |source| DeliveryError::File { file: file.display().to_string(), source };
    let unfinished = file.with_extension("unfinished");
    // What a crashed attempt left is overwritten.
    let output = tokio::fs::File::create(&unfinished).await.map_err(refuse)?;
    let (output, counted) = write_columns(output, rows).await?;
    output.sync_all().await.map_err(refuse)?;
    drop(output);

    let name = file.to_owned();
    let finish = move || -> std::io::Result<(u64, [u8; 32])> {
        let digest = hash(&unfinished)?;
        std::fs::rename(&unfinished, &name)?;
        if let Some(folder) = name.parent() {
            std::fs::File::open(folder)?.sync_all()?;
        }
        Ok(digest)
    };
    let finished = tokio::task::spawn_blocking(finish).await;
    let (bytes, sha256) =
        finished.map_err(|gone| refuse(std::io::Error::other(gone)))?.map_err(refuse)?;
    Ok(Written { rows: counted, bytes, sha256 })
}

async fn write_columns(
    output: tokio::fs::File,
    mut rows: SendableRecordBatchStream,
) -> Result<(tokio::fs::File, BTreeMap<String, u64>), DeliveryError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROWS_PER_GROUP))
        .build();
    let mut writer = AsyncArrowWriter::try_new(output, rows.schema(), Some(properties))?;
    let mut counted = BTreeMap::new();
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        count(&mut counted, &batch);
        writer.write(&batch).await?;
    }
    writer.finish().await?;
    Ok((writer.into_inner(), counted))
}

/// Adds the rows of `batch` by the text in its first column.
fn count(counted: &mut BTreeMap<String, u64>, batch: &RecordBatch) {
    let names = batch.columns().first().and_then(|column| column.as_string_opt::<i32>());
    for name in names.into_iter().flat_map(|names| names.iter().flatten()) {
        match counted.get_mut(name) {
            Some(rows) => *rows += 1,
            None => {
                counted.insert(name.to_owned(), 1);
            }
        }
    }
}

fn hash(file: &Path) -> std::io::Result<(u64, [u8; 32])> {
    let mut input = std::fs::File::open(file)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; HASH_BYTES];
    let mut bytes = 0_u64;
    loop {
        let read = input.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, digest.finalize().into()));
        }
        digest.update(buffer.get(..read).unwrap_or_default());
        bytes += u64::try_from(read).unwrap_or(0);
    }
}
