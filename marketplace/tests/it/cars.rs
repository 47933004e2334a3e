//! Cars: a key, a certificate, a chain of batches.

use ed25519_dalek::SigningKey;
use marketplace::identity::Owner;
use proto::v1;
use proto::v1::enrolment_client::EnrolmentClient;
use proto::v1::ingest_client::IngestClient;
use proto::v1::submit_batches_response::Outcome;
use rcgen::{CertificateParams, KeyPair};
use telematics::consent::PolicyVersion;
use telematics::payload::{self, Contents};
use telematics::window::Committed;
use telematics::{
    BatchHash, BatchHeader, LeavesAt, Powertrain, SealedBatch, Value, VehicleDescription,
    VehicleId, testing,
};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};
use tonic::{Status, Streaming};
use zk::Secret;

use crate::market::Market;

/// Consent under which [`Car::batch`] is welcome.
pub(crate) const SHARES_MOTION: &str = "motion=share";

pub(crate) struct Car {
    pub(crate) id: VehicleId,
    pub(crate) owner: Owner,
    pub(crate) key: SigningKey,
    certificate: Vec<u8>,
    next: (u64, BatchHash),
}

impl Car {
    /// Enrols a car whose owner shares motion.
    pub(crate) async fn enrol(market: &Market) -> Self {
        Self::enrol_for(market, market.owner().await).await
    }

    /// Enrols a car of `owner`, who shares motion.
    pub(crate) async fn enrol_for(market: &Market, owner: Owner) -> Self {
        let code = market.code_of(owner, SHARES_MOTION, market.now()).await;
        let key = SigningKey::from_bytes(&rand::random());
        let response = enrol(market, &code, &key).await.unwrap();
        Self {
            id: VehicleId::from_bytes(&response.vehicle_id).unwrap(),
            owner,
            key,
            certificate: response.certificate_der,
            next: (1, BatchHash::GENESIS),
        }
    }

    /// The same car with another certificate.
    pub(crate) fn with_certificate(self, certificate: Vec<u8>) -> Self {
        Self { certificate, ..self }
    }

    pub(crate) async fn connect(
        &self,
        market: &Market,
    ) -> Result<Channel, tonic::transport::Error> {
        self.connect_to(&market.door()).await
    }

    async fn connect_to(&self, door: &Door) -> Result<Channel, tonic::transport::Error> {
        let identity = Identity::from_pem(
            pem::encode(&pem::Pem::new("CERTIFICATE", self.certificate.clone())),
            key_pair(&self.key).serialize_pem(),
        );
        door.channel(door.tls().identity(identity)).await
    }

    /// The next ten samples of speed.
    pub(crate) fn batch(&mut self) -> SealedBatch {
        let batch = self.batch_of("Vehicle.Speed", 10);
        self.next = (batch.header.seq + 1, batch.hash());
        batch
    }

    /// A batch at the next position, which stays the next.
    pub(crate) fn batch_of(&self, path: &str, count: u16) -> SealedBatch {
        let contents = Contents { samples: testing::samples(path, count), ..Contents::default() };
        SealedBatch::seal(self.header(), payload::encode(&contents), &self.key)
    }

    /// The next batch, of commitments only.
    pub(crate) fn batch_of_commitments(&mut self, commitments: Vec<Committed>) -> SealedBatch {
        let contents = Contents { samples: Vec::new(), commitments };
        let batch = SealedBatch::seal(self.header(), payload::encode(&contents), &self.key);
        self.next = (batch.header.seq + 1, batch.hash());
        batch
    }

    /// The next batch, of these contents.
    pub(crate) fn next_of(&mut self, contents: &Contents) -> SealedBatch {
        self.next_under(PolicyVersion::FIRST.number(), contents)
    }

    /// The next batch, of these contents, under this version of the consent.
    pub(crate) fn next_under(&mut self, version: u32, contents: &Contents) -> SealedBatch {
        let header = BatchHeader { consent_version: PolicyVersion::new(version), ..self.header() };
        let batch = SealedBatch::seal(header, payload::encode(contents), &self.key);
        self.next = (batch.header.seq + 1, batch.hash());
        batch
    }

    /// The next batch, of values that do not compress.
    pub(crate) fn batch_of_noise(&mut self, count: u16) -> SealedBatch {
        let mut contents =
            Contents { samples: testing::samples("Vehicle.Speed", count), ..Contents::default() };
        for sample in &mut contents.samples {
            sample.value = Value::from_raw(i64::from(rand::random::<i32>()));
        }
        let batch = SealedBatch::seal(self.header(), payload::encode(&contents), &self.key);
        self.next = (batch.header.seq + 1, batch.hash());
        batch
    }

    pub(crate) fn header(&self) -> BatchHeader {
        BatchHeader {
            vehicle: self.id,
            seq: self.next.0,
            prev_hash: self.next.1,
            consent_version: PolicyVersion::FIRST,
        }
    }

    /// Sends everything ahead of the answers, and returns them.
    pub(crate) async fn send(
        &self,
        market: &Market,
        batches: impl IntoIterator<Item = impl Into<v1::SubmitBatchesRequest>>,
    ) -> Answers {
        self.send_to(&market.door(), batches).await
    }

