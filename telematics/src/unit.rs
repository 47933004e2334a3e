//! Units of measurement and how to convert between them.
//!
//! DBC files spell units as their authors liked (`kph`, `km/h`, `°C`, `deg`), VSS spells them one
//! way. [`Unit::parse`] knows both spellings; [`Unit::conversion`] goes through the SI unit of the
//! dimension.
//!
//! **Invariant:** a value is converted only between units of one dimension; the same unit on both
//! sides returns the value untouched, bit for bit.

use std::fmt;

/// A unit in which a signal is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unit(&'static Definition);

/// What a unit measures. Values convert within a dimension only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Dimension {
    Number,
    Boolean,
    Ratio,
    Speed,
    Acceleration,
    Angle,
    AngularSpeed,
    Rotation,
    Length,
    Time,
    Temperature,
    Voltage,
    Current,
    Power,
    Energy,
    Pressure,
    Torque,
    MassFlow,
    VolumeFlow,
    Consumption,
    Mass,
}

/// `si = value * factor + offset`.
#[derive(Debug)]
struct Definition {
    name: &'static str,
    dimension: Dimension,
    factor: f64,
    offset: f64,
    /// Other spellings met in DBC files.
    aliases: &'static [&'static str],
}

impl PartialEq for Definition {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
impl Eq for Definition {}
impl std::hash::Hash for Definition {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// Text that names no unit we know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown unit `{text}`")]
pub struct UnknownUnit {
    text: String,
}

/// Two units that measure different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{from} can not be converted to {to}")]
pub struct Incompatible {
    from: Unit,
    to: Unit,
}

const fn unit(
    name: &'static str,
    dimension: Dimension,
    factor: f64,
    aliases: &'static [&'static str],
) -> Definition {
    Definition { name, dimension, factor, offset: 0.0, aliases }
}

const fn temperature(
    name: &'static str,
    factor: f64,
    offset: f64,
    aliases: &'static [&'static str],
) -> Definition {
    Definition { name, dimension: Dimension::Temperature, factor, offset, aliases }
}

const PI: f64 = std::f64::consts::PI;

/// Factors are exact by definition (international mile, pound and inch of 1959) or from the SI.
#[rustfmt::skip] // a table is read by column
const UNITS: &[Definition] = &[
    unit("none",      Dimension::Number,       1.0,          &["", "-"]),
    unit("boolean",   Dimension::Boolean,      1.0,          &["bool"]),
    unit("percent",   Dimension::Ratio,        0.01,         &["%"]),
    unit("ratio",     Dimension::Ratio,        1.0,          &[]),
    unit("km/h",      Dimension::Speed,        1.0 / 3.6,    &["kph", "kmh", "km/hr"]),
    unit("m/s",       Dimension::Speed,        1.0,          &[]),
    unit("mph",       Dimension::Speed,        0.447_04,     &["mi/h"]),
    unit("m/s^2",     Dimension::Acceleration, 1.0,          &["m/s2", "m/s/s", "m/s²"]),
    unit("g",         Dimension::Acceleration, 9.806_65,     &[]),
    unit("degrees",   Dimension::Angle,        PI / 180.0,   &["deg", "°", "degree"]),
    unit("rad",       Dimension::Angle,        1.0,          &[]),
    unit("degrees/s", Dimension::AngularSpeed, PI / 180.0,   &["deg/s", "°/s", "deg/sec"]),
    unit("rad/s",     Dimension::AngularSpeed, 1.0,          &[]),
    unit("rpm",       Dimension::Rotation,     1.0,          &["1/min", "RPM", "U/min"]),
    unit("m",         Dimension::Length,       1.0,          &["meters", "metres"]),
    unit("km",        Dimension::Length,       1_000.0,      &[]),
    unit("mi",        Dimension::Length,       1_609.344,    &["miles"]),
    unit("s",         Dimension::Time,         1.0,          &["sec", "seconds"]),
    unit("ms",        Dimension::Time,         0.001,        &[]),
    unit("min",       Dimension::Time,         60.0,         &["minutes"]),
    unit("h",         Dimension::Time,         3_600.0,      &["hours"]),
    temperature("Celsius",                     1.0,       273.15,              &["degC", "°C", "C", "deg C"]),
    temperature("Fahrenheit",                  5.0 / 9.0, 459.67 * 5.0 / 9.0,  &["degF", "°F", "F"]),
    temperature("K",                           1.0,       0.0,                 &["Kelvin"]),
    unit("V",         Dimension::Voltage,      1.0,          &["volts", "Volt"]),
    unit("mV",        Dimension::Voltage,      0.001,        &[]),
    unit("A",         Dimension::Current,      1.0,          &["amps", "Amp"]),
    unit("mA",        Dimension::Current,      0.001,        &[]),
    unit("W",         Dimension::Power,        1.0,          &["watt"]),
    unit("kW",        Dimension::Power,        1_000.0,      &["kw"]),
    unit("hp",        Dimension::Power,        745.699_871_582_270_2, &[]),
    unit("Wh",        Dimension::Energy,       3_600.0,      &[]),
    unit("kWh",       Dimension::Energy,       3_600_000.0,  &["KWh"]),
    unit("J",         Dimension::Energy,       1.0,          &[]),
    unit("Pa",        Dimension::Pressure,     1.0,          &[]),
    unit("hPa",       Dimension::Pressure,     100.0,        &[]),
    unit("kPa",       Dimension::Pressure,     1_000.0,      &["kpa"]),
    unit("bar",       Dimension::Pressure,     100_000.0,    &["Bar"]),
    unit("psi",       Dimension::Pressure,     6_894.757_293_168_361, &["PSI"]),
    unit("Nm",        Dimension::Torque,       1.0,          &["N.m", "N*m"]),
    unit("g/s",       Dimension::MassFlow,     1.0,          &["grams/sec"]),
    unit("kg/h",      Dimension::MassFlow,     1.0 / 3.6,    &[]),
    unit("l/h",       Dimension::VolumeFlow,   1.0,          &["L/h"]),
    unit("l/100km",   Dimension::Consumption,  1.0,          &["L/100km"]),
    unit("kg",        Dimension::Mass,         1.0,          &[]),
    unit("t",         Dimension::Mass,         1_000.0,      &["ton", "tonnes"]),
    unit("lbs",       Dimension::Mass,         0.453_592_37, &["lb", "LBS"]),
];

