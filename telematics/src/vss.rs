//! The catalogue: every signal that can be shared, proven or sold.
//!
//! Paths, types and units are those of the COVESA Vehicle Signal Specification 6.0, with its OBD
//! overlay. What the catalogue adds is ours: the number that stands for a path on the wire, the
//! consent group, the decimals a value is kept at, the range that is physically possible, the grid
//! that proofs see it on, the thresholds that summaries count it above, and the name that DIMO's
//! telemetry API has for it, where it has one.
//!
//! **Invariant:** `signals.csv` is only appended to. A number, once given, means the same signal for
//! ever, because batches that were signed years ago carry it.
//!
//! **Not here:** how a car's own signals are named in VSS (`edge-agent`'s mapping).

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use crate::unit::Unit;
use crate::value::Value;

/// A signal of the catalogue: a leaf of VSS such as `Vehicle.Speed`.
///
/// Holding one means that it exists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(u16);

/// What an owner decides about together: one consent covers all signals of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignalGroup {
    /// Speed and acceleration of the car and its wheels.
    Motion,
    /// What the driver does: steering, pedals, interventions.
    Driving,
    /// Where the car is.
    Location,
    /// How far it has gone.
    Odometer,
    /// State and health of the traction battery.
    Battery,
    /// Charging sessions.
    Charging,
    /// Motor, engine and fuel.
    Powertrain,
    /// Weather and cabin.
    Climate,
    /// Tyre pressures and temperatures.
    Tyres,
    /// On-board diagnostics.
    Diagnostics,
}

impl SignalGroup {
    /// Every group, in the order in which owners are shown them.
    pub const ALL: [Self; 10] = [
        Self::Motion,
        Self::Driving,
        Self::Location,
        Self::Odometer,
        Self::Battery,
        Self::Charging,
        Self::Powertrain,
        Self::Climate,
        Self::Tyres,
        Self::Diagnostics,
    ];

    /// The word for this group in files, tables and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Motion => "motion",
            Self::Driving => "driving",
            Self::Location => "location",
            Self::Odometer => "odometer",
            Self::Battery => "battery",
            Self::Charging => "charging",
            Self::Powertrain => "powertrain",
            Self::Climate => "climate",
            Self::Tyres => "tyres",
            Self::Diagnostics => "diagnostics",
        }
    }

    /// Finds the group that `text` names.
    ///
    /// # Errors
    /// An unknown word is refused, with the known ones in the message.
    pub fn parse(text: &str) -> Result<Self, UnknownGroup> {
        let known = Self::ALL.into_iter().find(|group| group.as_str() == text);
        known.ok_or_else(|| UnknownGroup { text: text.to_owned() })
    }
}

impl fmt::Display for SignalGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text that names no signal group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown signal group `{text}`; the groups are {}", SignalGroup::ALL.map(SignalGroup::as_str).join(", "))]
pub struct UnknownGroup {
    text: String,
}

/// A path or number that is not in the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownSignal {
    /// No signal has this path.
    #[error("`{path}` is not a signal of the catalogue{}", suggestion(path))]
    Path {
        /// The path asked for.
        path: String,
    },
    /// No signal has this number.
    #[error(
        "signal number {number} is not in the catalogue: this program may be older than its peer"
    )]
    Number {
        /// The number asked for.
        number: u64,
    },
}

#[derive(Debug)]
struct Definition {
    path: &'static str,
    group: SignalGroup,
    unit: Unit,
    decimals: u8,
    min: f64,
    max: f64,
    grid_seconds: u32,
    thresholds: [f64; 3],
    dimo_name: Option<&'static str>,
}

/// Parsed once from the table in the binary; a constant in all but name.
#[expect(clippy::expect_used, reason = "every test reads the table, so a bad line never leaves us")]
static CATALOGUE: LazyLock<Vec<Definition>> = LazyLock::new(|| {
    include_str!("signals.csv")
        .lines()
        .skip(1)
        .enumerate()
        .map(|(index, line)| {
            definition(index + 1, line).expect("the embedded table is well formed")
        })
        .collect()
});

fn definition(number: usize, line: &'static str) -> Option<Definition> {
    let [stated, path, group, unit, decimals, min, max, grid, low, middle, high, dimo] =
        line.split(',').collect::<Vec<_>>().try_into().ok()?;
    Some(Definition {
        path: (stated.parse() == Ok(number)).then_some(path)?,
        group: SignalGroup::parse(group).ok()?,
        unit: Unit::parse(unit).ok()?,
        decimals: decimals.parse().ok()?,
        min: min.parse().ok()?,
        max: max.parse().ok()?,
        grid_seconds: grid.parse().ok()?,
        thresholds: [low.parse().ok()?, middle.parse().ok()?, high.parse().ok()?],
        dimo_name: (!dimo.is_empty()).then_some(dimo),
    })
}

