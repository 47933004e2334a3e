//! Why a car cannot be itself: what is wrong with its identity, or where.

use std::path::PathBuf;

use telematics::ids::NotAnId;
use telematics::vehicle::NotAVehicle;
use telematics::{Timestamp, VehicleId};

use crate::device_key::KeyError;
use crate::files::FileError;

/// Why there is no usable identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The car was never enrolled.
    #[error("this car is not enrolled: {} is not there; run `edge-agent enroll` with a code from the owner's page", path.display())]
    NotEnrolled {
        /// Where the identity would be.
        path: PathBuf,
    },
    /// The certificate ended.
    #[error(
        "the certificate of {vehicle} expired at {expired_at}; run `edge-agent enroll` with a new code"
    )]
    Expired {
        /// The vehicle.
        vehicle: VehicleId,
        /// When.
        expired_at: Timestamp,
    },
    /// The file can not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not one that this program wrote.
    #[error("{} is damaged; move it away and run `edge-agent enroll` with a new code", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: DamagedIdentity,
    },
    /// The address is none.
    #[error("`{url}` is not an address such as https://market.example:7443")]
    Address {
        /// What was given.
        url: String,
        /// Why.
        source: tonic::transport::Error,
    },
}

/// What is wrong with an identity.
#[derive(Debug, thiserror::Error)]
pub enum DamagedIdentity {
    /// Not the expected form.
    #[error("it is not JSON of the expected form")]
    Form(#[from] serde_json::Error),
    /// Not a certificate.
    #[error("it holds no X.509 certificate")]
    Certificate,
    /// A certificate for someone else.
    #[error("its certificate is for another key than this car's")]
    OtherKey,
    /// A certificate that nobody would take.
    #[error("its certificate is not signed by the marketplace's authority")]
    OtherAuthority,
    /// A certificate that opens no door any more.
    #[error(
        "its certificate ended at {expired_at}, and now it is {now}; is this computer's clock right?"
    )]
    Over {
        /// When it ended.
        expired_at: Timestamp,
        /// By this computer's clock.
        now: Timestamp,
    },
    /// Not a key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Written by a program that made no proofs of this kind.
    #[error("it is of an earlier version of this program and holds no secret to prove with")]
    NoSecret,
    /// Written by a program that did not know whose the car is.
    #[error("it is of an earlier version of this program and names no owner")]
    NoOwner,
    /// Not a secret.
    #[error("its secret for proofs is not 32 bytes in hex below the modulus of BN254")]
    Secret,
    /// Not an id.
    #[error(transparent)]
    Id(#[from] NotAnId),
    /// Not a car.
    #[error(transparent)]
    Vehicle(#[from] NotAVehicle),
}