impl Unit {
    /// Finds the unit that `text` spells, in VSS's way or one of those met in DBC files.
    ///
    /// # Errors
    /// A spelling that is not in the table is refused.
    pub fn parse(text: &str) -> Result<Self, UnknownUnit> {
        let text = text.trim();
        UNITS
            .iter()
            .find(|unit| unit.name == text || unit.aliases.contains(&text))
            .map(Self)
            .ok_or_else(|| UnknownUnit { text: text.to_owned() })
    }

    /// The VSS spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0.name
    }

    /// How to turn a value in this unit into `to`.
    ///
    /// # Errors
    /// Units of different dimensions are refused.
    pub fn conversion(self, to: Self) -> Result<Conversion, Incompatible> {
        if self == to {
            return Ok(Conversion::Same);
        }
        if self.0.dimension != to.0.dimension {
            return Err(Incompatible { from: self, to });
        }
        Ok(Conversion::Through { from: self, to })
    }
}

/// A way from one unit to another, checked once so that it can be applied to every frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// Both sides are the same unit.
    Same,
    /// Through the SI unit of their dimension.
    Through {
        /// The unit of the value given.
        from: Unit,
        /// The unit of the value returned.
        to: Unit,
    },
}

impl Conversion {
    /// Converts one value.
    #[must_use]
    pub fn apply(self, value: f64) -> f64 {
        match self {
            Self::Same => value,
            Self::Through { from, to } => {
                (value * from.0.factor + from.0.offset - to.0.offset) / to.0.factor
            }
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(value: f64, from: &str, to: &str) -> f64 {
        let conversion = Unit::parse(from).unwrap().conversion(Unit::parse(to).unwrap());
        conversion.unwrap().apply(value)
    }

    #[test]
    fn converts_within_a_dimension() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (10.0,  "m/s",   "km/h",    36.0),
            (60.0,  "mph",   "km/h",    96.560_64),
            (98.6,  "°F",    "Celsius", 37.0),
            (0.0,   "K",     "degC",    -273.15),
            (0.5,   "ratio", "%",       50.0),
            (12.5,  "km",    "m",       12_500.0),
            (32.0,  "psi",   "kPa",     220.632_233),
            (-7.25, "deg",   "degrees", -7.25),
        ];
        for (value, from, to, expected) in cases {
            let actual = convert(value, from, to);
            assert!((actual - expected).abs() < 1e-6, "{value} {from} = {actual} {to}");
        }
    }

    #[test]
    fn the_same_unit_leaves_the_value_untouched() {
        for unit in UNITS {
            assert_eq!(
                convert(0.1 + 0.2, unit.name, unit.name).to_bits(),
                (0.1_f64 + 0.2).to_bits()
            );
        }
    }

    #[test]
    fn different_dimensions_are_refused() {
        let speed = Unit::parse("km/h").unwrap();
        let error = speed.conversion(Unit::parse("kPa").unwrap()).unwrap_err();

        assert_eq!(error.to_string(), "km/h can not be converted to kPa");
        assert!(Unit::parse("furlong").is_err());
    }

    #[test]
    fn every_spelling_names_one_unit() {
        for unit in UNITS {
            for spelling in unit.aliases.iter().chain([&unit.name]) {
                let owners = UNITS
                    .iter()
                    .filter(|other| other.name == *spelling || other.aliases.contains(spelling));
                assert_eq!(owners.count(), 1, "{spelling}");
            }
        }
    }
}