    /// As [`Self::send`], through the door of any market.
    pub(crate) async fn send_to(
        &self,
        door: &Door,
        batches: impl IntoIterator<Item = impl Into<v1::SubmitBatchesRequest>>,
    ) -> Answers {
        let messages = batches.into_iter().map(Into::into).collect::<Vec<_>>();
        let channel = self.connect_to(door).await.unwrap();
        match IngestClient::new(channel).submit_batches(tokio_stream::iter(messages)).await {
            Ok(response) => collect(response.into_inner()).await,
            Err(status) => Answers { outcomes: Vec::new(), end: Some(status) },
        }
    }
}

/// Where cars find a market.
pub(crate) struct Door {
    /// `address:port`.
    pub(crate) address: String,
    /// The certificate of its authority.
    pub(crate) authority: Vec<u8>,
}

impl Door {
    /// TLS that trusts the market's authority, and shows no certificate.
    fn tls(&self) -> ClientTlsConfig {
        let authority = pem::Pem::new("CERTIFICATE", self.authority.clone());
        ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(pem::encode(&authority)))
            .domain_name("localhost")
    }

    async fn channel(&self, tls: ClientTlsConfig) -> Result<Channel, tonic::transport::Error> {
        rustls::crypto::ring::default_provider().install_default().ok();
        let address = format!("https://{}", self.address);
        let endpoint = Channel::from_shared(address).unwrap().tls_config(tls)?;
        // As little as the standard has: who does not read is noticed soon.
        let window = 65_535;
        endpoint
            .initial_stream_window_size(window)
            .initial_connection_window_size(window)
            .connect()
            .await
    }
}

/// What a stream answered, and how it ended.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) outcomes: Vec<Outcome>,
    /// `None` when it ended well.
    pub(crate) end: Option<Status>,
}

impl Answers {
    /// The positions acknowledged, and whether they existed. Anything else is a failure.
    pub(crate) fn receipts(&self) -> Vec<(u64, bool)> {
        let receipt = |outcome: &Outcome| match outcome {
            Outcome::Receipt(receipt) => (receipt.seq, receipt.existed),
            other => panic!("{other:?}"),
        };
        assert!(self.end.is_none(), "{:?}", self.end);
        self.outcomes.iter().map(receipt).collect()
    }

    /// Where the leaves of each batch are. Anything but receipts is a failure.
    pub(crate) fn leaves(&self) -> Vec<Option<LeavesAt>> {
        let leaves = |outcome: &Outcome| match outcome {
            Outcome::Receipt(receipt) => receipt.leaves.map(|at| at.try_into().unwrap()),
            other => panic!("{other:?}"),
        };
        assert!(self.end.is_none(), "{:?}", self.end);
        self.outcomes.iter().map(leaves).collect()
    }

    /// The only answer, a refusal for this reason; its message.
    pub(crate) fn refusal(&self, reason: v1::RefusalReason) -> &str {
        match self.outcomes.as_slice() {
            [Outcome::Refusal(refusal)] if refusal.reason() == reason => &refusal.message,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) async fn collect(mut stream: Streaming<v1::SubmitBatchesResponse>) -> Answers {
    let mut outcomes = Vec::new();
    loop {
        match stream.message().await {
            Ok(Some(answer)) => outcomes.push(answer.outcome.unwrap()),
            Ok(None) => return Answers { outcomes, end: None },
            Err(status) => return Answers { outcomes, end: Some(status) },
        }
    }
}

/// Enrols with `code` and `key`.
pub(crate) async fn enrol(
    market: &Market,
    code: &str,
    key: &SigningKey,
) -> Result<v1::EnrollResponse, Status> {
    let car = description();
    let request = v1::EnrollRequest {
        code: code.to_owned(),
        csr_der: request_for(key),
        vehicle: Some((&car).into()),
        identity_commitment: secret_of(key).identity_commitment().to_bytes().to_vec(),
    };
    let channel = channel(market, tls(market)).await.unwrap();
    Ok(EnrolmentClient::new(channel).enroll(request).await?.into_inner())
}

/// What every car is.
pub(crate) fn description() -> VehicleDescription {
    VehicleDescription::new("Toyota", "RAV4", 2021, Powertrain::Hybrid).unwrap()
}

/// What the car with this key proves under.
pub(crate) fn secret_of(key: &SigningKey) -> Secret {
    let mut bytes = key.to_bytes();
    // The field's modulus has 254 bits.
    bytes[31] &= 0x0f;
    Secret::from_bytes(&bytes).unwrap()
}

/// A certificate request for `key`.
pub(crate) fn request_for(key: &SigningKey) -> Vec<u8> {
    CertificateParams::default().serialize_request(&key_pair(key)).unwrap().der().to_vec()
}

/// The key in the form of RFC 8410: a fixed head, and the 32 bytes.
fn key_pair(key: &SigningKey) -> KeyPair {
    let head = hex::decode("302e020100300506032b657004220420").unwrap();
    let document = [head.as_slice(), key.as_bytes()].concat();
    KeyPair::from_pkcs8_der_and_sign_algo(&document.as_slice().into(), &rcgen::PKCS_ED25519)
        .unwrap()
}

/// TLS that trusts the market's authority, and shows no certificate.
pub(crate) fn tls(market: &Market) -> ClientTlsConfig {
    market.door().tls()
}

pub(crate) async fn channel(
    market: &Market,
    tls: ClientTlsConfig,
) -> Result<Channel, tonic::transport::Error> {
    market.door().channel(tls).await
}
