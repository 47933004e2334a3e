//! Speed traces: what the driver wants, second by second.
//!
//! A trace is laid out like WLTC class 3b (UN GTR No. 15): four phases with that cycle's durations,
//! top speeds, distances and about its share of standing. Within a phase, stops, speeds and
//! accelerations are drawn from the seed, so that every car drives differently. It is *not* the
//! published trace, and consumption measured on it is not a type-approval value.
//!
//! **Invariant:** a trace begins and ends standing, and each phase holds its four targets.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// One part of a cycle, and what it has to add up to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Phase {
    /// How long it lasts.
    pub(super) seconds: u32,
    /// Its highest speed.
    pub(super) speed_kmh_max: f64,
    /// How far it goes.
    pub(super) metres: f64,
    /// Times the car sets off and stops again.
    trips: u32,
    /// Time standing.
    standing_seconds: u32,
}

/// Low, medium, high and extra-high, as in WLTC class 3b.
#[rustfmt::skip] // a table is read by column
pub(super) const PHASES: [Phase; 4] = [
    Phase { seconds: 589, speed_kmh_max:  56.5, metres: 3_095.0, trips: 5, standing_seconds: 150 },
    Phase { seconds: 433, speed_kmh_max:  76.6, metres: 4_756.0, trips: 3, standing_seconds:  48 },
    Phase { seconds: 455, speed_kmh_max:  97.4, metres: 7_162.0, trips: 2, standing_seconds:  31 },
    Phase { seconds: 323, speed_kmh_max: 131.3, metres: 8_254.0, trips: 1, standing_seconds:   7 },
];

/// Seconds in a whole cycle.
pub const CYCLE_SECONDS: u32 = 1_800;

/// One run from standing to standing, before it is known how fast its ordinary stretches are.
struct Trip {
    /// Time standing before it.
    standing_seconds: u32,
    /// For each second, how fast the driver likes to go, from 0 to 1; above 1 on the fastest stretch.
    wishes: Vec<f64>,
    /// How hard the driver accelerates from standing, in m/s².
    acceleration: f64,
    /// How hard the driver brakes, in m/s².
    deceleration: f64,
}

/// A wish for the top speed of the phase, whatever the mood elsewhere.
const TOP: f64 = 2.0;

/// The speeds of one cycle in m/s, one a second from second 0.
#[must_use]
pub(super) fn trace(seed: u64) -> Vec<f64> {
    let mut rng = StdRng::seed_from_u64(seed);
    PHASES.iter().flat_map(|phase| speeds(phase, &mut rng)).collect()
}

/// Finds the mood (0 is dawdling, 1 hurrying) in which the trips add up to the phase's distance.
fn speeds(phase: &Phase, rng: &mut StdRng) -> Vec<f64> {
    let trips = trips(phase, rng);
    let (mut slow, mut fast) = (0.0, 1.0);
    for _ in 0..40 {
        let mood = f64::midpoint(slow, fast);
        let metres: f64 = drive(phase, &trips, mood).iter().sum();
        if metres < phase.metres { slow = mood } else { fast = mood }
    }
    drive(phase, &trips, f64::midpoint(slow, fast))
}

fn trips(phase: &Phase, rng: &mut StdRng) -> Vec<Trip> {
    /// Standing at the end of a phase, so that phases join.
    const LAST_SECONDS: u32 = 3;
    let standing = split(phase.standing_seconds - LAST_SECONDS, phase.trips, rng);
    let moving = split(phase.seconds - phase.standing_seconds, phase.trips, rng);
    let longest = moving.iter().copied().max();
    let mut fastest = longest;
    let trip = |(standing_seconds, seconds): (u32, u32)| {
        let is_fastest = fastest.take_if(|longest| *longest == seconds).is_some();
        Trip {
            standing_seconds,
            wishes: wishes(seconds, is_fastest.then_some(TOP), rng),
            acceleration: rng.random_range(0.9..1.3),
            deceleration: rng.random_range(0.9..1.4),
        }
    };
    standing.into_iter().zip(moving).map(trip).collect()
}

/// `total` in `parts` whole parts that differ by up to a factor of two.
fn split(total: u32, parts: u32, rng: &mut StdRng) -> Vec<u32> {
    let weights: Vec<u32> = (0..parts).map(|_| rng.random_range(70..140)).collect();
    let sum: u32 = weights.iter().sum();
    let mut shares: Vec<u32> = weights.iter().map(|weight| total * weight / sum).collect();
    let rest = total - shares.iter().sum::<u32>();
    if let Some(first) = shares.first_mut() {
        *first += rest;
    }
    shares
}

