//! One connection: policy first, then batches out and answers in, until it breaks or all is sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proto::convert::required;
use proto::v1;
use proto::v1::consent_client::ConsentClient;
use proto::v1::earnings_client::EarningsClient;
use proto::v1::ingest_client::IngestClient;
use telematics::{LeavesAt, Policy};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use super::backoff::Backoff;
use super::error::UplinkError;
use super::flight::{Flight, Heard, Rewind};
use super::{AHEAD_MAX, Shared};
use crate::answers::{self, answer};
use crate::clock;
use crate::status::TokensEarned;

/// A car that shares nothing gets no receipts: it asks for news of its policy this often.
const POLICY_PERIOD: Duration = Duration::from_mins(1);
/// How often a car that stays connected asks what it earned: it is sold by the day, not by the second.
const EARNINGS_PERIOD: Duration = Duration::from_mins(10);
/// A connection without an answer for this long, and for what a slow network needs to carry a batch, is taken
/// to be dead: TCP alone would notice after minutes, and wait for as long after the network is back.
const PATIENCE: Duration = Duration::from_secs(5);
const PATIENCE_PER_KILOBYTE: Duration = Duration::from_millis(100);
/// Receipts that are written to disk together.
const RECEIPTS_MAX: u64 = 16;

/// One connection's state.
pub(super) struct Session<'a> {
    channel: Channel,
    shared: &'a Shared,
    backoff: &'a mut Backoff,
    flight: Flight,
    /// The last batch sent.
    sent_seq: u64,
    /// The last batch with a receipt, and the last that the spool forgot.
    received_seq: u64,
    forgotten_seq: u64,
    /// Where the leaves of batches received and not forgotten are.
    leaves: BTreeMap<u64, LeavesAt>,
    /// Bytes of the largest payload sent.
    largest: usize,
    /// The position last asked for again without progress since.
    resent_from: Option<u64>,
    /// When to ask next what the car earned.
    ask_earnings_at: Instant,
}

/// Why a session ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Everything is sent, and nothing more will come.
    Drained,
    /// The bus sleeps, and everything is sent.
    Asleep,
}

type Outbound = mpsc::Sender<v1::SubmitBatchesRequest>;

impl<'a> Session<'a> {
    pub(super) fn new(channel: Channel, shared: &'a Shared, backoff: &'a mut Backoff) -> Self {
        let flight = Flight::default();
        let (sent_seq, received_seq, forgotten_seq) = (0, 0, 0);
        let resent_from = None;
        Self {
            channel,
            shared,
            backoff,
            flight,
            sent_seq,
            received_seq,
            forgotten_seq,
            leaves: BTreeMap::new(),
            largest: 0,
            resent_from,
            ask_earnings_at: Instant::now() + EARNINGS_PERIOD,
        }
    }

    /// Sends until `drain` is cancelled and nothing waits. Ends with [`UplinkError::Closed`] when
    /// the certificate is due for renewal in `renew_in_micros`, so that the caller connects anew.
    pub(super) async fn run(
        mut self,
        drain: &CancellationToken,
        renew_in_micros: i64,
    ) -> Result<Ended, UplinkError> {
        let (fetched, ()) = tokio::join!(self.fetch_policy(), self.fetch_earnings());
        fetched?;
        self.shared.board.update(|status| status.connected = true);
        self.shared.board.clear_error();
        let chain = self.shared.spool.adopt(&self.shared.sealer)?;
        self.sent_seq = chain.acknowledged_seq;
        self.received_seq = chain.acknowledged_seq;
        self.forgotten_seq = chain.acknowledged_seq;

        let (outbound, receiver) = mpsc::channel(AHEAD_MAX);
        // The first batch goes before the call: a server may wait for one before it answers.
        while self.flight.len() == 0 {
            self.send(&outbound).await?;
            if self.flight.len() > 0 {
                break;
            }
            if drain.is_cancelled() {
                return Ok(Ended::Drained);
            }
            if self.shared.quiet.is_on() {
                return Ok(Ended::Asleep);
            }
            tokio::select! {
                () = self.shared.sealed.notified() => {}
                () = drain.cancelled() => {}
                () = self.shared.quiet.begun() => {}
                () = tokio::time::sleep(POLICY_PERIOD) => self.fetch_policy().await?,
                () = sleep_until(self.ask_earnings_at) => self.ask_earnings().await,
            }
        }
        let mut client =
            IngestClient::new(self.channel.clone()).max_decoding_message_size(answers::BYTES_MAX);
        let inbound = answer(client.submit_batches(ReceiverStream::new(receiver))).await?;
        let renew_in = Duration::from_micros(u64::try_from(renew_in_micros).unwrap_or(0));
        let renew_at = Instant::now() + renew_in.max(POLICY_PERIOD);
        self.exchange(&outbound, inbound, drain, renew_at).await
    }

