//! What all cars were answered, together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tonic::Status;

/// Counts while cars stream.
#[derive(Default)]
pub(super) struct Tally {
    samples: AtomicU64,
    bytes: AtomicU64,
    refusals: AtomicU64,
    /// One for each batch acknowledged.
    latencies_micros: Mutex<Vec<u32>>,
    /// What the first refusal said.
    refusal: Mutex<Option<String>>,
}

impl Tally {
    pub(super) fn acknowledged(&self, samples: usize, bytes: usize, latency: Duration) {
        self.samples.fetch_add(samples.try_into().unwrap_or(0), Ordering::Relaxed);
        self.bytes.fetch_add(bytes.try_into().unwrap_or(0), Ordering::Relaxed);
        let micros = u32::try_from(latency.as_micros()).unwrap_or(u32::MAX);
        self.latencies_micros.lock().unwrap_or_else(PoisonError::into_inner).push(micros);
    }

    pub(super) fn refused(&self, status: &Status) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
        let mut first = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert_with(|| format!("{:?}: {}", status.code(), status.message()));
    }

    pub(super) fn samples(&self) -> u64 {
        self.samples.load(Ordering::Relaxed)
    }

    pub(super) fn payload_bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// How often a stream was refused, and what was said the first time.
    pub(super) fn refusals(&self) -> (u64, Option<String>) {
        let first = self.refusal.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (self.refusals.load(Ordering::Relaxed), first)
    }

    /// How long batches waited for their receipts: shortest first.
    pub(super) fn latencies(&self) -> Latencies {
        let latencies = self.latencies_micros.lock().unwrap_or_else(PoisonError::into_inner);
        let mut micros = latencies.clone();
        micros.sort_unstable();
        Latencies { micros }
    }
}

/// Latencies in order.
pub(super) struct Latencies {
    micros: Vec<u32>,
}

impl Latencies {
    pub(super) fn batches(&self) -> usize {
        self.micros.len()
    }

    /// The latency that `per_mille` of 1,000 batches did not exceed, in milliseconds (nearest rank).
    pub(super) fn at_ms(&self, per_mille: usize) -> f64 {
        let rank = (self.micros.len() * per_mille).div_ceil(1_000).max(1) - 1;
        f64::from(self.micros.get(rank).copied().unwrap_or(0)) / 1_000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let tally = Tally::default();
        assert!(tally.latencies().at_ms(990).abs() < f64::EPSILON);
        for ms in (1..=100).rev() {
            tally.acknowledged(10, 20, Duration::from_millis(ms));
        }

        let latencies = tally.latencies();

        let shown = [500, 990, 1_000].map(|per_mille| latencies.at_ms(per_mille));
        assert_eq!(shown.map(|ms| format!("{ms}")), ["50", "99", "100"]);
        assert_eq!((latencies.batches(), tally.samples()), (100, 1_000));
    }
}
