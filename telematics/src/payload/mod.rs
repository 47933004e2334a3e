//! The payload of a batch: samples in columns, delta-coded and compressed.
//!
//! Bytes on a mobile network cost the owner money. Per signal the times and values are each a run of
//! differences (times: differences of differences), written as zigzag varints and compressed together
//! with Zstandard. A sample of a periodic signal costs about two bytes.
//!
//! ```text
//! payload     = zstd(body)
//! body        = version:u8=1  columns  commitments
//! columns     = count { number count times values }*      one per signal, by number, each once
//! times       = zigzag(first, second difference, …)       microseconds
//! values      = zigzag(first, difference, …)              fixed-point integers
//! commitments = count { number 32 bytes }*
//! ```
//!
//! **Invariant:** [`decode()`] allocates no more than the limits below before it has seen the bytes
//! that justify it, and returns either all of a payload or an error.
//!
//! **Not here:** signatures and the chain ([`crate::batch`]).

mod decode;
mod encode;

pub use decode::decode;
pub use encode::encode;

use crate::loss::NotALoss;
use crate::sample::Sample;
use crate::time::Timestamp;
use crate::vss::{Signal, UnknownSignal};
use crate::window::Committed;

/// Bytes of a payload as sent. Keeps a batch well below gRPC's default message limit of 4 MiB.
pub const PAYLOAD_BYTES_MAX: usize = 1 << 20;
/// Samples in a payload: bounds the work that one batch can cause.
pub const SAMPLES_MAX: usize = 10_000;
/// Commitments in a payload.
pub const COMMITMENTS_MAX: usize = 1_000;
/// Days that the samples of a payload may fall on. A batch spans seconds, so two are honest, and more
/// only while a clock is being set; each day becomes a folder in the lake.
pub const DAYS_MAX: usize = 4;
/// A payload may unpack to this many times its size: bounds the memory that few bytes can ask for. Zeros
/// would unpack to thousands of times theirs.
pub const EXPANSION_MAX: usize = 20;
/// Small payloads of constant signals compress without harm beyond 20:1 up to this size.
pub const EXPANSION_FLOOR_BYTES: usize = 64 << 10;

const VERSION: u8 = 1;
/// Zstandard's default.
const COMPRESSION_LEVEL: i32 = 3;

/// What a batch carries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Samples, grouped by signal, in the order measured within a signal.
    pub samples: Vec<Sample>,
    /// Commitments to windows and summaries of signals under *prove*.
    pub commitments: Vec<Committed>,
}

impl Contents {
    /// The samples of each signal, as [`decode()`] leaves them: one column a signal, in the order
    /// measured. Samples that are not grouped by signal make several columns of one.
    pub fn columns(&self) -> impl Iterator<Item = (Signal, &[Sample])> {
        let columns = self.samples.chunk_by(|one, next| one.signal == next.signal);
        columns.filter_map(|column| Some((column.first()?.signal, column)))
    }
}

