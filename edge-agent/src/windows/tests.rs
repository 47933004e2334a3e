//! Tests of the committer: windows, places, trips and days, over drives that stop, jump and restart.

use proptest::prelude::*;
use telematics::testing::T0;
use telematics::time::MICROS_PER_DAY;
use telematics::window::{Commitment, Figure, Period, Summary, Window};
use telematics::{
    Disclosure, Place, Policy, PolicyVersion, Sample, Signal, SignalGroup, Tile, Timestamp, Value,
};
use zk::Committable;

use super::{Committer, Made};

/// A car on a road: what it measures and what it commits to.
#[derive(Default)]
struct Drive {
    committer: Committer,
    made: Vec<Made>,
}

impl Drive {
    /// `raw` of `signal`, so many milliseconds after [`T0`], which is a midnight.
    fn measure(&mut self, disclosure: Disclosure, signal: Signal, millis: i64, raw: i64) {
        let sample =
            Sample { signal, time: T0.plus_micros(millis * 1_000), value: Value::from_raw(raw) };
        self.committer.take(sample, disclosure, &mut rand::rng());
        self.made.extend(self.committer.take_made());
    }

    fn speed(&mut self, millis: i64, raw: i64) {
        self.measure(Disclosure::Prove, Signal::SPEED, millis, raw);
    }

    fn at(&mut self, disclosure: Disclosure, millis: i64, latitude: i64, longitude: i64) {
        self.measure(disclosure, Signal::LATITUDE, millis, latitude);
        self.measure(disclosure, Signal::LONGITUDE, millis, longitude);
    }

    fn end(&mut self) {
        for period in Period::ALL {
            self.committer.end(period, &mut rand::rng());
        }
        self.made.extend(self.committer.take_made());
    }

    /// What a kill and a start do.
    fn restart(&mut self) {
        self.committer = Committer::restore(&self.committer.to_bytes());
    }

    fn windows(&self) -> Vec<Window> {
        let window = |made: &Made| match &made.kept.committable {
            Committable::Window(window) => Some(window.clone()),
            _ => None,
        };
        self.made.iter().filter_map(window).collect()
    }

    fn summaries(&self, wanted: Period) -> Vec<Summary> {
        let summary = |made: &Made| match &made.kept.committable {
            Committable::Summary(summary) => Some(summary.clone()),
            _ => None,
        };
        let summaries = self.made.iter().filter_map(summary);
        summaries.filter(|summary| summary.period == wanted).collect()
    }
}

fn figure(summary: &Summary, figure: Figure) -> i64 {
    summary.figures[Figure::ALL.iter().position(|known| *known == figure).unwrap()]
}

fn policy(disclosure: Disclosure) -> Policy {
    let groups = [(SignalGroup::Motion, disclosure), (SignalGroup::Location, disclosure)];
    Policy::new(PolicyVersion::FIRST, groups.into())
}

#[test]
fn sixty_four_instants_make_one_window_even_across_restarts() {
    let mut drive = Drive::default();
    for tenth in 0..=1_300 {
        if tenth % 333 == 0 {
            drive.restart();
        }
        drive.speed(tenth * 100 + 30, tenth);
    }

    let windows = drive.windows();
    assert_eq!(windows.len(), 2);
    assert_eq!(windows[0].started_at, T0.plus_seconds(1), "the first instant after a sample");
    assert_eq!(windows[1].started_at, T0.plus_seconds(65));
    let expected: Vec<_> = (1..=64).map(|second| Value::from_raw(second * 10 - 1)).collect();
    assert_eq!(windows[0].values.as_slice(), expected);
    for Made { committed, kept } in &drive.made {
        assert_eq!(kept.committable.commit(kept.blinding), Ok(committed.commitment));
    }
    assert_ne!(drive.made[0].kept.blinding, drive.made[1].kept.blinding);
}

