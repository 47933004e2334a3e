//! Windows: under *prove*, 64 consecutive values of a signal become one commitment.
//!
//! **Invariant:** the commitment leaves the car, the values and the blinding stay in its spool. Each
//! window has a blinding of its own.
//!
//! **Not here:** how a commitment is computed and what can be proven about it (`zk`).

use std::collections::BTreeMap;

use rand::CryptoRng;
use telematics::window::{CommittedWindow, Window};
use telematics::{Disclosure, Policy, Sample, Signal, Timestamp, Value};

use crate::progress::Progress;
use crate::spool::KeptWindow;

/// Windows that are not full yet, by signal.
#[derive(Debug, Default)]
pub struct Windows {
    open: BTreeMap<Signal, (Timestamp, Vec<Value>)>,
}

impl Windows {
    /// Goes on where [`Self::store`] stood.
    #[must_use]
    pub fn restore(progress: &Progress) -> Self {
        let entry = |(number, (micros, raw)): (&u16, &(i64, Vec<i64>))| {
            let signal = Signal::by_number(u64::from(*number)).ok()?;
            let values = raw.iter().copied().map(Value::from_raw).collect();
            Some((signal, (Timestamp::from_micros(*micros), values)))
        };
        Self { open: progress.windows.iter().filter_map(entry).collect() }
    }

    /// Keeps what is open in `progress`, of signals that `policy` lets prove.
    pub fn store(&mut self, progress: &mut Progress, policy: &Policy) {
        self.open.retain(|signal, _| policy.disclosure(*signal) == Disclosure::Prove);
        progress.windows.clear();
        for (signal, (started_at, values)) in &self.open {
            progress.keep_window(*signal, *started_at, values);
        }
    }

    /// Adds a sample. When it fills a window, gives what to send and what to keep.
    pub fn push(
        &mut self,
        sample: Sample,
        rng: &mut impl CryptoRng,
    ) -> Option<(CommittedWindow, KeptWindow)> {
        let Sample { signal, time, value } = sample;
        let (started_at, values) = self.open.entry(signal).or_insert((time, Vec::new()));
        values.push(value);
        let values: [Value; Window::LENGTH] = values.as_slice().try_into().ok()?;
        let window = Window { signal, started_at: *started_at, values };
        self.open.remove(&signal);

        let blinding = zk::Blinding::draw(rng);
        let commitment = zk::commit(&window, blinding);
        let committed = CommittedWindow { signal, started_at: window.started_at, commitment };
        Some((committed, KeptWindow { window, blinding: blinding.to_bytes() }))
    }
}

#[cfg(test)]
mod tests {
    use telematics::{PolicyVersion, testing};

    use super::*;

    #[test]
    fn every_64_values_make_one_window_even_across_a_restart() {
        let policy = Policy::new(
            PolicyVersion::FIRST,
            [(telematics::SignalGroup::Motion, Disclosure::Prove)].into(),
        );
        let samples = testing::samples("Vehicle.Speed", 130);
        let (mut windows, mut made) = (Windows::default(), Vec::new());
        for (index, sample) in samples.iter().enumerate() {
            if index == 100 {
                let mut progress = Progress::default();
                windows.store(&mut progress, &policy);
                windows = Windows::restore(&progress);
            }
            made.extend(windows.push(*sample, &mut rand::rng()));
        }

        assert_eq!(made.len(), 2);
        let (committed, kept) = &made[1];
        assert_eq!(kept.window.values[0], samples[64].value);
        assert_eq!(committed.started_at, samples[64].time);
        let blinding = zk::Blinding::from_bytes(&kept.blinding).unwrap();
        assert_eq!(zk::commit(&kept.window, blinding), committed.commitment);
        assert_ne!(made[0].1.blinding, kept.blinding);
    }

    #[test]
    fn an_open_window_is_not_written_down_once_the_owner_keeps_the_signal() {
        let mut windows = Windows::default();
        windows.push(testing::samples("Vehicle.Speed", 1)[0], &mut rand::rng());
        let mut progress = Progress::default();
        windows.store(&mut progress, &Policy::new(PolicyVersion::FIRST, BTreeMap::new()));

        assert_eq!(progress, Progress::default());
    }
}
