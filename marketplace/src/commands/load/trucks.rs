//! A fleet of trucks: what the workload `iot` of the Time Series Benchmark Suite is about, in signals of
//! our catalogue.
//!
//! Every ten seconds a truck says where it is, how it drives, what it burns and carries. One reading in a hundred
//! never comes. A truck drives and rests by the hour, so that there are sessions and days to ask about.
//!
//! **Invariant:** a truck is made of its number alone: the fleet that streams is the fleet that is written for other
//! databases, value for value, in the steps of the catalogue.

use std::collections::BTreeMap;

use telematics::time::MICROS_PER_DAY;
use telematics::{Sample, Signal, Timestamp, Value};

use super::drive::noise;

/// Between two readings.
pub(super) const STEP_SECONDS: i64 = 10;
pub(super) const STEPS_PER_DAY: i64 = 86_400 / STEP_SECONDS;
const STEPS_PER_HOUR: i64 = 3_600 / STEP_SECONDS;

/// What a reading has, by the names of the benchmark. It has no signal for `grade` and `status` in VSS: the pitch and
/// the count of trouble codes stand for them.
#[rustfmt::skip] // a table is read by column
pub(super) const FIELDS: [(&str, &str); 10] = [
    ("latitude",         "Vehicle.CurrentLocation.Latitude"),
    ("longitude",        "Vehicle.CurrentLocation.Longitude"),
    ("elevation",        "Vehicle.CurrentLocation.Altitude"),
    ("velocity",         "Vehicle.Speed"),
    ("heading",          "Vehicle.CurrentLocation.Heading"),
    ("grade",            "Vehicle.AngularVelocity.Pitch"),
    ("fuel_consumption", "Vehicle.Powertrain.FuelSystem.InstantConsumption"),
    ("fuel_state",       "Vehicle.Powertrain.FuelSystem.RelativeLevel"),
    ("current_load",     "Vehicle.CurrentOverallWeight"),
    ("status",           "Vehicle.OBD.Status.DTCCount"),
];

/// What the owner shares of them.
pub(super) const CONSENT: &str =
    "motion=share,location=share,powertrain=share,diagnostics=share;location=exact";

/// Model, what it may carry in kg, its tank in litres, what it burns in l/100km.
const MODELS: [(&str, i64, i64, i64); 3] =
    [("F-150", 2_000, 200, 15), ("G-2000", 5_000, 300, 19), ("H-2", 1_500, 150, 12)];
const FLEETS: [&str; 4] = ["East", "North", "South", "West"];
const DRIVERS: [&str; 8] =
    ["Ada", "Bertha", "Carl", "Emmy", "Grace", "Nikolaus", "Rudolf", "Soichiro"];

/// One truck, as far as it has driven.
pub(super) struct Truck {
    number: i64,
    begun: Timestamp,
    step: i64,
    steps: i64,
    signals: [Signal; FIELDS.len()],
    /// In the steps of the catalogue, as all that follows.
    velocity: i64,
    latitude: i64,
    longitude: i64,
    fuel: i64,
    load: i64,
}

/// What a truck says at one time: values in the order of [`FIELDS`].
pub(super) struct Reading {
    pub(super) time: Timestamp,
    pub(super) values: [i64; FIELDS.len()],
}

impl Truck {
    /// Truck number `number`, which drives for `days` from midnight of the day of `begun` on.
    pub(super) fn new(number: usize, begun: Timestamp, days: u32) -> anyhow::Result<Self> {
        let mut signals = [Signal::by_number(1)?; FIELDS.len()];
        for (signal, (_, path)) in signals.iter_mut().zip(FIELDS) {
            *signal = Signal::by_path(path)?;
        }
        let number = i64::try_from(number)?;
        let at = |salt| noise(number * 31 + salt);
        Ok(Self {
            number,
            begun: Timestamp::from_micros(begun.day() * MICROS_PER_DAY),
            step: 0,
            steps: i64::from(days) * STEPS_PER_DAY,
            signals,
            velocity: 0,
            latitude: 48_000_000 + at(1) % 4_000_000,
            longitude: 8_000_000 + at(2) % 6_000_000,
            fuel: 200 + at(3) % 800,
            load: 0,
        })
    }

    pub(super) const fn signals(&self) -> &[Signal; FIELDS.len()] {
        &self.signals
    }

    /// Whether it has said all it will say.
    pub(super) const fn is_over(&self) -> bool {
        self.step >= self.steps
    }

