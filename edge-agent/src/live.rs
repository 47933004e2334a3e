//! What comes by while the agent runs: the newest value of each signal, and samples by group.
//!
//! **Invariant:** the status is a file, and what the owner does not share is never written down: only
//! a signal that is shared has a value here, the one that leaves the car.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use telematics::{Disclosure, Policy, Sample, Signal, SignalGroup, Timestamp, Value};

/// One signal as the owner sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveSignal {
    /// Its path, such as `Vehicle.Speed`.
    pub path: String,
    /// `share`, `prove` or `keep`.
    pub disclosure: String,
    /// The newest value in the unit of the catalogue; none when it is not shared.
    pub value: Option<f64>,
    /// When the agent saw it (RFC 3339).
    pub seen_at: String,
}

/// What became of one group since the agent started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupCount {
    /// Its word, such as `motion`.
    pub group: String,
    /// `share`, `prove` or `keep`.
    pub disclosure: String,
    /// Samples that came by.
    pub samples: u64,
}

/// The signals of this run.
#[derive(Clone, Debug, Default)]
pub struct Live {
    newest: BTreeMap<Signal, Newest>,
    groups: BTreeMap<SignalGroup, u64>,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    value: Option<Value>,
    seen_at: Timestamp,
}

impl Live {
    /// Takes note of a sample that comes by at `now`.
    pub fn see(&mut self, sample: &Sample, disclosure: Disclosure, now: Timestamp) {
        let value = (disclosure == Disclosure::Share).then_some(sample.value);
        self.newest.insert(sample.signal, Newest { value, seen_at: now });
        *self.groups.entry(sample.signal.group()).or_default() += 1;
    }

    /// Forgets every value.
    pub fn clear(&mut self) {
        self.newest.clear();
    }

    /// The signals seen, in the order of the catalogue, as `policy` lets them be shown.
    #[must_use]
    pub fn signals(&self, policy: &Policy) -> Vec<LiveSignal> {
        let row = |(signal, newest): (&Signal, &Newest)| {
            let disclosure = policy.disclosure(*signal);
            let value = newest.value.filter(|_| disclosure == Disclosure::Share);
            LiveSignal {
                path: signal.path().to_owned(),
                disclosure: disclosure.as_str().to_owned(),
                value: value.map(|value| value.to_physical(signal.decimals())),
                seen_at: newest.seen_at.to_string(),
            }
        };
        self.newest.iter().map(row).collect()
    }

    /// Every group and how many samples of it came by.
    #[must_use]
    pub fn groups(&self, policy: &Policy) -> Vec<GroupCount> {
        let row = |(group, disclosure): (SignalGroup, Disclosure)| GroupCount {
            group: group.as_str().to_owned(),
            disclosure: disclosure.as_str().to_owned(),
            samples: self.groups.get(&group).copied().unwrap_or_default(),
        };
        policy.groups().map(row).collect()
    }
}

/// A value with its unit, as people read it.
#[must_use]
pub fn text(signal: Signal, physical: f64) -> String {
    let number = format!("{physical:.*}", usize::from(signal.decimals()));
    match signal.unit().as_str() {
        "boolean" => if physical > 0.0 { "yes" } else { "no" }.to_owned(),
        "none" => number,
        "percent" => format!("{number} %"),
        "degrees" => format!("{number}°"),
        "Celsius" => format!("{number} °C"),
        unit => format!("{number} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use telematics::PolicyVersion;
    use telematics::testing::{T0, samples};

    use super::*;

    fn policy(disclosure: Disclosure) -> Policy {
        Policy::new(PolicyVersion::FIRST, [(SignalGroup::Motion, disclosure)].into())
    }

    #[test]
    fn only_what_is_shared_has_a_value() {
        for disclosure in [Disclosure::Share, Disclosure::Prove, Disclosure::Keep] {
            let mut live = Live::default();
            live.see(&samples("Vehicle.Speed", 1)[0], disclosure, T0);
            let row = &live.signals(&policy(disclosure))[0];

            assert_eq!(row.value.is_some(), disclosure == Disclosure::Share, "{disclosure}");
            assert_eq!((row.path.as_str(), row.seen_at.as_str()), ("Vehicle.Speed", T0_TEXT));
        }
    }

    const T0_TEXT: &str = "2024-01-01T00:00:00Z";

    #[test]
    fn a_value_disappears_when_the_owner_takes_it_back() {
        let mut live = Live::default();
        live.see(&samples("Vehicle.Speed", 1)[0], Disclosure::Share, T0);

        assert!(live.signals(&policy(Disclosure::Share))[0].value.is_some());
        assert_eq!(live.signals(&policy(Disclosure::Keep))[0].value, None);
    }

    #[test]
    fn samples_are_counted_by_group() {
        let mut live = Live::default();
        for sample in &samples("Vehicle.Speed", 3) {
            live.see(sample, Disclosure::Keep, T0);
        }
        let counts: Vec<_> = live.groups(&policy(Disclosure::Keep));

        assert_eq!((counts[0].group.as_str(), counts[0].samples), ("motion", 3));
        assert!(counts[1..].iter().all(|count| count.samples == 0));
    }

    #[test]
    fn values_are_written_for_people() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("Vehicle.Speed",                                               87.4,   "87.40 km/h"),
            ("Vehicle.Powertrain.TractionBattery.StateOfCharge.Current",    80.0,   "80.00 %"),
            ("Vehicle.ADAS.ABS.IsEngaged",                                  1.0,    "yes"),
            ("Vehicle.ADAS.ABS.IsEngaged",                                  0.0,    "no"),
            ("Vehicle.Powertrain.Transmission.CurrentGear",                 -1.0,   "-1"),
            ("Vehicle.Exterior.AirTemperature",                             -3.5,   "-3.5 °C"),
        ];
        for (path, physical, expected) in cases {
            assert_eq!(text(Signal::by_path(path).unwrap(), physical), expected);
        }
    }
}
