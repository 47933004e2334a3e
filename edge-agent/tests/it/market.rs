//! A marketplace small enough to read: an authority, a door with TLS, one vehicle's chain.
//!
//! It checks what the real one checks (chain, consent version, signature) and can be told to
//! misbehave: [`State::hang_up_after`] drops the connection after accepting, before the receipt.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

use proto::v1;
use proto::v1::consent_server::{Consent, ConsentServer};
use proto::v1::earnings_server::{Earnings, EarningsServer};
use proto::v1::enrolment_server::{Enrolment, EnrolmentServer};
use proto::v1::ingest_server::{Ingest, IngestServer};
use proto::v1::proofs_server::ProofsServer;
use proto::v1::submit_batches_response::Outcome;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use telematics::payload;
use telematics::precision::coarse_enough;
use telematics::window::Committed;
use telematics::{
    AuthorityPin, BatchHash, Campaign, Disclosure, EnrolmentCode, LeavesAt, Policy, PolicyVersion,
    SealedBatch, SignalGroup, VehicleDescription, testing,
};
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};
use x509_parser::prelude::{FromDer, X509CertificationRequest};
use zk::{ClassNumbers, IdentityCommitment, Leaf};

use crate::proofs::owner;

pub(crate) const SECRET: [u8; 10] = [7; 10];

/// The end of certificates of which not two thirds are over: two thirds of 1975 to 2100 are in 2058.
pub(crate) const LATER: i32 = 2100;

/// The day on which it receives everything.
pub(crate) const DAY: u16 = 20_000;

/// What the marketplace knows.
pub(crate) struct State {
    pub(crate) policy: Policy,
    pub(crate) accepted: Vec<SealedBatch>,
    /// The most batches that lay there unanswered at once.
    pub(crate) ahead: usize,
    /// Batches that were finer than the policy lets out.
    pub(crate) too_precise: usize,
    /// Batches that came again and were known.
    pub(crate) existed: usize,
    /// Drops the connection after accepting this many more batches, before their receipts.
    pub(crate) hang_up_after: Option<usize>,
    /// The year in which the certificates that it gives at enrolment end.
    pub(crate) certificates_end: i32,
    /// Gives this instead of a certificate.
    pub(crate) certificate: Option<Vec<u8>>,
    /// Answers with this instead of the policy.
    pub(crate) policy_answer: Option<v1::Policy>,
    /// What the car earned; when `None` the market does not know the call.
    pub(crate) earned_micro_tokens: Option<u64>,
    /// Answers the next batch with this instead.
    pub(crate) next_answer: Option<Outcome>,
    /// The epoch tree, and how many of its leaves the newest root has; all when `None`.
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) published: Option<u32>,
    pub(crate) campaigns: Vec<Campaign>,
    /// What each campaign pays, and among how many vehicles who answers is hidden.
    pub(crate) pay_micro_tokens: u64,
    pub(crate) vehicles_in_scope: u32,
    /// Payees whose pay was moved.
    pub(crate) sweeps: Vec<v1::SweepPayeeRequest>,
    /// Claims that were verified.
    pub(crate) claims: Vec<v1::SubmitClaimRequest>,
    /// Answers the next claims with these instead.
    pub(crate) claim_answers: Vec<Status>,
    /// Calls about proofs: the caller's port, and whether it said which car it is.
    pub(crate) nameless_calls: Vec<(&'static str, u16, bool)>,
    /// Where the leaves of each accepted batch are.
    leaves_at: Vec<Option<LeavesAt>>,
    enrolled: Option<(IdentityCommitment, ClassNumbers)>,
    code_used: bool,
    key: Option<ed25519_dalek::VerifyingKey>,
}

/// A running marketplace.
#[derive(Clone)]
pub(crate) struct Market {
    pub(crate) url: String,
    pub(crate) code: EnrolmentCode,
    authority: Arc<Authority>,
    state: Arc<Mutex<State>>,
}

