//! Why identity refuses.

use telematics::VehicleId;

/// Why someone is not who they should be, or could not become it.
///
/// A refusal is shown to the caller as written, so it says what to do. [`Self::Storage`] and
/// [`Self::Corrupt`] are our fault.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// No such enrolment code.
    #[error(
        "this enrolment code was never given; check it for typing errors, or ask for a new one"
    )]
    UnknownCode,
    /// A code makes one vehicle.
    #[error("this enrolment code was used before; ask for a new one for each vehicle")]
    UsedCode,
    /// A code is short-lived.
    #[error("this enrolment code is older than 10 minutes; ask for a new one")]
    ExpiredCode,
    /// One key, one vehicle.
    #[error("this device key belongs to another vehicle; delete the key file and enrol again")]
    KeyTaken,
    /// The certificate names a vehicle that we do not have, or another key than the vehicle's.
    #[error("the certificate of {vehicle} was not made for a vehicle of this market; enrol again")]
    UnknownVehicle {
        /// The vehicle named.
        vehicle: VehicleId,
    },
    /// The vehicle contradicted itself.
    #[error("{vehicle} is suspended; its owner can ask the operator why")]
    Suspended {
        /// Which.
        vehicle: VehicleId,
    },
    /// Not the caller's vehicle; whether it exists is none of his business.
    #[error("you have no vehicle {vehicle}")]
    NotYours {
        /// The vehicle named.
        vehicle: VehicleId,
    },
    /// A row that no longer reads as what it was.
    #[error("the row of {what} in table `{table}` is damaged")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row.
        what: String,
    },
    /// The database failed.
    #[error("cannot read or store identities")]
    Storage(#[from] diesel::result::Error),
}
