//! The values of service 01 that VSS has a name for, as SAE J1979 scales them.

use telematics::Signal;
use telematics::unit::Unit;

use super::reading::Reading;

/// One line of the standard.
struct Line(u8, usize, usize, u64, f64, f64, &'static str, &'static str, i64);

const ALL: u64 = u64::MAX;
const PERCENT: f64 = 100.0 / 255.0;

#[rustfmt::skip] // a table is read by column
const LINES: [Line; 24] = [
    //   pid  at n  bits  scale         offset  unit         VSS                                       seconds
    Line(0x01, 0, 1, 0x80, 1.0 / 128.0,    0.0, "boolean",   "Vehicle.OBD.Status.IsMILOn",             30),
    Line(0x01, 0, 1, 0x7F, 1.0,            0.0, "none",      "Vehicle.OBD.Status.DTCCount",            30),
    Line(0x04, 0, 1, ALL,  PERCENT,        0.0, "percent",   "Vehicle.OBD.EngineLoad",                  1),
    Line(0x05, 0, 1, ALL,  1.0,          -40.0, "Celsius",   "Vehicle.OBD.CoolantTemperature",         10),
    Line(0x06, 0, 1, ALL,  100.0 / 128.0, -100.0, "percent", "Vehicle.OBD.ShortTermFuelTrim1",         10),
    Line(0x07, 0, 1, ALL,  100.0 / 128.0, -100.0, "percent", "Vehicle.OBD.LongTermFuelTrim1",          10),
    Line(0x0A, 0, 1, ALL,  3.0,            0.0, "kPa",       "Vehicle.OBD.FuelPressure",               10),
    Line(0x0B, 0, 1, ALL,  1.0,            0.0, "kPa",       "Vehicle.OBD.MAP",                         1),
    Line(0x0C, 0, 2, ALL,  0.25,           0.0, "rpm",       "Vehicle.OBD.EngineSpeed",                 1),
    Line(0x0D, 0, 1, ALL,  1.0,            0.0, "km/h",      "Vehicle.OBD.Speed",                       1),
    Line(0x0E, 0, 1, ALL,  0.5,          -64.0, "degrees",   "Vehicle.OBD.TimingAdvance",              10),
    Line(0x0F, 0, 1, ALL,  1.0,          -40.0, "Celsius",   "Vehicle.OBD.IntakeTemp",                 10),
    Line(0x10, 0, 2, ALL,  0.01,           0.0, "g/s",       "Vehicle.OBD.MAF",                         1),
    Line(0x11, 0, 1, ALL,  PERCENT,        0.0, "percent",   "Vehicle.OBD.ThrottlePosition",            1),
    Line(0x1F, 0, 2, ALL,  1.0,            0.0, "s",         "Vehicle.OBD.RunTime",                    10),
    Line(0x2F, 0, 1, ALL,  PERCENT,        0.0, "percent",   "Vehicle.OBD.FuelLevel",                  30),
    Line(0x33, 0, 1, ALL,  1.0,            0.0, "kPa",       "Vehicle.OBD.BarometricPressure",         30),
    Line(0x42, 0, 2, ALL,  0.001,          0.0, "V",         "Vehicle.OBD.ControlModuleVoltage",       10),
    Line(0x43, 0, 2, ALL,  PERCENT,        0.0, "percent",   "Vehicle.OBD.AbsoluteLoad",                1),
    Line(0x46, 0, 1, ALL,  1.0,          -40.0, "Celsius",   "Vehicle.OBD.AmbientAirTemperature",      30),
    Line(0x5B, 0, 1, ALL,  PERCENT,        0.0, "percent",   "Vehicle.OBD.HybridBatteryRemaining",     10),
    Line(0x5C, 0, 1, ALL,  1.0,          -40.0, "Celsius",   "Vehicle.OBD.OilTemperature",             10),
    Line(0x5E, 0, 2, ALL,  0.05,           0.0, "l/h",       "Vehicle.OBD.FuelRate",                    1),
    Line(0xA6, 0, 4, ALL,  0.1,            0.0, "km",        "Vehicle.TraveledDistance",               30),
];

/// A value to ask for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pid {
    pub number: u8,
    pub reading: Reading,
    /// How often it is worth asking.
    pub period_seconds: i64,
}

/// Every value that can be asked for.
pub(super) fn pids() -> Vec<Pid> {
    LINES.iter().filter_map(pid).collect()
}

/// None for a line that does not fit the catalogue, of which there is none: a test sees to it.
fn pid(line: &Line) -> Option<Pid> {
    let Line(number, at, bytes, mask, scale, offset, unit, path, period_seconds) = *line;
    let signal = Signal::by_path(path).ok()?;
    let conversion = Unit::parse(unit).ok()?.conversion(signal.unit()).ok()?;
    let reading = Reading { signal, conversion, at, bytes, mask, is_signed: false, scale, offset };
    Some(Pid { number, reading, period_seconds })
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    #[test]
    fn every_line_has_a_signal_of_the_catalogue() {
        for line in &LINES {
            assert!(pid(line).is_some(), "{}", line.7);
        }
    }

    #[test]
    fn values_are_those_of_the_standard() {
        #[rustfmt::skip] // a table is read by column
        let cases: [(u8, &[u8], &[f64]); 10] = [
            (0x01, &[0x83, 0, 0, 0],             &[1.0, 3.0]),
            (0x04, &[0xFF],                      &[100.0]),
            (0x05, &[0x7B],                      &[83.0]),
            (0x06, &[0x80],                      &[0.0]),
            (0x0C, &[0x1A, 0xF8],                &[1_726.0]),
            (0x0D, &[0x37],                      &[55.0]),
            (0x0E, &[0x90],                      &[8.0]),
            (0x42, &[0x36, 0xB0],                &[14.0]),
            (0x5E, &[0x00, 0x64],                &[5.0]),
            (0xA6, &[0x00, 0x01, 0x86, 0xA0],    &[10_000_000.0]),
        ];
        for (number, data, expected) in cases {
            let read = pids().into_iter().filter(|pid| pid.number == number);
            let values = read.map(|pid| pid.reading.sample(T0, data).unwrap().physical());
            assert_eq!(values.collect::<Vec<_>>(), expected, "{number:02X}");
        }
    }
}