struct Authority {
    der: Vec<u8>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let der = parameters.self_signed(&key).unwrap().der().to_vec();
        Self { der, issuer: Issuer::new(parameters, key) }
    }

    fn pem(&self) -> String {
        pem::encode(&pem::Pem::new("CERTIFICATE", self.der.clone()))
    }

    /// TLS for a server at 127.0.0.1 that asks cars for their certificate.
    fn server_tls(&self) -> ServerTlsConfig {
        // Other crates of the workspace bring a second provider; tonic's server would not choose.
        rustls::crypto::ring::default_provider().install_default().ok();
        let key = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let leaf = parameters.signed_by(&key, &self.issuer).unwrap().pem();
        ServerTlsConfig::new()
            .identity(Identity::from_pem(format!("{leaf}{}", self.pem()), key.serialize_pem()))
            .client_ca_root(Certificate::from_pem(self.pem()))
            .client_auth_optional(true)
    }

    /// A certificate from 1975 until the beginning of `end`.
    fn sign(&self, request: &[u8], end: i32) -> Vec<u8> {
        let mut request = CertificateSigningRequestParams::from_der(&request.into()).unwrap();
        request.params.not_before = date_time_ymd(1975, 1, 1);
        request.params.not_after = date_time_ymd(end, 1, 1);
        request.signed_by(&self.issuer).unwrap().der().to_vec()
    }
}

impl Market {
    /// Opens a marketplace whose owner shares everything.
    pub(crate) async fn open() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let authority = Arc::new(Authority::new());
        let state = State {
            policy: share(1, &SignalGroup::ALL),
            accepted: Vec::new(),
            ahead: 0,
            too_precise: 0,
            existed: 0,
            hang_up_after: None,
            certificates_end: LATER,
            certificate: None,
            policy_answer: None,
            earned_micro_tokens: Some(0),
            next_answer: None,
            leaves: Vec::new(),
            published: None,
            campaigns: Vec::new(),
            pay_micro_tokens: 1_500_000,
            vehicles_in_scope: 10,
            sweeps: Vec::new(),
            claims: Vec::new(),
            claim_answers: Vec::new(),
            nameless_calls: Vec::new(),
            leaves_at: Vec::new(),
            enrolled: None,
            code_used: false,
            key: None,
        };
        let market = Self {
            url: format!("https://{}", listener.local_addr().unwrap()),
            code: EnrolmentCode { secret: SECRET, pin: AuthorityPin::of(&authority.der) },
            authority: Arc::clone(&authority),
            state: Arc::new(Mutex::new(state)),
        };
        let server = Server::builder()
            .tls_config(authority.server_tls())
            .unwrap()
            .add_service(EnrolmentServer::new(market.clone()))
            .add_service(ConsentServer::new(market.clone()))
            .add_service(EarningsServer::new(market.clone()))
            .add_service(IngestServer::new(market.clone()))
            .add_service(ProofsServer::new(market.clone()))
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(server);
        market
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Every sample accepted, as (microseconds, path, raw), in order of time.
    pub(crate) fn samples(&self) -> Vec<(i64, &'static str, i64)> {
        let accepted = self.state().accepted.clone();
        let contents = accepted.iter().map(|batch| payload::decode(&batch.payload).unwrap());
        let mut samples: Vec<_> = contents
            .flat_map(|contents| contents.samples)
            .map(|sample| (sample.time.as_micros(), sample.signal.path(), sample.value.raw()))
            .collect();
        samples.sort_unstable();
        samples
    }

