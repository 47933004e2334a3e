//! Who this car is to its marketplace: vehicle id, certificate, key, and the authority it trusts.
//!
//! Made by enrolment, renewed while driving, kept in one private file so that it is replaced whole. The
//! secret that its proofs are made with is kept there too.
//!
//! **Invariant:** an [`Identity`] holds a key, a secret, a certificate that parses, and its dates. Key
//! and secret never leave the car.

mod error;

use std::fmt;
use std::path::Path;

use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use telematics::{OwnerId, Powertrain, Timestamp, VehicleDescription, VehicleId};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::device_key::DeviceKey;
use crate::files::{self, Readers};

pub use error::{DamagedIdentity, IdentityError};

/// What a car brings to its enrolment.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Its key, which signs batches and its certificate request.
    pub key: DeviceKey,
    /// The secret of its proofs.
    pub secret: zk::Secret,
    /// What it is.
    pub car: VehicleDescription,
}

/// What a car needs to be itself.
#[derive(Clone)]
pub struct Identity {
    /// Its id at the marketplace.
    pub vehicle: VehicleId,
    /// Whose it is there, and who is paid for its claims.
    pub owner: OwnerId,
    /// What it brought to its enrolment.
    pub holder: Holder,
    /// When the certificate begins to be valid.
    pub valid_from: Timestamp,
    /// When it ends to be valid.
    pub expires_at: Timestamp,
    certificate_der: Vec<u8>,
    authority_der: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    vehicle_id: String,
    /// Absent in files of an earlier version.
    owner_id: Option<String>,
    certificate: String,
    authority: String,
    key: String,
    /// Together absent in files of an earlier version.
    secret: Option<String>,
    car: Option<StoredCar>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredCar {
    make: String,
    model: String,
    year: u32,
    powertrain: String,
}

impl Holder {
    /// A holder with a key and a secret of its own.
    #[must_use]
    pub fn draw(car: VehicleDescription, rng: &mut impl CryptoRng) -> Self {
        let mut entropy = [0; 32];
        rng.fill_bytes(&mut entropy);
        Self { key: DeviceKey::new(entropy), secret: zk::Secret::draw(rng), car }
    }

    fn parse(stored: &Stored) -> Result<Self, DamagedIdentity> {
        let (Some(secret), Some(car)) = (&stored.secret, &stored.car) else {
            return Err(DamagedIdentity::NoSecret);
        };
        let mut bytes = [0; 32];
        hex::decode_to_slice(secret, &mut bytes).or(Err(DamagedIdentity::Secret))?;
        let powertrain = Powertrain::parse(&car.powertrain)?;
        Ok(Self {
            key: DeviceKey::from_pem(&stored.key)?,
            secret: zk::Secret::from_bytes(&bytes).or(Err(DamagedIdentity::Secret))?,
            car: VehicleDescription::new(&car.make, &car.model, car.year, powertrain)?,
        })
    }
}

impl Identity {
    const FILE: &str = "identity.json";

    /// Puts an identity together.
    ///
    /// # Errors
    /// When `certificate_der` is no certificate, or one for another key than the holder's.
    pub fn new(
        (vehicle, owner): (VehicleId, OwnerId),
        holder: Holder,
        certificate_der: Vec<u8>,
        authority_der: Vec<u8>,
    ) -> Result<Self, DamagedIdentity> {
        let certificate = certificate(&certificate_der)?;
        let key = holder.key.signing_key().verifying_key();
        if certificate.public_key().subject_public_key.data.as_ref() != key.as_bytes() {
            return Err(DamagedIdentity::OtherKey);
        }
        let time = |time: x509_parser::time::ASN1Time| {
            Timestamp::from_micros(time.timestamp().saturating_mul(1_000_000))
        };
        let validity = certificate.validity();
        let (valid_from, expires_at) = (time(validity.not_before), time(validity.not_after));
        Ok(Self { vehicle, owner, holder, valid_from, expires_at, certificate_der, authority_der })
    }

    /// Reads the identity in `data_dir`.
    ///
    /// # Errors
    /// When the car is not enrolled, or the file is damaged.
    pub fn load(data_dir: &Path) -> Result<Self, IdentityError> {
        let path = data_dir.join(Self::FILE);
        let text = match files::read(&path) {
            Err(error) if error.is_absent() => return Err(IdentityError::NotEnrolled { path }),
            other => other?,
        };
        Self::parse(&text).map_err(|source| IdentityError::Damaged { path, source })
    }

    fn parse(text: &str) -> Result<Self, DamagedIdentity> {
        let stored: Stored = serde_json::from_str(text)?;
        let der = |text: &str| match pem::parse(text) {
            Ok(document) => Ok(document.into_contents()),
            Err(_) => Err(DamagedIdentity::Certificate),
        };
        let owner = stored.owner_id.as_deref().ok_or(DamagedIdentity::NoOwner)?;
        let names = (stored.vehicle_id.parse()?, owner.parse()?);
        let holder = Holder::parse(&stored)?;
        Self::new(names, holder, der(&stored.certificate)?, der(&stored.authority)?)
    }