#[test]
fn a_gap_breaks_a_window_off_and_it_begins_anew() {
    let mut drive = Drive::default();
    (0..50).for_each(|second| drive.speed(second * 1_000, second));
    // Second 49 stands until second 54.
    (56..=120).for_each(|second| drive.speed(second * 1_000, second));

    let windows = drive.windows();
    assert_eq!(windows.len(), 1);
    assert_eq!(windows[0].started_at, T0.plus_seconds(56));
}

#[test]
fn latitude_and_longitude_become_places() {
    let mut drive = Drive::default();
    let longitude = |step: i64| 13_300_000 + step * 1_000;
    (0..=64)
        .for_each(|step| drive.at(Disclosure::Prove, step * 5_000, 52_500_000, longitude(step)));
    drive.end();

    let [Made { committed, kept }] = &drive.made[..1] else { panic!("something was committed") };
    let Committable::Places(places) = &kept.committable else { panic!("{kept:?}") };
    assert_eq!(committed.signal, Signal::LATITUDE);
    assert_eq!(places.started_at, T0);
    assert_eq!(Some(places.places[0]), Place::at(52.5, 13.3));
    assert_eq!(Some(places.places[63]), Place::at(52.5, 13.363));
    assert!(drive.windows().is_empty(), "no windows of the two");

    let trips = drive.summaries(Period::Trip);
    let signals: Vec<_> = trips.iter().map(|trip| trip.signal).collect();
    assert_eq!(signals, [Signal::LATITUDE, Signal::LONGITUDE]);
    assert_eq!(Ok(trips[0].windows), zk::digest_windows(&[committed.commitment]));
    assert_eq!(Ok(trips[1].windows), zk::digest_windows(&[]));
    let around = Tile::around(places.places[0], Place::at(52.5, 13.364).unwrap());
    let square = [Figure::SquareFirst, Figure::SquareLast].map(|which| figure(&trips[0], which));
    let ends = [around.first(), around.last()];
    assert_eq!(square, ends.map(|place| i64::try_from(place.quadkey()).unwrap()));
}

#[test]
fn half_a_position_that_is_old_makes_no_place() {
    let mut drive = Drive::default();
    (0..=20).for_each(|step| drive.at(Disclosure::Prove, step * 5_000, 52_500_000, 13_300_000));
    // Longitude fails: the last one, of second 100, stands for 25 seconds more.
    for step in 21..=90 {
        drive.measure(Disclosure::Prove, Signal::LATITUDE, step * 5_000, 52_500_000);
    }
    assert!(drive.made.is_empty(), "{:?}", drive.made);
}

#[test]
fn trips_end_with_a_pause_and_days_at_midnight() {
    let mut drive = Drive::default();
    let day = 86_400;
    let mut hour = |from: i64, seconds: i64| {
        (from..from + seconds).for_each(|second| drive.speed(second * 1_000, 3_000));
    };
    hour(day - 1_000, 400);
    hour(day - 400, 800); // a pause of 200 seconds is none
    hour(day + 700, 100); // 300 seconds are one
    drive.end();

    let trips = drive.summaries(Period::Trip);
    let started: Vec<_> = trips.iter().map(|trip| trip.started_at).collect();
    assert_eq!(started, [day - 1_000, day + 700].map(|second| T0.plus_seconds(second)));
    // A gap is bridged for five seconds, and the last value of a trip stands for as long.
    assert_eq!(figure(&trips[0], Figure::Count), 400 + 5 + 800 + 5);
    assert_eq!(figure(&trips[1], Figure::Count), 100);
    let days = drive.summaries(Period::Day);
    let started: Vec<_> = days.iter().map(|day| day.started_at).collect();
    assert_eq!(started, [T0, T0.plus_seconds(day)]);
    assert_eq!(figure(&days[0], Figure::Count), 400 + 5 + 400);
    assert_eq!(figure(&days[1], Figure::Count), 400 + 5 + 100);
    assert_eq!(figure(&days[1], Figure::SecondsDriven), 505);
    let made: i64 = trips.iter().map(|trip| figure(trip, Figure::Count)).sum();
    assert_eq!(made, days.iter().map(|day| figure(day, Figure::Count)).sum::<i64>());
}