    /// The answer to one batch; `None` hangs up.
    fn answer(&self, batch: &SealedBatch) -> Option<Outcome> {
        let mut state = self.state();
        if let Some(answer) = state.next_answer.take() {
            return Some(answer);
        }
        let (seq, version) = (batch.header.seq, state.policy.version().number());
        let receipt = |existed, leaves: Option<LeavesAt>| {
            let (batch_hash, leaves) = (batch.hash().0.to_vec(), leaves.map(v1::Leaves::from));
            let consent_version = version;
            let receipt = v1::Receipt { seq, batch_hash, existed, consent_version, leaves };
            Some(Outcome::Receipt(receipt))
        };
        let refuse = |reason: v1::RefusalReason| {
            let message = format!("batch {seq}: {reason:?}");
            Some(Outcome::Refusal(v1::Refusal { seq, reason: reason.into(), message }))
        };
        let next = u64::try_from(state.accepted.len()).unwrap() + 1;
        if seq > next {
            return Some(Outcome::Resend(v1::Resend { from_seq: next }));
        }
        if let Some(known) = usize::try_from(seq).ok().and_then(|s| state.accepted.get(s - 1)) {
            if known.hash() != batch.hash() {
                return refuse(v1::RefusalReason::ForkedChain);
            }
            state.existed += 1;
            let index = usize::try_from(seq).unwrap() - 1;
            let leaves = state.leaves_at.get(index).copied().flatten();
            return receipt(true, leaves);
        }
        let last = state.accepted.last().map_or(BatchHash::GENESIS, SealedBatch::hash);
        if batch.header.prev_hash != last {
            return refuse(v1::RefusalReason::ForkedChain);
        }
        if batch.header.consent_version != state.policy.version() {
            return refuse(v1::RefusalReason::StaleConsent);
        }
        if batch.verify(&state.key.unwrap()).is_err() {
            return refuse(v1::RefusalReason::WrongSignature);
        }
        let samples = payload::decode(&batch.payload).unwrap().samples;
        if coarse_enough(&samples, |group| state.policy.precision(group)).contains(&false) {
            state.too_precise += 1;
            return refuse(v1::RefusalReason::TooPrecise);
        }
        state.accepted.push(batch.clone());
        let leaves = state.append(batch);
        state.leaves_at.push(leaves);
        match &mut state.hang_up_after {
            Some(0 | 1) => {
                state.hang_up_after = None;
                None
            }
            Some(left) => {
                *left -= 1;
                receipt(false, leaves)
            }
            None => receipt(false, leaves),
        }
    }
}

impl State {
    fn policy_answer(&self) -> v1::Policy {
        self.policy_answer.clone().unwrap_or_else(|| (&self.policy).into())
    }

    /// Appends the leaves of a batch to the tree.
    fn append(&mut self, batch: &SealedBatch) -> Option<LeavesAt> {
        let (vehicle, class) = self.enrolled.unwrap();
        let commitments = payload::decode(&batch.payload).unwrap().commitments;
        let position = u32::try_from(self.leaves.len()).unwrap();
        let leaf = |committed: &Committed| zk::leaf(vehicle, class, DAY, committed.commitment);
        self.leaves.extend(commitments.iter().map(|committed| leaf(committed).unwrap()));
        (!commitments.is_empty()).then_some(LeavesAt { epoch: 0, position, day: DAY })
    }
}

/// A policy that shares these groups and keeps the others.
pub(crate) fn share(version: u32, groups: &[SignalGroup]) -> Policy {
    let groups = groups.iter().map(|group| (*group, Disclosure::Share)).collect();
    Policy::new(PolicyVersion::new(version), groups)
}

#[tonic::async_trait]
impl Enrolment for Market {
    async fn enroll(
        &self,
        request: Request<v1::EnrollRequest>,
    ) -> Result<Response<v1::EnrollResponse>, Status> {
        let request = request.into_inner();
        if request.code != self.code.to_string() {
            return Err(Status::not_found("this code was never given"));
        }
        let mut state = self.state();
        if std::mem::replace(&mut state.code_used, true) {
            return Err(Status::failed_precondition("this code was used before; make a new one"));
        }
        let (_, parsed) = X509CertificationRequest::from_der(&request.csr_der).unwrap();
        parsed.verify_signature().unwrap();
        let key = public_key(&parsed);
        state.key = Some(key);
        let car = VehicleDescription::try_from(request.vehicle.unwrap()).unwrap();
        let vehicle = IdentityCommitment::from_bytes(&request.identity_commitment).unwrap();
        state.enrolled = Some((vehicle, ClassNumbers::of(&car)));
        Ok(Response::new(v1::EnrollResponse {
            vehicle_id: testing::vehicle(1).to_vec(),
            certificate_der: state
                .certificate
                .clone()
                .unwrap_or_else(|| self.authority.sign(&request.csr_der, state.certificates_end)),
            authority_der: self.authority.der.clone(),
            policy: Some(state.policy_answer()),
            owner_id: owner().to_vec(),
        }))
    }

    async fn renew(
        &self,
        request: Request<v1::RenewRequest>,
    ) -> Result<Response<v1::RenewResponse>, Status> {
        let given = self.state().certificate.clone();
        let certificate_der =
            given.unwrap_or_else(|| self.authority.sign(&request.into_inner().csr_der, LATER));
        Ok(Response::new(v1::RenewResponse { certificate_der }))
    }
}

