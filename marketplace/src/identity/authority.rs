//! The market's own certificate authority: how cars know the market, and the market its cars.
//!
//! Made at the first start in a folder of its own and kept for ten years. It signs two kinds of
//! certificates: the market's server certificate, made anew at each start, and the certificates of
//! vehicles, which hold for 90 days.
//!
//! **Invariant:** a vehicle's certificate says what we say (its id, client authentication, 90 days),
//! never what the request asked for, except its Ed25519 key, whose possession the request proves.
//!
//! **Not here:** which vehicles exist ([`super::enroll`]) and TLS itself (`api::grpc`).

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ed25519_dalek::VerifyingKey;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
    SerialNumber, SubjectPublicKeyInfo,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use telematics::{AuthorityPin, Timestamp, VehicleId};

use crate::files;

const CERTIFICATE_FILE: &str = "authority.pem";
const KEY_FILE: &str = "authority.key";
const AUTHORITY_VALID_SECONDS: i64 = 3_650 * 86_400;
const VEHICLE_VALID_SECONDS: i64 = 90 * 86_400;
/// The server certificate is made at each start; a market that runs for longer is restarted.
const SERVER_VALID_SECONDS: i64 = 825 * 86_400;
/// Certificates are valid from a day before: small computers in cars have poor clocks.
const BACKDATED_SECONDS: i64 = 86_400;
/// A real request is about 200 bytes.
const REQUEST_BYTES_MAX: usize = 4 << 10;

/// Signs certificates.
pub struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

/// Why there is no authority or no certificate.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file of the authority could not be read or written.
    #[error("cannot read or write {}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file of the authority does not hold what it should.
    #[error("{} is damaged; restore it from a backup, or all cars must enrol again", file.display())]
    Damaged {
        /// Which.
        file: PathBuf,
        /// What is wrong with it.
        #[source]
        source: rcgen::Error,
    },
    /// The request has no valid form, or its signature was not made by its own key.
    #[error("the certificate request does not parse or is not signed by its own key")]
    BadRequest,
    /// The key is of another kind.
    #[error("the certificate request is for a key that is not Ed25519")]
    NotEd25519,
    /// A host name that no certificate can hold.
    #[error("`{name}` in grpc_host_names is neither a host name nor an address")]
    BadHostName {
        /// The name.
        name: String,
    },
    /// Signing failed.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
}

/// A certificate for a vehicle.
#[derive(Clone, Debug)]
pub struct VehicleCertificate {
    /// X.509, DER.
    pub der: Vec<u8>,
    /// The key in it.
    pub key: VerifyingKey,
}

/// What the door for cars shows: its certificate, the authority's after it, and the key.
pub struct ServerIdentity {
    /// Leaf, then authority, so that a car finds the one its code pins.
    pub chain: Vec<CertificateDer<'static>>,
    /// Of the leaf.
    pub key: PrivateKeyDer<'static>,
}

impl Authority {
    /// Opens the authority in `folder`, or makes it when there is none.
    ///
    /// # Errors
    /// Files that can not be read or written, or do not hold an authority, are named. One that is
    /// there but damaged is never replaced.
    pub fn open(folder: &Path, now: Timestamp) -> Result<Self, AuthorityError> {
        let (key_file, file) = (folder.join(KEY_FILE), folder.join(CERTIFICATE_FILE));
        if !key_file.exists() {
            create(folder, now)?;
        }
        let key_text = fs::read_to_string(&key_file).map_err(cannot_use(&key_file))?;
        let key = KeyPair::from_pem(&key_text)
            .map_err(|source| AuthorityError::Damaged { file: key_file, source })?;
        let text = fs::read_to_string(&file).map_err(cannot_use(&file))?;
        let damaged = |source| AuthorityError::Damaged { file: file.clone(), source };
        let certificate = certificate_from_pem(&text).map_err(damaged)?;
        let issuer = Issuer::from_ca_cert_der(&certificate, key).map_err(damaged)?;
        Ok(Self { certificate, issuer })
    }

