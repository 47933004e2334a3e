//! Temperatures of motor, cabin and tyres: first-order lags.
//!
//! Each goes towards where it would end if nothing changed, by the same part of the way every second.
//! The battery's own is in [`super::battery`], with the heat that drives it.

/// Wheels in the order front left, front right, rear left, rear right.
pub(super) const WHEELS: usize = 4;

const MOTOR_LAG_S: f64 = 1_100.0;
const MOTOR_KELVIN_PER_W: f64 = 1.0 / 35.0;
const CABIN_LAG_S: f64 = 240.0;
const CABIN_WANTED_CELSIUS: f64 = 21.0;
const CLIMATE_W_PER_K: f64 = 70.0;
const CLIMATE_W_MAX: f64 = 4_500.0;
const TYRE_LAG_S: f64 = 900.0;
/// Front tyres steer and drive, so they warm more: kelvin above the air for each m/s.
const TYRE_KELVIN_PER_MPS: [f64; WHEELS] = [0.62, 0.60, 0.50, 0.49];
/// Pressure above the air's when cold, at 20 degrees. No two tyres were filled alike.
const TYRE_COLD_KPA: [f64; WHEELS] = [252.0, 249.0, 257.0, 255.0];
const ATMOSPHERE_KPA: f64 = 101.325;

/// Temperatures in degrees Celsius.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thermal {
    /// The air outside.
    pub(super) ambient: f64,
    /// The motor's windings.
    pub(super) motor: f64,
    /// The air inside.
    pub(super) cabin: f64,
    /// The tyres.
    pub(super) tyres: [f64; WHEELS],
}

impl Thermal {
    /// A car that stood overnight.
    #[must_use]
    pub(super) const fn soaked(ambient: f64) -> Self {
        Self { ambient, motor: ambient, cabin: ambient, tyres: [ambient; WHEELS] }
    }

    /// Lets `seconds` pass at `speed`, with `motor_heat_w` set free in the motor.
    pub(super) fn pass(&mut self, speed: f64, motor_heat_w: f64, seconds: f64) {
        let motor_ends = self.ambient + motor_heat_w * MOTOR_KELVIN_PER_W;
        approach(&mut self.motor, motor_ends, MOTOR_LAG_S, seconds);
        approach(&mut self.cabin, CABIN_WANTED_CELSIUS, CABIN_LAG_S, seconds);
        for (tyre, kelvin_per_mps) in self.tyres.iter_mut().zip(TYRE_KELVIN_PER_MPS) {
            approach(tyre, self.ambient + kelvin_per_mps * speed, TYRE_LAG_S, seconds);
        }
    }

    /// What heating or cooling the cabin takes, in W: much at first, then what leaks through the walls.
    #[must_use]
    pub(super) fn climate_w(&self) -> f64 {
        let leaking = (CABIN_WANTED_CELSIUS - self.ambient).abs();
        let missing = (CABIN_WANTED_CELSIUS - self.cabin).abs();
        (CLIMATE_W_PER_K * (leaking / 2.0 + missing)).min(CLIMATE_W_MAX)
    }

    /// Pressures in the tyres above the air's, in kPa: of a gas that can not expand.
    #[must_use]
    pub(super) fn tyre_pressures_kpa(&self) -> [f64; WHEELS] {
        let mut pressures = TYRE_COLD_KPA;
        for (pressure, celsius) in pressures.iter_mut().zip(self.tyres) {
            let warmer = (celsius + 273.15) / 293.15;
            *pressure = (*pressure + ATMOSPHERE_KPA) * warmer - ATMOSPHERE_KPA;
        }
        pressures
    }
}

fn approach(value: &mut f64, end: f64, lag_s: f64, seconds: f64) {
    *value += (end - *value) * (1.0 - (-seconds / lag_s).exp());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_one_lag_two_thirds_of_the_way_are_gone() {
        let mut value = 0.0;
        for _ in 0..1_000 {
            approach(&mut value, 100.0, 100.0, 0.1);
        }
        assert!((value - 63.2).abs() < 0.1, "{value}");
    }

    #[test]
    fn driving_warms_motor_and_tyres_and_pressure_follows() {
        let mut car = Thermal::soaked(10.0);
        let cold = car.tyre_pressures_kpa();
        for _ in 0..1_800 {
            car.pass(25.0, 1_500.0, 1.0);
        }

        assert!((35.0..60.0).contains(&car.motor), "{car:?}");
        for (wheel, cold) in cold.into_iter().enumerate() {
            assert!(car.tyres[wheel] > 18.0, "{car:?}");
            assert!((8.0..25.0).contains(&(car.tyre_pressures_kpa()[wheel] - cold)), "{car:?}");
        }
    }

    #[test]
    fn the_cabin_ends_where_people_want_it_and_then_costs_less() {
        let mut car = Thermal::soaked(-5.0);
        let first = car.climate_w();
        for _ in 0..1_800 {
            car.pass(0.0, 0.0, 1.0);
        }

        assert!((car.cabin - 21.0).abs() < 0.1, "{car:?}");
        assert!(car.climate_w() < first / 2.0);
    }
}