fn public_key(request: &X509CertificationRequest<'_>) -> ed25519_dalek::VerifyingKey {
    let bytes = &request.certification_request_info.subject_pki.subject_public_key.data;
    ed25519_dalek::VerifyingKey::from_bytes(bytes.as_ref().try_into().unwrap()).unwrap()
}

#[tonic::async_trait]
impl Consent for Market {
    async fn fetch_policy(
        &self,
        request: Request<v1::FetchPolicyRequest>,
    ) -> Result<Response<v1::FetchPolicyResponse>, Status> {
        authenticate(&request)?;
        let policy = Some(self.state().policy_answer());
        Ok(Response::new(v1::FetchPolicyResponse { policy }))
    }
}

#[tonic::async_trait]
impl Earnings for Market {
    async fn fetch_earnings(
        &self,
        request: Request<v1::FetchEarningsRequest>,
    ) -> Result<Response<v1::FetchEarningsResponse>, Status> {
        authenticate(&request)?;
        let earned = self.state().earned_micro_tokens;
        let earned_micro_tokens = earned.ok_or_else(|| Status::unimplemented("no such call"))?;
        Ok(Response::new(v1::FetchEarningsResponse { earned_micro_tokens }))
    }
}

type Answers =
    Pin<Box<dyn tokio_stream::Stream<Item = Result<v1::SubmitBatchesResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Ingest for Market {
    type SubmitBatchesStream = Answers;

    async fn submit_batches(
        &self,
        request: Request<Streaming<v1::SubmitBatchesRequest>>,
    ) -> Result<Response<Answers>, Status> {
        authenticate(&request)?;
        let (market, mut batches) = (self.clone(), request.into_inner());
        let (sender, receiver) = mpsc::channel(4);
        // Everything is taken in as it comes, and answered one after the other.
        let (taken, mut waiting) = mpsc::channel(64);
        tokio::spawn(async move {
            while let Some(Ok(batch)) = batches.next().await {
                if taken.send(batch).await.is_err() {
                    return;
                }
            }
        });
        tokio::spawn(async move {
            while let Some(batch) = waiting.recv().await {
                let ahead = waiting.len();
                let before = market.state().ahead;
                market.state().ahead = before.max(ahead);
                // As long as a commit takes.
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                let answer = match market.answer(&SealedBatch::try_from(batch).unwrap()) {
                    Some(outcome) => Ok(v1::SubmitBatchesResponse { outcome: Some(outcome) }),
                    None => Err(Status::unavailable("the market is stopping")),
                };
                let over = answer.is_err();
                if sender.send(answer).await.is_err() || over {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

fn authenticate<T>(request: &Request<T>) -> Result<(), Status> {
    let certificates = request.peer_certs().unwrap_or_default();
    if certificates.is_empty() {
        return Err(Status::unauthenticated("no client certificate"));
    }
    Ok(())
}

/// A way to a marketplace that can be closed: connections break, and none come about.
pub(crate) struct Tunnel {
    pub(crate) url: String,
    address: std::net::SocketAddr,
    to: String,
    relay: Mutex<Option<tokio::task::JoinHandle<()>>>,
}

impl Tunnel {
    pub(crate) async fn to(market: &Market) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let to = market.url.trim_start_matches("https://").to_owned();
        let relay = Mutex::new(Some(tokio::spawn(relay(listener, to.clone()))));
        Self { url: format!("https://{address}"), address, to, relay }
    }

    pub(crate) async fn close(&self) {
        let relay = self.relay.lock().unwrap().take().unwrap();
        relay.abort();
        assert!(relay.await.unwrap_err().is_cancelled());
    }

    pub(crate) async fn open(&self) {
        let listener = tokio::net::TcpListener::bind(self.address).await.unwrap();
        *self.relay.lock().unwrap() = Some(tokio::spawn(relay(listener, self.to.clone())));
    }
}

async fn relay(listener: tokio::net::TcpListener, to: String) {
    let mut open = tokio::task::JoinSet::new();
    while let Ok((mut near, _)) = listener.accept().await {
        let mut far = tokio::net::TcpStream::connect(&to).await.unwrap();
        open.spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await.ok() });
    }
}
