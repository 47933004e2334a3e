//! Cutting: what was gathered becomes a sealed batch in the spool, or waits for room there.
//!
//! **Invariant:** what could not be kept is cut again, and frames of a live bus that pass meanwhile are
//! counted and stated as lost.

use std::time::Duration;

use telematics::Policy;
use telematics::loss::{Loss, LossReason};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Pump, PumpError};
use crate::progress::Progress;
use crate::spool::{Chain, Cut, SpoolError};
use crate::status;

/// Time between attempts to write to a disk that is full.
const RETRY: Duration = Duration::from_secs(2);

impl Pump {
    /// Seals the open batch. Waits while the spool or the disk is full, unless told to stop: then the
    /// cursor stays where it was, and a replay reads those frames again.
    pub(super) async fn cut(&mut self, stop: &CancellationToken) -> Result<(), PumpError> {
        let mut progress = Progress { position: self.source.position(), ..Progress::default() };
        progress.set_kept_at(&self.decoder.kept_at());
        self.show_counters();
        let mut cut = Cut {
            contents: self.batcher.take(),
            kept: std::mem::take(&mut self.kept),
            source: self.source_name.clone(),
            progress,
            open: Vec::new(),
            counters: self.counters,
        };
        let mut failed = false;
        loop {
            let policy = self.shared.policy.borrow().clone();
            cut.open = self.sealed_open(&policy);
            match self.shared.spool.append(&self.shared.sealer, &policy, &mut cut) {
                Ok(chain) => {
                    self.counters.batches_sealed = self.shared.spool.counters()?.batches_sealed;
                    let chain = self.state_unread(&policy).unwrap_or(chain);
                    self.show_counters();
                    self.shared.board.show_chain(&chain);
                    self.shared.sealed.notify_one();
                    if failed {
                        self.shared.board.clear_error();
                    }
                    return Ok(());
                }
                Err(error @ SpoolError::Damaged { .. }) => return Err(error.into()),
                Err(error) => {
                    if !failed {
                        tracing::warn!(error = status::chain_text(&error), "batch not kept yet");
                    }
                    failed = true;
                    self.shared.board.show_error(&error);
                    if stop.is_cancelled() {
                        return Err(error.into());
                    }
                    self.wait_for_room(stop).await?;
                }
            }
        }
    }

    /// States the loss of what was not read meanwhile. When it can not be kept, the next batch tries again.
    fn state_unread(&mut self, policy: &Policy) -> Option<Chain> {
        let loss = self.unread?;
        match self.shared.spool.state_loss(&self.shared.sealer, policy, loss) {
            Ok(chain) => {
                tracing::warn!(frames = loss.frames, "the bus was not read: its loss is stated");
                self.unread = None;
                Some(chain)
            }
            Err(error) => {
                tracing::warn!(error = status::chain_text(&error), "a loss is not stated yet");
                None
            }
        }
    }

    /// Waits for an acknowledgement or a little while. A live bus goes on: its frames are counted.
    async fn wait_for_room(&mut self, stop: &CancellationToken) -> Result<(), PumpError> {
        let retry_at = Instant::now() + RETRY;
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.shared.acknowledged.notified() => return Ok(()),
                () = sleep_until(retry_at) => return Ok(()),
                frame = self.source.next_frame(), if self.source.is_live() => {
                    let Some(frame) = frame? else { return Ok(()) };
                    self.counters.frames_dropped += 1;
                    let unread = Loss::new(LossReason::BusNotRead);
                    let unread = self.unread.get_or_insert(unread);
                    unread.frames += 1;
                    unread.extend((frame.time, frame.time));
                }
            }
        }
    }
}