impl Signal {
    /// `Vehicle.CurrentLocation.Latitude`, which stands for places where one signal has to be named.
    pub const LATITUDE: Self = Self(20);
    /// `Vehicle.CurrentLocation.Longitude`.
    pub const LONGITUDE: Self = Self(21);
    /// `Vehicle.Speed`.
    pub const SPEED: Self = Self(0);
    /// `Vehicle.TraveledDistance`: the odometer.
    pub const TRAVELED_DISTANCE: Self = Self(25);

    /// Every signal, by number.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        (0..CATALOGUE.len()).map(|index| Self(u16::try_from(index).unwrap_or(u16::MAX)))
    }

    /// Finds the signal with this path.
    ///
    /// # Errors
    /// An unknown path is refused, with the nearest known one in the message.
    pub fn by_path(path: &str) -> Result<Self, UnknownSignal> {
        let found = Self::all().find(|signal| signal.path() == path);
        found.ok_or_else(|| UnknownSignal::Path { path: path.to_owned() })
    }

    /// Finds the signal with this number.
    ///
    /// # Errors
    /// A number that was never given is refused.
    pub fn by_number(number: u64) -> Result<Self, UnknownSignal> {
        u16::try_from(number)
            .ok()
            .filter(|number| (1..=CATALOGUE.len()).contains(&usize::from(*number)))
            .map(|number| Self(number - 1))
            .ok_or(UnknownSignal::Number { number })
    }

    /// The number that stands for the path on the wire, from 1.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0 + 1
    }

    /// The VSS path.
    #[must_use]
    pub fn path(self) -> &'static str {
        self.definition().path
    }

    /// The consent group.
    #[must_use]
    pub fn group(self) -> SignalGroup {
        self.definition().group
    }

    /// The unit of its values.
    #[must_use]
    pub fn unit(self) -> Unit {
        self.definition().unit
    }

    /// Decimals that its values are kept at.
    #[must_use]
    pub fn decimals(self) -> u8 {
        self.definition().decimals
    }

    /// The value nearest to `physical`, or `None` when it is outside what is physically possible.
    #[must_use]
    pub fn value(self, physical: f64) -> Option<Value> {
        let Definition { min, max, decimals, .. } = *self.definition();
        if !(min..=max).contains(&physical) {
            return None;
        }
        Value::from_physical(physical, decimals).ok()
    }

    /// The values that are physically possible.
    #[must_use]
    pub fn range(self) -> RangeInclusive<Value> {
        let Definition { min, max, decimals, .. } = *self.definition();
        let limit = |physical, beyond| Value::from_physical(physical, decimals).unwrap_or(beyond);
        limit(min, Value::from_raw(i64::MIN))..=limit(max, Value::from_raw(i64::MAX))
    }

    /// Seconds between two values of a window: proofs see a signal on this grid, however often a car
    /// measures it.
    #[must_use]
    pub fn grid_seconds(self) -> u32 {
        self.definition().grid_seconds
    }

    /// The low, middle and high threshold that summaries count values above.
    #[must_use]
    pub fn thresholds(self) -> [Value; 3] {
        let Definition { thresholds, decimals, .. } = *self.definition();
        thresholds.map(|physical| {
            Value::from_physical(physical, decimals).unwrap_or(Value::from_raw(i64::MAX))
        })
    }

    /// What DIMO's telemetry API calls it, such as `powertrainTransmissionTravelledDistance`; none where
    /// it has no such signal.
    #[must_use]
    pub fn dimo_name(self) -> Option<&'static str> {
        self.definition().dimo_name
    }

    /// Finds the signal that DIMO's telemetry API calls `name`.
    #[must_use]
    pub fn by_dimo_name(name: &str) -> Option<Self> {
        Self::all().find(|signal| signal.dimo_name() == Some(name))
    }

    fn definition(self) -> &'static Definition {
        #[expect(clippy::indexing_slicing, reason = "a Signal is made from an index that exists")]
        &CATALOGUE[usize::from(self.0)]
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path())
    }
}

