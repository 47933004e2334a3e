//! How precisely samples of a group leave the car.
//!
//! Where a car is tells who drives it: the owner's home is found within 9 m when only the first 200 m of
//! trips are cut off. So a position leaves as the centre of an H3 cell of some 36 km², once in 15
//! minutes, unless the owner says otherwise, and what goes with it (altitude, heading) not at all.
//!
//! **Invariant:** coarsening is idempotent, so whoever holds a sample can check that it is coarse enough:
//! the market asks the same functions as the car ([`coarse_enough`]).

mod coarse;

use std::fmt;

use h3o::{CellIndex, LatLng, Resolution};

use crate::sample::Sample;
use crate::time::{MICROS_PER_SECOND, Timestamp};
use crate::value::Value;
use crate::vss::{Signal, SignalGroup};

pub use coarse::coarse_enough;

/// Positions leave once in so many seconds, as of the beginning of that time.
pub const BIN_SECONDS: i64 = 15 * 60;

/// How precisely samples of a group leave the car.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// As measured.
    Exact,
    /// Rounded to whole units: 87.4 km/h leaves as 87 km/h.
    Whole,
    /// Positions as cells of this size; other signals of the group do not leave.
    Cell(CellSize),
}

/// The resolution of an H3 cell: 0 is a continent, 15 is less than a square metre.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CellSize(u8);

/// Text that names no precision that a group can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the precision of {group} can not be `{text}`; it is {}", choices(*group))]
pub struct WrongPrecision {
    group: SignalGroup,
    text: String,
}

impl Precision {
    /// What holds while the owner says nothing else.
    #[must_use]
    pub const fn default_of(group: SignalGroup) -> Self {
        match group {
            SignalGroup::Location => Self::Cell(CellSize::DEFAULT),
            _ => Self::Exact,
        }
    }

    /// Finds the precision that `text` names for `group`.
    ///
    /// # Errors
    /// Anything but `exact`, `whole` and, for the location, `h3-0` to `h3-15` is refused.
    pub fn parse(group: SignalGroup, text: &str) -> Result<Self, WrongPrecision> {
        let cell = |number: &str| number.parse().ok().and_then(CellSize::new);
        let parsed = match text {
            "exact" => Some(Self::Exact),
            "whole" => Some(Self::Whole),
            _ if !has_places(group) => None,
            _ => text.strip_prefix("h3-").and_then(cell).map(Self::Cell),
        };
        let known = parsed.filter(|precision| precision.to_string() == text);
        known.ok_or_else(|| WrongPrecision { group, text: text.to_owned() })
    }

    /// The sample as it leaves the car; `None` when it does not leave, or leaves only together with
    /// others (see [`Self::place`]).
    #[must_use]
    pub fn coarsen(self, sample: Sample) -> Option<Sample> {
        match self {
            Self::Whole => Some(Sample { value: whole(sample.signal, sample.value), ..sample }),
            Self::Cell(_) if has_places(sample.signal.group()) => None,
            Self::Exact | Self::Cell(_) => Some(sample),
        }
    }

    /// Latitude and longitude as they leave the car: the centre of the cell at the beginning of the bin
    /// of `time`. `None` when positions leave one by one, or there is no such place.
    #[must_use]
    pub fn place(self, latitude: Value, longitude: Value, time: Timestamp) -> Option<[Sample; 2]> {
        let Self::Cell(size) = self else { return None };
        let centre = LatLng::from(size.cell_of(latitude, longitude)?);
        let time = bin_of(time);
        let sample = |signal: Signal, degrees| {
            signal.value(degrees).map(|value| Sample { signal, time, value })
        };
        Some([sample(Signal::LATITUDE, centre.lat())?, sample(Signal::LONGITUDE, centre.lng())?])
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact => f.write_str("exact"),
            Self::Whole => f.write_str("whole"),
            Self::Cell(size) => write!(f, "h3-{}", size.0),
        }
    }
}

impl CellSize {
    /// Some 36 km²: a town, not a street.
    pub const DEFAULT: Self = Self(6);

    /// Cells of `resolution`, from 0 to 15.
    #[must_use]
    pub const fn new(resolution: u8) -> Option<Self> {
        if resolution <= 15 { Some(Self(resolution)) } else { None }
    }

    /// The resolution.
    #[must_use]
    pub const fn resolution(self) -> u8 {
        self.0
    }

    /// Square kilometres of a cell, on average.
    #[must_use]
    pub fn square_kilometres(self) -> f64 {
        Resolution::try_from(self.0).map_or(0.0, Resolution::area_km2)
    }

    fn cell_of(self, latitude: Value, longitude: Value) -> Option<CellIndex> {
        let latitude = latitude.to_physical(Signal::LATITUDE.decimals());
        let longitude = longitude.to_physical(Signal::LONGITUDE.decimals());
        let resolution = Resolution::try_from(self.0).ok()?;
        Some(LatLng::new(latitude, longitude).ok()?.to_cell(resolution))
    }
}

