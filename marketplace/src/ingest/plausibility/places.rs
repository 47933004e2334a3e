//! What speaks against places: that no car gets from one to the next in time, or that they move otherwise
//! than the speed says.
//!
//! **Invariant:** a place is taken for as inexact as it was sent: one that was made coarse is anywhere in
//! its cell, at any time of its quarter of an hour.

use telematics::precision::{BIN_SECONDS, CellSize, bin_of};
use telematics::{Precision, Sample, Signal, Timestamp, Value};

use super::{Found, Known, Tally};
use crate::archive::ReasonKind;

/// No car is faster: the end of the catalogue's range of speeds.
const SPEED_MAX_METRES_PER_SECOND: f64 = 400.0 / 3.6;
/// How far a satellite fix is off.
const FIX_METRES: f64 = 50.0;
/// The mean radius of the Earth; a distance is right within 0.6 %.
const EARTH_METRES: f64 = 6_371_000.0;
/// Half a degree north and half a degree east, at most.
const HALF_DEGREES_METRES: f64 = 79_000.0;

/// Places may move so much faster than any speed that was sent between them.
const FASTER_KMH_MAX: f64 = 20.0;
/// Only over so long, as what is measured less often tells nothing about what was between.
const FASTER_SECONDS: std::ops::RangeInclusive<f64> = 2.0..=60.0;
/// Places may fall so far behind the least speed that was sent between them.
const BEHIND_METRES_MAX: f64 = 150.0;
/// Only over so long, as whoever drives a circle comes back.
const BEHIND_SECONDS_MAX: f64 = 10.0;

/// Where the car was, and how well that is known.
#[derive(Clone, Copy)]
struct Fix {
    latitude: f64,
    longitude: f64,
    time: Timestamp,
    /// It was at most this far from there.
    metres_off: f64,
    /// It was there at most this much later.
    seconds_late: i64,
}

impl Fix {
    /// `None` when there is no such place.
    fn new(latitude: &Sample, longitude: &Sample, location: Precision) -> Option<Self> {
        let possible = |sample: &Sample| sample.signal.range().contains(&sample.value);
        if !possible(latitude) || !possible(longitude) {
            return None;
        }
        let time = latitude.time;
        let (metres_off, seconds_late) = match location {
            Precision::Cell(size) => (radius_of(size), BIN_SECONDS),
            Precision::Whole => (HALF_DEGREES_METRES, 0),
            // Sent under another policy, or measured at the full quarter by chance.
            Precision::Exact if bin_of(time) == time => (radius_of(CellSize::DEFAULT), BIN_SECONDS),
            Precision::Exact => (FIX_METRES, 0),
        };
        let (latitude, longitude) = (latitude.physical(), longitude.physical());
        Some(Self { latitude, longitude, time, metres_off, seconds_late })
    }

    /// Along the surface of a sphere as large as the Earth.
    fn metres_to(self, other: Self) -> f64 {
        let half_sine = |degrees: f64| (degrees.to_radians() / 2.0).sin();
        let (north, east) = (
            half_sine(other.latitude - self.latitude),
            half_sine(other.longitude - self.longitude),
        );
        let shrink = self.latitude.to_radians().cos() * other.latitude.to_radians().cos();
        2.0 * EARTH_METRES * (north * north + shrink * east * east).sqrt().min(1.0).asin()
    }

    /// What the distance is at least, however inexact both are.
    fn metres_at_least(self, other: Self) -> f64 {
        self.metres_to(other) - self.metres_off - other.metres_off
    }

    const fn is_exact(self) -> bool {
        self.seconds_late == 0
    }
}

/// From the centre of a cell to its furthest corner, with room for those that are larger than the average.
fn radius_of(size: CellSize) -> f64 {
    size.square_kilometres().sqrt() * 1_000.0
}

