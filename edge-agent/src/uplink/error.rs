//! Why nothing can be sent, and whether trying again makes sense.

use std::time::Duration;

use proto::convert::BadMessage;
use tonic_types::StatusExt as _;

use crate::answers::words;
use crate::identity::IdentityError;
use crate::policy::PolicyError;
use crate::spool::SpoolError;

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub enum UplinkError {
    /// No connection.
    #[error("cannot reach the marketplace at {url}")]
    Unreachable {
        /// Its address.
        url: String,
        /// What happened.
        source: tonic::transport::Error,
    },
    /// The stream or a call ended with an error.
    #[error("the marketplace ended the stream: {}", words(.0.message()))]
    Ended(tonic::Status),
    /// The stream ended without one.
    #[error("the marketplace closed the stream")]
    Closed,
    /// Batches were sent and nothing came back.
    #[error("the marketplace does not answer; connecting anew")]
    Silent,
    /// An answer that does not parse or does not belong to what was sent.
    #[error("the marketplace answered out of turn: {what}")]
    OutOfTurn {
        /// What it said.
        what: String,
    },
    /// An answer with a field that does not parse.
    #[error("the marketplace's answer does not parse")]
    Answer(#[from] BadMessage),
    /// A batch was refused for good.
    #[error(
        "the marketplace refused batch {seq} ({reason}): {message}; the agent stops and keeps its batches: ask the marketplace's operator"
    )]
    Refused {
        /// Its position.
        seq: u64,
        /// Why, in a word.
        reason: &'static str,
        /// Why, in the marketplace's words.
        message: String,
    },
    /// It has another batch at this position than this car sent.
    #[error(
        "the marketplace acknowledged another batch {seq} than this car sent; the agent stops and keeps its batches: ask the marketplace's operator"
    )]
    OtherBatch {
        /// The position.
        seq: u64,
    },
    /// It asks for a batch that it acknowledged before.
    #[error(
        "the marketplace asks for batch {asked} again, which it had acknowledged (up to {acknowledged}) and this car has forgotten; it may have lost data: ask its operator"
    )]
    Forgotten {
        /// What it asks for.
        asked: u64,
        /// What it acknowledged.
        acknowledged: u64,
    },
    /// It asks for a batch that was never made.
    #[error(
        "the marketplace asks for batch {asked}, this car has made {made}; was its folder replaced by an older copy? enroll it anew"
    )]
    NeverMade {
        /// What it asks for.
        asked: u64,
        /// What was made.
        made: u64,
    },
    /// It calls the policy stale that it hands out.
    #[error("the marketplace calls consent version {version} stale, and hands it out")]
    SamePolicy {
        /// The version.
        version: telematics::PolicyVersion,
    },
    /// The certificate is not usable.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The policy can not be kept.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The spool can not be used.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

impl UplinkError {
    /// How long the marketplace asks to wait, when it says so (`google.rpc.RetryInfo`).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let Self::Ended(status) = self else { return None };
        status.get_details_retry_info()?.retry_delay
    }

    /// True when trying again makes no sense.
    #[must_use]
    pub fn is_final(&self) -> bool {
        use tonic::Code;
        match self {
            Self::Ended(status) => matches!(
                status.code(),
                Code::Unauthenticated | Code::PermissionDenied | Code::InvalidArgument
            ),
            Self::Refused { .. }
            | Self::OtherBatch { .. }
            | Self::Forgotten { .. }
            | Self::NeverMade { .. }
            | Self::Identity(_) => true,
            Self::Spool(error) => matches!(error, SpoolError::Damaged { .. }),
            Self::Unreachable { .. }
            | Self::Closed
            | Self::Silent
            | Self::OutOfTurn { .. }
            | Self::Answer(_)
            | Self::SamePolicy { .. }
            | Self::Policy(_) => false,
        }
    }
}

impl From<tonic::Status> for UplinkError {
    fn from(status: tonic::Status) -> Self {
        Self::Ended(status)
    }
}
