//! The first look at a marketplace's door: is it the one that the code pins?
//!
//! **Invariant:** a certificate is accepted only when the chain it comes with holds the pinned
//! authority and verifies up to it, for the host asked for. Nothing is sent before that.

use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use telematics::{AuthorityPin, EnrolmentCode};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::answers::PATIENCE;

/// Why a door is not the right one.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Not an address.
    #[error("`{url}` is not an address such as https://market.example:7443")]
    Address {
        /// What was given.
        url: String,
    },
    /// Nobody answers there.
    #[error(
        "cannot reach the marketplace at {url}; is the address right, and this computer online?"
    )]
    Unreachable {
        /// The address.
        url: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Somebody else answers there, or in between.
    #[error(
        "the marketplace at {url} is not the one that made this code (its certificate does not lead \
         to the pinned authority); check the address, and ask for a new code"
    )]
    WrongAuthority {
        /// The address.
        url: String,
        /// What TLS said.
        source: std::io::Error,
    },
}

/// Shakes hands with the door at `url` and returns the authority that `code` pins (DER).
///
/// # Errors
/// When nobody answers, or somebody whom the code does not pin.
pub async fn probe(url: &str, code: &EnrolmentCode) -> Result<Vec<u8>, ProbeError> {
    let bad_address = || ProbeError::Address { url: url.to_owned() };
    let uri: tonic::codegen::http::Uri = url.parse().or(Err(bad_address()))?;
    let host = uri.host().ok_or_else(bad_address)?.trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host.clone()).or(Err(bad_address()))?;
    if uri.scheme_str() != Some("https") {
        return Err(bad_address());
    }

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let found = Arc::new(OnceLock::new());
    let verifier = Pinned { pin: code.pin, found: Arc::clone(&found), provider };
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&verifier.provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .or(Err(bad_address()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];

    let unreachable = |source| ProbeError::Unreachable { url: url.to_owned(), source };
    let connector = TlsConnector::from(Arc::new(config));
    let shake_hands = async {
        let stream = TcpStream::connect((host.as_str(), uri.port_u16().unwrap_or(443)));
        Ok(connector.connect(name, stream.await?).await.map(drop))
    };
    // One that takes the connection and says nothing would be waited for for ever.
    let shaken = timeout(PATIENCE, shake_hands).await.unwrap_or_else(|late| Err(late.into()));
    let shaken = shaken.map_err(unreachable)?;
    let wrong = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::InvalidData => {
            ProbeError::WrongAuthority { url: url.to_owned(), source }
        }
        _ => unreachable(source),
    };
    shaken.map_err(wrong)?;
    found.get().cloned().ok_or_else(bad_address)
}

/// Accepts chains that end at the pinned authority.
#[derive(Debug)]
struct Pinned {
    pin: AuthorityPin,
    found: Arc<OnceLock<Vec<u8>>>,
    provider: Arc<CryptoProvider>,
}

impl Pinned {
    fn is_pinned_authority(&self, certificate: &CertificateDer<'_>) -> bool {
        let is_ca = X509Certificate::from_der(certificate).is_ok_and(|(_, parsed)| parsed.is_ca());
        is_ca && self.pin == AuthorityPin::of(certificate)
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let unknown = || Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let authority =
            intermediates.iter().find(|der| self.is_pinned_authority(der)).ok_or_else(unknown)?;
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone().into_owned())?;
        let provider = Arc::clone(&self.provider);
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .or(Err(unknown()))?;
        let verdict = verifier.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )?;
        self.found.get_or_init(|| authority.to_vec());
        Ok(verdict)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
