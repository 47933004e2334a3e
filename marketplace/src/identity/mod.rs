//! Who takes part: owners, buyers, operators and vehicles, and how each proves it.
//!
//! People and programs hold an [`ApiKey`], cars a client certificate of our own [`Authority`]. Both
//! end in a value of [`principal`], which is what verbs ask for.
//!
//! Owns the tables `owners`, `buyers`, `api_keys`, `vehicles` and `enrolment_codes`.
//!
//! **Invariant:** of secrets only the SHA-256 is stored, and an enrolment code makes one vehicle.
//!
//! **Not here:** what a principal may do (the signature of each verb says it) and what an owner
//! permits about a vehicle ([`crate::consent`]).

mod accounts;
mod authority;
mod enrolment;
mod error;
mod key;
mod labels;
pub mod principal;
mod queries;
mod vehicles;

pub use accounts::{
    AccountRecord, authenticate, buyer, buyers, create_buyer, create_operator, create_owner,
    has_operator, owners,
};
pub use authority::{Authority, AuthorityError, ServerIdentity, VehicleCertificate, read_request};
pub use enrolment::{CODE_VALID_SECONDS, Enrolled, NewVehicle, create_enrolment_code, enroll};
pub use error::IdentityError;
pub use key::{ApiKey, NotAKey};
pub use labels::{Labels, NotLabels, label};
pub use principal::{Buyer, Operator, Owner, Principal, Vehicle};
pub use vehicles::{
    Prover, VehicleRecord, VehicleStatus, fleet_version, prover, suspend, vehicle, vehicles,
    vehicles_after, vehicles_of,
};
