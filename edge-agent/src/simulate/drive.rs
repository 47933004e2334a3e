//! A drive: the car moved along its trace, and the frames that it sends meanwhile.
//!
//! **Invariant:** frames come in the order of their times, and a profile gives the same ones always.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use telematics::Timestamp;

use super::cycle::{self, CYCLE_SECONDS};
use super::encode::{Encoder, MessageEncoder};
use super::profile::DriveProfile;
use super::vehicle::Vehicle;

/// Steps of the model in a second.
const STEPS_PER_SECOND: u32 = 10;
const STEP_MS: u32 = 100;
const STEP_MICROS: i64 = 100_000;
/// Messages do not leave all at once: each comes this much after the one before it in the DBC.
const STAGGER_MICROS: i64 = 7_000;
/// Control units keep time this well.
const JITTER_MICROS: i64 = 40;

/// A frame that the simulated car sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimFrame {
    /// When it was on the bus.
    pub time: Timestamp,
    /// CAN id, of 11 bits.
    pub id: u32,
    /// Its bytes; those from `len` on are 0.
    pub data: [u8; 8],
    /// How many bytes count.
    pub len: u8,
}

impl SimFrame {
    /// The bytes that count.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.data.get(..usize::from(self.len)).unwrap_or(&self.data)
    }
}

/// The frames of the car of `profile`, as `encoder` writes them.
pub(super) fn frames(
    encoder: Encoder,
    profile: &DriveProfile,
) -> impl Iterator<Item = SimFrame> + use<> {
    let mut rng = StdRng::seed_from_u64(profile.seed);
    let start = profile.start;
    states(profile).zip(0_u32..).flat_map(move |(car, step)| {
        let step_start = start.plus_micros(i64::from(step) * STEP_MICROS);
        let mut frames = Vec::new();
        for (place, message) in (0_i64..).zip(encoder.messages()) {
            if let Some(turn) = turn(message, step) {
                let jitter = rng.random_range(-JITTER_MICROS..=JITTER_MICROS);
                let time = step_start.plus_micros(JITTER_MICROS + place * STAGGER_MICROS + jitter);
                let data = message.encode(&car, turn);
                frames.push(SimFrame { time, id: message.id, data, len: message.len });
            }
        }
        frames
    })
}

/// The states of the car of `profile`, one each tenth of a second, the first one parked.
pub(super) fn states(profile: &DriveProfile) -> impl Iterator<Item = Vehicle> + use<> {
    let mut car = Vehicle::parked(profile);
    let mut speeds = Speeds { seed: profile.seed, cycle: 0, trace: Vec::new() };
    (0..profile.seconds * STEPS_PER_SECOND).map(move |step| {
        if step > 0 {
            car.advance(speeds.at(step));
        }
        car
    })
}

/// Which of its frames `message` sends in `step`, if any. Messages that are sent often are sent once
/// a step.
fn turn(message: &MessageEncoder, step: u32) -> Option<u32> {
    let every = (message.cycle_ms / STEP_MS).max(1);
    step.is_multiple_of(every).then(|| step / every)
}

/// One trace after another.
struct Speeds {
    seed: u64,
    /// Number of the cycle in `trace`, from 1.
    cycle: u32,
    trace: Vec<f64>,
}

