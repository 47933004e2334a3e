//! The lake: accepted samples as columns, in a Delta Lake table that other engines can read too.
//!
//! One row a sample: `vehicle`, `signal` (VSS path), `group` and `day` (partitions), `time`,
//! `value` (in the signal's unit) and `arrival` (the batch it came in).
//!
//! **Invariant:** each batch is in the table once. [`Lake::append`] commits the rows and the last
//! arrival among them as one Delta transaction, so a crash between any two steps loses and doubles
//! nothing: whoever flushes goes on after [`Lake::last_arrival`]. Several processes may write the same
//! table, in a folder or in a bucket.
//!
//! **Not here:** where batches come from (the flush job), and what may be sold
//! ([`crate::trade`]). The relational archive stays the truth: the lake can be deleted and filled
//! again from it, as far back as the archive has payloads: with retention, that is the shortest time set.

mod columns;
mod erase;
mod fence;
mod newest;
mod read;
mod retain;
mod s3;
mod shape;
mod statistics;
mod table;
mod vacuum;

pub use columns::{Arrived, record_batch};
pub use newest::{Folder, LakeFile, Newest};
pub use read::{RowFilter, Rows};
pub use s3::BucketError;
pub use shape::{Bin, CoarseRows, GAP_STEPS, PARKED_SECONDS, Shape, ShapeOf, SignalShape};
pub use statistics::{Measured, earliest};
pub use table::Lake;

/// Why the lake could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// Its folder can not be made.
    #[error("cannot make the folder of the lake, {folder}")]
    Folder {
        /// The folder.
        folder: String,
        /// What the file system says.
        #[source]
        source: std::io::Error,
    },
    /// Its bucket can not be used.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// What is at its place is no table, or a damaged one.
    #[error(
        "cannot open the Delta table of samples in {place}: mend it, or move it away to have it filled \
         again from the database"
    )]
    Open {
        /// Where.
        place: String,
        /// What Delta Lake says.
        #[source]
        source: Box<deltalake::DeltaTableError>,
    },
    /// Another process committed first.
    #[error("another process changed the Delta table of samples meanwhile, so nothing was written")]
    Overtaken,
    /// Delta Lake refused.
    #[error("cannot use the Delta table of samples")]
    Delta(#[from] deltalake::DeltaTableError),
    /// The query failed.
    #[error("cannot query the Delta table of samples")]
    Query(#[from] deltalake::datafusion::error::DataFusionError),
    /// Rows do not make columns.
    #[error("cannot arrange samples in columns")]
    Columns(#[from] deltalake::arrow::error::ArrowError),
    /// The table has something else than we put there.
    #[error("column `{column}` of the Delta table of samples does not hold what it should")]
    Foreign {
        /// Which.
        column: &'static str,
    },
}
