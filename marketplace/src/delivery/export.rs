//! Everything that a vehicle sent, as one Parquet file for its owner: made while it is read.
//!
//! **Invariant:** no more than one part of the file is in memory, and it has all samples that were acknowledged
//! and are not over, those of the future too. It is made from the archive, which needs no lake; only what
//! came before the last batch whose payload is gone is read from there.

use deltalake::arrow::array::RecordBatch;
use deltalake::datafusion::execution::SendableRecordBatchStream;
use deltalake::parquet::arrow::ArrowWriter;
use deltalake::parquet::basic::{Compression, ZstdLevel};
use deltalake::parquet::file::properties::WriterProperties;
use futures_util::TryStreamExt as _;
use telematics::VehicleId;
use telematics::payload;

use super::DeliveryError;
use crate::archive::{self, StoredBatch};
use crate::db::Db;
use crate::lake::{Arrived, Lake, record_batch};

/// Batches in a part: at most 200,000 samples, some 20 MB.
const BATCHES_IN_PART: u32 = 20;

/// A file that is being made.
pub struct Export {
    db: Db,
    vehicle: VehicleId,
    /// Rows of batches up to the last whose payload is gone, while there are any.
    before: Option<SendableRecordBatchStream>,
    /// That batch.
    gone: Option<(i64, u64)>,
    /// Position of the last batch that is in it.
    written: u64,
    writer: ArrowWriter<Vec<u8>>,
}

impl Export {
    /// Begins the file of `vehicle`.
    ///
    /// # Errors
    /// When archive or lake can not be read, or the columns not be written.
    pub async fn begin(db: Db, lake: &Lake, vehicle: VehicleId) -> Result<Self, DeliveryError> {
        let schema = record_batch(&[])?.schema();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let gone = last_gone(&db, vehicle).await?;
        let before = match gone {
            Some((arrival, _)) => Some(lake.rows_until(vehicle, arrival, &schema).await?),
            None => None,
        };
        let writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
        let written = gone.map_or(0, |(_, seq)| seq);
        Ok(Self { db, vehicle, before, gone, written, writer })
    }

    /// The next part, and what goes on behind it; the last part has nothing behind it.
    ///
    /// # Errors
    /// When archive or lake can not be read, or the columns not be written; and when payloads that were still to
    /// come went meanwhile.
    pub async fn next(mut self) -> Result<(Vec<u8>, Option<Self>), DeliveryError> {
        if let Some(mut before) = self.before.take()
            && let Some(rows) = before.try_next().await?
        {
            self.before = Some(before);
            let part = tokio::task::spawn_blocking(move || self.part(&rows)).await;
            return part.map_err(DeliveryError::Interrupted)?;
        }
        let (vehicle, written) = (self.vehicle, self.written);
        let read = move |conn: &mut _| archive::of_vehicle(conn, vehicle, written, BATCHES_IN_PART);
        let batches = self.db.read(read).await?;
        if batches.is_empty() && last_gone(&self.db, vehicle).await? != self.gone {
            return Err(DeliveryError::Over { vehicle });
        }
        let part = tokio::task::spawn_blocking(move || self.write(&batches)).await;
        part.map_err(DeliveryError::Interrupted)?
    }

    fn write(mut self, batches: &[StoredBatch]) -> Result<(Vec<u8>, Option<Self>), DeliveryError> {
        let Some(last) = batches.last() else {
            return Ok((self.writer.into_inner()?, None));
        };
        self.written = last.seq;
        let decoded = batches.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        self.part(&record_batch(&decoded.iter().collect::<Vec<_>>())?)
    }

    fn part(mut self, rows: &RecordBatch) -> Result<(Vec<u8>, Option<Self>), DeliveryError> {
        self.writer.write(rows)?;
        self.writer.flush()?;
        // The writer counts bytes by itself, so what it wrote can be taken away.
        let part = std::mem::take(self.writer.inner_mut());
        Ok((part, Some(self)))
    }
}

async fn last_gone(db: &Db, vehicle: VehicleId) -> Result<Option<(i64, u64)>, DeliveryError> {
    Ok(db.read(move |conn| archive::last_gone(conn, vehicle)).await?)
}

fn decode(batch: &StoredBatch) -> Result<Arrived, DeliveryError> {
    let contents =
        payload::decode(&batch.payload).or(Err(DeliveryError::Damaged { table: "batches" }))?;
    Ok(Arrived { arrival: batch.arrival, vehicle: batch.vehicle, samples: contents.samples })
}
