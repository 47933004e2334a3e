//! The facts of a week, from what the archive noted of its days.

use std::collections::BTreeMap;

use super::error::RewardsError;
use super::facts::{Facts, Salt};
use super::points::{PLAUSIBILITY_MAX, STREAK_WEEKS_MAX};
use super::queries;
use super::week::Week;
use crate::archive::{self, SignalSet, VehicleDay};
use crate::db::Conn;
use crate::identity::{self, VehicleRecord, VehicleStatus};

/// What the days of a vehicle add up to.
#[derive(Default)]
struct Tally {
    connected_days: u32,
    samples: u64,
    score_sum: u64,
    varied: SignalSet,
}

impl Tally {
    fn of(days: &[VehicleDay]) -> Self {
        let mut tally = Self::default();
        for day in days {
            tally.connected_days += u32::from(day.varied.count() > 0);
            tally.samples = tally.samples.saturating_add(day.samples);
            tally.score_sum = tally.score_sum.saturating_add(day.score_sum);
            tally.varied.add_all(&day.varied);
        }
        tally
    }

    fn plausibility(&self) -> u32 {
        let mean = self.score_sum.checked_div(self.samples).unwrap_or(0);
        u32::try_from(mean).unwrap_or(PLAUSIBILITY_MAX).min(PLAUSIBILITY_MAX)
    }
}

/// The vehicles that sent anything in `week` and may still come in, each with its facts, oldest first.
pub(super) fn gather(
    conn: &mut Conn,
    week: Week,
    salt: &Salt,
) -> Result<Vec<(VehicleRecord, Facts)>, RewardsError> {
    let days = archive::days(conn, week.first_day, week.end_day())?;
    let runs = days.chunk_by(|one, next| one.vehicle == next.vehicle);
    let tally = |run: &[VehicleDay]| Some((run.first()?.vehicle, Tally::of(run)));
    let tallies = runs.filter_map(tally).collect::<BTreeMap<_, _>>();
    let ids = tallies.keys().copied().collect::<Vec<_>>();
    let streaks = queries::streaks(conn, week.number.saturating_sub(1))?;
    let places = archive::regions(conn, &ids, week.starts_at())?;

    let mut gathered = Vec::new();
    for vehicle in identity::vehicles(conn, &ids)? {
        let Some(tally) = tallies.get(&vehicle.id) else { continue };
        if vehicle.status != VehicleStatus::Active {
            continue;
        }
        let streak = streaks.get(&vehicle.id).copied().unwrap_or(0).saturating_add(1);
        let has_day = tally.connected_days > 0;
        let facts = Facts {
            connected_days: tally.connected_days,
            streak_weeks: if has_day { streak.min(STREAK_WEEKS_MAX) } else { 0 },
            signals: tally.varied.count(),
            plausibility: tally.plausibility(),
            model: salt.model(&vehicle.description),
            region: places.get(&vehicle.id).map(|centre| salt.region(*centre)),
        };
        gathered.push((vehicle, facts));
    }
    Ok(gathered)
}

#[cfg(test)]
mod tests {
    use telematics::Signal;
    use telematics::testing::{T0, vehicle};

    use super::*;

    fn day(day: i64, samples: u64, score_sum: u64, changed: &[Signal]) -> VehicleDay {
        let mut varied = SignalSet::default();
        for signal in changed {
            varied.insert(*signal);
        }
        VehicleDay { vehicle: vehicle(1), day: T0.day() + day, samples, score_sum, varied }
    }

    #[test]
    fn days_add_up_to_a_week() {
        let tally = Tally::of(&[
            day(0, 10, 10_000, &[Signal::SPEED]),
            day(1, 10, 0, &[]),
            day(3, 10, 5_009, &[Signal::SPEED, Signal::TRAVELED_DISTANCE]),
        ]);

        assert_eq!((tally.connected_days, tally.varied.count()), (2, 2), "a still day is none");
        assert_eq!(tally.plausibility(), 500, "rounded down");
        assert_eq!(Tally::of(&[]).plausibility(), 0);
    }
}
