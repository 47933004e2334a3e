//! The car as a whole, moved on a tenth of a second at a time.
//!
//! **Invariant:** everything that is measured fits together: distance is the integral of speed, yaw
//! rate is speed times curvature, wheels differ as the yaw rate says, and the battery gives what
//! drivetrain, climate and electronics take.

use super::battery::Battery;
use super::drivetrain::{Demand, Drivetrain};
use super::profile::DriveProfile;
use super::route::Route;
use super::thermal::{Thermal, WHEELS};

/// Seconds from one state to the next.
pub(super) const STEP_SECONDS: f64 = 0.1;

/// Lights, computers and pumps.
const ELECTRONICS_W: f64 = 380.0;
const WHEELBASE_M: f64 = 2.77;
const TRACK_M: f64 = 1.58;
const STEERING_RATIO: f64 = 15.2;
/// How much more the driver steers at speed than geometry asks for, in s²/m.
const UNDERSTEER: f64 = 0.0024;
/// What the car reckons with before it has learnt how it is driven, in J/m, and for how long.
const CONSUMPTION_J_PER_M: f64 = 620.0;
const CONSUMPTION_LEARNT_M: f64 = 5_000.0;

/// Everything that the car's control units know at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vehicle {
    /// Seconds since the start.
    pub(super) seconds: f64,
    /// Speed in m/s.
    pub(super) speed: f64,
    /// Acceleration in m/s².
    pub(super) acceleration: f64,
    /// Where it is.
    pub(super) route: Route,
    /// What motor, brakes and pedals do.
    pub(super) drivetrain: Drivetrain,
    /// The traction battery.
    pub(super) battery: Battery,
    /// How warm it is.
    pub(super) thermal: Thermal,
    odometer_before_m: f64,
    energy_before_j: f64,
}

impl Vehicle {
    /// The car before it sets off.
    #[must_use]
    pub(super) fn parked(profile: &DriveProfile) -> Self {
        let battery = Battery::at_rest(
            profile.state_of_charge,
            profile.state_of_health,
            profile.ambient_celsius,
        );
        Self {
            seconds: 0.0,
            speed: 0.0,
            acceleration: 0.0,
            route: Route::of(profile),
            drivetrain: Drivetrain::default(),
            battery,
            thermal: Thermal::soaked(profile.ambient_celsius),
            odometer_before_m: profile.odometer_m,
            energy_before_j: battery.energy_j,
        }
    }

    /// Moves on one step, at the end of which the car does `speed`.
    pub(super) fn advance(&mut self, speed: f64) {
        let mean = f64::midpoint(self.speed, speed);
        self.acceleration = (speed - self.speed) / STEP_SECONDS;
        self.drivetrain = Drivetrain::meet(Demand {
            speed: mean,
            acceleration: self.acceleration,
            grade: self.route.grade(),
            ambient_celsius: self.thermal.ambient,
        });
        let power_w = self.drivetrain.electric_w + self.auxiliary_w();
        self.battery.give(power_w, self.thermal.ambient, STEP_SECONDS);
        self.thermal.pass(mean, self.drivetrain.heat_w, STEP_SECONDS);
        self.route.advance(mean * STEP_SECONDS);
        self.speed = speed;
        self.seconds += STEP_SECONDS;
    }

    /// What climate and electronics take.
    #[must_use]
    pub(super) fn auxiliary_w(&self) -> f64 {
        ELECTRONICS_W + self.thermal.climate_w()
    }

    /// Metres that the car has gone in its life.
    #[must_use]
    pub(super) fn odometer_m(&self) -> f64 {
        self.odometer_before_m + self.route.metres
    }

    /// Yaw rate in rad/s.
    #[must_use]
    pub(super) fn yaw_rate(&self) -> f64 {
        self.speed * self.route.curvature()
    }

    /// Sideways acceleration in m/s².
    #[must_use]
    pub(super) fn lateral_acceleration(&self) -> f64 {
        self.speed * self.yaw_rate()
    }

    /// Angle of the steering wheel in rad.
    #[must_use]
    pub(super) fn steering_wheel_angle(&self) -> f64 {
        let curvature = self.route.curvature();
        let understeer = UNDERSTEER * self.speed.powi(2) * curvature;
        ((WHEELBASE_M * curvature).atan() + understeer) * STEERING_RATIO
    }

