//! Whether a car may be asked: a parked one is left to sleep.
//!
//! What the agent sends, and what it is answered, says nothing about whether a car is in use: a computer that
//! is asked stays awake to answer. Two things do: traffic that nobody here asked for, and an answer that tells
//! of an engine that turns or a car that moves.
//!
//! | the bus | what is asked |
//! |---|---|
//! | spoke by itself, and is silent for [`SILENCE_MICROS`] | nothing, until it speaks again |
//! | has just begun to speak, or the car has moved or run within the time set | everything |
//! | neither, or never spoke (a gateway hides it) | whether it runs or moves, now and then |
//!
//! On a bus that speaks, the looks of the last row come less and less often, so that a network that stays
//! awake for minutes after each of them gets to sleep in between.
//!
//! **Invariant:** no answer but that of a speed or an engine speed other than 0 prolongs the asking.

use telematics::time::MICROS_PER_SECOND;
use telematics::{Sample, Signal, Timestamp};

/// A bus without a frame of its own for this long is silent.
pub(super) const SILENCE_MICROS: i64 = 10 * MICROS_PER_SECOND;
/// The longest time between two looks on a bus that speaks.
const LOOK_MICROS_MAX: i64 = 3_600 * MICROS_PER_SECOND;
/// Signals that are not 0 when the car is in use.
const MOTION: [&str; 5] = [
    "Vehicle.Speed",
    "Vehicle.OBD.Speed",
    "Vehicle.OBD.EngineSpeed",
    "Vehicle.Powertrain.CombustionEngine.Speed",
    "Vehicle.Powertrain.ElectricMotor.Speed",
];

/// What may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    Everything,
    /// Whether the car runs or moves.
    Motion,
    Nothing,
}

/// True for what tells whether a car runs or moves.
pub(super) fn is_motion(signal: Signal) -> bool {
    MOTION.contains(&signal.path())
}

/// Follows the signs of life of one car.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    /// Asking ends when the car is out of use for this long; never, when `None`.
    after: Option<i64>,
    look: i64,
    /// The last frame that was not asked for, of a car.
    traffic_at: Option<Timestamp>,
    /// When the car was last seen in use.
    used_at: Timestamp,
    /// True once an answer told of a speed, be it 0.
    tells_motion: bool,
}

impl Rest {
    pub(super) const fn new(look_seconds: i64, now: Timestamp) -> Self {
        let look = look_seconds * MICROS_PER_SECOND;
        Self { after: None, look, traffic_at: None, used_at: now, tells_motion: false }
    }

    pub(super) const fn after(self, seconds: i64) -> Self {
        Self { after: Some(seconds * MICROS_PER_SECOND), ..self }
    }

    /// The car spoke by itself. True when it was silent before.
    pub(super) fn hear_traffic(&mut self, now: Timestamp) -> bool {
        let begins = self.traffic_at.is_none_or(|at| now.micros_since(at) > SILENCE_MICROS);
        self.traffic_at = Some(now);
        // Of a car that tells no speed, traffic is all there is to know.
        if begins || !self.tells_motion {
            self.used_at = now;
        }
        begins
    }

    /// Takes in what an answer tells. True when the car is in use.
    pub(super) fn hear_answer(&mut self, sample: &Sample) -> bool {
        if !is_motion(sample.signal) {
            return false;
        }
        self.tells_motion = true;
        let is_used = sample.value.raw() != 0;
        if is_used {
            self.used_at = sample.time;
        }
        is_used
    }

    /// What may be asked at `now`.
    pub(super) fn asking(&self, now: Timestamp) -> Asking {
        let Some(after) = self.after else { return Asking::Everything };
        if self.traffic_at.is_some_and(|at| now.micros_since(at) > SILENCE_MICROS) {
            Asking::Nothing
        } else if now.micros_since(self.used_at) <= after {
            Asking::Everything
        } else {
            Asking::Motion
        }
    }

    /// Time from a look at `at` to the next: on a bus that speaks, as long as the car was out of use by then.
    pub(super) fn look_micros(&self, at: Timestamp) -> i64 {
        let unused = at.micros_since(self.used_at) - self.after.unwrap_or_default();
        match self.traffic_at {
            None => self.look,
            Some(_) => unused.min(LOOK_MICROS_MAX).max(self.look),
        }
    }

    /// The clock was set back to `now`.
    pub(super) fn follow_clock(&mut self, now: Timestamp) {
        self.used_at = now.min(self.used_at);
        self.traffic_at = self.traffic_at.map(|at| now.min(at));
    }
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    #[test]
    fn every_sign_of_motion_is_a_signal_of_the_catalogue() {
        for path in MOTION {
            assert!(is_motion(Signal::by_path(path).unwrap()), "{path}");
        }
        assert!(!is_motion(Signal::by_path("Vehicle.OBD.CoolantTemperature").unwrap()));
    }

    #[test]
    fn looks_on_a_bus_that_speaks_come_less_and_less_often() {
        let mut rest = Rest::new(60, T0).after(120);
        assert_eq!(rest.look_micros(T0.plus_seconds(9_000)), 60 * MICROS_PER_SECOND, "a gateway");

        rest.hear_traffic(T0);
        #[rustfmt::skip] // a table is read by column
        let cases = [(130, 60), (240, 120), (720, 600), (90_000, 3_600)];
        for (seconds, expected) in cases {
            let looks = rest.look_micros(T0.plus_seconds(seconds));
            assert_eq!(looks, expected * MICROS_PER_SECOND, "{seconds}");
        }
    }
}