/// The catalogue path of what DIMO calls `path`, or the one that shares the most parts with it, counted
/// from the end.
fn suggestion(path: &str) -> String {
    let shared =
        |known: &str| known.rsplit('.').filter(|part| path.split('.').any(|p| p == *part)).count();
    let alike = Signal::all().map(Signal::path).filter(|known| shared(known) > 1);
    Signal::by_dimo_name(path)
        .map(Signal::path)
        .or_else(|| alike.max_by_key(|known| shared(known)))
        .map_or_else(String::new, |known| format!("; did you mean `{known}`?"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_line_of_the_table_is_a_signal_of_its_own() {
        let paths: BTreeSet<_> = Signal::all().map(Signal::path).collect();

        assert_eq!(paths.len(), Signal::all().len());
        for signal in Signal::all() {
            assert_eq!(Signal::by_path(signal.path()), Ok(signal));
            assert_eq!(Signal::by_number(signal.number().into()), Ok(signal));
        }
    }

    #[test]
    fn every_signal_has_a_grid_and_rising_thresholds_within_its_range() {
        for signal in Signal::all() {
            let Definition { min, max, thresholds, grid_seconds, .. } = *signal.definition();
            assert!(thresholds.is_sorted(), "{signal}");
            assert!(thresholds.iter().all(|limit| (min..=max).contains(limit)), "{signal}");
            assert!((1..=60).contains(&grid_seconds), "{signal}");
        }
        let speed = Signal::by_path("Vehicle.Speed").unwrap();
        assert_eq!(speed.thresholds(), [5_000, 9_000, 13_000].map(Value::from_raw));
    }

    #[test]
    fn numbers_that_were_given_never_change() {
        for (number, path) in [(1, "Vehicle.Speed"), (27, "Vehicle.TraveledDistanceSinceStart")] {
            assert_eq!(Signal::by_number(number).unwrap().path(), path);
        }
        assert_eq!(Signal::SPEED.path(), "Vehicle.Speed");
        assert_eq!(Signal::LATITUDE.path(), "Vehicle.CurrentLocation.Latitude");
        assert_eq!(Signal::LONGITUDE.path(), "Vehicle.CurrentLocation.Longitude");
        assert_eq!(Signal::TRAVELED_DISTANCE.path(), "Vehicle.TraveledDistance");
    }

    #[test]
    fn names_of_dimo_are_of_one_signal_each() {
        let named: Vec<_> = Signal::all().filter(|signal| signal.dimo_name().is_some()).collect();

        assert_eq!(Signal::SPEED.dimo_name(), Some("speed"));
        for signal in &named {
            assert_eq!(
                signal.dimo_name().and_then(Signal::by_dimo_name),
                Some(*signal),
                "{signal}"
            );
        }
        assert_eq!(Signal::by_dimo_name(""), None);
    }

    #[test]
    #[ignore = "needs the recordings in ../shared/data"]
    fn names_of_dimo_are_those_that_it_serves() {
        let table = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/dimo/dimo_signals.csv");
        let table = std::fs::read_to_string(table).unwrap();
        let served: BTreeSet<_> = table.lines().filter_map(|line| line.split(',').nth(1)).collect();
        for name in Signal::all().filter_map(Signal::dimo_name) {
            assert!(served.contains(name), "{name}");
        }
        for signal in Signal::all() {
            let line = table.lines().find(|line| line.starts_with(&format!("{signal},")));
            let name = line.and_then(|line| line.split(',').nth(1));
            assert!(name.is_none() || name == signal.dimo_name(), "{signal}");
        }
    }

    #[test]
    fn unknown_paths_are_refused_with_the_nearest_one() {
        let error = Signal::by_path("Vehicle.Powertrain.Battery.StateOfHealth").unwrap_err();

        assert!(error.to_string().contains("TractionBattery.StateOfHealth"), "{error}");
        let error = Signal::by_path("powertrainTransmissionTravelledDistance").unwrap_err();
        assert!(error.to_string().contains("`Vehicle.TraveledDistance`"), "{error}");
        assert!(Signal::by_number(0).is_err());
        assert!(Signal::by_number(u64::MAX).is_err());
    }

    #[test]
    fn values_outside_the_range_do_not_exist() {
        let charge =
            Signal::by_path("Vehicle.Powertrain.TractionBattery.StateOfCharge.Current").unwrap();

        assert_eq!(charge.value(80.25), Some(Value::from_raw(8025)));
        assert_eq!(charge.range(), Value::from_raw(0)..=Value::from_raw(10_000));
        assert_eq!(charge.value(100.5), None);
        assert_eq!(charge.value(f64::NAN), None);
    }
}
