//! Enrolment: from a single-use code to an identity.
//!
//! The code carries the first half of the SHA-256 of the marketplace's authority. The car looks at
//! the door once ([`probe()`]), takes the authority that the code pins, and from then on trusts it and
//! nothing else. Its key and the secret of its proofs are drawn in the car and never leave it: the
//! marketplace gets a certificate request, and the hash of the secret.
//!
//! **Invariant:** the code is sent only over TLS that ends at the pinned authority.

mod probe;

use std::path::Path;

use proto::convert::{self, BadMessage};
use proto::v1;
use proto::v1::enrolment_client::EnrolmentClient;
use telematics::{EnrolmentCode, OwnerId, Policy, Timestamp, VehicleId};
use tonic::transport::Channel;

pub use probe::{ProbeError, probe};

use crate::answers::{self, answer, words};
use crate::device_key::KeyError;
use crate::identity::{self, DamagedIdentity, Holder, Identity, IdentityError};
use crate::policy::{self, PolicyError};

/// Why a car could not be enrolled, or its certificate not be renewed.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// It is enrolled already.
    #[error(
        "this car is already enrolled as {vehicle} until {expires_at}; use another --data-dir for another car"
    )]
    Already {
        /// As which vehicle.
        vehicle: VehicleId,
        /// Until when.
        expires_at: Timestamp,
    },
    /// The door is not there, or not the one that the code pins.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// The door closed after the probe.
    #[error("cannot reach the marketplace at {url}")]
    Unreachable {
        /// Its address.
        url: String,
        /// What happened.
        source: tonic::transport::Error,
    },
    /// The marketplace said no; its words are for the owner.
    #[error("the marketplace refused: {}", words(.0.message()))]
    Refused(tonic::Status),
    /// The answer does not parse.
    #[error("the marketplace's answer does not parse; is it a newer version?")]
    Answer(#[from] BadMessage),
    /// The certificate in the answer is of no use to this car.
    #[error("the certificate that the marketplace gave can not be used")]
    Certificate(#[from] DamagedIdentity),
    /// The marketplace answered with another authority than the code pins.
    #[error("the marketplace named another authority than the code pins; ask for a new code")]
    OtherAuthority,
    /// The key could not be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The identity could not be kept.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The policy could not be kept.
    #[error(transparent)]
    Policy(#[from] PolicyError),
}

/// Enrols the car that `holder` is at `url` and keeps identity and policy in `data_dir`.
///
/// # Errors
/// See [`EnrolError`]; nothing is then kept, and the code may be tried again unless it was used.
pub async fn enrol(
    url: &str,
    code: &EnrolmentCode,
    holder: Holder,
    data_dir: &Path,
    now: Timestamp,
) -> Result<(Identity, Policy), EnrolError> {
    if let Ok(Identity { vehicle, expires_at, .. }) = Identity::load(data_dir)
        && now < expires_at
    {
        return Err(EnrolError::Already { vehicle, expires_at });
    }
    let authority = probe(url, code).await?;
    let request = v1::EnrollRequest {
        code: code.to_string(),
        csr_der: holder.key.certificate_request()?,
        vehicle: Some((&holder.car).into()),
        identity_commitment: holder.secret.identity_commitment().to_bytes().to_vec(),
    };
    let door = identity::endpoint(url, identity::trusting(&authority))?;
    let unreachable = |source| EnrolError::Unreachable { url: url.to_owned(), source };
    let channel = door.connect().await.map_err(unreachable)?;
    let answer = answer(client(channel).enroll(request)).await.map_err(EnrolError::Refused)?;

    if answer.authority_der != authority {
        return Err(EnrolError::OtherAuthority);
    }
    let vehicle = VehicleId::from_bytes(&answer.vehicle_id).map_err(BadMessage::from)?;
    let owner = OwnerId::from_bytes(&answer.owner_id).map_err(BadMessage::from)?;
    let policy = Policy::try_from(convert::required("policy", answer.policy)?)?;
    let identity = Identity::new((vehicle, owner), holder, answer.certificate_der, authority)?;
    identity.check_issued(now)?;
    // The identity last: it is what makes a car enrolled.
    policy::store(&policy, data_dir)?;
    identity.store(data_dir)?;
    Ok((identity, policy))
}

/// Asks over `channel`, opened with `identity`, for a newer certificate, and keeps it.
///
/// # Errors
/// See [`EnrolError`]; the certificate in force stays.
pub async fn renew(
    channel: Channel,
    identity: &Identity,
    data_dir: &Path,
    now: Timestamp,
) -> Result<Identity, EnrolError> {
    let request = v1::RenewRequest { csr_der: identity.holder.key.certificate_request()? };
    let answer = answer(client(channel).renew(request)).await.map_err(EnrolError::Refused)?;
    let renewed = identity.renewed(answer.certificate_der)?;
    renewed.check_issued(now)?;
    renewed.store(data_dir)?;
    Ok(renewed)
}

fn client(channel: Channel) -> EnrolmentClient<Channel> {
    EnrolmentClient::new(channel).max_decoding_message_size(answers::BYTES_MAX)
}
