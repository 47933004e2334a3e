//! What speaks against the samples of a batch: found in one pass, and never a reason to refuse it.
//!
//! A car's sensors break, its clock is wrong, its owner may cheat. The market keeps what was signed and
//! says beside it how plausible it is, so that whoever pays can decide.
//!
//! **Invariant:** what honest cars send has no reason: each limit leaves room for coarse positions, late
//! samples and cheap sensors, and the tests say how much.
//!
//! **Not here:** what reasons cost and where they are kept ([`crate::archive`]); places ([`places`]).

mod places;

use std::collections::BTreeMap;

use telematics::time::MICROS_PER_SECOND;
use telematics::{Precision, Sample, Signal, Timestamp};

use crate::archive::{self, Latest, Quality, Reason, ReasonKind, horizon};

/// A speed other than zero may be the same for so long: no road is that even, and no foot that still.
const CONSTANT_SECONDS_MAX: i64 = 60;

/// What was known of a vehicle's signals before a batch, of those that [`judge`] compares with it.
#[derive(Clone, Debug, Default)]
pub struct Known(BTreeMap<Signal, Latest>);

impl Known {
    pub(super) fn new(latest: Vec<Latest>) -> Self {
        let known = latest.into_iter().map(|latest| (latest.sample.signal, latest));
        Self(known.filter(|(signal, _)| needs_what_was_before(*signal)).collect())
    }

    /// Knows what `samples`, judged at `judged_at`, bring.
    pub(super) fn follow(&mut self, samples: &[Sample], judged_at: Timestamp) {
        for newest in archive::newest(samples, horizon(judged_at)) {
            let signal = newest.signal();
            if needs_what_was_before(signal) {
                let latest = newest.after(self.0.get(&signal).copied());
                self.0.insert(signal, latest);
            }
        }
    }

    fn latest(&self, signal: Signal) -> Option<Latest> {
        self.0.get(&signal).copied()
    }
}

/// Judges `samples`, which are grouped by signal in the order measured and whose places are as precise as
/// `location`. Samples of the future are compared with nothing.
pub(super) fn judge(
    samples: &[Sample],
    known: &Known,
    location: Precision,
    now: Timestamp,
) -> Quality {
    let mut found = Found { reasons: Vec::new(), horizon: horizon(now) };
    for run in samples.chunk_by(|one, next| one.signal == next.signal) {
        found.each(run);
        let Some(signal) = run.first().map(|sample| sample.signal) else { continue };
        if is_speed(signal) {
            found.constant(run, known.latest(signal));
        }
        if signal == Signal::TRAVELED_DISTANCE {
            found.odometer(run, known.latest(signal));
        }
    }
    places::judge(&mut found, samples, known, location);
    Quality::new(samples.len(), found.reasons, now)
}

/// Speeds of the car, its wheels and its engines.
fn is_speed(signal: Signal) -> bool {
    matches!(signal.unit().as_str(), "km/h" | "rpm")
}

fn needs_what_was_before(signal: Signal) -> bool {
    let others = [Signal::TRAVELED_DISTANCE, Signal::LATITUDE, Signal::LONGITUDE];
    is_speed(signal) || others.contains(&signal)
}

/// The reasons found so far.
struct Found {
    reasons: Vec<Reason>,
    horizon: Timestamp,
}

impl Found {
    /// Those of `samples` that are not of the future.
    fn past<'a>(&self, samples: &'a [Sample]) -> impl Iterator<Item = &'a Sample> + use<'a> {
        let horizon = self.horizon;
        samples.iter().filter(move |sample| sample.time <= horizon)
    }

    /// What can be seen in each sample alone.
    fn each(&mut self, run: &[Sample]) {
        let Some(signal) = run.first().map(|sample| sample.signal) else { return };
        let range = signal.range();
        let (mut impossible, mut future) = (Tally::new(), Tally::new());
        for sample in run {
            if !range.contains(&sample.value) {
                let raw = sample.value.raw();
                impossible
                    .count(raw, |one, other| ReasonKind::OutOfRange.worse(signal, one, other));
            }
            if sample.time > self.horizon {
                let now = self.horizon.plus_seconds(-archive::FUTURE_SECONDS_MAX);
                future.count(sample.time.micros_since(now) / MICROS_PER_SECOND, i64::max);
            }
        }
        self.add(ReasonKind::OutOfRange, signal, impossible);
        self.add(ReasonKind::Future, signal, future);
    }

    /// A speed that does not move although it is not zero.
    fn constant(&mut self, run: &[Sample], known: Option<Latest>) {
        let (mut latest, mut tally) = (known, Tally::new());
        for sample in self.past(run) {
            let now = latest.map_or_else(|| Latest::first(*sample), |latest| latest.then(*sample));
            let seconds = sample.time.micros_since(now.since) / MICROS_PER_SECOND;
            if seconds > CONSTANT_SECONDS_MAX && sample.value.raw() != 0 {
                tally.count(seconds, i64::max);
            }
            latest = Some(now);
        }
        if let Some(sample) = run.first() {
            self.add(ReasonKind::Constant, sample.signal, tally);
        }
    }

    /// An odometer that goes back while time does not.
    fn odometer(&mut self, run: &[Sample], known: Option<Latest>) {
        let mut before = known.map(|latest| latest.sample);
        let mut tally = Tally::new();
        for sample in self.past(run) {
            if let Some(before) = before {
                let back = before.value.raw().saturating_sub(sample.value.raw());
                if back > 0 && sample.time >= before.time {
                    tally.count(back, i64::max);
                }
            }
            before = Some(*sample);
        }
        self.add(ReasonKind::OdometerBack, Signal::TRAVELED_DISTANCE, tally);
    }

    fn add(&mut self, kind: ReasonKind, signal: Signal, tally: Tally) {
        if let Some(worst) = tally.worst {
            self.reasons.push(Reason { kind, signal, count: tally.count, worst });
        }
    }
}

/// How many, and the worst of them.
#[derive(Clone, Copy)]
struct Tally {
    count: u64,
    worst: Option<i64>,
}

impl Tally {
    const fn new() -> Self {
        Self { count: 0, worst: None }
    }

    fn count(&mut self, far: i64, worse: impl FnOnce(i64, i64) -> i64) {
        self.count += 1;
        self.worst = Some(self.worst.map_or(far, |worst| worse(worst, far)));
    }
}

#[cfg(test)]
mod tests;
