//! What each signal of the car's DBC measures.
//!
//! Quantities are given in the unit named beside them; the encoder converts to the DBC's.

use super::vehicle::Vehicle;

/// Reads something off the car.
type Measure = fn(&Vehicle) -> f64;

/// A way to measure something, and the unit that it comes in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quantity {
    /// Unit of the value, in VSS's spelling.
    pub(super) unit: &'static str,
    /// Reads it off the car.
    pub(super) measure: Measure,
}

/// Names as `Message.Signal`.
#[rustfmt::skip] // a table is read by column
const QUANTITIES: &[(&str, &str, Measure)] = &[
    ("VehicleDynamics.Speed",                  "m/s",       |car| car.speed),
    ("VehicleDynamics.AccelerationLongitudinal", "m/s^2",   |car| car.acceleration),
    ("VehicleDynamics.AccelerationLateral",    "m/s^2",     Vehicle::lateral_acceleration),
    ("VehicleDynamics.YawRate",                "rad/s",     Vehicle::yaw_rate),
    ("WheelSpeeds.FrontLeft",                  "m/s",       |car| first(car.wheel_speeds())),
    ("WheelSpeeds.FrontRight",                 "m/s",       |car| second(car.wheel_speeds())),
    ("WheelSpeeds.RearLeft",                   "m/s",       |car| third(car.wheel_speeds())),
    ("WheelSpeeds.RearRight",                  "m/s",       |car| fourth(car.wheel_speeds())),
    ("DriverInputs.SteeringWheelAngle",        "rad",       Vehicle::steering_wheel_angle),
    ("DriverInputs.AcceleratorPedal",          "ratio",     |car| car.drivetrain.accelerator),
    ("DriverInputs.BrakePedal",                "ratio",     |car| car.drivetrain.brake),
    ("Motor.MotorSpeed",                       "rpm",       |car| car.drivetrain.motor_speed * 30.0 / std::f64::consts::PI),
    ("Motor.MotorTorque",                      "Nm",        |car| car.drivetrain.motor_torque),
    ("Motor.MotorPower",                       "W",         |car| car.drivetrain.shaft_w()),
    // VSS counts current and power into the battery.
    ("BatteryPower.PackVoltage",               "V",         |car| car.battery.volts),
    ("BatteryPower.PackCurrent",               "A",         |car| -car.battery.amperes),
    ("BatteryPower.PackPower",                 "W",         |car| -car.battery.power_w()),
    ("BatteryState.StateOfCharge",             "ratio",     |car| car.battery.state_of_charge()),
    ("BatteryState.StateOfHealth",             "ratio",     |car| car.battery.health),
    ("BatteryState.EnergyLeft",                "J",         |car| car.battery.energy_j),
    ("BatteryState.RangeLeft",                 "m",         Vehicle::range_m),
    ("BatteryTemperatures.PackAverage",        "Celsius",   |car| car.battery.celsius),
    ("BatteryTemperatures.PackMin",            "Celsius",   |car| car.battery.celsius - car.battery.spread_kelvin(car.thermal.ambient)),
    ("BatteryTemperatures.PackMax",            "Celsius",   |car| car.battery.celsius + car.battery.spread_kelvin(car.thermal.ambient)),
    ("Temperatures.MotorTemperature",          "Celsius",   |car| car.thermal.motor),
    ("Temperatures.OutsideAir",                "Celsius",   |car| car.thermal.ambient),
    ("Temperatures.CabinAir",                  "Celsius",   |car| car.thermal.cabin),
    ("Position.Latitude",                      "degrees",   |car| car.route.latitude),
    ("Position.Longitude",                     "degrees",   |car| car.route.longitude),
    ("Course.Heading",                         "degrees",   |car| car.route.heading),
    ("Course.Altitude",                        "m",         |car| car.route.altitude),
    ("Odometer.Total",                         "m",         Vehicle::odometer_m),
    ("Odometer.SinceStart",                    "m",         |car| car.route.metres),
    ("Tyres.PressureFrontLeft",                "kPa",       |car| first(car.thermal.tyre_pressures_kpa())),
    ("Tyres.PressureFrontRight",               "kPa",       |car| second(car.thermal.tyre_pressures_kpa())),
    ("Tyres.PressureRearLeft",                 "kPa",       |car| third(car.thermal.tyre_pressures_kpa())),
    ("Tyres.PressureRearRight",                "kPa",       |car| fourth(car.thermal.tyre_pressures_kpa())),
    ("Tyres.TemperatureFrontLeft",             "Celsius",   |car| first(car.thermal.tyres)),
    ("Tyres.TemperatureFrontRight",            "Celsius",   |car| second(car.thermal.tyres)),
    ("Tyres.TemperatureRearLeft",              "Celsius",   |car| third(car.thermal.tyres)),
    ("Tyres.TemperatureRearRight",             "Celsius",   |car| fourth(car.thermal.tyres)),
    ("LowVoltageBattery.Voltage",              "V",         Vehicle::low_voltage),
    ("LowVoltageBattery.Current",              "A",         Vehicle::low_amperes),
];

/// What signal `signal` of message `message` measures, or `None` when the car does not measure it.
#[must_use]
pub(super) fn quantity(message: &str, signal: &str) -> Option<Quantity> {
    let is_it = |name: &str| name.split_once('.') == Some((message, signal));
    let found = QUANTITIES.iter().find(|(name, ..)| is_it(name));
    found.map(|&(_, unit, measure)| Quantity { unit, measure })
}

const fn first([value, ..]: [f64; 4]) -> f64 {
    value
}

const fn second([_, value, ..]: [f64; 4]) -> f64 {
    value
}

const fn third([.., value, _]: [f64; 4]) -> f64 {
    value
}

const fn fourth([.., value]: [f64; 4]) -> f64 {
    value
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use telematics::unit::Unit;

    use super::*;

    #[test]
    fn every_quantity_has_a_name_and_a_unit_of_its_own() {
        let names: BTreeSet<_> = QUANTITIES.iter().map(|(name, ..)| name).collect();

        assert_eq!(names.len(), QUANTITIES.len());
        for (name, unit, _) in QUANTITIES {
            assert!(Unit::parse(unit).is_ok(), "{name}");
        }
    }

    #[test]
    fn what_the_car_does_not_measure_is_nothing() {
        assert!(quantity("Motor", "MotorSpeed").is_some());
        assert!(quantity("Motor", "OilLevel").is_none());
        assert!(quantity("Engine", "MotorSpeed").is_none());
    }
}