/// Only positions can be cells.
const fn has_places(group: SignalGroup) -> bool {
    matches!(group, SignalGroup::Location)
}

const fn choices(group: SignalGroup) -> &'static str {
    if has_places(group) { "exact, whole, or h3-0 to h3-15" } else { "exact or whole" }
}

/// The beginning of the bin that `time` lies in.
#[must_use]
pub const fn bin_of(time: Timestamp) -> Timestamp {
    const BIN: i64 = BIN_SECONDS * MICROS_PER_SECOND;
    Timestamp::from_micros(time.as_micros().div_euclid(BIN).saturating_mul(BIN))
}

/// Rounds to whole units, half away from zero.
fn whole(signal: Signal, value: Value) -> Value {
    let unit = 10_i64.saturating_pow(signal.decimals().into());
    let half = (unit / 2).saturating_mul(value.raw().signum());
    Value::from_raw(value.raw().saturating_add(half) / unit * unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::T0;

    const DEFAULT: Precision = Precision::Cell(CellSize::DEFAULT);

    fn sample(path: &str, physical: f64) -> Sample {
        let signal = Signal::by_path(path).unwrap();
        Sample { signal, time: T0, value: signal.value(physical).unwrap() }
    }

    fn degrees(latitude: f64, longitude: f64) -> (Value, Value) {
        let value = |signal: Signal, degrees| signal.value(degrees).unwrap();
        (value(Signal::LATITUDE, latitude), value(Signal::LONGITUDE, longitude))
    }

    #[test]
    fn whole_units_are_rounded_half_away_from_zero() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("Vehicle.Speed",                       87.49,   87.0),
            ("Vehicle.Speed",                       87.5,    88.0),
            ("Vehicle.Exterior.AirTemperature",     -3.5,    -4.0),
            ("Vehicle.Exterior.AirTemperature",     -3.4,    -3.0),
            ("Vehicle.ADAS.ABS.IsEngaged",          1.0,     1.0),
        ];
        for (path, measured, left) in cases {
            let coarse = Precision::Whole.coarsen(sample(path, measured));
            assert_eq!(coarse, Some(sample(path, left)), "{path} {measured}");
        }
    }

    #[test]
    fn a_position_leaves_as_a_cell_and_its_bin() {
        let (home, longitude) = degrees(52.520_008, 13.404_954);
        let time = T0.plus_seconds(BIN_SECONDS + 61);
        let [latitude, east] = DEFAULT.place(home, longitude, time).unwrap();

        assert_eq!((latitude.time, east.time), (T0.plus_seconds(BIN_SECONDS), latitude.time));
        let moved =
            (latitude.value.raw() - home.raw()).abs() + (east.value.raw() - longitude.raw()).abs();
        assert!((1_000..100_000).contains(&moved), "{moved} millionths of a degree");
        let next_door = degrees(52.520_308, 13.405_254);
        assert_eq!(DEFAULT.place(next_door.0, next_door.1, time), Some([latitude, east]));
    }

    #[test]
    fn nothing_else_of_the_location_leaves_with_cells() {
        for path in ["Latitude", "Longitude", "Altitude", "Heading", "HorizontalAccuracy"] {
            let sample = sample(&format!("Vehicle.CurrentLocation.{path}"), 40.0);
            assert_eq!(DEFAULT.coarsen(sample), None, "{path}");
            assert_eq!(Precision::Exact.coarsen(sample), Some(sample), "{path}");
        }
    }

    #[test]
    fn words_round_trip_and_others_are_refused_by_group() {
        for text in ["exact", "whole", "h3-0", "h3-6", "h3-15"] {
            let parsed = Precision::parse(SignalGroup::Location, text);
            assert_eq!(parsed.unwrap().to_string(), text);
        }
        for text in ["", "h3-", "h3-16", "h3-06", "h3-+6", "Exact", "street"] {
            assert!(Precision::parse(SignalGroup::Location, text).is_err(), "{text}");
        }

        let cells = Precision::parse(SignalGroup::Motion, "h3-6").unwrap_err().to_string();
        assert_eq!(cells, "the precision of motion can not be `h3-6`; it is exact or whole");
        let street = Precision::parse(SignalGroup::Location, "street").unwrap_err().to_string();
        assert!(street.contains("location") && street.contains("h3-0 to h3-15"), "{street}");
    }

    proptest! {
        /// What is coarse already is not changed: the market can check it.
        #[test]
        fn coarsening_is_idempotent(
            latitude in -90_000_000_i64..=90_000_000,
            longitude in -180_000_000_i64..=180_000_000,
            size in 0..=15_u8,
        ) {
            let precision = Precision::Cell(CellSize::new(size).unwrap());
            let place = precision.place(Value::from_raw(latitude), Value::from_raw(longitude), T0);
            let [north, east] = place.unwrap();

            prop_assert_eq!(precision.place(north.value, east.value, north.time), Some([north, east]));
        }
    }
}
