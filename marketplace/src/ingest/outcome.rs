//! What a car is told about a batch.

use telematics::batch::WrongSignature;
use telematics::consent::{Disclosure, PolicyVersion};
use telematics::payload::PayloadError;
use telematics::{BatchHash, LeavesAt, Precision, Signal, VehicleId};

use crate::archive::ArchiveError;
use crate::consent::ConsentError;
use crate::epochs::EpochsError;
use crate::identity::IdentityError;

/// The answer to one batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is kept.
    Receipt(Receipt),
    /// A batch before it is missing.
    Resend {
        /// The position to send again from.
        from_seq: u64,
    },
    /// It is not kept.
    Refused(Refusal),
    /// Its vehicle may not send anything any more.
    Suspended,
}

/// Says that a batch is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its position.
    pub seq: u64,
    /// Its hash.
    pub hash: BatchHash,
    /// Whether it was kept before.
    pub existed: bool,
    /// The policy in force.
    pub consent_version: PolicyVersion,
    /// Where its leaves are, when it has commitments.
    pub leaves: Option<LeavesAt>,
}

/// Why a batch is not kept. Shown to the car as written, so it says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The batch names another vehicle than the certificate.
    #[error("the batch is of {named}, but this connection belongs to {caller}; send only its own")]
    WrongVehicle {
        /// In the batch.
        named: VehicleId,
        /// In the certificate.
        caller: VehicleId,
    },
    /// Position 0.
    #[error("positions in a chain count from 1; number the batches again")]
    NoPosition,
    /// The payload is outside the limits or the format.
    #[error("{0}; cut the batch smaller or anew")]
    BadPayload(#[from] PayloadError),
    /// A commitment of a vehicle that never said what it proves under.
    #[error(
        "this vehicle enrolled before there were proofs, so nothing can be proven about its \
         commitments; enrol again with an agent that is up to date, or set the group to share or keep"
    )]
    NoIdentity,
    /// A commitment that is no field element.
    #[error("{0}; commit anew with an agent that is up to date")]
    BadCommitment(#[from] zk::NotACommitment),
    /// Not signed by the vehicle.
    #[error("{0}; if the car's copy is damaged, drop it and cut the batch anew")]
    WrongSignature(#[from] WrongSignature),
    /// Made under a policy that is not in force.
    #[error("made under consent version {used}, but {in_force} is in force; fetch it and cut anew")]
    StaleConsent {
        /// In the batch.
        used: PolicyVersion,
        /// What it must be.
        in_force: PolicyVersion,
    },
    /// Holds what the owner does not let out in this form.
    #[error("holds {signal}, but the owner's consent for `{}` is {disclosure}; cut anew", signal.group())]
    NotConsented {
        /// The signal.
        signal: Signal,
        /// What the owner permits.
        disclosure: Disclosure,
    },
    /// Holds a sample that is finer than the owner lets out.
    #[error(
        "holds {signal} finer than the owner's consent for `{}` lets out ({precision}); fetch it and cut anew",
        signal.group()
    )]
    TooPrecise {
        /// The signal.
        signal: Signal,
        /// How fine it may be.
        precision: Precision,
    },
    /// The vehicle signed two histories.
    #[error(
        "batch {seq} contradicts a batch that {vehicle} sent before; both are kept as evidence and \
         the vehicle is suspended: its owner can ask the operator"
    )]
    ForkedChain {
        /// Whose chain.
        vehicle: VehicleId,
        /// Where it forks.
        seq: u64,
    },
}

/// Why batches could not be looked at or kept. Our fault: nothing is acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The archive failed.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The vehicle could not be read, or is not let in.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Its consent could not be read.
    #[error(transparent)]
    Consent(#[from] ConsentError),
    /// Its leaves could not be kept or found.
    #[error(transparent)]
    Epochs(#[from] EpochsError),
    /// The database failed.
    #[error("cannot store the batch")]
    Storage(#[from] diesel::result::Error),
}