/// A wish for each second, kept for stretches of some seconds. The stretch at top speed, if there is
/// one, lies where there is time left to reach it before and to brake after it.
fn wishes(seconds: u32, top: Option<f64>, rng: &mut StdRng) -> Vec<f64> {
    let mut wishes = Vec::new();
    let mut second = 0;
    while second < seconds {
        let until = seconds.min(second + rng.random_range(6..20));
        let wish = rng.random_range(0.0..1.0);
        for second in second..until {
            let fastest = (seconds * 25 / 100..seconds * 70 / 100).contains(&second);
            wishes.push(top.filter(|_| fastest).unwrap_or(wish));
        }
        second = until;
    }
    wishes
}

fn drive(phase: &Phase, trips: &[Trip], mood: f64) -> Vec<f64> {
    let mut speeds = Vec::new();
    for trip in trips {
        speeds.extend((0..trip.standing_seconds).map(|_| 0.0));
        follow(phase, trip, mood, &mut speeds);
    }
    let ends = usize::try_from(phase.seconds).unwrap_or(usize::MAX);
    speeds.resize(ends, 0.0);
    smooth(&speeds)
}

/// Goes after the wishes as hard as the driver accelerates and brakes, and stops in time.
fn follow(phase: &Phase, trip: &Trip, mood: f64, speeds: &mut Vec<f64>) {
    /// The car has less to give at speed: none of it is left here.
    const NO_ACCELERATION_MPS: f64 = 100.0;
    let mut speed: f64 = 0.0;
    let mut seconds_left = f64::from(u32::try_from(trip.wishes.len()).unwrap_or(u32::MAX));
    for wish in &trip.wishes {
        seconds_left -= 1.0;
        let wanted = wanted(phase, *wish, mood);
        let faster = speed + trip.acceleration * (1.0 - speed / NO_ACCELERATION_MPS);
        let slower = speed - trip.deceleration;
        let in_time = trip.deceleration * seconds_left;
        speed = wanted.clamp(slower, faster).min(in_time);
        speeds.push(speed);
    }
}

/// The speed of a wish: at mood 0 always a tenth of the top speed, at 1 always just below it.
fn wanted(phase: &Phase, wish: f64, mood: f64) -> f64 {
    let top = phase.speed_kmh_max / 3.6;
    if wish >= TOP {
        return top;
    }
    let eager =
        if mood < 0.5 { wish * 2.0 * mood } else { 1.0 - (1.0 - wish) * 2.0 * (1.0 - mood) };
    top * (0.1 + 0.85 * eager)
}

/// The mean over three seconds: nobody changes acceleration at once. Sums stay what they were, as
/// the ends are standing.
fn smooth(speeds: &[f64]) -> Vec<f64> {
    let at = |index: Option<usize>| index.and_then(|at| speeds.get(at)).copied().unwrap_or(0.0);
    let mean = |index: usize| {
        (at(index.checked_sub(1)) + at(Some(index)) + at(index.checked_add(1))) / 3.0
    };
    (0..speeds.len()).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(number: u32) -> usize {
        usize::try_from(number).unwrap()
    }

    fn phases(trace: &[f64]) -> Vec<(Phase, Vec<f64>)> {
        let mut rest = trace;
        let mut phases = Vec::new();
        for phase in PHASES {
            let (this, later) = rest.split_at(whole(phase.seconds));
            phases.push((phase, this.to_vec()));
            rest = later;
        }
        assert!(rest.is_empty());
        phases
    }

    /// Over many seeds, for a target that one driver misses is a target missed.
    #[test]
    fn every_driver_holds_the_targets_of_every_phase() {
        for seed in 0..200 {
            for (phase, speeds) in phases(&trace(seed)) {
                let metres: f64 = speeds.iter().sum();
                let top = speeds.iter().copied().fold(0.0, f64::max) * 3.6;
                let standing = speeds.iter().filter(|speed| **speed < 0.01).count();

                assert!((metres / phase.metres - 1.0).abs() < 0.005, "{seed}: {metres} {phase:?}");
                assert!((top - phase.speed_kmh_max).abs() < 0.1, "{seed}: {top} {phase:?}");
                assert!(
                    standing.abs_diff(whole(phase.standing_seconds)) <= whole(3 * phase.trips),
                    "{seed}: standing {standing} s {phase:?}"
                );
            }
        }
    }

    #[test]
    fn nobody_accelerates_or_brakes_harder_than_people_do() {
        for seed in 0..200 {
            for pair in trace(seed).windows(2) {
                assert!((-1.5..1.4).contains(&(pair[1] - pair[0])), "{seed}: {pair:?}");
            }
        }
    }

    #[test]
    fn a_trace_begins_and_ends_standing() {
        let trace = trace(1);

        assert_eq!(trace.len(), whole(CYCLE_SECONDS));
        assert_eq!((trace[0], trace[trace.len() - 1]), (0.0, 0.0));
    }

    #[test]
    fn every_seed_drives_differently_and_always_the_same() {
        assert_ne!(trace(1), trace(2));
        assert_eq!(trace(1), trace(1));
    }
}