#[test]
fn a_pause_over_many_days_ends_each_day_once() {
    let mut drive = Drive::default();
    (86_390..86_400).for_each(|second| drive.speed(second * 1_000, 1));
    drive.speed(5 * 86_400_000, 2);
    drive.end();

    let days = drive.summaries(Period::Day);
    let started: Vec<_> = days.iter().map(|day| day.started_at.as_micros()).collect();
    let expected = [0, 1, 5].map(|day| T0.as_micros() + day * MICROS_PER_DAY);
    assert_eq!(started, expected, "the last value stands for five seconds of the second day");
    assert_eq!(figure(&days[1], Figure::Count), 5);
    assert_eq!(drive.summaries(Period::Trip).len(), 2);
}

#[test]
fn a_parked_car_on_a_live_bus_ends_its_trip_by_the_clock() {
    let mut drive = Drive::default();
    (0..10).for_each(|second| drive.speed(second * 1_000, 1));
    let pause = |drive: &mut Drive, seconds| {
        drive.committer.pause(T0.plus_seconds(seconds), &mut rand::rng());
        drive.made.extend(drive.committer.take_made());
        drive.summaries(Period::Trip).len()
    };
    assert_eq!(pause(&mut drive, 9 + 299), 0);
    assert_eq!(pause(&mut drive, 9 + 300), 1);
    assert_eq!(pause(&mut drive, 9 + 900), 1);
    drive.speed(1_000_000, 1);
    drive.end();
    assert_eq!(drive.summaries(Period::Trip)[1].started_at, T0.plus_seconds(1_000));
}

#[test]
fn a_clock_that_is_set_back_begins_everything_anew() {
    let mut drive = Drive::default();
    (10_000..10_030).for_each(|second| drive.speed(second * 1_000, 7));
    (100..=164).for_each(|second| drive.speed(second * 1_000, 9));
    drive.end();

    assert_eq!(drive.windows()[0].started_at, T0.plus_seconds(100));
    let trips = drive.summaries(Period::Trip);
    let counts: Vec<_> = trips.iter().map(|trip| figure(trip, Figure::Count)).collect();
    assert_eq!(counts, [30, 65]);
}

#[test]
fn figures_of_the_car_need_speed_and_location_proven_or_shared() {
    let world = [0, i64::try_from(Place::LAST.quadkey()).unwrap()];
    #[rustfmt::skip] // a table is read by column
    let cases = [
        // disclosure        seconds driven  whole world
        (Disclosure::Prove,  20,             false),
        (Disclosure::Share,  20,             false),
        (Disclosure::Keep,   0,              true),
    ];
    let yaw = Signal::by_path("Vehicle.AngularVelocity.Yaw").unwrap();
    for (disclosure, seconds, is_world) in cases {
        let mut drive = Drive::default();
        for second in 0..30 {
            drive.measure(Disclosure::Prove, yaw, second * 1_000, 5);
            drive.measure(disclosure, Signal::SPEED, second * 1_000, (second - 9).max(0));
            drive.at(disclosure, second * 1_000, 52_500_000, 13_300_000);
        }
        drive.end();
        let trips = drive.summaries(Period::Trip);
        let trip = trips.iter().find(|trip| trip.signal == yaw).unwrap();
        assert_eq!(figure(trip, Figure::SecondsDriven), seconds, "{disclosure}");
        let square = [Figure::SquareFirst, Figure::SquareLast].map(|which| figure(trip, which));
        assert_eq!(square == world, is_world, "{disclosure}");
        if disclosure != Disclosure::Prove {
            assert_eq!(trips.len(), 1, "what is not under prove is not summarised");
        }
    }
}

