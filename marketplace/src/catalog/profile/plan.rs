//! What to read for a profile, and when to make one.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use telematics::time::MICROS_PER_SECOND;
use telematics::{Signal, Timestamp, VehicleId};

use super::{Coverage, PreviewRow, Profile, Profiled, Read, SignalProfile, date};
use crate::archive;
use crate::catalog::{CatalogError, Dataset, DatasetId, queries};
use crate::config::Rules;
use crate::consent;
use crate::db::Conn;
use crate::identity::{self, VehicleRecord};
use crate::lake::{Measured, Shape, ShapeOf};

/// Rows that are read at most, as far as `vehicles_min` vehicles have no more.
const ROWS_MAX: u64 = 2_000_000;
/// The newest days of which rows are read.
const DAYS: i64 = 7;
/// A profile is old after a day.
const OLD_SECONDS: i64 = 86_400;
/// Rows that the preview has of each signal, and of all.
const PREVIEW_ROWS_OF_SIGNAL: usize = 3;
const PREVIEW_ROWS: usize = 24;

/// What to read, and what is known without.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What to read.
    pub of: ShapeOf,
    profile: Profile,
}

/// A dataset that wants another profile: it has none, twice the rows or half of them, `vehicles_min` more or fewer vehicles, or one
/// of yesterday. Or one that it may not have any more.
///
/// # Errors
/// When datasets can not be read.
pub fn due(
    conn: &mut Conn,
    rules: &Rules,
    now: Timestamp,
) -> Result<Option<Dataset>, CatalogError> {
    let known = queries::profiles::measures(conn)?;
    let is_due = |dataset: &Dataset| {
        let is_public = dataset.private.is_none();
        let may_have_one = is_public && dataset.vehicles >= u64::from(rules.vehicles_min.max(1));
        match known.get(&dataset.id) {
            None => may_have_one,
            Some(known) => !may_have_one || known.is_old(dataset, rules, now),
        }
    };
    Ok(queries::datasets(conn)?.into_iter().find(is_due))
}

/// What a profile was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::catalog) struct Measures {
    pub(in crate::catalog) rows: u64,
    pub(in crate::catalog) vehicles: u64,
    pub(in crate::catalog) profiled_at: Timestamp,
}

impl Measures {
    fn is_old(&self, dataset: &Dataset, rules: &Rules, now: Timestamp) -> bool {
        let twice = |one: u64, other: u64| other >= one.saturating_mul(2).max(1);
        let since = now.micros_since(self.profiled_at) / MICROS_PER_SECOND;
        twice(self.rows, dataset.rows)
            || twice(dataset.rows, self.rows)
            || self.vehicles.abs_diff(dataset.vehicles) >= u64::from(rules.vehicles_min.max(1))
            || since >= OLD_SECONDS && dataset.described_at > self.profiled_at
    }
}

/// Forgets the profile of a dataset that may not have one.
///
/// # Errors
/// When the database fails.
pub fn forget(conn: &mut Conn, dataset: DatasetId) -> Result<(), CatalogError> {
    queries::profiles::delete(conn, dataset)
}

