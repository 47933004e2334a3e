//! Everything that a vehicle sent, as one Parquet file for its owner: made while it is read.
//!
//! **Invariant:** no more than one part of the file is in memory. It is made from the archive, so it has
//! all samples that were acknowledged, those of the future too, and needs no lake.

use deltalake::parquet::arrow::ArrowWriter;
use deltalake::parquet::basic::{Compression, ZstdLevel};
use deltalake::parquet::file::properties::WriterProperties;
use telematics::VehicleId;
use telematics::payload;

use super::DeliveryError;
use crate::archive::{self, StoredBatch};
use crate::db::Db;
use crate::lake::{Arrived, record_batch};

/// Batches in a part: at most 200,000 samples, some 20 MB.
const BATCHES_IN_PART: u32 = 20;

/// A file that is being made.
pub struct Export {
    db: Db,
    vehicle: VehicleId,
    /// Position of the last batch that is in it.
    written: u64,
    writer: ArrowWriter<Vec<u8>>,
}

impl Export {
    /// Begins the file of `vehicle`.
    ///
    /// # Errors
    /// When the columns can not be written.
    pub fn begin(db: Db, vehicle: VehicleId) -> Result<Self, DeliveryError> {
        let schema = record_batch(&[])?.schema();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .build();
        let writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
        Ok(Self { db, vehicle, written: 0, writer })
    }

    /// The next part, and what goes on behind it; the last part has nothing behind it.
    ///
    /// # Errors
    /// When the archive can not be read, or the columns not be written.
    pub async fn next(self) -> Result<(Vec<u8>, Option<Self>), DeliveryError> {
        let (vehicle, written) = (self.vehicle, self.written);
        let read = move |conn: &mut _| archive::of_vehicle(conn, vehicle, written, BATCHES_IN_PART);
        let batches = self.db.read(read).await?;
        let part = tokio::task::spawn_blocking(move || self.write(&batches)).await;
        part.map_err(DeliveryError::Interrupted)?
    }

    fn write(mut self, batches: &[StoredBatch]) -> Result<(Vec<u8>, Option<Self>), DeliveryError> {
        let Some(last) = batches.last() else {
            return Ok((self.writer.into_inner()?, None));
        };
        self.written = last.seq;
        let decoded = batches.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        let rows = record_batch(&decoded.iter().collect::<Vec<_>>())?;
        self.writer.write(&rows)?;
        self.writer.flush()?;
        // The writer counts bytes by itself, so what it wrote can be taken away.
        let part = std::mem::take(self.writer.inner_mut());
        Ok((part, Some(self)))
    }
}

fn decode(batch: &StoredBatch) -> Result<Arrived, DeliveryError> {
    let contents =
        payload::decode(&batch.payload).or(Err(DeliveryError::Damaged { table: "batches" }))?;
    Ok(Arrived { arrival: batch.arrival, vehicle: batch.vehicle, samples: contents.samples })
}
