//! Which drive to simulate: everything it depends on.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use telematics::Timestamp;

/// One drive. Two drives with the same profile are the same, frame by frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DriveProfile {
    /// Decides how the driver drives and how the road bends.
    pub seed: u64,
    /// When the drive begins.
    pub start: Timestamp,
    /// How long it lasts. A cycle lasts 1,800 s; a longer drive goes on with another cycle.
    pub seconds: u32,
    /// Charge at the start, as a part of what the battery holds now.
    pub state_of_charge: f64,
    /// What the battery holds now, as a part of what it held when new.
    pub state_of_health: f64,
    /// Outside temperature.
    pub ambient_celsius: f64,
    /// Where the drive begins, in degrees.
    pub latitude: f64,
    /// Where the drive begins, in degrees.
    pub longitude: f64,
    /// Height above the sea where the drive begins.
    pub altitude_m: f64,
    /// Direction in which the drive begins, clockwise from north, in degrees.
    pub heading: f64,
    /// How far the car has gone before.
    pub odometer_m: f64,
}

/// Latitude, longitude and altitude of the middle of some towns.
#[rustfmt::skip] // a table is read by column
const TOWNS: [(f64, f64, f64); 8] = [
    (52.520, 13.405,  34.0), // Berlin
    (53.551,  9.994,   8.0), // Hamburg
    (48.137, 11.575, 519.0), // Munich
    (50.938,  6.960,  53.0), // Cologne
    (50.110,  8.682, 112.0), // Frankfurt
    (48.776,  9.183, 245.0), // Stuttgart
    (51.340, 12.375, 113.0), // Leipzig
    (51.050, 13.737, 113.0), // Dresden
];

impl DriveProfile {
    /// A plausible drive: an electric car of some age, in and around a town, on some day of the year.
    #[must_use]
    pub fn from_seed(seed: u64, start: Timestamp, seconds: u32) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let town = rng.random_range(0..TOWNS.len());
        let (latitude, longitude, altitude_m) = TOWNS.get(town).copied().unwrap_or_default();
        let odometer_m = rng.random_range(2.0e6..1.6e8);
        Self {
            seed,
            start,
            seconds,
            state_of_charge: rng.random_range(0.45..0.95),
            // About 2 % lost at first, then 1 % every 20,000 km.
            state_of_health: 0.98 - odometer_m / 2.0e9 + rng.random_range(-0.015..0.015),
            ambient_celsius: rng.random_range(-5.0..30.0),
            latitude: latitude + rng.random_range(-0.08..0.08),
            longitude: longitude + rng.random_range(-0.12..0.12),
            altitude_m,
            heading: rng.random_range(0.0..360.0),
            odometer_m,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_give_different_cars_that_stay_the_same() {
        let start = Timestamp::from_micros(0);
        let [one, two] = [1, 2].map(|seed| DriveProfile::from_seed(seed, start, 60));

        assert_ne!(one.odometer_m.to_bits(), two.odometer_m.to_bits());
        assert_eq!(one, DriveProfile::from_seed(1, start, 60));
    }

    #[test]
    fn every_car_is_a_plausible_one() {
        for seed in 0..500 {
            let car = DriveProfile::from_seed(seed, Timestamp::from_micros(0), 60);
            assert!((0.85..=1.0).contains(&car.state_of_health), "{car:?}");
            assert!((0.45..0.95).contains(&car.state_of_charge), "{car:?}");
        }
    }
}
