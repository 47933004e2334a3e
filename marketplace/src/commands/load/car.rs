//! One generated car: enrols as any car does, then streams what it measures and waits for receipts.
//!
//! **Invariant:** what has no receipt is kept and sent again on the next connection, so a market that
//! refuses work for a while gets everything in the end.

use std::collections::VecDeque;
use std::error::Error;
use std::time::Duration;

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use proto::v1;
use proto::v1::enrolment_client::EnrolmentClient;
use proto::v1::ingest_client::IngestClient;
use proto::v1::submit_batches_response::Outcome;
use rcgen::{CertificateParams, KeyPair};
use telematics::consent::PolicyVersion;
use telematics::payload::{self, Contents};
use telematics::{
    BatchHash, BatchHeader, EnrolmentCode, Powertrain, SealedBatch, VehicleDescription, VehicleId,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Code, Status, Streaming};

use super::Plan;
use super::drive::Drive;
use super::tally::Tally;
use super::trucks::Truck;
use crate::clock::Clock;

/// Before a car whose stream was refused or broke tries again, when it was not told how long to wait.
const PAUSE: Duration = Duration::from_secs(1);

/// Where a car's samples come from.
pub(super) enum Source {
    /// As many as the plan says, for as long as it says.
    Drive(Drive),
    /// What a truck says in its days, as fast as receipts come back.
    Truck(Truck),
}

impl Source {
    fn is_over(&self) -> bool {
        matches!(self, Self::Truck(truck) if truck.is_over())
    }
}

/// A car that has its certificate.
pub(super) struct Car {
    vehicle: VehicleId,
    key: SigningKey,
    endpoint: Endpoint,
    source: Source,
    next: (u64, BatchHash),
    /// Sent, or about to be, without an answer yet.
    waiting: VecDeque<(SealedBatch, usize, Instant)>,
}

impl Car {
    /// Enrols a car that sends what `source` has at `door` with `code`.
    pub(super) async fn enrol(
        door: &str,
        authority: &Certificate,
        code: EnrolmentCode,
        source: Source,
    ) -> anyhow::Result<Self> {
        let pair = KeyPair::generate_for(&rcgen::PKCS_ED25519)?;
        let key = SigningKey::from_pkcs8_der(pair.serialized_der())?;
        let identity = zk::Secret::draw(&mut rand::rng()).identity_commitment();
        let (model, powertrain) = match &source {
            Source::Drive(_) => ("Load", Powertrain::Electric),
            Source::Truck(truck) => (truck.model().0, Powertrain::Diesel),
        };
        let car = VehicleDescription::new("Axle", model, 2024, powertrain)?;
        let request = v1::EnrollRequest {
            code: code.to_string(),
            csr_der: CertificateParams::default().serialize_request(&pair)?.der().to_vec(),
            vehicle: Some((&car).into()),
            identity_commitment: identity.to_bytes().to_vec(),
        };
        let tls = ClientTlsConfig::new().ca_certificate(authority.clone());
        let stranger = Endpoint::from_shared(door.to_owned())?.tls_config(tls.clone())?;
        let mut client = EnrolmentClient::new(stranger.connect().await?);
        let enrolled = client.enroll(request).await?.into_inner();

        let certificate = pem::encode(&pem::Pem::new("CERTIFICATE", enrolled.certificate_der));
        let tls = tls.identity(Identity::from_pem(certificate, pair.serialize_pem()));
        Ok(Self {
            vehicle: VehicleId::from_bytes(&enrolled.vehicle_id)?,
            key,
            endpoint: Endpoint::from_shared(door.to_owned())?.tls_config(tls)?,
            source,
            next: (1, BatchHash::GENESIS),
            waiting: VecDeque::new(),
        })
    }

    pub(super) const fn vehicle(&self) -> VehicleId {
        self.vehicle
    }

