//! How far an agent has come: where it is in its source, and what it counted.
//!
//! Written in the same transaction as the batch it belongs to, so that an agent that is killed goes
//! on at the frame after the last sample it sealed, and counts every frame once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use telematics::{Signal, Timestamp};

use crate::frames::BusErrors;

/// What happened to frames and samples since enrolment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// Data frames read.
    pub frames_read: u64,
    /// Frames of a live bus that were not read, because the spool was full.
    pub frames_dropped: u64,
    /// Lines of a log that could not be read.
    pub broken_lines: u64,
    /// Frames of a live bus that the kernel dropped, because they were not read in time.
    pub frames_lost: u64,
    /// Error frames: how often the bus was disturbed.
    pub error_frames: u64,
    /// The error frames of live buses by class; one may be of several.
    pub bus_errors: BusErrors,
    /// How often a CAN interface went down or away.
    pub bus_interruptions: u64,
    /// Messages of several frames of which some did not arrive.
    pub messages_incomplete: u64,
    /// Values that became samples.
    pub samples_decoded: u64,
    /// Samples that went into batches.
    pub samples_shared: u64,
    /// Samples of shared signals that are more precise than the owner shares, such as positions.
    pub samples_withheld: u64,
    /// Samples under *prove*.
    pub samples_proven: u64,
    /// Samples that were dropped because the owner keeps them.
    pub samples_kept: u64,
    /// Values that were not finite or not possible.
    pub samples_out_of_range: u64,
    /// Windows committed, of values and of places.
    pub windows_committed: u64,
    /// Summaries of trips and days committed.
    pub summaries_committed: u64,
    /// Windows and summaries dropped because a number in them is too large to be committed to.
    pub commitments_too_large: u64,
    /// Batches sealed.
    pub batches_sealed: u64,
}

/// Where an agent is in one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Lines of the log consumed.
    pub position: u64,
    /// When each signal with an interval was last kept: number and microseconds.
    pub kept_at: BTreeMap<u16, i64>,
}

impl Progress {
    /// Keeps the times in `kept_at`.
    pub fn set_kept_at(&mut self, kept_at: &BTreeMap<Signal, Timestamp>) {
        let entry = |(signal, time): (&Signal, &Timestamp)| (signal.number(), time.as_micros());
        self.kept_at = kept_at.iter().map(entry).collect();
    }

    /// The times kept, of signals that the catalogue still has.
    #[must_use]
    pub fn kept_at(&self) -> BTreeMap<Signal, Timestamp> {
        let entry = |(number, micros): (&u16, &i64)| {
            let signal = Signal::by_number(u64::from(*number)).ok()?;
            Some((signal, Timestamp::from_micros(*micros)))
        };
        self.kept_at.iter().filter_map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    #[test]
    fn progress_survives_its_text_form() {
        let speed = Signal::by_path("Vehicle.Speed").unwrap();
        let mut progress = Progress { position: 7, ..Progress::default() };
        progress.set_kept_at(&[(speed, T0)].into());

        let text = serde_json::to_string(&progress).unwrap();
        let back: Progress = serde_json::from_str(&text).unwrap();

        assert_eq!(back, progress);
        assert_eq!(back.kept_at(), [(speed, T0)].into());
    }

    #[test]
    fn counters_of_an_older_program_are_read() {
        let counters: Counters = serde_json::from_str("{\"frames_read\": 5}").unwrap();

        assert_eq!(counters, Counters { frames_read: 5, ..Counters::default() });
    }
}
