//! The uplink: sends sealed batches, forgets them when the marketplace has them.
//!
//! One bidirectional stream, up to [`AHEAD_MAX`] batches ahead of the answers. The network is
//! looked for every second, so that a car that leaves a tunnel sends at once; a marketplace that answers and
//! fails is asked again with growing pauses. What can not pass (a forked chain, a suspended vehicle) ends the agent with
//! a message, for trying again would only hide it.
//!
//! **Invariant:** a batch is deleted only after its receipt, and cut anew only after its refusal and
//! after every batch in flight was answered: two batches of one position never meet.

mod backoff;
mod error;
mod flight;
mod network;
mod session;

use std::path::PathBuf;
use std::sync::Arc;

use telematics::Policy;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

pub use error::UplinkError;

use crate::clock;
use crate::enrol;
use crate::identity::Identity;
use crate::quiet::Quiet;
use crate::seal::Sealer;
use crate::spool::Spool;
use crate::status::Board;
use crate::vault::Vault;
use backoff::Backoff;
use session::{Ended, Session};

/// Batches sent ahead of the answers; the marketplace takes no more.
pub const AHEAD_MAX: usize = 64;

/// What the tasks of one agent share.
#[derive(Clone)]
pub struct Shared {
    /// The agent's folder.
    pub data_dir: PathBuf,
    /// Batches on disk.
    pub spool: Arc<Spool>,
    /// Seals them.
    pub sealer: Arc<Sealer>,
    /// Encrypts what is kept for proofs.
    pub vault: Vault,
    /// The policy in force, as far as this car knows.
    pub policy: watch::Sender<Arc<Policy>>,
    /// What the owner sees.
    pub board: Board,
    /// Told when a batch was sealed.
    pub sealed: Arc<Notify>,
    /// Told when batches were acknowledged.
    pub acknowledged: Arc<Notify>,
    /// Whether the bus sleeps.
    pub quiet: Quiet,
}

/// Sends the batches of one agent.
pub struct Uplink {
    url: String,
    identity: Identity,
    shared: Shared,
}

impl Uplink {
    /// An uplink to the marketplace at `url`.
    #[must_use]
    pub const fn new(url: String, identity: Identity, shared: Shared) -> Self {
        Self { url, identity, shared }
    }

    /// Sends until `drain` is cancelled and nothing waits any more. While the bus sleeps, what waits is
    /// sent and then nothing is done.
    ///
    /// # Errors
    /// When trying again makes no sense.
    pub async fn run(mut self, drain: CancellationToken) -> Result<(), UplinkError> {
        let mut backoff = Backoff::default();
        loop {
            let outcome = self.connect_and_send(&drain, &mut backoff).await;
            self.shared.board.update(|status| status.connected = false);
            match outcome {
                Ok(Ended::Drained) => return Ok(()),
                Ok(Ended::Asleep) => {
                    tracing::info!("the bus sleeps: connection closed");
                    tokio::select! {
                        () = self.shared.quiet.over() => {}
                        () = drain.cancelled() => {}
                    }
                }
                Err(failure) => self.wait_after(failure, &mut backoff).await?,
            }
        }
    }

    async fn wait_after(
        &self,
        failure: UplinkError,
        backoff: &mut Backoff,
    ) -> Result<(), UplinkError> {
        self.shared.board.show_error(&failure);
        if failure.is_final() {
            return Err(failure);
        }
        let jitter = rand::random_range(0.5..1.0);
        let pause = backoff.pause_after(failure.retry_after(), jitter);
        let error = crate::status::chain_text(&failure);
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(vehicle = %self.identity.vehicle, pause_ms, %error, "uplink interrupted");
        tokio::time::sleep(pause).await;
        Ok(())
    }

    async fn connect_and_send(
        &mut self,
        drain: &CancellationToken,
        backoff: &mut Backoff,
    ) -> Result<Ended, UplinkError> {
        self.identity.check(clock::now())?;
        let endpoint = self.identity.endpoint(&self.url)?;
        tokio::select! {
            biased;
            // What could not be sent by now waits for the next drive.
            () = self.shared.quiet.begun(), if !drain.is_cancelled() => return Ok(Ended::Asleep),
            () = network::reach(&self.url, &self.shared.board) => {}
        }
        let channel = endpoint
            .connect()
            .await
            .map_err(|source| UplinkError::Unreachable { url: self.url.clone(), source })?;
        if clock::now() >= self.identity.renew_at() {
            self.renew(channel.clone()).await;
        }
        let renew_in = self.identity.renew_at().micros_since(clock::now());
        let session = Session::new(channel, &self.shared, backoff);
        session.run(drain, renew_in).await
    }

    /// Failing to renew is no reason to stop: there is a third of the certificate's life left.
    async fn renew(&mut self, channel: tonic::transport::Channel) {
        match enrol::renew(channel, &self.identity, &self.shared.data_dir, clock::now()).await {
            Ok(renewed) => {
                tracing::info!(expires_at = %renewed.expires_at, "certificate renewed");
                let expires_at = renewed.expires_at.to_string();
                self.shared.board.update(|status| status.certificate_expires_at = expires_at);
                self.identity = renewed;
            }
            Err(error) => {
                let error = crate::status::chain_text(&error);
                tracing::warn!(%error, "certificate not renewed yet");
            }
        }
    }
}
