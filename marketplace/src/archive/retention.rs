//! Letting go of what is kept for a time only: payloads, latest values, evidence.
//!
//! A payload is signed as a whole and can not be cut, so it goes when the first of its samples that is kept
//! for a time only is over, and only when the lake has its rows: those of other groups stay there. Its header, hash,
//! signature and score stay, so the chain goes on.
//!
//! **Invariant:** what a batch has of days and groups is noted when it is taken in, so nothing is decoded here.

use std::collections::BTreeMap;

use telematics::{Sample, SignalGroup, Timestamp, VehicleId};

use super::queries;
use super::verbs::ArchiveError;
use crate::db::Conn;

/// A question that began before a batch was moved to the lake may still look for it in the archive, but not for
/// so long.
const LOOKED_FOR_SECONDS: i64 = 3_600;

/// What is kept for a time only, and where else it is.
#[derive(Clone, Debug)]
pub struct Over {
    /// The first day that is kept of each such group.
    pub first_days: BTreeMap<SignalGroup, i64>,
    /// The last batch that is in the lake.
    pub moved: i64,
    /// When it is.
    pub now: Timestamp,
}

impl Over {
    /// Batches that were received before are with nobody any more.
    pub(super) const fn received_before(&self) -> Timestamp {
        self.now.plus_seconds(-LOOKED_FOR_SECONDS)
    }
}

/// Groups and earliest day of the samples of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) groups: i32,
    /// None without samples.
    pub(super) first_day: Option<i32>,
}

impl Span {
    pub(super) fn of(samples: &[Sample]) -> Self {
        let runs = samples.chunk_by(|one, next| one.signal == next.signal);
        let groups = runs.filter_map(|run| Some(bit(run.first()?.signal.group())));
        let first_at = samples.iter().map(|sample| sample.time).min();
        Self {
            groups: groups.fold(0, |groups, bit| groups | bit),
            first_day: first_at.map(|time| stored_day(time.day())),
        }
    }
}

/// A day as it is stored.
pub(super) fn stored_day(day: i64) -> i32 {
    i32::try_from(day).unwrap_or(i32::MAX)
}

/// Stands for `group` in the database: none is ever given to another.
pub(super) const fn bit(group: SignalGroup) -> i32 {
    match group {
        SignalGroup::Motion => 1,
        SignalGroup::Driving => 1 << 1,
        SignalGroup::Location => 1 << 2,
        SignalGroup::Odometer => 1 << 3,
        SignalGroup::Battery => 1 << 4,
        SignalGroup::Charging => 1 << 5,
        SignalGroup::Powertrain => 1 << 6,
        SignalGroup::Climate => 1 << 7,
        SignalGroup::Tyres => 1 << 8,
        SignalGroup::Diagnostics => 1 << 9,
    }
}

/// Empties payloads that are over, at most `limit`, and says how many. To be repeated until there are none.
///
/// # Errors
/// Fails when the database does.
pub fn let_go(conn: &mut Conn, over: &Over, limit: u32) -> Result<u64, ArchiveError> {
    let mut gone = 0_u64;
    for (group, first_day) in &over.first_days {
        let left = i64::from(limit).saturating_sub(i64::try_from(gone).unwrap_or(i64::MAX));
        let batches = queries::over(conn, over, (bit(*group), stored_day(*first_day)), left)?;
        gone = gone.saturating_add(queries::empty(conn, &batches)?);
    }
    Ok(gone)
}

/// Deletes latest values that are over, and empties evidence that may have something that is; says how many.
///
/// # Errors
/// Fails when the database does.
pub fn let_go_of_latest(conn: &mut Conn, over: &Over) -> Result<u64, ArchiveError> {
    let mut gone = 0_u64;
    for (group, first_day) in &over.first_days {
        gone = gone.saturating_add(queries::forget_latest(conn, *group, begin(*first_day))?);
    }
    // What is in it nobody noted: the shortest time counts.
    if let Some(first_day) = over.first_days.values().max() {
        gone = gone.saturating_add(queries::empty_evidence(conn, begin(*first_day))?);
    }
    Ok(gone)
}

/// Midnight, when a day begins.
const fn begin(day: i64) -> Timestamp {
    Timestamp::from_micros(day.saturating_mul(telematics::time::MICROS_PER_DAY))
}

/// The last batch of `vehicle` whose payload is gone: its place in the order of all batches, and in the vehicle's
/// chain. What it had is in the lake, and so is what all before it had.
///
/// # Errors
/// Fails when the database does, or when the row is damaged.
pub fn last_gone(conn: &mut Conn, vehicle: VehicleId) -> Result<Option<(i64, u64)>, ArchiveError> {
    queries::last_gone(conn, vehicle)
}

#[cfg(test)]
mod tests {
    use telematics::testing::{T0, samples};

    use super::*;

    #[test]
    fn a_batch_is_as_old_as_its_first_sample() {
        let mut sent = samples("Vehicle.Speed", 3);
        sent[1].time = T0.plus_seconds(-3 * 86_400);
        sent.extend(samples("Vehicle.Powertrain.Transmission.CurrentGear", 2));
        let groups = bit(SignalGroup::Motion) | bit(SignalGroup::Driving);

        let day = stored_day(T0.day());
        assert_eq!(Span::of(&sent), Span { groups, first_day: Some(day - 3) });
        assert_eq!(Span::of(&[]), Span { groups: 0, first_day: None });
    }

    #[test]
    fn no_two_groups_share_a_bit() {
        let all = SignalGroup::ALL.map(bit).iter().fold(0, |all, bit| all | bit);
        assert_eq!(all, 1_023, "as the migration says");
        assert_eq!(all.count_ones(), 10);
    }
}
