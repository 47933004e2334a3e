//! The pump: frames in, sealed batches out.
//!
//! **Invariant:** the cursor written with a batch is that of the last frame whose samples are in it or
//! in one before, so a restart neither skips a frame nor seals a sample twice.

mod cutting;

use std::time::Duration;

use telematics::loss::Loss;
use telematics::window::Period;
use telematics::{Disclosure, Policy, Sample, Timestamp};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use zk::Committable;

use super::silence::Silence;
use crate::batcher::Batcher;
use crate::clock;
use crate::coarse::Coarse;
use crate::config::AgentConfig;
use crate::decoder::Decoder;
use crate::frames::{Frame, FrameError, FrameSource};
use crate::live::Live;
use crate::obd::Asker;
use crate::pause;
use crate::progress::{Counters, Progress};
use crate::spool::{KeptRecord, SpoolError};
use crate::uplink::Shared;
use crate::windows::{Committer, Made};

/// How often a pause is looked for while the agent sleeps, where no frame of the car ends the sleep.
const PAUSE_LOOK: Duration = Duration::from_mins(1);

/// Frames that are read in a row: what else is waited for costs as much as reading several.
const AT_ONCE: usize = 64;

/// Why the pump stopped.
#[derive(Debug, thiserror::Error)]
pub enum PumpError {
    /// No more frames can be read.
    #[error(transparent)]
    Frames(#[from] FrameError),
    /// Batches can not be kept.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// Where frames come from, and whether the owner lets them be looked at.
pub(super) struct Source {
    pub(super) frames: FrameSource,
    pub(super) name: String,
    /// Since when the owner pauses the car.
    pub(super) pause: watch::Receiver<Option<Timestamp>>,
}

/// Reads one source.
pub(super) struct Pump {
    shared: Shared,
    source: FrameSource,
    source_name: String,
    pause: watch::Receiver<Option<Timestamp>>,
    is_paused: bool,
    /// Frames that are signs of life: all but what the agent itself caused, also while paused.
    signs: u64,
    decoder: Decoder,
    /// Asks the car, where the owner wants it.
    asker: Option<Asker>,
    batcher: Batcher,
    committer: Committer,
    kept: Vec<KeptRecord>,
    /// Whether the owner wants anything kept.
    keeps: bool,
    silence: Silence,
    /// Frames of a live bus that were not read, and not stated as lost yet.
    unread: Option<Loss>,
    /// Samples of one frame; reused.
    samples: Vec<Sample>,
    counters: Counters,
    live: Live,
    coarse: Coarse,
    /// What had been counted before this run.
    before: Counters,
}

impl Pump {
    /// A pump that goes on at `progress`, or begins anew without.
    pub(super) fn new(
        config: &AgentConfig,
        shared: Shared,
        source: Source,
        mut decoder: Decoder,
        progress: Option<&Progress>,
    ) -> Result<Self, SpoolError> {
        let counters = shared.spool.counters()?;
        if let Some(progress) = progress {
            decoder.restore(&progress.kept_at());
        }
        let committer = restore(&shared, &source.name)?;
        Ok(Self {
            committer,
            shared,
            source: source.frames,
            source_name: source.name,
            pause: source.pause,
            is_paused: false,
            signs: 0,
            decoder,
            asker: None,
            batcher: Batcher::new(config),
            kept: Vec::new(),
            keeps: config.proofs_retention_days > 0,
            silence: Silence::new(
                Duration::from_secs(config.quiet_after_seconds.get().into()),
                Instant::now(),
            ),
            unread: None,
            samples: Vec::new(),
            counters,
            live: Live::default(),
            coarse: Coarse::default(),
            before: counters,
        })
    }

    /// The same pump, which asks the car too.
    pub(super) fn asking(self, asker: Option<Asker>) -> Self {
        Self { asker, ..self }
    }

    pub(super) fn source_name(&self) -> &str {
        &self.source_name
    }

    /// Reads until the source ends or `stop` is cancelled; then seals what is open.
    pub(super) async fn run(mut self, stop: CancellationToken) -> Result<(), PumpError> {
        self.follow_pause(&stop).await?;
        let mut check_at = self.silence.next_check(Instant::now());
        let mut ask_at = Instant::now();
        let ended = loop {
            let mut falls_asleep = false;
            let next_ask = self.next_ask(ask_at);
            tokio::select! {
                biased;
                () = stop.cancelled() => break false,
                Ok(()) = self.pause.changed() => self.follow_pause(&stop).await?,
                () = at(check_at) => {
                    falls_asleep = self.check();
                    check_at = self.silence.next_check(Instant::now());
                    if self.is_paused && !self.source.is_live() {
                        // Else a restart after the pause would read what was recorded during it.
                        self.cut(&stop).await?;
                    }
                }
                frame = self.source.next_frame() => {
                    let Some(frame) = frame? else { break true };
                    self.look_for_pause(&stop).await?;
                    if self.pass_waiting(&frame)? && self.silence.end(Instant::now()) {
                        self.shared.quiet.set(false);
                        check_at = self.silence.next_check(Instant::now());
                    }
                }
                () = at(next_ask) => {
                    ask_at = Instant::now() + Asker::PERIOD;
                    self.look_for_pause(&stop).await?;
                    self.ask();
                }
            }
            if falls_asleep || self.batcher.is_due(clock::now()) {
                self.cut(&stop).await?;
            }
            if falls_asleep {
                self.shared.quiet.set(true);
            }
        };
        self.end_periods(ended);
        self.cut(&stop).await?;
        self.shared.board.update(|status| status.done = ended);
        Ok(())
    }

    /// Begins or ends the owner's pause. What is open when it begins is broken off, for a window, trip or
    /// day that went on afterwards would tell what happened meanwhile; what was sealed stays.
    async fn follow_pause(&mut self, stop: &CancellationToken) -> Result<(), PumpError> {
        let since = *self.pause.borrow_and_update();
        self.set_paused(since, stop).await
    }

    /// Asleep, nobody looks for the owner's pause, so it is looked for before anything is read or asked. One that
    /// could not be written down holds; one that has ended is told in a moment.
    async fn look_for_pause(&mut self, stop: &CancellationToken) -> Result<(), PumpError> {
        if self.silence.is_awake() {
            return Ok(());
        }
        let told = *self.pause.borrow();
        let since = pause::since(&self.shared.data_dir).or(told);
        self.set_paused(since, stop).await
    }

    async fn set_paused(
        &mut self,
        since: Option<Timestamp>,
        stop: &CancellationToken,
    ) -> Result<(), PumpError> {
        if since.is_some() != self.is_paused {
            self.is_paused = since.is_some();
            self.committer.break_off();
            self.live.clear();
            self.coarse.forget();
            self.cut(stop).await?;
            tracing::info!(paused = self.is_paused, "the owner's pause");
        }
        let since = since.map(|at| at.to_string());
        self.shared.board.update(|status| {
            if status.paused_since != since {
                status.paused_since = since;
                self.shared.board.announce();
            }
        });
        Ok(())
    }

    /// Looks at the clock. True when the bus has been silent for so long that the agent sleeps.
    fn check(&mut self) -> bool {
        if self.source.is_live() {
            self.committer.pause(clock::now(), &mut rand::rng());
            self.keep_made(clock::now(), clock::now());
        }
        self.show_counters();
        self.silence.check(self.signs, Instant::now())
    }

    /// Reads `frame` and some that wait behind it, until a batch is due. True when there was a sign of life.
    fn pass_waiting(&mut self, frame: &Frame) -> Result<bool, FrameError> {
        let mut is_sign = self.pass(frame);
        for _ in 1..AT_ONCE {
            if self.batcher.is_due(clock::now()) {
                break;
            }
            let Some(frame) = self.source.waiting_frame()? else { break };
            is_sign |= self.pass(&frame);
        }
        Ok(is_sign)
    }

    /// Reads one frame, unless the owner pauses the car. True when it is a sign of life.
    fn pass(&mut self, frame: &Frame) -> bool {
        // While paused nothing is asked, so whatever passes is the car's.
        let is_sign = self.is_paused || self.take(frame);
        self.signs += u64::from(is_sign);
        is_sign
    }

    /// Decodes one frame and sorts its samples by consent. False when the agent itself caused the frame.
    fn take(&mut self, frame: &Frame) -> bool {
        self.counters.frames_read += 1;
        let samples = &mut self.samples;
        self.decoder.decode_frame(frame.bus.into(), frame, |sample| samples.push(sample));
        let mut is_sign = true;
        if let Some(asker) = &mut self.asker {
            is_sign = asker.hear(frame, |sample| samples.push(sample));
            self.ask();
        }
        if !self.samples.is_empty() {
            self.sort();
        }
        is_sign
    }

    /// Sorts the samples of a frame by consent.
    fn sort(&mut self) {
        let now = clock::now();
        let policy = self.shared.policy.borrow().clone();
        let mut samples = std::mem::take(&mut self.samples);
        for sample in samples.drain(..) {
            self.counters.samples_decoded += 1;
            let disclosure = policy.disclosure(sample.signal);
            self.committer.take(sample, disclosure, &mut rand::rng());
            self.keep_made(sample.time, now);
            match disclosure {
                Disclosure::Share => {
                    let precision = policy.precision(sample.signal.group());
                    let shared = self.counters.samples_shared;
                    self.coarse.leave(sample, precision, |sample| {
                        self.counters.samples_shared += 1;
                        self.live.see(&sample, disclosure, now);
                        self.batcher.push(sample, now);
                    });
                    if self.counters.samples_shared == shared {
                        self.counters.samples_withheld += 1;
                    }
                }
                Disclosure::Prove => {
                    self.counters.samples_proven += 1;
                    self.live.see(&sample, disclosure, now);
                }
                Disclosure::Keep => {
                    self.counters.samples_kept += 1;
                    self.live.see(&sample, disclosure, now);
                }
            }
        }
        // Its memory serves the next frame.
        self.samples = samples;
    }

    /// When the car is asked next, which is `awake_at` while the bus is awake. One that sleeps is not woken,
    /// and one that can not be heard is looked at rarely; see `[obd]`.
    fn next_ask(&self, awake_at: Instant) -> Option<Instant> {
        let asker = self.asker.as_ref()?;
        match (self.silence.is_awake(), self.is_paused) {
            (true, false) => Some(awake_at),
            (true, true) => None,
            (false, false) => Some(Instant::now() + asker.wait(clock::now())?),
            // To learn that the pause is over.
            (false, true) => asker.wait(clock::now()).map(|_| Instant::now() + PAUSE_LOOK),
        }
    }

    /// Sends what the car is to be asked now.
    fn ask(&mut self) {
        if let Some(asker) = self.asker.as_mut().filter(|_| !self.is_paused) {
            asker.send(clock::now());
        }
    }

    /// Puts what was committed into the batch, and what is behind it beside.
    fn keep_made(&mut self, time: Timestamp, now: Timestamp) {
        self.counters.commitments_too_large =
            self.before.commitments_too_large + self.committer.too_large();
        for Made { committed, kept } in self.committer.take_made() {
            match kept.committable {
                Committable::Summary(_) => self.counters.summaries_committed += 1,
                Committable::Window(_) | Committable::Places(_) => {
                    self.counters.windows_committed += 1;
                }
            }
            self.batcher.push_commitment(committed, time, now);
            if !self.keeps {
                continue;
            }
            let sealed = kept.seal(&committed, &self.shared.vault, &mut rand::rng());
            self.kept.push(KeptRecord { committed, kept_at: now, leaf: None, sealed });
        }
    }

    /// Ends the trip. The end of a recording ends its day too; an agent that is stopped goes on with the
    /// day when it is started again, so that there is one summary of it.
    fn end_periods(&mut self, source_ended: bool) {
        self.committer.end(Period::Trip, &mut rand::rng());
        if source_ended {
            self.committer.end(Period::Day, &mut rand::rng());
        }
        self.keep_made(clock::now(), clock::now());
    }

    /// What is open under `policy`, encrypted.
    fn sealed_open(&mut self, policy: &Policy) -> Vec<u8> {
        self.committer.retain(policy);
        let about = about_open(&self.source_name);
        self.shared.vault.seal(&about, &self.committer.to_bytes(), &mut rand::rng())
    }

    fn show_counters(&mut self) {
        self.counters.broken_lines = self.before.broken_lines + self.source.broken_lines();
        let mishaps = self.source.mishaps();
        self.counters.frames_lost = self.before.frames_lost + mishaps.frames_lost;
        self.counters.error_frames = self.before.error_frames + mishaps.error_frames;
        self.counters.bus_errors = self.before.bus_errors.plus(mishaps.bus_errors);
        self.counters.bus_interruptions = self.before.bus_interruptions + mishaps.interruptions;
        self.counters.samples_out_of_range =
            self.before.samples_out_of_range + self.decoder.out_of_range();
        self.counters.messages_incomplete =
            self.before.messages_incomplete + self.decoder.incomplete();
        let (counters, position) = (self.counters, self.source.position());
        let obd = self.asker.as_ref().map(|asker| asker.findings().into());
        let policy = self.shared.policy.borrow().clone();
        let (live, groups) = (self.live.signals(&policy), self.live.groups(&policy));
        self.shared.board.update(|status| {
            status.obd = obd;
            status.counters = counters;
            status.position = position;
            (status.live, status.groups) = (live, groups);
        });
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// Goes on with the windows, the trip and the day that were open when the agent ended.
fn restore(shared: &Shared, source_name: &str) -> Result<Committer, SpoolError> {
    let Some(sealed) = shared.spool.open_of(source_name)? else { return Ok(Committer::default()) };
    match shared.vault.open(&about_open(source_name), &sealed) {
        Ok(bytes) => Ok(Committer::restore(&bytes)),
        Err(error) => {
            tracing::warn!(%error, "open windows can not be read: they begin anew");
            Ok(Committer::default())
        }
    }
}

fn about_open(source_name: &str) -> Vec<u8> {
    [b"axle/open/v1\0", source_name.as_bytes()].concat()
}