/// What to read for a profile of `dataset`, of which the lake has what was `measured`; none when too few vehicles share it.
///
/// # Errors
/// When consent or vehicles can not be read.
pub fn plan(
    conn: &mut Conn,
    dataset: &Dataset,
    measured: &[Measured],
    rules: &Rules,
    now: Timestamp,
) -> Result<Option<Plan>, CatalogError> {
    let signals = dataset.signals();
    let vehicles = offering(conn, measured, &signals)?;
    let vehicles_min = rules.vehicles_min.max(1);
    let enough = usize::try_from(vehicles_min).unwrap_or(usize::MAX);
    let offered = offered(measured, &vehicles, &signals);
    let last_at = offered.values().filter_map(|offered| offered.last_at).max();
    let Some(last_at) = last_at.filter(|_| vehicles.len() >= enough) else { return Ok(None) };
    let first_day = last_at.day().saturating_sub(DAYS - 1);

    let ids = vehicles.iter().map(|vehicle| vehicle.id).collect::<Vec<_>>();
    let located = consent::sharing(conn, &ids, &[Signal::LATITUDE, Signal::LONGITUDE], None)?;
    let since = now.plus_seconds(-DAYS * OLD_SECONDS);
    let regions = archive::regions(conn, &located, since)?;
    let profile = Profile {
        rows: offered.values().map(|offered| offered.rows).sum(),
        vehicles: u64::try_from(vehicles.len()).unwrap_or(u64::MAX),
        vehicles_min,
        fresh_p95_at: fresh_p95(&offered).map(|time| time.to_string()),
        coverage: Coverage::new(&vehicles, &regions, vehicles_min.into()),
        read: Read { rows: 0, vehicles: 0, first_day: date(first_day) },
        signals: Vec::new(),
        preview: Vec::new(),
    };
    let of = ShapeOf {
        signals,
        vehicles: chosen(&offered, first_day, enough),
        first_day: i32::try_from(first_day).unwrap_or(0),
        vehicles_min,
    };
    Ok(Some(Plan { of, profile }))
}

impl Plan {
    /// The profile, from the shape of what was to be read.
    #[must_use]
    pub fn profile(self, shape: &Shape, lake_version: u64, now: Timestamp) -> Profiled {
        let mut profile = self.profile;
        profile.read.rows = shape.signals.values().map(|shape| shape.rows).sum();
        profile.read.vehicles = u64::try_from(self.of.vehicles.len()).unwrap_or(u64::MAX);
        let signals = shape.signals.iter();
        profile.signals =
            signals.map(|(signal, shape)| SignalProfile::new(*signal, shape)).collect();
        profile.preview = preview(shape);
        Profiled { profile, profiled_at: now, lake_version }
    }
}

/// Some rows of every signal, as far as there is room.
fn preview(shape: &Shape) -> Vec<PreviewRow> {
    let mut taken = BTreeMap::<Signal, usize>::new();
    let some_of_each = shape.rows.iter().filter(|rows| {
        let taken = taken.entry(rows.signal).or_default();
        *taken += 1;
        *taken <= PREVIEW_ROWS_OF_SIGNAL
    });
    let mut rows = some_of_each.take(PREVIEW_ROWS).map(PreviewRow::new).collect::<Vec<_>>();
    rows.sort_by(|one, other| one.signal.cmp(&other.signal));
    rows
}

/// What one vehicle offers.
#[derive(Clone, Copy, Debug, Default)]
struct Offered {
    rows: u64,
    first_at: Option<Timestamp>,
    last_at: Option<Timestamp>,
}

/// Vehicles that have rows of `signals` and share all of these now.
fn offering(
    conn: &mut Conn,
    measured: &[Measured],
    signals: &[Signal],
) -> Result<Vec<VehicleRecord>, CatalogError> {
    let with_rows = measured.iter().filter(|line| signals.contains(&line.signal));
    let with_rows: BTreeSet<VehicleId> = with_rows.map(|line| line.vehicle).collect();
    let with_rows: Vec<VehicleId> = with_rows.into_iter().collect();
    let enrolled = identity::vehicles(conn, &with_rows)?;
    let ids = enrolled.iter().map(|vehicle| vehicle.id).collect::<Vec<_>>();
    let sharing: BTreeSet<VehicleId> =
        consent::sharing(conn, &ids, signals, None)?.into_iter().collect();
    Ok(enrolled.into_iter().filter(|vehicle| sharing.contains(&vehicle.id)).collect())
}

