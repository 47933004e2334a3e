//! Why delivery fails.

use telematics::VehicleId;

use crate::archive::ArchiveError;
use crate::consent::ConsentError;
use crate::identity::IdentityError;
use crate::lake::LakeError;
use crate::trade::{OrderId, TradeError};

/// Why an order could not be delivered or read.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// Nothing was delivered under this number.
    #[error("{order} has no version {number}; it has one when its status is `delivered`")]
    NoVersion {
        /// The order.
        order: OrderId,
        /// The version asked for.
        number: u32,
    },
    /// An owner changed his mind while the file was being written; the next attempt is without him.
    #[error("consent was withdrawn while {order} was being delivered")]
    ConsentChanged {
        /// The order.
        order: OrderId,
    },
    /// A file could not be written or read.
    #[error("cannot use the file {file}")]
    File {
        /// The file.
        file: String,
        /// What the file system says.
        #[source]
        source: std::io::Error,
    },
    /// The columns could not be written.
    #[error("cannot write the columns of a delivery")]
    Columns(#[from] deltalake::parquet::errors::ParquetError),
    /// The rows could not be selected.
    #[error("cannot select the rows of a delivery")]
    Query(#[from] deltalake::datafusion::error::DataFusionError),
    /// What cars sent could not be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Payloads went while they were to be exported.
    #[error("what {vehicle} sent was being let go of while it was exported; ask again")]
    Over {
        /// Whose.
        vehicle: VehicleId,
    },
    /// The work was cut short.
    #[error("writing an export was cut short")]
    Interrupted(#[source] tokio::task::JoinError),
    /// A row that no longer reads as what it was.
    #[error("a row of table `{table}` is damaged")]
    Damaged {
        /// The table.
        table: &'static str,
    },
    /// The lake could not be read.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The order could not be read or settled.
    #[error(transparent)]
    Trade(#[from] TradeError),
    /// Consent could not be read.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// Vehicles could not be read.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The database failed.
    #[error("cannot read or store deliveries")]
    Storage(#[from] diesel::result::Error),
}