/// Judges the places in `samples`, the first after the last one known.
pub(super) fn judge(found: &mut Found, samples: &[Sample], known: &Known, location: Precision) {
    let latitudes = of_signal(samples, Signal::LATITUDE);
    if latitudes.is_empty() {
        return;
    }
    let longitudes = of_signal(samples, Signal::LONGITUDE);
    let speeds = Speeds::new(of_signal(samples, Signal::SPEED));
    let mut before = known_fix(known, location).map(|fix| (fix, Before::LastBatch));
    let (mut teleports, mut apart) = (Tally::new(), Tally::new());
    let mut halves = longitudes.iter().filter(|half| half.time <= found.horizon).peekable();
    for latitude in found.past(latitudes) {
        while halves.next_if(|half| half.time < latitude.time).is_some() {}
        let Some(longitude) = halves.next_if(|half| half.time == latitude.time) else { continue };
        let Some(fix) = Fix::new(latitude, longitude, location) else { continue };
        if let Some((from, when)) = before {
            if let Some(metres) = out_of_reach(from, fix) {
                teleports.count(whole(metres), i64::max);
            } else if let Some(kmh) = speeds.apart(from, fix).filter(|_| when == Before::InBatch) {
                apart.count(whole(kmh), i64::max);
            }
        }
        before = Some((fix, Before::InBatch));
    }
    found.add(ReasonKind::Teleport, Signal::LATITUDE, teleports);
    found.add(ReasonKind::SpeedApart, Signal::SPEED, apart);
}

/// Where the place before is from. Between batches there are speeds that are not known here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    LastBatch,
    InBatch,
}

fn known_fix(known: &Known, location: Precision) -> Option<Fix> {
    let half = |signal| known.latest(signal).map(|latest| latest.sample);
    let (latitude, longitude) = (half(Signal::LATITUDE)?, half(Signal::LONGITUDE)?);
    let is_one = latitude.time == longitude.time;
    Fix::new(&latitude, &longitude, location).filter(|_| is_one)
}

/// The run of one signal: samples are grouped by signal, in the order of the catalogue.
fn of_signal(samples: &[Sample], signal: Signal) -> &[Sample] {
    let first = samples.partition_point(|sample| sample.signal < signal);
    let rest = samples.get(first..).unwrap_or_default();
    let count = rest.partition_point(|sample| sample.signal == signal);
    rest.get(..count).unwrap_or_default()
}

/// Metres that are missing for a car to get from one place to the next, if any. Nothing is said of what
/// is out of order.
fn out_of_reach(from: Fix, to: Fix) -> Option<f64> {
    let elapsed = to.time.micros_since(from.time);
    if elapsed < 0 {
        return None;
    }
    let possible =
        (seconds(elapsed) + seconds(to.seconds_late * 1_000_000)) * SPEED_MAX_METRES_PER_SECOND;
    let missing = from.metres_at_least(to) - possible;
    (missing > 0.0).then_some(missing)
}

/// The speeds of a batch, if they are in the order of their times.
struct Speeds<'a>(&'a [Sample]);

impl<'a> Speeds<'a> {
    fn new(samples: &'a [Sample]) -> Self {
        let in_order = samples.is_sorted_by_key(|sample| sample.time);
        Self(if in_order { samples } else { &[] })
    }

    /// The least and the highest speed from one time to another, with the one before and the one after:
    /// what is sent when it changes is worth that until the next. `None` when there are not both.
    fn between(&self, from: Timestamp, to: Timestamp) -> Option<(f64, f64)> {
        let first = self.0.partition_point(|sample| sample.time <= from).checked_sub(1)?;
        let last = self.0.partition_point(|sample| sample.time < to);
        let kmh = self.0.get(first..=last)?.iter().map(Sample::physical);
        Some(kmh.fold((f64::INFINITY, 0.0), |(least, most), kmh| (kmh.min(least), kmh.max(most))))
    }

    /// By how many km/h places move otherwise than the speed says, if they do.
    fn apart(&self, from: Fix, to: Fix) -> Option<f64> {
        let elapsed = seconds(to.time.micros_since(from.time));
        if !from.is_exact() || !to.is_exact() || !FASTER_SECONDS.contains(&elapsed) {
            return None;
        }
        let (least, most) = self.between(from.time, to.time)?;
        let faster = from.metres_at_least(to) / elapsed * 3.6 - most;
        let behind = least / 3.6 * elapsed - from.metres_to(to);
        if faster > FASTER_KMH_MAX {
            Some(faster)
        } else if elapsed <= BEHIND_SECONDS_MAX && behind > BEHIND_METRES_MAX {
            Some(behind / elapsed * 3.6)
        } else {
            None
        }
    }
}

fn seconds(micros: i64) -> f64 {
    Value::from_raw(micros).to_physical(6)
}

fn whole(number: f64) -> i64 {
    Value::from_physical(number, 0).map_or(i64::MAX, Value::raw)
}