    /// Writes the identity to `data_dir`, whole or not at all.
    ///
    /// # Errors
    /// When the file can not be written.
    pub fn store(&self, data_dir: &Path) -> Result<(), IdentityError> {
        let path = data_dir.join(Self::FILE);
        let damaged = |source| IdentityError::Damaged { path: path.clone(), source };
        let Holder { key, secret, car } = &self.holder;
        let stored = Stored {
            vehicle_id: self.vehicle.to_string(),
            owner_id: Some(self.owner.to_string()),
            certificate: certificate_pem(&self.certificate_der),
            authority: certificate_pem(&self.authority_der),
            key: key.to_pem(),
            secret: Some(hex::encode(secret.to_bytes())),
            car: Some(StoredCar {
                make: car.make().to_owned(),
                model: car.model().to_owned(),
                year: car.year().into(),
                powertrain: car.powertrain().as_str().to_owned(),
            }),
        };
        let text = serde_json::to_string_pretty(&stored).map_err(|error| damaged(error.into()))?;
        Ok(files::replace(&path, text.as_bytes(), Readers::OwnerOnly)?)
    }

    /// The same car with a newer certificate.
    ///
    /// # Errors
    /// When it is no certificate.
    pub fn renewed(&self, certificate_der: Vec<u8>) -> Result<Self, DamagedIdentity> {
        let names = (self.vehicle, self.owner);
        Self::new(names, self.holder.clone(), certificate_der, self.authority_der.clone())
    }

    /// When to ask for a newer certificate: at two thirds of this one's life.
    #[must_use]
    pub const fn renew_at(&self) -> Timestamp {
        let life = self.expires_at.micros_since(self.valid_from);
        self.valid_from.plus_micros(life / 3 * 2)
    }

    /// Refuses an identity that the marketplace would refuse, before any connection.
    ///
    /// # Errors
    /// When the certificate has expired at `now`.
    pub fn check(&self, now: Timestamp) -> Result<(), IdentityError> {
        if now < self.expires_at {
            return Ok(());
        }
        Err(IdentityError::Expired { vehicle: self.vehicle, expired_at: self.expires_at })
    }

    /// Refuses a certificate that was just given and opens no door: one that is over at `now`, or not by
    /// the authority that this car trusts.
    ///
    /// # Errors
    /// See [`DamagedIdentity`].
    pub fn check_issued(&self, now: Timestamp) -> Result<(), DamagedIdentity> {
        let authority = certificate(&self.authority_der)?;
        let given = certificate(&self.certificate_der)?;
        if given.verify_signature(Some(authority.public_key())).is_err() {
            return Err(DamagedIdentity::OtherAuthority);
        }
        if now < self.expires_at {
            return Ok(());
        }
        Err(DamagedIdentity::Over { expired_at: self.expires_at, now })
    }

    /// The marketplace's door at `url`, opened with this identity.
    ///
    /// # Errors
    /// When `url` is no address.
    pub fn endpoint(&self, url: &str) -> Result<Endpoint, IdentityError> {
        let certificate = certificate_pem(&self.certificate_der);
        let identity = tonic::transport::Identity::from_pem(certificate, self.holder.key.to_pem());
        endpoint(url, trusting(&self.authority_der).identity(identity))
    }

    /// The same door, opened by nobody in particular: for campaigns and claims, which must not say which
    /// car it is.
    ///
    /// # Errors
    /// When `url` is no address.
    pub fn anonymous_endpoint(&self, url: &str) -> Result<Endpoint, IdentityError> {
        endpoint(url, trusting(&self.authority_der))
    }
}

/// TLS that trusts one authority and no other.
#[must_use]
pub fn trusting(authority_der: &[u8]) -> ClientTlsConfig {
    ClientTlsConfig::new().ca_certificate(Certificate::from_pem(certificate_pem(authority_der)))
}

/// The door at `url`, with waiting times for a mobile network.
///
/// # Errors
/// When `url` is no address.
pub fn endpoint(url: &str, tls: ClientTlsConfig) -> Result<Endpoint, IdentityError> {
    use std::time::Duration;

    let refuse = |source| IdentityError::Address { url: url.to_owned(), source };
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(refuse)?;
    Ok(endpoint
        .tls_config(tls)
        .map_err(refuse)?
        .connect_timeout(Duration::from_secs(10))
        .http2_keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20)))
}

/// The one certificate that `der` is.
fn certificate(der: &[u8]) -> Result<X509Certificate<'_>, DamagedIdentity> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(DamagedIdentity::Certificate),
    }
}

fn certificate_pem(der: &[u8]) -> String {
    pem::encode(&pem::Pem::new("CERTIFICATE", der))
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({} until {})", self.vehicle, self.expires_at)
    }
}

#[cfg(test)]
mod tests {
    use telematics::testing::{T0, vehicle};