impl Speeds {
    /// The speed at `step`, on the straight line between two seconds of the trace.
    fn at(&mut self, step: u32) -> f64 {
        let second = step / STEPS_PER_SECOND;
        let cycle = second / CYCLE_SECONDS + 1;
        if cycle != self.cycle {
            self.cycle = cycle;
            self.trace = cycle::trace(self.seed.wrapping_add(u64::from(cycle) << 32));
        }
        // A cycle ends standing and the next begins so.
        let speed = |second: u32| {
            usize::try_from(second).ok().and_then(|at| self.trace.get(at)).copied().unwrap_or(0.0)
        };
        let (here, next) = (second % CYCLE_SECONDS, second % CYCLE_SECONDS + 1);
        let part = f64::from(step % STEPS_PER_SECOND) / f64::from(STEPS_PER_SECOND);
        speed(here) + (speed(next) - speed(here)) * part
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use telematics::testing::T0;

    use super::super::embedded_encoder;
    use super::*;

    fn profile(seed: u64, seconds: u32) -> DriveProfile {
        DriveProfile::from_seed(seed, T0, seconds)
    }

    fn drive(seed: u64, seconds: u32) -> Vec<SimFrame> {
        frames(embedded_encoder(), &profile(seed, seconds)).collect()
    }

    #[test]
    fn frames_come_in_order_and_within_the_drive() {
        let frames = drive(5, 120);

        assert!(frames.is_sorted_by_key(|frame| frame.time));
        assert!(frames.iter().all(|frame| (T0..T0.plus_seconds(120)).contains(&frame.time)));
    }

    #[test]
    fn each_message_is_sent_as_often_as_the_dbc_says_and_not_like_clockwork() {
        let encoder = embedded_encoder();
        let mut times = BTreeMap::<u32, Vec<i64>>::new();
        for frame in drive(5, 100) {
            times.entry(frame.id).or_default().push(frame.time.micros_since(T0));
        }
        for message in encoder.messages() {
            let times = &times[&message.id];
            let micros = i64::from(message.cycle_ms) * 1_000;

            assert_eq!(
                times.len(),
                100_000 / usize::try_from(message.cycle_ms).unwrap(),
                "{:#x}",
                message.id
            );
            let late = times.windows(2).map(|pair| pair[1] - pair[0] - micros);
            assert!(late.clone().all(|late| late.abs() <= 2 * JITTER_MICROS));
            assert!(late.clone().any(|late| late != 0));
        }
    }

    #[test]
    fn a_seed_gives_one_drive_and_another_seed_another() {
        assert_eq!(drive(1, 60), drive(1, 60));
        assert_ne!(drive(1, 60), drive(2, 60));
    }

    /// The targets of the cycle, seen from the car: 23.27 km in 1,800 s, for 130 to 260 Wh/km.
    #[test]
    fn a_whole_cycle_goes_its_distance_and_costs_what_driving_costs() {
        for seed in 0..8 {
            let states: Vec<_> = states(&profile(seed, CYCLE_SECONDS)).collect();
            let (first, last) = (states[0], states[states.len() - 1]);
            let km = last.route.metres / 1_000.0;
            let wh = (first.battery.energy_j - last.battery.energy_j) / 3_600.0;

            assert!((km - 23.267).abs() < 0.1, "{seed}: {km}");
            assert!((120.0..260.0).contains(&(wh / km)), "{seed}: {} Wh/km", wh / km);
            assert!(last.battery.state_of_charge() < first.battery.state_of_charge() - 0.04);
            let odometer = last.odometer_m() - first.odometer_m();
            assert!((odometer - last.route.metres).abs() < 1e-3);
        }
    }

    #[test]
    fn power_over_the_whole_drive_is_energy_lost() {
        let states: Vec<_> = states(&profile(3, CYCLE_SECONDS)).collect();
        let spent: f64 = states[1..]
            .iter()
            .map(|car| (car.drivetrain.electric_w + car.battery.heat_w) * 0.1)
            .sum();
        let before = states.iter().map(Vehicle::auxiliary_w);
        let auxiliary: f64 = before.take(states.len() - 1).map(|watts| watts * 0.1).sum();
        let lost = states[0].battery.energy_j - states[states.len() - 1].battery.energy_j;

        assert!((lost / (spent + auxiliary) - 1.0).abs() < 1e-6, "{lost} {spent} {auxiliary}");
    }

    #[test]
    fn everything_measured_stays_in_the_range_of_its_signal() {
        for seed in 0..8 {
            for car in states(&profile(seed, CYCLE_SECONDS)).step_by(10) {
                assert!((0.0..=36.6).contains(&car.speed), "{car:?}");
                assert!((250.0..420.0).contains(&car.battery.volts), "{car:?}");
                assert!(car.battery.amperes.abs() < 500.0, "{car:?}");
                assert!(car.drivetrain.motor_torque.abs() <= 310.0, "{car:?}");
                assert!(car.lateral_acceleration().abs() < 2.5, "{car:?}");
                assert!((0.0..1.0).contains(&car.drivetrain.accelerator), "{car:?}");
            }
        }
    }

    #[test]
    fn a_longer_drive_goes_on_with_another_cycle() {
        let speeds: Vec<_> =
            states(&profile(3, 2 * CYCLE_SECONDS)).step_by(10).map(|car| car.speed).collect();
        let (first, second) = speeds.split_at(speeds.len() / 2);

        assert!(second.iter().any(|speed| *speed > 36.0));
        assert_ne!(first, second);
    }
}