    /// Speeds of the wheels over the road in m/s: in a bend the outer ones go further.
    #[must_use]
    pub(super) fn wheel_speeds(&self) -> [f64; WHEELS] {
        let difference = self.yaw_rate() * TRACK_M / 2.0;
        let (left, right) = (self.speed - difference, self.speed + difference);
        [left, right, left, right]
    }

    /// How far the car thinks it can go, in metres.
    #[must_use]
    pub(super) fn range_m(&self) -> f64 {
        let spent = self.energy_before_j - self.battery.energy_j;
        let known = CONSUMPTION_J_PER_M * CONSUMPTION_LEARNT_M + spent;
        let per_metre = known / (CONSUMPTION_LEARNT_M + self.route.metres);
        self.battery.energy_j / per_metre
    }

    /// Voltage of the 12 V battery, which the car charges while it drives.
    #[must_use]
    pub(super) fn low_voltage(&self) -> f64 {
        // A warm battery is charged at a lower voltage.
        14.3 - 0.012 * (self.thermal.ambient - 20.0) - 0.4 * (-self.seconds / 40.0).exp()
    }

    /// Current into the 12 V battery.
    #[must_use]
    pub(super) fn low_amperes(&self) -> f64 {
        0.6 + 9.0 * (-self.seconds / 300.0).exp()
    }
}

#[cfg(test)]
mod tests {
    use telematics::Timestamp;

    use super::*;

    fn car() -> Vehicle {
        Vehicle::parked(&DriveProfile::from_seed(3, Timestamp::from_micros(0), 60))
    }

    /// From standing to 20 m/s in 20 s, then steady.
    fn driven(steps: u32) -> Vec<Vehicle> {
        let mut car = car();
        let mut states = vec![car];
        for step in 1..=steps {
            car.advance((f64::from(step) * STEP_SECONDS).min(20.0));
            states.push(car);
        }
        states
    }

    #[test]
    fn distance_is_the_integral_of_speed() {
        let states = driven(1_000);
        let integral: f64 = states
            .windows(2)
            .map(|pair| f64::midpoint(pair[0].speed, pair[1].speed) * STEP_SECONDS)
            .sum();
        let (first, last) = (states[0], states[1_000]);

        assert!((last.route.metres - integral).abs() < 1e-6);
        assert!((last.odometer_m() - first.odometer_m() - integral).abs() < 1e-3);
    }

    #[test]
    fn the_battery_loses_what_it_gave_and_its_heat() {
        let states = driven(1_000);
        let given: f64 = states[1..]
            .iter()
            .map(|car| (car.battery.power_w() + car.battery.heat_w) * STEP_SECONDS)
            .sum();
        let lost = states[0].battery.energy_j - states[1_000].battery.energy_j;

        assert!(given > 1e5);
        assert!((lost / given - 1.0).abs() < 1e-9, "{lost} {given}");
    }

    #[test]
    fn bends_show_in_yaw_rate_wheels_and_steering_alike() {
        for car in driven(1_000).into_iter().filter(|car| car.speed > 1.0) {
            let [left, right, ..] = car.wheel_speeds();

            assert!((right - left - car.yaw_rate() * TRACK_M).abs() < 1e-9);
            assert!(car.steering_wheel_angle() * car.yaw_rate() >= 0.0);
            assert!((car.lateral_acceleration() - car.yaw_rate() * car.speed).abs() < 1e-9);
        }
    }

    /// The heading turns as the yaw rate says.
    #[test]
    fn the_heading_is_the_integral_of_the_yaw_rate() {
        let states = driven(1_000);
        let turned: f64 = states[1..].iter().map(|car| car.yaw_rate() * STEP_SECONDS).sum();
        let heading = states[1_000].route.heading - states[0].route.heading;
        let difference = (heading + turned.to_degrees() + 180.0).rem_euclid(360.0) - 180.0;

        assert!(difference.abs() < 0.2, "{difference}");
    }

    #[test]
    fn range_begins_near_what_such_cars_promise() {
        let full = car().range_m() / car().battery.state_of_charge();

        assert!((280_000.0..400_000.0).contains(&full), "{full}");
    }
}