    /// What its owner calls it, beside what it is.
    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        let (_, capacity, tank, nominal) = self.model();
        let pairs = [
            ("fleet", (*choose(&FLEETS, self.number * 3 + 1)).to_owned()),
            ("driver", (*choose(&DRIVERS, self.number * 3 + 2)).to_owned()),
            ("load_capacity", capacity.to_string()),
            ("fuel_capacity", tank.to_string()),
            ("nominal_fuel_consumption", nominal.to_string()),
        ];
        pairs.map(|(name, text)| (name.to_owned(), text)).into()
    }

    pub(super) fn model(&self) -> (&'static str, i64, i64, i64) {
        *choose(&MODELS, self.number * 3)
    }

    /// Drives a step on. `None` when the reading is lost on the way.
    pub(super) fn drive(&mut self) -> Option<Reading> {
        let (step, hour) = (self.step, self.step / STEPS_PER_HOUR);
        self.step += 1;
        let dice = noise(self.number.wrapping_mul(1_000_003).wrapping_add(step));
        let of_hour = noise(self.number.wrapping_mul(7_919).wrapping_add(hour));
        let (_, capacity, _, nominal) = self.model();

        let is_broken = of_hour % 89 == 0 && step % STEPS_PER_HOUR >= STEPS_PER_HOUR / 2;
        let rests = of_hour % 4 == 0;
        if step % STEPS_PER_HOUR == 0 && rests {
            self.load = of_hour / 4 % (capacity * 10);
        }
        let is_driving = !(rests || is_broken);
        self.velocity = if is_driving {
            (self.velocity.max(2_000) + dice % 601 - 300).clamp(1_000, 11_000)
        } else {
            0
        };
        // A hundredth of a kilometre an hour is a quarter of a millionth degree in ten seconds.
        let is_northward = of_hour % 2 == 0;
        self.latitude += if is_northward { self.velocity / 4 } else { -self.velocity / 4 };
        self.longitude += if is_driving { dice / 7 % 3 - 1 } else { 0 };
        if is_driving && step % 4 == 0 {
            self.fuel = if self.fuel < 40 { 1_000 } else { self.fuel - 1 };
        }
        let burns = if is_driving { nominal * (80 + dice / 11 % 41) } else { 0 };
        let status = if is_broken { 0 } else { dice / 13 % 5 };
        let heading = if is_northward { 0 } else { 1_800 };
        let elevation = 1_000 + dice / 17 % 50;
        let grade = dice / 19 % 1_000;
        let time = self.begun.plus_seconds(step * STEP_SECONDS);
        #[rustfmt::skip] // in the order of `FIELDS`
        let values = [
            self.latitude, self.longitude, elevation, self.velocity, heading, grade,
            burns, self.fuel, self.load, status,
        ];
        (dice / 23 % 100 != 0).then_some(Reading { time, values })
    }

    /// What it says in the next steps: at most `count` samples, those of a signal together.
    pub(super) fn samples(&mut self, count: usize) -> Vec<Sample> {
        let mut readings = Vec::with_capacity(count / FIELDS.len());
        while !self.is_over() && readings.len() < count / FIELDS.len() {
            readings.extend(self.drive());
        }
        let signals = self.signals.iter().enumerate();
        let column = |(field, signal): (usize, &Signal)| {
            let signal = *signal;
            readings.iter().filter_map(move |reading| {
                let value = Value::from_raw(*reading.values.get(field)?);
                Some(Sample { signal, time: reading.time, value })
            })
        };
        signals.flat_map(column).collect()
    }
}

/// One of `choices`, the same one for the same `seed`.
fn choose<T>(choices: &[T], seed: i64) -> &T {
    let count = choices.len().max(1);
    let index = usize::try_from(noise(seed)).unwrap_or_default() % count;
    #[expect(clippy::indexing_slicing, reason = "a remainder, and no list here is empty")]
    &choices[index]
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    #[test]
    fn what_trucks_say_is_in_range_and_the_same_each_time() {
        let begun = T0.plus_seconds(5_000);
        for number in 0..20 {
            let (mut truck, mut again) =
                (Truck::new(number, begun, 2).unwrap(), Truck::new(number, begun, 2).unwrap());
            let mut samples = Vec::new();
            while !truck.is_over() {
                samples.extend(truck.samples(10_000));
            }
            let readings = samples.len() / FIELDS.len();
            assert!((17_000..17_200).contains(&readings), "{readings} of 17,280 arrive");
            for sample in &samples {
                assert!(sample.signal.range().contains(&sample.value), "{sample:?}");
            }
            let first = samples.first().unwrap().time.as_micros() % MICROS_PER_DAY;
            assert!(first < 60_000_000, "the first minute after midnight has a reading");
            let mut repeated = Vec::new();
            while !again.is_over() {
                repeated.extend(again.samples(10_000));
            }
            assert!(repeated == samples, "truck {number} drives otherwise the second time");
        }
    }
}