fn offered(
    measured: &[Measured],
    vehicles: &[VehicleRecord],
    signals: &[Signal],
) -> BTreeMap<VehicleId, Offered> {
    let mut offered: BTreeMap<VehicleId, Offered> =
        vehicles.iter().map(|vehicle| (vehicle.id, Offered::default())).collect();
    for line in measured.iter().filter(|line| signals.contains(&line.signal)) {
        if let Some(offered) = offered.get_mut(&line.vehicle) {
            offered.rows = offered.rows.saturating_add(line.rows);
            offered.first_at = crate::lake::earliest(offered.first_at, line.first_at);
            offered.last_at = offered.last_at.max(line.last_at);
        }
    }
    offered
}

/// The time at which, or later, nineteen of twenty vehicles sent something.
fn fresh_p95(offered: &BTreeMap<VehicleId, Offered>) -> Option<Timestamp> {
    let mut times = offered.values().map(|offered| offered.last_at).collect::<Vec<_>>();
    times.sort_unstable();
    times.get(times.len() / 20).copied().flatten()
}

/// Vehicles by lot, the same each time, until there are rows enough.
fn chosen(offered: &BTreeMap<VehicleId, Offered>, first_day: i64, enough: usize) -> Vec<VehicleId> {
    let lot = |vehicle: &VehicleId| <[u8; 32]>::from(Sha256::digest(vehicle.to_vec()));
    let mut vehicles = offered.iter().map(|(id, offered)| (*id, *offered)).collect::<Vec<_>>();
    vehicles.sort_by_cached_key(|(vehicle, _)| lot(vehicle));
    let (mut rows, mut chosen) = (0_u64, Vec::new());
    for (vehicle, offered) in vehicles {
        rows = rows.saturating_add(rows_since(&offered, first_day));
        if rows > ROWS_MAX && chosen.len() >= enough {
            break;
        }
        chosen.push(vehicle);
    }
    chosen
}

/// How many rows a vehicle may have since that day, if it has as many on each.
fn rows_since(offered: &Offered, first_day: i64) -> u64 {
    let (Some(first), Some(last)) = (offered.first_at, offered.last_at) else {
        return offered.rows;
    };
    let days = |from: i64| u64::try_from(last.day().saturating_sub(from) + 1).unwrap_or(0);
    let (all, since) = (days(first.day()).max(1), days(first_day.max(first.day())));
    offered.rows.saturating_mul(since) / all
}

#[cfg(test)]
mod tests {
    use telematics::testing::{T0, vehicle};

    use super::*;

    const DAY: i64 = 86_400;

    fn sent(rows: u64, first_day: i64, last_day: i64) -> Offered {
        let at = |day: i64| Some(T0.plus_seconds(day * DAY));
        Offered { rows, first_at: at(first_day), last_at: at(last_day) }
    }

    #[test]
    fn some_vehicles_are_enough_when_they_have_many_rows() {
        let offered: BTreeMap<_, _> =
            (1..=20).map(|number| (vehicle(number), sent(1_000_000, 0, 0))).collect();

        let two = chosen(&offered, T0.day(), 1);
        assert_eq!(two.len(), 2);
        assert_eq!(chosen(&offered, T0.day(), 10).len(), 10, "as many as hide one another");
        assert_eq!(chosen(&offered, T0.day(), 10)[..2], two, "the same each time");
    }

    #[test]
    fn only_rows_of_the_newest_days_are_counted() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("all of them",     sent(100, 0, 6),    100),
            ("half of them",    sent(100, -7, 6),   50),
            ("none of them",    sent(100, -9, -1),  0),
        ];
        for (name, offered, expected) in cases {
            assert_eq!(rows_since(&offered, T0.day()), expected, "{name}");
        }
    }

    #[test]
    fn nineteen_of_twenty_vehicles_are_fresher() {
        let last_on = |number: u8| (vehicle(number), sent(1, 0, number.into()));
        let of = |count: u8| fresh_p95(&(1..=count).map(last_on).collect()).unwrap();

        assert_eq!(of(19), T0.plus_seconds(DAY));
        assert_eq!(of(20), T0.plus_seconds(2 * DAY));
        assert_eq!(fresh_p95(&BTreeMap::new()), None);
    }
}