    /// The authority's certificate, DER.
    #[must_use]
    pub fn der(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// What enrolment codes carry: the first half of the SHA-256 of [`Self::der`].
    #[must_use]
    pub fn pin(&self) -> AuthorityPin {
        AuthorityPin::of(self.der())
    }

    /// Makes the certificate of `vehicle` for the key that `request` (PKCS #10, DER) holds and
    /// proves to possess.
    ///
    /// # Errors
    /// As [`read_request`].
    pub fn sign_vehicle(
        &self,
        request: &[u8],
        vehicle: VehicleId,
        now: Timestamp,
    ) -> Result<VehicleCertificate, AuthorityError> {
        let key = read_request(request)?;
        let mut params = certificate(&vehicle.to_string(), now, VEHICLE_VALID_SECONDS);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.serial_number = Some(serial(key.as_bytes(), now));
        let public = SubjectPublicKeyInfo::from_der(&public_key_info(&key))?;
        let der = params.signed_by(&public, &self.issuer)?.der().to_vec();
        Ok(VehicleCertificate { der, key })
    }

    /// Makes the certificate of the door for cars, for every one of `host_names`.
    ///
    /// # Errors
    /// A name that is neither a host name nor an address is refused.
    pub fn server(
        &self,
        host_names: &[String],
        now: Timestamp,
    ) -> Result<ServerIdentity, AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = certificate("axle marketplace", now, SERVER_VALID_SECONDS);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.subject_alt_names =
            host_names.iter().map(|name| host(name)).collect::<Result<_, _>>()?;
        params.serial_number = Some(serial(key.der_bytes(), now));
        let leaf = params.signed_by(&key, &self.issuer)?;
        Ok(ServerIdentity {
            chain: vec![leaf.der().clone(), self.certificate.clone()],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        })
    }
}

/// The Ed25519 key that a certificate request (PKCS #10, DER) holds, once its possession is proven.
///
/// # Errors
/// A request that does not parse, is not signed by its own key or holds another kind of key.
pub fn read_request(request: &[u8]) -> Result<VerifyingKey, AuthorityError> {
    if request.len() > REQUEST_BYTES_MAX {
        return Err(AuthorityError::BadRequest);
    }
    let request = CertificateSigningRequestParams::from_der(&request.into())
        .or(Err(AuthorityError::BadRequest))?;
    if request.public_key.algorithm() != &rcgen::PKCS_ED25519 {
        return Err(AuthorityError::NotEd25519);
    }
    let bytes = request.public_key.der_bytes().try_into().or(Err(AuthorityError::BadRequest))?;
    VerifyingKey::from_bytes(bytes).or(Err(AuthorityError::BadRequest))
}

fn create(folder: &Path, now: Timestamp) -> Result<(), AuthorityError> {
    let key = KeyPair::generate()?;
    let mut params = certificate("axle authority", now, AUTHORITY_VALID_SECONDS);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.serial_number = Some(serial(key.der_bytes(), now));
    let certificate = params.self_signed(&key)?;

    fs::create_dir_all(folder).map_err(cannot_use(folder))?;
    // The key last: while it is missing, a start that was cut short is simply repeated.
    for (name, text) in [(CERTIFICATE_FILE, certificate.pem()), (KEY_FILE, key.serialize_pem())] {
        let file = folder.join(name);
        files::write_secret(&file, &text).map_err(cannot_use(&file))?;
    }
    Ok(())
}

fn cannot_use(file: &Path) -> impl FnOnce(io::Error) -> AuthorityError {
    let file = file.to_owned();
    |source| AuthorityError::File { file, source }
}

fn certificate_from_pem(text: &str) -> Result<CertificateDer<'static>, rcgen::Error> {
    use rustls::pki_types::pem::PemObject as _;
    CertificateDer::from_pem_slice(text.as_bytes()).or(Err(rcgen::Error::CouldNotParseCertificate))
}

fn certificate(name: &str, now: Timestamp, valid_seconds: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    let at = |time: Timestamp| {
        let micros = u64::try_from(time.as_micros()).unwrap_or_default();
        rcgen::date_time_ymd(1970, 1, 1) + Duration::from_micros(micros)
    };
    params.not_before = at(now.plus_seconds(-BACKDATED_SECONDS));
    params.not_after = at(now.plus_seconds(valid_seconds));
    params
}

/// A number that no other certificate of this authority has: one key gets several over the years.
fn serial(key: &[u8], now: Timestamp) -> SerialNumber {
    let digest = Sha256::digest([key, &now.as_micros().to_be_bytes()].concat());
    let mut number = digest.iter().copied().take(16).collect::<Vec<_>>();
    if let Some(first) = number.first_mut() {
        *first = *first & 0x7f | 0x40; // positive, and as long as the others
    }
    SerialNumber::from(number)
}

