//! Gathers samples and says when a batch is to be cut.
//!
//! **Invariant:** a batch has at most the samples and windows that the payload allows, and is cut at
//! the age that the owner set: by the time of its samples, so that a fast replay makes the same
//! batches as a drive, and by the clock, so that a parked car's last samples do not wait.

use telematics::payload::{COMMITMENTS_MAX, Contents};
use telematics::window::Committed;
use telematics::{Sample, Timestamp};

use crate::config::AgentConfig;

/// A batch with this many commitments is cut. One frame can add as many as there are signals, three times
/// over: a window, a trip and a day of each.
const COMMITMENTS_DUE: usize = COMMITMENTS_MAX / 2;

/// The open batch.
#[derive(Debug)]
pub struct Batcher {
    samples_max: usize,
    age_micros_max: i64,
    contents: Contents,
    /// Time of the first sample, and what the clock said when it came.
    opened: Option<(Timestamp, Timestamp)>,
    newest: Option<Timestamp>,
}

impl Batcher {
    /// A batcher with the limits in `config`.
    #[must_use]
    pub fn new(config: &AgentConfig) -> Self {
        let samples_max = usize::try_from(config.batch_samples_max.get()).unwrap_or(usize::MAX);
        Self {
            samples_max,
            age_micros_max: i64::from(config.batch_age_seconds_max.get()) * 1_000_000,
            contents: Contents::default(),
            opened: None,
            newest: None,
        }
    }

    /// Adds a sample.
    pub fn push(&mut self, sample: Sample, now: Timestamp) {
        self.open(sample.time, now);
        self.contents.samples.push(sample);
    }

    /// Adds a commitment that was made when the samples had reached `time`.
    pub fn push_commitment(&mut self, committed: Committed, time: Timestamp, now: Timestamp) {
        self.open(time, now);
        self.contents.commitments.push(committed);
    }

    fn open(&mut self, time: Timestamp, now: Timestamp) {
        self.opened.get_or_insert((time, now));
        self.newest = Some(time);
    }

    /// True when the batch is full or old.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        let Some((first, opened_at)) = self.opened else { return false };
        let span = self.newest.map_or(0, |newest| newest.micros_since(first));
        self.contents.samples.len() >= self.samples_max
            || self.contents.commitments.len() >= COMMITMENTS_DUE
            || span.saturating_abs() >= self.age_micros_max
            || now.micros_since(opened_at).saturating_abs() >= self.age_micros_max
    }

    /// Takes what was gathered and opens the next batch.
    pub fn take(&mut self) -> Contents {
        self.opened = None;
        self.newest = None;
        std::mem::take(&mut self.contents)
    }
}

#[cfg(test)]
mod tests {
    use telematics::testing::{self, T0};

    use super::*;

    fn batcher() -> Batcher {
        Batcher {
            samples_max: 10,
            age_micros_max: 5_000_000,
            contents: Contents::default(),
            opened: None,
            newest: None,
        }
    }

    fn sample(micros: i64) -> Sample {
        Sample { time: T0.plus_micros(micros), ..testing::samples("Vehicle.Speed", 1)[0] }
    }

    #[test]
    fn an_empty_batch_is_never_due() {
        assert!(!batcher().is_due(T0.plus_seconds(1_000)));
    }

    #[test]
    fn a_batch_is_cut_when_full_or_old() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            // name                       samples  apart        clock seconds  due
            ("nine samples",              9,       1,           0,             false),
            ("ten samples",               10,      1,           0,             true),
            ("4.9 s of samples",          2,       4_900_000,   0,             false),
            ("5 s of samples",            2,       5_000_000,   0,             true),
            ("the clock of samples back", 2,       -5_000_000,  0,             true),
            ("4 s by the clock",          1,       0,           4,             false),
            ("5 s by the clock",          1,       0,           5,             true),
        ];
        for (name, count, apart, seconds, due) in cases {
            let mut batcher = batcher();
            (0..count).for_each(|index| batcher.push(sample(index * apart), T0));
            assert_eq!(batcher.is_due(T0.plus_seconds(seconds)), due, "{name}");
        }
    }

    #[test]
    fn taking_opens_the_next_batch() {
        let mut batcher = batcher();
        batcher.push(sample(0), T0);

        assert_eq!(batcher.take().samples.len(), 1);
        assert!(!batcher.is_due(T0.plus_seconds(60)));
        assert_eq!(batcher.take(), Contents::default());
    }
}