    async fn exchange(
        &mut self,
        outbound: &Outbound,
        mut inbound: tonic::Streaming<v1::SubmitBatchesResponse>,
        drain: &CancellationToken,
        renew_at: Instant,
    ) -> Result<Ended, UplinkError> {
        let mut ask_at = Instant::now() + POLICY_PERIOD;
        let mut answer_by = Instant::now() + self.patience();
        loop {
            if let Some(rewind) = self.flight.take_rewind() {
                self.rewind(rewind).await?;
            }
            self.send(outbound).await?;
            let idle = self.flight.len() == 0;
            if idle && drain.is_cancelled() {
                return Ok(Ended::Drained);
            }
            if idle && self.shared.quiet.is_on() {
                return Ok(Ended::Asleep);
            }
            if idle && Instant::now() >= renew_at {
                return Err(UplinkError::Closed);
            }
            tokio::select! {
                answer = inbound.message() => {
                    let answer = answer?.ok_or(UplinkError::Closed)?;
                    self.hear(answer).await?;
                    ask_at = Instant::now() + POLICY_PERIOD;
                    answer_by = Instant::now() + self.patience();
                }
                () = self.shared.sealed.notified() => {
                    if idle {
                        answer_by = Instant::now() + self.patience();
                    }
                }
                () = sleep_until(answer_by), if !idle => return Err(UplinkError::Silent),
                () = drain.cancelled(), if idle => {}
                () = self.shared.quiet.begun(), if idle => {}
                () = sleep_until(self.ask_earnings_at) => self.ask_earnings().await,
                () = sleep_until(ask_at.min(renew_at.max(Instant::now()))), if idle => {
                    self.fetch_policy().await?;
                    ask_at = Instant::now() + POLICY_PERIOD;
                }
            }
        }
    }

    /// How long the answer to the oldest batch in flight may take.
    fn patience(&self) -> Duration {
        let kilobytes = u32::try_from(self.largest / 1_000).unwrap_or(u32::MAX);
        PATIENCE + PATIENCE_PER_KILOBYTE * kilobytes
    }

    /// Sends what waits, as far ahead as is allowed.
    async fn send(&mut self, outbound: &Outbound) -> Result<(), UplinkError> {
        if self.flight.is_rewinding() {
            return Ok(());
        }
        let room = AHEAD_MAX - self.flight.len();
        for pending in self.shared.spool.to_send(&self.shared.sealer, self.sent_seq, room)? {
            let (seq, hash) = (pending.batch.header.seq, pending.batch.hash());
            self.largest = self.largest.max(pending.batch.payload.len());
            outbound.send(pending.batch.into()).await.or(Err(UplinkError::Closed))?;
            self.flight.depart(seq, hash);
            self.sent_seq = seq;
        }
        Ok(())
    }

    async fn hear(&mut self, answer: v1::SubmitBatchesResponse) -> Result<(), UplinkError> {
        match self.flight.hear(required("outcome", answer.outcome)?) {
            Ok(Heard::Receipt { seq, consent_version, leaves }) => {
                self.received_seq = seq;
                self.leaves.extend(leaves.map(|leaves| (seq, leaves)));
                self.resent_from = None;
                self.backoff.reset();
                if self.flight.len() == 0 || seq - self.forgotten_seq >= RECEIPTS_MAX {
                    self.forget()?;
                }
                if consent_version > self.shared.policy.borrow().version().number() {
                    self.fetch_policy().await?;
                }
                Ok(())
            }
            Ok(Heard::Noted) => Ok(()),
            Err(error) => {
                self.forget()?;
                Err(error)
            }
        }
    }

