//! The lake: accepted samples as columns, in a Delta Lake table that other engines can read too.
//!
//! One row a sample: `vehicle`, `signal` (VSS path), `group` and `day` (partitions), `time`,
//! `value` (in the signal's unit) and `arrival` (the batch it came in).
//!
//! **Invariant:** each batch is in the table once. [`Lake::append`] commits the rows and the last
//! arrival among them as one Delta transaction, so a crash between any two steps loses and doubles
//! nothing: whoever flushes goes on after [`Lake::last_arrival`].
//!
//! **Not here:** where batches come from (the flush job), and what may be sold
//! ([`crate::trade`]). The relational archive stays the truth: the lake can be deleted and filled
//! again from it, as far back as the archive has payloads: with retention, that is the shortest time set.

mod columns;
mod erase;
mod newest;
mod read;
mod retain;
mod statistics;
mod table;
mod vacuum;

pub use columns::{Arrived, record_batch};
pub use newest::Newest;
pub use read::{RowFilter, Rows};
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
    /// What is in its folder is no table, or a damaged one.
    #[error(
        "cannot open the Delta table of samples in {folder}: mend it, or move the folder away to have it \
         filled again from the database"
    )]
    Open {
        /// The folder.
        folder: String,
        /// What Delta Lake says.
        #[source]
        source: Box<deltalake::DeltaTableError>,
    },
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