#[test]
fn what_the_owner_keeps_or_shares_is_forgotten() {
    for disclosure in [Disclosure::Keep, Disclosure::Share] {
        let mut drive = Drive::default();
        for second in 0..50 {
            drive.speed(second * 1_000, 61_803);
            drive.at(Disclosure::Prove, second * 1_000, 52_500_000, 13_300_000);
        }
        drive.committer.retain(&policy(disclosure));
        if disclosure == Disclosure::Keep {
            let written = String::from_utf8(drive.committer.to_bytes()).unwrap();
            assert!(!written.contains("61803") && !written.contains("13300000"), "{written}");
        }
        drive.end();
        assert!(drive.made.is_empty(), "{disclosure}: {:?}", drive.made);
    }
}

#[test]
fn what_can_not_be_committed_to_is_dropped_and_counted() {
    let mut drive = Drive::default();
    (0..=64).for_each(|second| drive.speed(second * 1_000, 1 << 36));
    assert!(drive.made.is_empty());
    assert_eq!(drive.committer.too_large(), 1);
    let garbage =
        Sample { signal: Signal::SPEED, time: Timestamp::CALENDAR_END, value: Value::from_raw(1) };
    drive.committer.take(garbage, Disclosure::Prove, &mut rand::rng());
    assert_eq!(drive.committer.take_made(), []);
}

/// The figures of a trip by their definition, over its values on the grid.
fn by_definition(signal: Signal, values: &[i64], moved: i64) -> Vec<i64> {
    let count = i64::try_from(values.len()).unwrap();
    let sum: i64 = values.iter().sum();
    let above = |threshold: Value| {
        i64::try_from(values.iter().filter(|value| **value > threshold.raw()).count()).unwrap()
    };
    let [low, middle, high] = signal.thresholds().map(above);
    vec![
        count,
        *values.iter().min().unwrap(),
        *values.iter().max().unwrap(),
        i64::try_from((i128::from(sum)).div_euclid(i128::from(count))).unwrap(),
        sum,
        values[0],
        values[values.len() - 1],
        low,
        middle,
        high,
        moved,
        0,
        i64::try_from(Place::LAST.quadkey()).unwrap(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Over the same values on the grid, however often the agent is restarted.
    #[test]
    fn summaries_are_those_of_a_plain_computation(
        steps in prop::collection::vec((0_i64..2_500, -12_000_i64..12_000), 2..200),
        restarts in prop::collection::btree_set(0_usize..200, 0..5),
    ) {
        let (mut drive, mut millis) = (Drive::default(), 400);
        let mut samples = Vec::new();
        for (index, (step, raw)) in steps.into_iter().enumerate() {
            millis += step;
            samples.push((millis, raw));
            if restarts.contains(&index) {
                drive.restart();
            }
            drive.speed(millis, raw);
        }
        drive.end();

        let last = |at: i64| samples.iter().rfind(|(millis, _)| *millis <= at);
        let values: Vec<_> =
            (0..=millis / 1_000).filter_map(|second| last(second * 1_000)).map(|(_, raw)| *raw).collect();
        prop_assume!(!values.is_empty());
        let moved = i64::try_from(values.iter().filter(|raw| **raw > 0).count()).unwrap();
        let commitments: Vec<Commitment> = drive.made.iter()
            .filter(|made| matches!(made.kept.committable, Committable::Window(_)))
            .map(|made| made.committed.commitment).collect();
        prop_assert_eq!(commitments.len(), values.len() / Window::LENGTH);
        for (index, window) in drive.windows().iter().enumerate() {
            let raw: Vec<_> = window.values.iter().map(|value| value.raw()).collect();
            prop_assert_eq!(raw.as_slice(), &values[index * 64..][..64]);
        }
        for period in Period::ALL {
            let summaries = drive.summaries(period);
            prop_assert_eq!(summaries.len(), 1);
            let expected = by_definition(Signal::SPEED, &values, moved);
            prop_assert_eq!(summaries[0].figures.to_vec(), expected);
            prop_assert_eq!(Ok(summaries[0].windows), zk::digest_windows(&commitments));
        }
    }
}
