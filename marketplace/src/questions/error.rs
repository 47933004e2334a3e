//! Why a question is not answered.

use deltalake::datafusion::error::DataFusionError;
use telematics::VehicleId;

use crate::archive::ArchiveError;
use crate::delivery::DeliveryError;
use crate::identity::IdentityError;
use crate::lake::LakeError;

/// Why a question is not answered.
///
/// A refusal is shown as written, so it says what to do. What
/// carries a cause is our failure.
#[derive(Debug, thiserror::Error)]
pub enum QuestionError {
    /// The question does not read.
    #[error("{what}")]
    Invalid {
        /// What is wrong, and what would be right.
        what: String,
    },
    /// It asks for a vehicle that is not the caller's, or not there.
    #[error("{vehicle} is not a vehicle of this account")]
    NotYours {
        /// The vehicle.
        vehicle: VehicleId,
    },
    /// It asks for more than this market computes at once.
    #[error("the question has {actual} {what}, at most {max} are answered at once; {instead}")]
    TooMuch {
        /// Of what there is too much.
        what: &'static str,
        /// How much.
        actual: u64,
        /// How much there may be.
        max: u64,
        /// What to do.
        instead: &'static str,
    },
    /// It was not answered in time.
    #[error(
        "no answer within {seconds} s; ask about less time, fewer vehicles or longer intervals"
    )]
    TooSlow {
        /// How long it may take.
        seconds: u64,
    },
    /// It needs more memory than a question gets.
    #[error(
        "the answer needs more than {mib} MiB of memory; ask about less time, fewer vehicles or \
         longer intervals"
    )]
    TooMuchMemory {
        /// How much there is.
        mib: u64,
    },
    /// All places are taken.
    #[error("{at_once} questions are being answered already; ask again in a few seconds")]
    Busy {
        /// How many are answered at once.
        at_once: u64,
    },
    /// So much came in since the last flush that adding it up would take too long.
    #[error("{batches} batches have just come in and are being sorted; ask again in a few seconds")]
    CatchingUp {
        /// How many wait.
        batches: u64,
    },
    /// A batch that decoded when it was taken in no longer does.
    #[error("batch number {arrival} of the archive is damaged")]
    Damaged {
        /// Its place in the order of all batches.
        arrival: i64,
        /// What is wrong with it.
        #[source]
        source: telematics::payload::PayloadError,
    },
    /// Rows came back in another form than they were asked for.
    #[error("column `{column}` of an answer does not hold what it should")]
    Foreign {
        /// The column.
        column: String,
    },
    /// The work was cut short.
    #[error("answering was cut short")]
    Interrupted(#[from] tokio::task::JoinError),
    /// The query failed.
    #[error("cannot query the samples")]
    Query(#[source] Box<DataFusionError>),
    /// The lake could not be read.
    #[error(transparent)]
    Lake(#[from] LakeError),
    /// The archive could not be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Vehicles could not be read.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// What was delivered could not be read.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The database failed.
    #[error("cannot read what a question needs")]
    Storage(#[from] diesel::result::Error),
}

impl QuestionError {
    pub(super) fn invalid(what: impl Into<String>) -> Self {
        Self::Invalid { what: what.into() }
    }
}

impl From<DataFusionError> for QuestionError {
    fn from(error: DataFusionError) -> Self {
        Self::Query(Box::new(error))
    }
}

impl From<deltalake::arrow::error::ArrowError> for QuestionError {
    fn from(error: deltalake::arrow::error::ArrowError) -> Self {
        DataFusionError::from(error).into()
    }
}
