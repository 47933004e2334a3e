//! The road: where the car is, which way it points, how the road bends and climbs.
//!
//! The road is a function of the distance driven, so a car that stands turns nowhere. Bends are gentle
//! enough for any speed of the cycle (at 36 m/s the sideways acceleration stays below 2.5 m/s²).
//!
//! Angles follow ISO 8855: positive to the left, seen from above. Headings are clockwise from north.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::profile::DriveProfile;

/// Mean radius of the earth.
const EARTH_RADIUS_M: f64 = 6_371_008.8;
const TAU: f64 = std::f64::consts::TAU;

/// A regular swing of the road along its length.
#[derive(Clone, Copy, Debug)]
struct Wave {
    amplitude: f64,
    length_m: f64,
    phase: f64,
}

impl Wave {
    fn draw(amplitude: f64, length_m: f64, rng: &mut StdRng) -> Self {
        let length_m = length_m * rng.random_range(0.8..1.25);
        Self { amplitude, length_m, phase: rng.random_range(0.0..TAU) }
    }

    fn at(&self, metres: f64) -> f64 {
        self.amplitude * (TAU * metres / self.length_m + self.phase).sin()
    }
}

/// Where the car is on its road.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    /// Distance driven on it.
    pub(super) metres: f64,
    /// Degrees.
    pub(super) latitude: f64,
    /// Degrees.
    pub(super) longitude: f64,
    /// Clockwise from north, from 0 to below 360 degrees.
    pub(super) heading: f64,
    /// Metres above the sea.
    pub(super) altitude: f64,
    bends: [Wave; 2],
    hills: Wave,
}

impl Route {
    /// The road on which `profile` begins.
    #[must_use]
    pub(super) fn of(profile: &DriveProfile) -> Self {
        // Not the numbers that the driver is drawn from.
        let mut rng = StdRng::seed_from_u64(profile.seed ^ 0x0A0D_0A0D);
        Self {
            metres: 0.0,
            latitude: profile.latitude,
            longitude: profile.longitude,
            heading: profile.heading,
            altitude: profile.altitude_m,
            bends: [Wave::draw(0.0008, 900.0, &mut rng), Wave::draw(0.0006, 2_900.0, &mut rng)],
            hills: Wave::draw(0.015, 4_000.0, &mut rng),
        }
    }

    /// One over the radius of the bend, in 1/m.
    #[must_use]
    pub(super) fn curvature(&self) -> f64 {
        self.bends.iter().map(|wave| wave.at(self.metres)).sum()
    }

    /// Rise over run.
    #[must_use]
    pub(super) fn grade(&self) -> f64 {
        self.hills.at(self.metres)
    }

    /// Goes on by `metres`.
    pub(super) fn advance(&mut self, metres: f64) {
        let turned = self.curvature() * metres; // to the left, so against the compass
        self.heading = (self.heading - turned.to_degrees()).rem_euclid(360.0);
        let (east, north) = self.heading.to_radians().sin_cos();
        let round = EARTH_RADIUS_M * self.latitude.to_radians().cos();
        self.latitude += (metres * north / EARTH_RADIUS_M).to_degrees();
        self.longitude += (metres * east / round).to_degrees();
        self.altitude += metres * self.grade();
        self.metres += metres;
    }
}

#[cfg(test)]
mod tests {
    use telematics::Timestamp;

    use super::*;

    fn route() -> Route {
        Route::of(&DriveProfile::from_seed(1, Timestamp::from_micros(0), 60))
    }

    #[test]
    fn a_degree_of_latitude_is_111_km() {
        let mut north = route();
        north.bends = [Wave { amplitude: 0.0, length_m: 1.0, phase: 0.0 }; 2];
        north.heading = 0.0;
        let start = north;
        for _ in 0..1_000 {
            north.advance(111.195);
        }

        assert!((north.latitude - start.latitude - 1.0).abs() < 1e-4, "{north:?}");
        assert!((north.longitude - start.longitude).abs() < 1e-9);
    }

    #[test]
    fn bends_are_gentle_and_turn_the_car() {
        let mut car = route();
        let start = car.heading;
        let mut turned: f64 = 0.0;
        for _ in 0..20_000 {
            car.advance(1.0);
            assert!(36.5_f64.powi(2) * car.curvature().abs() < 2.5);
            assert!((0.0..360.0).contains(&car.heading));
            turned = turned.max((car.heading - start).abs());
        }
        assert!(turned > 5.0);
    }

    #[test]
    fn a_car_that_stands_turns_nowhere() {
        let mut car = route();
        let before = car;
        car.advance(0.0);

        assert_eq!(car.heading.to_bits(), before.heading.to_bits());
        assert_eq!(car.latitude.to_bits(), before.latitude.to_bits());
    }
}
