//! Why a campaign could not be answered.

use proto::convert::BadMessage;

use super::thread::NotProven;
use crate::answers::words;
use crate::identity::IdentityError;
use crate::spool::SpoolError;

/// Why a campaign could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// No connection.
    #[error("cannot reach the marketplace at {url}")]
    Unreachable {
        /// Its address.
        url: String,
        /// What happened.
        source: tonic::transport::Error,
    },
    /// A call ended with an error.
    #[error("the marketplace refused: {}", words(.0.message()))]
    Refused(tonic::Status),
    /// An answer with a field that does not parse.
    #[error("the marketplace's answer does not parse")]
    Answer(#[from] BadMessage),
    /// An answer with numbers that are no field elements.
    #[error("the marketplace's answer does not parse")]
    Element(#[from] zk::NotAnElement),
    /// Something other than what was asked for.
    #[error("the marketplace answered with {what}")]
    OtherAnswer {
        /// What.
        what: &'static str,
    },
    /// The path that it served does not lead from this car's leaf to the root.
    #[error(
        "the leaf {leaf} of this car is not at position {position} of epoch {epoch}, where the marketplace said it is"
    )]
    NotInTree {
        /// What should be there.
        leaf: zk::Leaf,
        /// The epoch.
        epoch: u32,
        /// The position.
        position: u32,
    },
    /// There is no address to connect to.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// What is kept can not have been committed to.
    #[error(transparent)]
    NotCommitted(#[from] zk::NotACommitment),
    /// What was found does not make the statement true.
    #[error("the statement does not hold")]
    Untrue(#[from] zk::Refusal),
    /// There is no proof.
    #[error(transparent)]
    NotProven(#[from] NotProven),
    /// The spool can not be used.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// A task died of a bug.
    #[error("a task of the agent ended unexpectedly")]
    Task(#[from] tokio::task::JoinError),
}

impl ClaimError {
    /// The marketplace's words when it will never take this claim.
    #[must_use]
    pub fn final_words(&self) -> Option<String> {
        use tonic::Code;
        match self {
            Self::Refused(status) => matches!(
                status.code(),
                Code::InvalidArgument
                    | Code::NotFound
                    | Code::FailedPrecondition
                    | Code::AlreadyExists
            )
            .then(|| words(status.message())),
            _ => None,
        }
    }
}
