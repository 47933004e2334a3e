//! What a vehicle did on a day, in a few numbers: what rewards are reckoned from.
//!
//! A day is the UTC day on which the market took samples in, whatever time they have: so nobody adds to one that is over.
//!
//! **Invariant:** noted in the transaction that keeps a batch, so that no payload is decoded to find it.
//!
//! **Not here:** what it is worth ([`crate::rewards`]), and when it is not needed any more.

use telematics::payload::Contents;
use telematics::{Signal, Timestamp, VehicleId};

use super::quality::Quality;
use super::queries;
use super::verbs::ArchiveError;
use crate::db::Conn;

/// Signals, one bit for each by its number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignalSet(Vec<u8>);

impl SignalSet {
    pub(super) const fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Adds `signal`.
    pub fn insert(&mut self, signal: Signal) {
        let (byte, bit) = (usize::from(signal.number() / 8), signal.number() % 8);
        if self.0.len() <= byte {
            self.0.resize(byte + 1, 0);
        }
        if let Some(byte) = self.0.get_mut(byte) {
            *byte |= 1 << bit;
        }
    }

    /// Adds those of `other`.
    pub fn add_all(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (byte, more) in self.0.iter_mut().zip(&other.0) {
            *byte |= more;
        }
    }

    /// Whether `signal` is one of them.
    #[must_use]
    pub fn contains(&self, signal: Signal) -> bool {
        let (byte, bit) = (usize::from(signal.number() / 8), signal.number() % 8);
        self.0.get(byte).is_some_and(|byte| byte & (1 << bit) != 0)
    }

    /// How many they are.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.0.iter().map(|byte| byte.count_ones()).sum()
    }
}

/// What a vehicle did on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VehicleDay {
    /// Which vehicle.
    pub vehicle: VehicleId,
    /// The day on which it was taken in, counted from 1970-01-01.
    pub day: i64,
    /// Samples that it sent; more than none.
    pub samples: u64,
    /// Their scores added up, in per mille.
    pub score_sum: u64,
    /// Signals of which a value was another than the one before. Samples of the future do not count.
    pub varied: SignalSet,
}

/// Notes a batch of `vehicle` that was taken in at `now`. One without samples is no sign of a drive.
pub(super) fn note(
    conn: &mut Conn,
    vehicle: VehicleId,
    (contents, quality): (&Contents, &Quality),
    varied: SignalSet,
    now: Timestamp,
) -> Result<(), ArchiveError> {
    if contents.samples.is_empty() {
        return Ok(());
    }
    let samples = u64::try_from(contents.samples.len()).unwrap_or(u64::MAX);
    let score_sum = samples.saturating_mul(quality.score.per_mille().into());
    queries::note_day(conn, VehicleDay { vehicle, day: now.day(), samples, score_sum, varied })
}

/// What vehicles did from `first_day` on and before `end_day`, by vehicle and day.
///
/// # Errors
/// Fails when the database does, or when a row is damaged.
pub fn days(
    conn: &mut Conn,
    first_day: i64,
    end_day: i64,
) -> Result<Vec<VehicleDay>, ArchiveError> {
    queries::days(conn, first_day, end_day)
}

/// The first day that is known of any vehicle.
///
/// # Errors
/// Fails when the database does.
pub fn first_day(conn: &mut Conn) -> Result<Option<i64>, ArchiveError> {
    queries::first_day(conn)
}

/// Deletes what vehicles did before `end_day`, and says of how many days of a vehicle that was.
///
/// # Errors
/// Fails when the database does.
pub fn forget_days(conn: &mut Conn, end_day: i64) -> Result<u64, ArchiveError> {
    queries::forget_days(conn, end_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: &[u64]) -> SignalSet {
        let mut set = SignalSet::default();
        for number in numbers {
            set.insert(Signal::by_number(*number).unwrap());
        }
        set
    }

    #[test]
    fn a_signal_counts_once() {
        assert_eq!(set(&[]).count(), 0);
        assert_eq!(set(&[1, 7, 8, 100, 7]).count(), 4);
        let has = |number| set(&[1, 7, 8, 100]).contains(Signal::by_number(number).unwrap());
        assert_eq!([1, 2, 8, 9, 100, 101].map(has), [true, false, true, false, true, false]);
        let mut union = set(&[1, 9]);
        union.add_all(&set(&[9, 100]));
        assert_eq!(union, set(&[1, 9, 100]));
        union.add_all(&set(&[2]));
        assert_eq!(union, set(&[1, 2, 9, 100]), "a shorter set takes nothing away");
        assert_eq!(SignalSet::from_bytes(union.clone().into_bytes()), union);
    }
}
