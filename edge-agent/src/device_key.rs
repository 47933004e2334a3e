//! The device key: Ed25519, made in the car at enrolment, and never leaving it.
//!
//! It signs batches, and its certificate is the car's identity on the wire.
//!
//! **Invariant:** the key is printed by nothing: `Debug` shows the public half.

use std::fmt;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::DecodePrivateKey;

/// What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, section 7).
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// A device key.
#[derive(Clone)]
pub struct DeviceKey(SigningKey);

/// Why a key can not be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file holds no such key.
    #[error("the device key is damaged: it is not an Ed25519 key in PKCS #8")]
    Damaged,
    /// A certificate request could not be made with it.
    #[error("cannot make a certificate request with the device key")]
    Request(#[from] rcgen::Error),
}

impl DeviceKey {
    /// The key made of `entropy`.
    #[must_use]
    pub fn new(entropy: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&entropy))
    }

    /// Reads a key from PKCS #8 in PEM.
    ///
    /// # Errors
    /// Anything but an Ed25519 key is refused.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let document = pem::parse(text).or(Err(KeyError::Damaged))?;
        let key = SigningKey::from_pkcs8_der(document.contents()).or(Err(KeyError::Damaged))?;
        Ok(Self(key))
    }

    /// The key in PKCS #8, as PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode(&pem::Pem::new("PRIVATE KEY", self.to_der()))
    }

    /// The key that signs batches.
    #[must_use]
    pub const fn signing_key(&self) -> &SigningKey {
        &self.0
    }

    /// A certificate request (PKCS #10, DER), whose signature proves that this car holds the key.
    ///
    /// # Errors
    /// When the encoder refuses the key.
    pub fn certificate_request(&self) -> Result<Vec<u8>, KeyError> {
        let der = self.to_der().into();
        let pair = rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&der, &rcgen::PKCS_ED25519)?;
        let mut parameters = rcgen::CertificateParams::new(Vec::new())?;
        // The marketplace decides the name: a car does not know its id yet.
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        Ok(parameters.serialize_request(&pair)?.der().to_vec())
    }

    fn to_der(&self) -> Vec<u8> {
        [PKCS8_HEAD.as_slice(), self.0.as_bytes()].concat()
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceKey({})", hex::encode(self.0.verifying_key().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_file() {
        let key = DeviceKey::new([7; 32]);
        let back = DeviceKey::from_pem(&key.to_pem()).unwrap();

        assert_eq!(back.signing_key(), key.signing_key());
        assert!(DeviceKey::from_pem("-----BEGIN PRIVATE KEY-----").is_err());
        assert!(!format!("{key:?}").contains(&hex::encode([7; 32])));
    }

    #[test]
    fn a_request_proves_possession_of_the_key() {
        use x509_parser::prelude::{FromDer, X509CertificationRequest};

        let key = DeviceKey::new([7; 32]);
        let der = key.certificate_request().unwrap();
        let (_, request) = X509CertificationRequest::from_der(&der).unwrap();

        let public = &request.certification_request_info.subject_pki.subject_public_key.data;
        assert_eq!(public.as_ref(), key.signing_key().verifying_key().as_bytes());
        request.verify_signature().unwrap();
    }
}
