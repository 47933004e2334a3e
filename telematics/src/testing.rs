//! Small honest things for tests of every crate: keys, samples, batches.
//!
//! **Invariant:** everything here is deterministic. Nothing here is used outside tests and benches.

use ed25519_dalek::SigningKey;

use crate::batch::{BatchHash, BatchHeader, SealedBatch};
use crate::consent::PolicyVersion;
use crate::ids::VehicleId;
use crate::payload::{self, Contents};
use crate::sample::Sample;
use crate::time::Timestamp;
use crate::value::Value;
use crate::vss::Signal;

/// 2024-01-01T00:00:00Z, the beginning of time in tests.
pub const T0: Timestamp = Timestamp::from_micros(1_704_067_200_000_000);

/// A device key that is the same at each call with the same `seed`.
#[must_use]
pub fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// The id of test vehicle number `number`, made at [`T0`].
#[must_use]
pub fn vehicle(number: u8) -> VehicleId {
    VehicleId::new(T0, [0, 0, 0, 0, 0, 0, 0, 0, 0, number])
}

/// `count` samples of `path`, one every 100 ms from [`T0`], of raw values 0, 1, 2…
///
/// # Panics
/// If `path` is not in the catalogue.
#[must_use]
#[expect(clippy::expect_used, reason = "a test that names a signal means one that exists")]
pub fn samples(path: &str, count: u16) -> Vec<Sample> {
    let signal = Signal::by_path(path).expect("a signal of the catalogue");
    let sample = |index: u16| Sample {
        signal,
        time: T0.plus_micros(i64::from(index) * 100_000),
        value: Value::from_raw(i64::from(index)),
    };
    (0..count).map(sample).collect()
}

/// Batch `seq` of [`vehicle`] 255, with ten samples of speed, under the first consent.
#[must_use]
pub fn batch(seq: u64, prev_hash: BatchHash, key: &SigningKey) -> SealedBatch {
    let header = BatchHeader {
        vehicle: vehicle(255),
        seq,
        prev_hash,
        consent_version: PolicyVersion::FIRST,
    };
    let contents = Contents { samples: samples("Vehicle.Speed", 10), commitments: Vec::new() };
    SealedBatch::seal(header, payload::encode(&contents), key)
}
