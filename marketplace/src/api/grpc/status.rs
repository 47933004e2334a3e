//! Errors of the modules as gRPC status. What a car can mend is said; what is our fault is logged.

use std::error::Error;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::app::App;
use crate::campaigns::CampaignsError;
use crate::consent::ConsentError;
use crate::db;
use crate::epochs::EpochsError;
use crate::identity::{AuthorityError, IdentityError};

/// When a car may try again to store something on a disk that is full.
const FULL_RETRY: Duration = Duration::from_secs(30);

pub(super) fn identity(error: &IdentityError) -> Status {
    let code = match error {
        IdentityError::UnknownCode | IdentityError::NotYours { .. } => Code::NotFound,
        IdentityError::UsedCode | IdentityError::ExpiredCode => Code::FailedPrecondition,
        IdentityError::KeyTaken => Code::AlreadyExists,
        IdentityError::UnknownVehicle { .. } => Code::Unauthenticated,
        IdentityError::Suspended { .. } => Code::PermissionDenied,
        IdentityError::Corrupt { .. } | IdentityError::Storage(_) => return unavailable(error),
    };
    Status::new(code, error.to_string())
}

pub(super) fn consent(error: &ConsentError) -> Status {
    match error {
        ConsentError::Identity(error) => identity(error),
        error => unavailable(error),
    }
}

pub(super) fn epochs(error: &EpochsError) -> Status {
    let code = match error {
        EpochsError::UnknownEpoch { .. }
        | EpochsError::NoRoot { .. }
        | EpochsError::NoBucket { .. } => Code::NotFound,
        EpochsError::Unpublished { .. } => Code::InvalidArgument,
        EpochsError::Full | EpochsError::Damaged { .. } | EpochsError::Storage(_) => {
            return unavailable(error);
        }
    };
    Status::new(code, error.to_string())
}

/// What cars ask of campaigns is refused elsewhere; here only we can have failed.
pub(super) fn campaigns(error: &CampaignsError) -> Status {
    unavailable(error)
}

pub(super) fn authority(error: &AuthorityError) -> Status {
    match error {
        AuthorityError::BadRequest | AuthorityError::NotEd25519 => {
            Status::invalid_argument(error.to_string())
        }
        error => unavailable(error),
    }
}

/// Storage failed: nothing was kept, and a car keeps its copy.
pub(super) fn storage(app: &App, error: &(dyn Error + 'static)) -> Status {
    if db::is_full(error) {
        let file = app.config.database_url();
        tracing::error!(file = db::without_credentials(&file), "no free space for the database");
        let message = format!(
            "no free space for the market's database {}; nothing was kept; tell the operator to \
             free space",
            db::without_credentials(&file)
        );
        return exhausted(&message, FULL_RETRY);
    }
    unavailable(error)
}

/// The market can not take more now. Says when to come back, in words and as `google.rpc.RetryInfo`.
pub(super) fn exhausted(message: &str, retry_after: Duration) -> Status {
    let message = format!("{message}: retry after {:.1} s", retry_after.as_secs_f64());
    let details = ErrorDetails::with_retry_info(Some(retry_after));
    Status::with_error_details(Code::ResourceExhausted, message, details)
}

fn unavailable(error: &(dyn Error + 'static)) -> Status {
    tracing::error!(error, "a call of a car failed");
    Status::unavailable("the market can not read or store now; nothing was kept: retry later")
}
