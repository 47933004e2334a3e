//! Each reason, and beside it what is nearly one and fine.

use proptest::prelude::*;
use telematics::precision::CellSize;
use telematics::testing::{T0, samples};
use telematics::{Precision, Sample, Signal, Value};

use super::*;
use crate::archive::Score;

const CELLS: Precision = Precision::Cell(CellSize::DEFAULT);
/// A second that is not the beginning of a quarter of an hour.
const START: i64 = 60;

/// Samples of one signal: seconds after [`T0`] and physical values.
fn run(signal: Signal, values: &[(i64, f64)]) -> Vec<Sample> {
    let sample = |(second, value): &(i64, f64)| Sample {
        signal,
        time: T0.plus_seconds(*second),
        value: Value::from_physical(*value, signal.decimals()).unwrap(),
    };
    values.iter().map(sample).collect()
}

fn signal(path: &str) -> Signal {
    Signal::by_path(path).unwrap()
}

/// The reasons against `samples` after `before`, a day later.
fn reasons_after(before: &[Sample], samples: &[Sample], location: Precision) -> Vec<Reason> {
    let now = T0.plus_seconds(86_400);
    let mut known = Known::default();
    known.follow(before, now);
    judge(samples, &known, location, now).reasons
}

/// Kind, count and worst of the only reason; `None` when there is none.
fn only(reasons: &[Reason]) -> Option<(ReasonKind, u64, i64)> {
    assert!(reasons.len() < 2, "{reasons:?}");
    reasons.first().map(|reason| (reason.kind, reason.count, reason.worst))
}

fn found(samples: &[Sample]) -> Option<(ReasonKind, u64, i64)> {
    only(&reasons_after(&[], samples, Precision::Exact))
}

#[test]
fn values_outside_the_catalogues_range_are_counted_and_those_at_its_ends_are_not() {
    let gear = signal("Vehicle.Powertrain.Transmission.CurrentGear");

    assert_eq!(found(&run(gear, &[(0, -1.0), (1, 16.0)])), None);
    let outside = run(gear, &[(0, -2.0), (1, 3.0), (2, 99.0), (3, 17.0)]);
    assert_eq!(found(&outside), Some((ReasonKind::OutOfRange, 3, 99)));
    let below = run(gear, &[(0, -200.0), (1, 99.0)]);
    assert_eq!(found(&below), Some((ReasonKind::OutOfRange, 2, -200)));
}

#[test]
fn samples_of_the_future_are_flagged_and_those_within_five_minutes_are_not() {
    let judged = |second| {
        let samples = run(Signal::SPEED, &[(0, 5.0), (second, 6.0)]);
        only(&judge(&samples, &Known::default(), CELLS, T0).reasons)
    };

    assert_eq!(judged(300), None);
    assert_eq!(judged(301), Some((ReasonKind::Future, 1, 301)));
}

#[test]
fn a_sample_of_the_future_is_compared_with_nothing() {
    let odometer = Signal::TRAVELED_DISTANCE;
    let samples = run(odometer, &[(0, 10.0), (1_000, 99_000.0), (1, 11.0)]);

    let mut known = Known::default();
    assert_eq!(
        only(&judge(&samples, &known, CELLS, T0).reasons),
        Some((ReasonKind::Future, 1, 1_000))
    );
    known.follow(&samples, T0);
    let next = run(odometer, &[(2, 12.0)]);
    assert_eq!(judge(&next, &known, CELLS, T0).score, Score::MAX);
}

#[test]
fn a_speed_that_does_not_move_for_more_than_a_minute_is_flagged() {
    let held = |value: f64, seconds: i64| -> Vec<Sample> {
        let values: Vec<_> = (0..=seconds).map(|second| (second, value)).collect();
        run(Signal::SPEED, &values)
    };

    assert_eq!(found(&held(83.21, 60)), None, "a minute exactly");
    assert_eq!(found(&held(83.21, 63)), Some((ReasonKind::Constant, 3, 63)));
    assert_eq!(found(&held(0.0, 600)), None, "a car stands");
    let mut moved = held(83.21, 100);
    moved[50].value = Value::from_raw(8_322);
    assert_eq!(found(&moved), None, "it moved once");
    let charge = signal("Vehicle.Powertrain.TractionBattery.StateOfCharge.Current");
    let charge: Vec<_> =
        held(80.0, 600).into_iter().map(|s| Sample { signal: charge, ..s }).collect();
    assert_eq!(found(&charge), None, "what is slow may stay");
    let sparse: Vec<_> = (0..20).map(|n| (n * 11, 50.0)).collect();
    assert_eq!(found(&run(Signal::SPEED, &sparse)), None, "nobody knows what was between");
}