    use super::*;

    fn holder() -> Holder {
        let car = VehicleDescription::new("Toyota", "RAV4", 2017, Powertrain::Hybrid).unwrap();
        Holder::draw(car, &mut rand::rng())
    }

    /// A certificate for the key of `holder`, by itself.
    fn certificate_of(holder: &Holder) -> Vec<u8> {
        let pair = rcgen::KeyPair::from_pem(&holder.key.to_pem()).unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["car".to_owned()]).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2024, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2024, 3, 31);
        parameters.self_signed(&pair).unwrap().der().to_vec()
    }

    fn names() -> (VehicleId, OwnerId) {
        (vehicle(1), OwnerId::new(T0, [2; 10]))
    }

    fn identity() -> Identity {
        let holder = holder();
        let der = certificate_of(&holder);
        Identity::new(names(), holder, der.clone(), der).unwrap()
    }

    #[test]
    fn an_identity_survives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let identity = identity();
        identity.store(folder.path()).unwrap();
        let back = Identity::load(folder.path()).unwrap();

        assert_eq!((back.vehicle, back.owner), names());
        assert_eq!(back.holder.secret, identity.holder.secret);
        assert_eq!(back.holder.car, identity.holder.car);
        assert_eq!(back.valid_from, T0);
        assert_eq!(back.renew_at(), T0.plus_seconds(60 * 86_400));
    }

    #[test]
    fn an_identity_of_an_earlier_version_has_to_be_enrolled_again() {
        let folder = tempfile::tempdir().unwrap();
        identity().store(folder.path()).unwrap();
        let path = folder.path().join("identity.json");
        let text = std::fs::read_to_string(&path).unwrap();
        let whole: serde_json::Value = serde_json::from_str(&text).unwrap();
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("secret",   serde_json::Value::Null,     "no secret to prove with"),
            ("secret",   "ff".repeat(32).into(),      "below the modulus"),
            ("secret",   "secret".into(),             "32 bytes in hex"),
            ("owner_id", serde_json::Value::Null,     "names no owner"),
        ];
        for (field, value, expected) in cases {
            let mut stored = whole.clone();
            stored[field] = value;
            std::fs::write(&path, stored.to_string()).unwrap();
            let error = Identity::load(folder.path()).unwrap_err();
            let text = crate::status::chain_text(&error);
            assert!(text.contains(expected), "{text}");
            assert!(text.contains("`edge-agent enroll` with a new code"), "{text}");
        }
    }

    #[test]
    fn a_certificate_that_is_of_no_use_is_refused_when_it_is_given() {
        let (mine, other) = (holder(), holder());
        let [good, others] = [&mine, &other].map(certificate_of);
        let ends = T0.plus_seconds(90 * 86_400);
        let with_more = [good.as_slice(), b"more"].concat();
        let torn = &good[..good.len() - 1];
        let pem = certificate_pem(&good).into_bytes();
        let huge = vec![0x30; 1 << 20];
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("as it should be",     good.as_slice(), &good,   T0,   None),
            ("for another key",     &others,         &others, T0,   Some("for another key")),
            ("by another",          &good,           &others, T0,   Some("not signed by the marketplace's authority")),
            ("over",                &good,           &good,   ends, Some("ended at 2024-03-31T00:00:00Z")),
            ("not one alone",       &with_more,      &good,   T0,   Some("no X.509 certificate")),
            ("torn",                torn,            &good,   T0,   Some("no X.509 certificate")),
            ("text, not DER",       &pem,            &good,   T0,   Some("no X.509 certificate")),
            ("nothing",             &[],             &good,   T0,   Some("no X.509 certificate")),
            ("a nest of lists",     &huge,           &good,   T0,   Some("no X.509 certificate")),
        ];
        for (name, certificate, authority, now, expected) in cases {
            let made = Identity::new(names(), mine.clone(), certificate.into(), authority.clone());
            let checked = made.and_then(|identity| identity.check_issued(now));
            let error = checked.err().map(|error| error.to_string());
            match expected {
                None => assert_eq!(error, None, "{name}"),
                Some(text) => assert!(error.as_ref().unwrap().contains(text), "{name}: {error:?}"),
            }
        }
    }

    #[test]
    fn an_expired_certificate_is_said_before_connecting() {
        let identity = identity();
        identity.check(T0).unwrap();

        let error = identity.check(T0.plus_seconds(91 * 86_400)).unwrap_err().to_string();
        assert!(error.contains(&vehicle(1).to_string()), "{error}");
        assert!(error.contains("2024-03-31"), "{error}");
        assert!(error.contains("`edge-agent enroll` with a new code"), "{error}");
    }

    #[test]
    fn a_car_without_an_identity_is_told_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let error = Identity::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("not enrolled") && error.contains("identity.json"), "{error}");

        std::fs::write(folder.path().join("identity.json"), "{}").unwrap();
        let error = Identity::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("damaged"), "{error}");
    }
}
