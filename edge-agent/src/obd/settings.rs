//! How a car is asked: the table `[obd]` of an agent's settings.

use std::num::NonZeroU32;
use std::path::PathBuf;

use serde::Deserialize;

/// The most that may be asked for in a second: what cars and their makers' tools are built for.
const REQUESTS_PER_SECOND_LIMIT: u32 = 10;
/// Longest wait for an answer.
const ANSWER_MS_LIMIT: u32 = 10_000;

/// Longest time between two looks whether a car is in use: a day.
const LOOK_SECONDS_LIMIT: u32 = 86_400;

/// Settings of OBD.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObdConfig {
    /// Turns asking on. While it is off, the agent sends nothing on any bus.
    pub enabled: bool,
    /// The interface to ask on: one of those that are listened to, the first when left out.
    pub interface: Option<String>,
    /// Requests in a second, at most ten.
    #[serde(deserialize_with = "requests_per_second")]
    pub requests_per_second_max: NonZeroU32,
    /// Time that a computer gets to begin its answer.
    #[serde(deserialize_with = "answer_ms")]
    pub answer_ms_max: NonZeroU32,
    /// Nothing is asked while more frames than these pass in a second.
    pub busy_frames_per_second: NonZeroU32,
    /// A car out of use is asked whether it runs or moves this often, where nothing else tells.
    #[serde(deserialize_with = "look_seconds")]
    pub look_seconds: NonZeroU32,
    /// A file of UDS requests for this model of car.
    pub templates: Option<PathBuf>,
}

impl Default for ObdConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            interface: None,
            requests_per_second_max: const { NonZeroU32::new(5).unwrap() },
            answer_ms_max: const { NonZeroU32::new(250).unwrap() },
            // About three quarters of a bus of 500 kbit/s.
            busy_frames_per_second: const { NonZeroU32::new(3_000).unwrap() },
            look_seconds: const { NonZeroU32::new(60).unwrap() },
            templates: None,
        }
    }
}

fn requests_per_second<'de, D: serde::Deserializer<'de>>(from: D) -> Result<NonZeroU32, D::Error> {
    at_most(NonZeroU32::deserialize(from)?, REQUESTS_PER_SECOND_LIMIT, "requests_per_second_max")
}

fn answer_ms<'de, D: serde::Deserializer<'de>>(from: D) -> Result<NonZeroU32, D::Error> {
    at_most(NonZeroU32::deserialize(from)?, ANSWER_MS_LIMIT, "answer_ms_max")
}

fn look_seconds<'de, D: serde::Deserializer<'de>>(from: D) -> Result<NonZeroU32, D::Error> {
    at_most(NonZeroU32::deserialize(from)?, LOOK_SECONDS_LIMIT, "look_seconds")
}

fn at_most<E: serde::de::Error>(
    value: NonZeroU32,
    limit: u32,
    name: &str,
) -> Result<NonZeroU32, E> {
    if value.get() > limit {
        return Err(E::custom(format!("`{name}` is {value}, at most {limit} is possible")));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asking_is_off_unless_the_owner_turns_it_on() {
        assert_eq!(toml::from_str::<ObdConfig>("").unwrap(), ObdConfig::default());
        assert!(!ObdConfig::default().enabled);
        assert!(toml::from_str::<ObdConfig>("enabled = true").unwrap().enabled);
    }

    #[test]
    fn what_no_car_should_bear_is_refused() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("requests_per_second_max = 11",    "at most 10"),
            ("requests_per_second_max = 0",     "zero"),
            ("answer_ms_max = 10001",           "at most 10000"),
            ("look_seconds = 86401",            "at most 86400"),
            ("look_seconds = 0",                "zero"),
            ("enable = true",                   "enable"),
        ];
        for (text, expected) in cases {
            let error = toml::from_str::<ObdConfig>(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