#[test]
fn a_constant_speed_is_seen_across_batches() {
    let mut known = Known::default();
    let mut judged = Vec::new();
    for batch in 0..14 {
        let values: Vec<_> = (0..5).map(|second| (batch * 5 + second, 83.21)).collect();
        let samples = run(Signal::SPEED, &values);
        judged.extend(only(&judge(&samples, &known, CELLS, T0).reasons));
        known.follow(&samples, T0);
    }

    assert_eq!(judged, [(ReasonKind::Constant, 4, 64), (ReasonKind::Constant, 5, 69)]);
}

#[test]
fn an_odometer_that_goes_back_is_counted_once_a_step() {
    let odometer = Signal::TRAVELED_DISTANCE;

    assert_eq!(found(&run(odometer, &[(0, 5.0), (1, 5.0), (2, 900.0)])), None);
    let back = run(odometer, &[(0, 900.0), (1, 300.0), (2, 301.0), (3, 300.0)]);
    assert_eq!(found(&back), Some((ReasonKind::OdometerBack, 2, 600)));
    assert_eq!(found(&run(odometer, &[(5, 900.0), (1, 300.0)])), None, "it is an older sample");
    let before = run(odometer, &[(0, 900.0)]);
    let next = run(odometer, &[(3_600, 899.0)]);
    let expected = Some((ReasonKind::OdometerBack, 1, 1));
    assert_eq!(only(&reasons_after(&before, &next, CELLS)), expected, "across batches");
}

/// A drive to the north along a meridian: seconds after [`START`], metres, and the speed sent with it.
fn drive(steps: &[(i64, f64, f64)]) -> Vec<Sample> {
    let at = |of: fn(f64, f64) -> f64| -> Vec<(i64, f64)> {
        steps.iter().map(|(second, metres, kmh)| (START + second, of(*metres, *kmh))).collect()
    };
    [
        run(Signal::SPEED, &at(|_, kmh| kmh)),
        run(Signal::LATITUDE, &at(|metres, _| 48.0 + metres / 111_195.0)),
        run(Signal::LONGITUDE, &at(|_, _| 11.5)),
    ]
    .concat()
}

#[test]
fn a_place_that_no_car_gets_to_is_a_teleport() {
    let jump = |metres| found(&drive(&[(0, 0.0, 90.0), (5, 125.0, 90.0), (10, metres, 90.0)]));

    assert_eq!(jump(250.0), None);
    assert!(matches!(jump(50_000.0), Some((ReasonKind::Teleport, 1, 49_200..=49_300))));
    // 400 km/h for 5 s and 50 m for each fix: beyond that it is a teleport, before it is too fast.
    assert!(matches!(jump(780.0), Some((ReasonKind::SpeedApart, 1, _))));
    assert!(matches!(jump(782.0), Some((ReasonKind::Teleport, 1, _))));
}

#[test]
fn a_cell_is_anywhere_in_it_and_at_any_time_of_its_quarter() {
    let places = |metres: f64| -> Vec<Sample> {
        let half = |signal, from: f64, to: f64| run(signal, &[(0, from), (900, to)]);
        let latitudes = half(Signal::LATITUDE, 48.0, 48.0 + metres / 111_195.0);
        [latitudes, half(Signal::LONGITUDE, 11.5, 11.5)].concat()
    };
    let judged = |metres, precision| only(&reasons_after(&[], &places(metres), precision));

    assert_eq!(judged(120_000.0, CELLS), None, "a fast road");
    assert!(matches!(judged(230_000.0, CELLS), Some((ReasonKind::Teleport, 1, _))));
    let large = Precision::Cell(CellSize::new(2).unwrap());
    assert_eq!(judged(230_000.0, large), None, "within cells of this size");
    assert_eq!(judged(230_000.0, Precision::Whole), None, "within degrees");
}

#[test]
fn a_teleport_is_seen_across_batches() {
    let before = drive(&[(0, 0.0, 90.0)]);
    let near = drive(&[(5, 125.0, 90.0)]);
    let far = drive(&[(5, 90_000.0, 90.0)]);

    assert_eq!(only(&reasons_after(&before, &near, Precision::Exact)), None);
    let judged = only(&reasons_after(&before, &far, Precision::Exact));
    assert!(matches!(judged, Some((ReasonKind::Teleport, 1, _))), "{judged:?}");
}