    /// Forgets what has receipts.
    fn forget(&mut self) -> Result<(), UplinkError> {
        if self.received_seq > self.forgotten_seq {
            let chain = self.shared.spool.acknowledge(
                &self.shared.sealer,
                self.received_seq,
                &self.leaves,
            )?;
            self.leaves.clear();
            self.forgotten_seq = self.received_seq;
            self.shared.board.show_chain(&chain);
            self.shared.acknowledged.notify_waiters();
        }
        Ok(())
    }

    async fn rewind(&mut self, rewind: Rewind) -> Result<(), UplinkError> {
        self.forget()?;
        match rewind {
            Rewind::Recut => {
                self.fetch_policy().await?;
                self.refuse_same_policy()?;
                self.recut()
            }
            Rewind::Coarsen => {
                self.fetch_policy().await?;
                self.recut()
            }
            Rewind::Resend(from) if from <= self.forgotten_seq => {
                let acknowledged = self.forgotten_seq;
                Err(UplinkError::Forgotten { asked: from, acknowledged })
            }
            Rewind::Resend(from) if from > self.sent_seq => {
                Err(UplinkError::NeverMade { asked: from, made: self.sent_seq })
            }
            Rewind::Resend(from) if self.resent_from == Some(from) => {
                Err(UplinkError::OutOfTurn { what: format!("batch {from} asked for twice") })
            }
            Rewind::Resend(from) => {
                tracing::info!(from, "sending again");
                self.resent_from = Some(from);
                self.sent_seq = from - 1;
                Ok(())
            }
        }
    }

    /// Cutting anew under the policy that was refused as stale would only be refused again.
    fn refuse_same_policy(&self) -> Result<(), UplinkError> {
        let version = self.shared.policy.borrow().version();
        let next = self.shared.spool.to_send(&self.shared.sealer, self.forgotten_seq, 1)?;
        if next.first().is_some_and(|pending| pending.batch.header.consent_version == version) {
            return Err(UplinkError::SamePolicy { version });
        }
        Ok(())
    }

    /// Cuts what waits anew, under the policy in force.
    fn recut(&mut self) -> Result<(), UplinkError> {
        let policy = self.shared.policy.borrow().clone();
        let version = policy.version();
        let chain = self.shared.spool.recut(&self.shared.sealer, &policy)?;
        tracing::info!(%version, pending = chain.batches_pending(), "cut again under the consent in force");
        self.shared.board.show_chain(&chain);
        self.sent_seq = self.forgotten_seq;
        Ok(())
    }

    async fn ask_earnings(&mut self) {
        self.ask_earnings_at = Instant::now() + EARNINGS_PERIOD;
        self.fetch_earnings().await;
    }

    /// Shows what the car earned. When the marketplace does not say, what it said before stays: no batch
    /// waits for that.
    async fn fetch_earnings(&self) {
        let mut client =
            EarningsClient::new(self.channel.clone()).max_decoding_message_size(answers::BYTES_MAX);
        let call = client.fetch_earnings(v1::FetchEarningsRequest {});
        match timeout(PATIENCE, call).await {
            Ok(Ok(answer)) => {
                let micro_tokens = answer.into_inner().earned_micro_tokens;
                let earned = TokensEarned { micro_tokens, as_of: clock::now().to_string() };
                self.shared.board.update(|status| status.tokens_earned = Some(earned));
            }
            Ok(Err(status)) => tracing::debug!(%status, "earnings not told"),
            Err(late) => tracing::debug!(%late, "earnings not told"),
        }
    }

    async fn fetch_policy(&self) -> Result<(), UplinkError> {
        let mut client =
            ConsentClient::new(self.channel.clone()).max_decoding_message_size(answers::BYTES_MAX);
        let fetched = answer(client.fetch_policy(v1::FetchPolicyRequest {})).await?;
        let policy = Policy::try_from(required("policy", fetched.policy)?)?;
        let known = self.shared.policy.borrow().clone();
        let version = policy.version();
        // The same version with other words: an older agent that did not know them all wrote it down.
        if version > known.version() || (version == known.version() && policy != *known) {
            crate::policy::store(&policy, &self.shared.data_dir)?;
            self.shared.policy.send_replace(Arc::new(policy));
            self.shared.board.update(|status| status.consent_version = version.number());
            tracing::info!(%version, "consent changed");
        }
        Ok(())
    }
}