/// Why bytes are not a payload.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// More bytes than a batch may have.
    #[error("payload has {actual} bytes, at most {PAYLOAD_BYTES_MAX} are accepted")]
    TooLarge {
        /// Bytes received.
        actual: usize,
    },
    /// Unpacks to more than its size justifies.
    #[error("payload of {compressed} bytes unpacks to more than {max} bytes")]
    Expands {
        /// Bytes received.
        compressed: usize,
        /// Bytes it may unpack to.
        max: usize,
    },
    /// Not Zstandard.
    #[error("payload is not compressed with Zstandard, or is damaged")]
    NotCompressed,
    /// Begins as the statement of a loss.
    #[error(transparent)]
    NotALoss(#[from] NotALoss),
    /// A version that this program does not know.
    #[error("payload has format version {version}, this program reads version {VERSION}")]
    UnknownVersion {
        /// The version stated.
        version: u8,
    },
    /// Ends in the middle of something, or goes on after the end.
    #[error("payload is cut short or has trailing bytes, at byte {at}")]
    Malformed {
        /// Where in the unpacked bytes.
        at: usize,
    },
    /// More samples than a batch may have.
    #[error("payload has more than {SAMPLES_MAX} samples")]
    TooManySamples,
    /// More commitments than a batch may have.
    #[error("payload has more than {COMMITMENTS_MAX} commitments")]
    TooManyCommitments,
    /// A signal that is not in the catalogue.
    #[error(transparent)]
    UnknownSignal(#[from] UnknownSignal),
    /// A time at which nothing can have been measured.
    #[error("payload has a time of {signal} that is not between 1970 and 2100: {time}")]
    OutOfCalendar {
        /// The signal with that time.
        signal: Signal,
        /// The time stated.
        time: Timestamp,
    },
    /// Samples of more days than a batch may span.
    #[error("payload has samples of more than {DAYS_MAX} days")]
    TooManyDays,
    /// A signal listed twice, or out of order.
    #[error("payload lists {signal} twice or out of order")]
    OutOfOrder {
        /// The signal in the wrong place.
        signal: Signal,
    },
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing;
    use crate::time::MICROS_PER_DAY;
    use crate::value::Value;
    use crate::window::Commitment;

    fn pack(body: &[u8]) -> Vec<u8> {
        zstd::bulk::compress(body, COMPRESSION_LEVEL).unwrap()
    }

    fn arb_sample() -> impl Strategy<Value = Sample> {
        (1..=100_u64, arb_time(), any::<i64>()).prop_map(|(number, time, raw)| Sample {
            signal: Signal::by_number(number).unwrap(),
            time,
            value: Value::from_raw(raw),
        })
    }

    /// Any time of a day, on the first and on the last day of the calendar.
    fn arb_time() -> impl Strategy<Value = Timestamp> {
        let end = Timestamp::CALENDAR_END.as_micros();
        prop_oneof![0..MICROS_PER_DAY, end - MICROS_PER_DAY..end].prop_map(Timestamp::from_micros)
    }

    fn arb_commitment() -> impl Strategy<Value = Committed> {
        (1..=100_u64, any::<[u8; 32]>()).prop_map(|(number, bytes)| Committed {
            signal: Signal::by_number(number).unwrap(),
            commitment: Commitment(bytes),
        })
    }

    proptest! {
        /// What was packed comes back, for any times and values, in the order of each signal.
        #[test]
        fn round_trips(
            samples in prop::collection::vec(arb_sample(), 0..300),
            commitments in prop::collection::vec(arb_commitment(), 0..5),
        ) {
            let mut expected = Contents { samples, commitments };
            let payload = encode(&expected);
            expected.samples.sort_by_key(|sample| sample.signal);

            prop_assert_eq!(decode(&payload), Ok(expected));
        }

        /// Arbitrary bytes are refused or decoded, never a panic.
        #[test]
        fn survives_arbitrary_bytes(body in prop::collection::vec(any::<u8>(), 0..200)) {
            decode(&body).ok();
            decode(&pack(&body)).ok();
        }
    }

    #[test]
    fn columns_are_runs_of_one_signal() {
        let samples = [("Vehicle.Speed", 3), ("Vehicle.TraveledDistance", 2)]
            .map(|(path, count)| testing::samples(path, count))
            .concat();
        let contents = Contents { samples, ..Contents::default() };

        let lengths = contents.columns().map(|(signal, column)| (signal.path(), column.len()));
        let expected = [("Vehicle.Speed", 3), ("Vehicle.TraveledDistance", 2)];
        assert_eq!(lengths.collect::<Vec<_>>(), expected);
        assert_eq!(Contents::default().columns().count(), 0);
    }

    #[test]
    fn a_periodic_signal_costs_about_two_bytes_a_sample() {
        let speed = Signal::by_path("Vehicle.Speed").unwrap();
        let sample = |index: i64| Sample {
            signal: speed,
            time: Timestamp::from_micros(1_700_000_000_000_000 + index * 100_000 + index % 7),
            value: Value::from_raw(5_000 + (index * index) % 23),
        };
        let contents =
            Contents { samples: (0..1_000).map(sample).collect(), ..Contents::default() };

        assert!(encode(&contents).len() < 2_100, "{} bytes", encode(&contents).len());
    }

    #[test]
    fn what_is_outside_the_format_is_refused() {
        #[rustfmt::skip] // a table is read by column
        let cases: [(&str, Vec<u8>, PayloadError); 8] = [
            ("not compressed",     vec![1, 2, 3],                      PayloadError::NotCompressed),
            ("empty body",         pack(&[]),                          PayloadError::Malformed { at: 0 }),
            ("version of later",   pack(&[9]),                         PayloadError::UnknownVersion { version: 9 }),
            ("trailing byte",      pack(&[1, 0, 0, 7]),                PayloadError::Malformed { at: 3 }),
            ("cut in a column",    pack(&[1, 1, 1, 2, 0]),             PayloadError::Malformed { at: 5 }),
            ("a signal twice",     pack(&[1, 2, 1, 0, 1, 0, 0]),       PayloadError::OutOfOrder { signal: Signal::by_number(1).unwrap() }),
            ("signal number 0",    pack(&[1, 1, 0, 0, 0]),             UnknownSignal::Number { number: 0 }.into()),
            ("10,001 samples",     pack(&[1, 1, 1, 0x91, 0x4e]),       PayloadError::TooManySamples),
        ];
        for (name, payload, error) in cases {
            assert_eq!(decode(&payload), Err(error), "{name}");
        }
    }

    #[test]
    fn times_that_would_litter_the_lake_are_refused() {
        let sample = testing::samples("Vehicle.Speed", 1)[0];
        let days = |count: i64| {
            let day =
                |day: i64| Sample { time: sample.time.plus_micros(day * MICROS_PER_DAY), ..sample };
            decode(&encode(&Contents {
                samples: (0..count).map(day).collect(),
                commitments: vec![],
            }))
        };
        assert!(days(4).is_ok());
        assert_eq!(days(5), Err(PayloadError::TooManyDays));

        for micros in [-1, Timestamp::CALENDAR_END.as_micros(), i64::MIN, i64::MAX] {
            let time = Timestamp::from_micros(micros);
            let refusal = Err(PayloadError::OutOfCalendar { signal: sample.signal, time });
            let samples = vec![Sample { time, ..sample }];
            assert_eq!(decode(&encode(&Contents { samples, commitments: vec![] })), refusal);
        }
    }

    #[test]
    fn a_bomb_is_refused_before_it_unpacks() {
        let bomb = pack(&vec![0; 100 << 20]);
        assert!(matches!(decode(&bomb), Err(PayloadError::Expands { .. })));

        let large = vec![0; PAYLOAD_BYTES_MAX + 1];
        assert!(matches!(decode(&large), Err(PayloadError::TooLarge { .. })));
    }
}