#[test]
fn places_that_outrun_the_speed_are_counted_and_a_slow_speedometer_is_not() {
    // 60 km/h over ground, 10 s: 167 m, of which 100 m may be the fixes.
    assert_eq!(found(&drive(&[(0, 0.0, 55.0), (10, 167.0, 55.0)])), None);
    assert_eq!(found(&drive(&[(0, 0.0, 5.0), (10, 167.0, 5.0)])), None, "within the fixes");
    let faster = found(&drive(&[(0, 0.0, 5.0), (10, 300.0, 5.0)]));
    assert_eq!(faster, Some((ReasonKind::SpeedApart, 1, 67)));
    assert_eq!(found(&drive(&[(0, 0.0, 5.0), (61, 3_000.0, 5.0)])), None, "too long between");
}

#[test]
fn places_that_stand_while_the_speed_says_otherwise_are_counted_and_a_circle_is_not() {
    let stands = |kmh| found(&drive(&[(0, 0.0, kmh), (10, 0.0, kmh)]));

    assert_eq!(stands(50.0), None, "a circle of 44 m across");
    assert_eq!(stands(90.0), Some((ReasonKind::SpeedApart, 1, 90)));
    assert_eq!(found(&drive(&[(0, 0.0, 90.0), (11, 0.0, 90.0)])), None, "too long between");
}

#[test]
fn places_without_a_speed_or_without_the_other_half_tell_nothing() {
    let mut halves = drive(&[(0, 0.0, 5.0), (10, 300.0, 5.0)]);
    halves.retain(|sample| sample.signal != Signal::SPEED);
    assert_eq!(found(&halves), None);
    halves.retain(|sample| sample.signal == Signal::LATITUDE);
    halves[1].value = Value::from_raw(0);
    assert_eq!(found(&halves), None);
}

#[test]
fn each_signal_has_its_own_reason() {
    let gear = signal("Vehicle.Powertrain.Transmission.CurrentGear");
    let both = [run(Signal::SPEED, &[(0, 999.0)]), run(gear, &[(0, 99.0)])].concat();

    let reasons = reasons_after(&[], &both, CELLS);

    let signals: Vec<_> = reasons.iter().map(|reason| reason.signal).collect();
    assert_eq!(signals, [Signal::SPEED, gear]);
}

proptest! {
    /// Whatever a car signs is judged: no panic, and no reason twice.
    #[test]
    fn anything_is_judged(
        values in prop::collection::vec((1..=100_u64, any::<i64>(), any::<i64>()), 0..200),
        metres in 0..=15_u8,
    ) {
        let sample = |(number, time, raw): (u64, i64, i64)| Sample {
            signal: Signal::by_number(number).unwrap(),
            time: Timestamp::from_micros(time),
            value: Value::from_raw(raw),
        };
        let mut samples: Vec<Sample> = values.into_iter().map(sample).collect();
        samples.sort_by_key(|sample| sample.signal);
        let location = Precision::Cell(CellSize::new(metres).unwrap());
        let mut known = Known::default();
        known.follow(&samples, T0);

        for location in [location, Precision::Exact] {
            let quality = judge(&samples, &known, location, T0);
            let mut kinds: Vec<_> = quality.reasons.iter().map(|r| (r.kind, r.signal)).collect();
            kinds.sort();
            kinds.dedup();
            prop_assert_eq!(kinds.len(), quality.reasons.len());
        }
    }

    /// A steady drive has no reason, and a sample of it that is made impossible never raises the score.
    #[test]
    fn a_clean_batch_scores_full_and_a_violation_costs(
        count in 1..500_u16,
        broken in prop::collection::btree_set(0..500_usize, 1..20),
    ) {
        let mut samples = samples("Vehicle.Speed", count);
        let score = |samples: &[Sample]| judge(samples, &Known::default(), CELLS, T0).score;
        let mut last = score(&samples);
        prop_assert_eq!(last, Score::MAX);

        for index in broken.into_iter().filter(|index| *index < samples.len()).collect::<Vec<_>>() {
            samples[index].value = Value::from_raw(-1);
            let now = score(&samples);
            prop_assert!(now < last || now.per_mille() == 0);
            last = now;
        }
    }
}