fn host(name: &str) -> Result<SanType, AuthorityError> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let bad = || AuthorityError::BadHostName { name: name.to_owned() };
    rustls::pki_types::DnsName::try_from(name).or(Err(bad()))?;
    Ok(SanType::DnsName(name.try_into().or(Err(bad()))?))
}

/// `SubjectPublicKeyInfo` of an Ed25519 key (RFC 8410): a fixed head and the 32 bytes.
fn public_key_info(key: &VerifyingKey) -> Vec<u8> {
    const HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    [HEAD.as_slice(), key.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use telematics::testing::{T0, vehicle};
    use x509_parser::prelude::{FromDer as _, X509Certificate};

    use super::*;

    fn request_for(key: &KeyPair) -> Vec<u8> {
        CertificateParams::default().serialize_request(key).unwrap().der().to_vec()
    }

    fn authority() -> (tempfile::TempDir, Authority) {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open(folder.path(), T0).unwrap();
        (folder, authority)
    }

    #[test]
    fn the_second_start_finds_the_authority_of_the_first() {
        let (folder, first) = authority();
        let second = Authority::open(folder.path(), T0.plus_seconds(9)).unwrap();

        assert_eq!(first.pin(), second.pin());
        let mode = fs::metadata(folder.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_authority_is_named_and_not_replaced() {
        let (folder, _) = authority();
        let file = folder.path().join(KEY_FILE);
        fs::write(&file, "nonsense").unwrap();

        let error = Authority::open(folder.path(), T0).err().unwrap();

        assert!(error.to_string().contains("authority.key is damaged"), "{error}");
        assert_eq!(fs::read_to_string(file).unwrap(), "nonsense");
    }

    #[test]
    fn a_vehicle_certificate_says_what_we_say() {
        let (_folder, authority) = authority();
        let key = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();

        let signed = authority.sign_vehicle(&request_for(&key), vehicle(1), T0).unwrap();

        assert_eq!(signed.key.as_bytes().as_slice(), key.public_key_raw());
        let (_, parsed) = X509Certificate::from_der(&signed.der).unwrap();
        assert_eq!(parsed.subject().to_string(), format!("CN={}", vehicle(1)));
        assert_eq!(
            parsed.validity().not_after.timestamp(),
            T0.as_micros() / 1_000_000 + 90 * 86_400
        );
        let usage = parsed.extended_key_usage().unwrap().unwrap().value;
        assert!(usage.client_auth && !usage.server_auth);
        let (_, issuer) = X509Certificate::from_der(authority.der()).unwrap();
        parsed.verify_signature(Some(issuer.public_key())).unwrap();
    }

    #[test]
    fn a_renewed_certificate_has_another_serial_number() {
        let (_folder, authority) = authority();
        let request = request_for(&KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap());

        let [first, second] = [T0, T0.plus_seconds(1)]
            .map(|now| authority.sign_vehicle(&request, vehicle(1), now).unwrap().der);

        let serial = |der: &[u8]| X509Certificate::from_der(der).unwrap().1.serial.clone();
        assert_ne!(serial(&first), serial(&second));
    }

    #[test]
    fn requests_without_proof_of_possession_are_refused() {
        let good = request_for(&KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap());
        let mut forged = good.clone();
        *forged.last_mut().unwrap() ^= 1;

        for request in [forged, Vec::new(), vec![0; 5_000], good[1..].to_vec()] {
            assert!(matches!(read_request(&request), Err(AuthorityError::BadRequest)));
        }
        let other_kind = request_for(&KeyPair::generate().unwrap());
        assert!(matches!(read_request(&other_kind), Err(AuthorityError::NotEd25519)));
    }

    #[test]
    fn a_host_name_that_is_none_is_refused_by_name() {
        let (_folder, authority) = authority();
        let names = ["market.example".to_owned(), "10.0.0.1".to_owned(), "not a host".to_owned()];

        assert_eq!(authority.server(&names[..2], T0).unwrap().chain.len(), 2);
        let error = authority.server(&names, T0).err().unwrap();
        assert!(error.to_string().contains("`not a host`"), "{error}");
    }
}