    /// Streams until `end`, then waits for the receipts of what was sent. Connects again when the market
    /// ends the stream; an answer that no good batch gets is an error.
    pub(super) async fn run(
        mut self,
        plan: &Plan,
        offset: Duration,
        end: Instant,
        tally: &Tally,
    ) -> anyhow::Result<()> {
        let channel = self.endpoint.connect_lazy();
        loop {
            match self.stream(channel.clone(), plan, offset, end, tally).await {
                Ok(()) => return Ok(()),
                Err(status) if is_passing(&status) => {
                    tally.refused(&status);
                    sleep(super::retry_delay(&status).unwrap_or(PAUSE)).await;
                }
                Err(status) => return Err(status.into()),
            }
        }
    }

    async fn stream(
        &mut self,
        channel: Channel,
        plan: &Plan,
        offset: Duration,
        end: Instant,
        tally: &Tally,
    ) -> Result<(), Status> {
        let (outbound, batches) = mpsc::channel::<v1::SubmitBatchesRequest>(plan.ahead);
        // The market answers the call with its first receipt, so something has to be there by then.
        if self.waiting.is_empty() {
            sleep(offset).await;
            self.measure(plan);
        }
        for (batch, _, _) in &self.waiting {
            outbound.try_send(batch.clone().into()).ok();
        }
        let mut sent = self.waiting.len();
        let mut client = IngestClient::new(channel);
        let mut answers = client.submit_batches(ReceiverStream::new(batches)).await?.into_inner();
        let mut due = interval_at(Instant::now() + plan.interval, plan.interval);
        due.set_missed_tick_behavior(MissedTickBehavior::Burst);
        loop {
            let is_over = Instant::now() >= end || self.source.is_over();
            if is_over && self.waiting.is_empty() {
                return Ok(());
            }
            let may_send = !is_over && self.waiting.len() < plan.ahead;
            if may_send && !plan.is_paced {
                self.measure(plan);
            }
            while let Some((batch, _, begun)) = self.waiting.get_mut(sent) {
                *begun = Instant::now();
                let left = outbound.send(batch.clone().into()).await;
                left.or(Err(Status::unavailable("the stream is closed")))?;
                sent += 1;
            }
            tokio::select! {
                biased;
                answer = hear(&mut answers) => {
                    self.receive(answer?, tally)?;
                    sent -= 1;
                }
                _ = due.tick(), if may_send && plan.is_paced => self.measure(plan),
                () = sleep(Duration::ZERO), if may_send && !plan.is_paced => {}
            }
        }
    }

    /// Seals what was measured since the last batch.
    fn measure(&mut self, plan: &Plan) {
        let samples = match &mut self.source {
            Source::Drive(drive) => drive.samples(plan.samples_per_batch, Clock::System.now()),
            Source::Truck(truck) => truck.samples(plan.samples_per_batch),
        };
        let count = samples.len();
        let contents = Contents { samples, commitments: Vec::new() };
        let (seq, prev_hash) = self.next;
        let header = BatchHeader {
            vehicle: self.vehicle,
            seq,
            prev_hash,
            consent_version: PolicyVersion::FIRST,
        };
        let batch = SealedBatch::seal(header, payload::encode(&contents), &self.key);
        self.next = (seq + 1, batch.hash());
        self.waiting.push_back((batch, count, Instant::now()));
    }

    fn receive(&mut self, outcome: Outcome, tally: &Tally) -> Result<(), Status> {
        match (outcome, self.waiting.pop_front()) {
            (Outcome::Receipt(receipt), Some((batch, samples, begun)))
                if receipt.seq == batch.header.seq =>
            {
                tally.acknowledged(samples, batch.payload.len(), begun.elapsed());
                Ok(())
            }
            (other, _) => Err(Status::internal(format!("instead of a receipt: {other:?}"))),
        }
    }
}

async fn hear(answers: &mut Streaming<v1::SubmitBatchesResponse>) -> Result<Outcome, Status> {
    let ended = || Status::unavailable("the market ended the stream");
    let answer = answers.message().await?.ok_or_else(ended)?;
    answer.outcome.ok_or_else(|| Status::internal("an answer without an outcome"))
}

/// Whether the market may take later what it did not take now, or the connection broke.
fn is_passing(status: &Status) -> bool {
    let is_broken = status.source().is_some_and(<dyn Error>::is::<tonic::transport::Error>);
    is_broken || matches!(status.code(), Code::ResourceExhausted | Code::Unavailable)
}
