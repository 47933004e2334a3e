//! `edge-agent consent`: what leaves the car, in plain words, from the policy that the car keeps.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value as Json, json};
use telematics::precision::{BIN_SECONDS, Precision};
use telematics::{Disclosure, Policy, Sample, Signal, SignalGroup, Timestamp};

use crate::status::Status;
use crate::{clock, live, pause, policy, status};

/// A place that everyone knows, for examples: the Brandenburg Gate.
const KNOWN_PLACE: [f64; 2] = [52.516_275, 13.377_704];

/// Shows what leaves the car, what is proven and what stays, with examples as a buyer sees them.
///
/// Reads what the car applies: needs no network.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  edge-agent consent --data-dir /var/lib/axle-agent\n\n\
    You change it at the marketplace; the car follows as soon as it is connected.")]
pub(super) struct Consent {
    /// Prints JSON, for programs.
    #[arg(long)]
    json: bool,
    /// Folder of the agent.
    #[arg(long)]
    data_dir: PathBuf,
}

impl Consent {
    pub(super) fn run(self, out: &mut impl Write) -> anyhow::Result<()> {
        let policy = policy::load(&self.data_dir)?;
        // Before the first drive there is none; the examples are then of the catalogue.
        let status = status::read(&self.data_dir).unwrap_or_default();
        let paused = pause::since(&self.data_dir);
        let now = clock::now();
        if self.json {
            writeln!(
                out,
                "{}",
                serde_json::to_string_pretty(&as_json(&policy, &status, paused, now))?
            )?;
        } else {
            tell(&policy, &status, paused, now, out)?;
        }
        Ok(())
    }
}

/// What a buyer sees of one group.
struct Example {
    path: &'static str,
    /// As measured, and as it leaves.
    measured: String,
    leaves: Option<String>,
    time: Timestamp,
    /// True when this car measured it.
    is_own: bool,
}

fn tell(
    policy: &Policy,
    status: &Status,
    paused: Option<Timestamp>,
    now: Timestamp,
    out: &mut impl Write,
) -> io::Result<()> {
    if let Some(since) = paused {
        writeln!(out, "PAUSED since {since}: nothing is recorded. When you resume:\n")?;
    }
    writeln!(out, "What you decided (version {}):\n", policy.version())?;
    for (group, disclosure) in policy.groups() {
        writeln!(out, "{group}: {}", sentence(policy, group, disclosure))?;
        if disclosure != Disclosure::Share {
            continue;
        }
        for example in examples(policy, status, group, now) {
            let Example { path, measured, leaves, time, is_own } = &example;
            let whose = if *is_own { "last shared by your car" } else { "for example" };
            let seen = leaves.as_deref().unwrap_or("nothing");
            writeln!(out, "    {path}: {measured} ({whose}); a buyer sees {seen} at {time}")?;
        }
    }
    writeln!(out, "\nA buyer never sees your name, and knows your car by a name of his own.")
}

fn sentence(policy: &Policy, group: SignalGroup, disclosure: Disclosure) -> String {
    match disclosure {
        Disclosure::Keep => "stays in the car. It is not written down.".to_owned(),
        Disclosure::Prove => {
            "stays in the car, encrypted. Only proofs of yes leave, and seals that \
            tell nothing."
                .to_owned()
        }
        Disclosure::Share => match policy.precision(group) {
            Precision::Exact if group == SignalGroup::Location => {
                "leaves the car as measured: every place where it was.".to_owned()
            }
            Precision::Exact => "leaves the car as measured.".to_owned(),
            Precision::Whole => "leaves the car, rounded to whole units.".to_owned(),
            Precision::Cell(size) => format!(
                "leaves the car as an area of some {}, once in {} minutes. Nothing finer.",
                area(size.square_kilometres()),
                BIN_SECONDS / 60
            ),
        },
    }
}

fn area(square_kilometres: f64) -> String {
    let square_metres = square_kilometres * 1e6;
    match square_kilometres {
        1.0.. => format!("{square_kilometres:.0} km²"),
        0.000_01.. => format!("{square_metres:.0} m²"),
        _ => format!("{square_metres:.1} m²"),
    }
}

/// One value as this car last shared it, or one of the catalogue; of the location, the place.
fn examples(policy: &Policy, status: &Status, group: SignalGroup, now: Timestamp) -> Vec<Example> {
    let precision = policy.precision(group);
    if let (SignalGroup::Location, Precision::Cell(_)) = (group, precision) {
        return place_examples(status, precision, now);
    }
    if group == SignalGroup::Location {
        let halves = [Signal::LATITUDE, Signal::LONGITUDE].into_iter().zip(KNOWN_PLACE);
        let example = |(signal, known)| example(status, signal, known, precision, now);
        return halves.filter_map(example).collect();
    }
    let of_group = || Signal::all().filter(|signal| signal.group() == group);
    let signal = of_group().find(|signal| own(status, *signal).is_some());
    let Some(signal) = signal.or_else(|| of_group().next()) else { return Vec::new() };
    let usual = signal.thresholds().map(|value| value.to_physical(signal.decimals()))[1];
    example(status, signal, usual, precision, now).into_iter().collect()
}

/// A value of `signal` as this car last shared it, or else `known`.
fn example(
    status: &Status,
    signal: Signal,
    known: f64,
    precision: Precision,
    now: Timestamp,
) -> Option<Example> {
    let own = own(status, signal);
    let physical = own.unwrap_or(known);
    let value = signal.value(physical)?;
    Some(Example {
        path: signal.path(),
        measured: live::text(signal, physical),
        leaves: precision.coarsen(Sample { signal, time: now, value }).map(text),
        time: now,
        is_own: own.is_some(),
    })
}

fn place_examples(status: &Status, precision: Precision, now: Timestamp) -> Vec<Example> {
    let [latitude, longitude] = [Signal::LATITUDE, Signal::LONGITUDE];
    let own = own(status, latitude).zip(own(status, longitude));
    let [north, east] = own.map_or(KNOWN_PLACE, |(north, east)| [north, east]);
    let (Some(north_value), Some(east_value)) = (latitude.value(north), longitude.value(east))
    else {
        return Vec::new();
    };
    let left = precision.place(north_value, east_value, now);
    let left = left.into_iter().flatten();
    let measured = [live::text(latitude, north), live::text(longitude, east)];
    left.zip(measured)
        .map(|(sample, measured)| Example {
            path: sample.signal.path(),
            measured,
            leaves: Some(text(sample)),
            time: sample.time,
            is_own: own.is_some(),
        })
        .collect()
}

fn text(sample: Sample) -> String {
    live::text(sample.signal, sample.value.to_physical(sample.signal.decimals()))
}

/// What this car last measured of a shared signal, if the agent wrote it down.
fn own(status: &Status, signal: Signal) -> Option<f64> {
    status.live.iter().find(|row| row.path == signal.path())?.value
}

fn as_json(policy: &Policy, status: &Status, paused: Option<Timestamp>, now: Timestamp) -> Json {
    let group = |(group, disclosure): (SignalGroup, Disclosure)| {
        let shared = disclosure == Disclosure::Share;
        let examples = if shared { examples(policy, status, group, now) } else { Vec::new() };
        let example = |example: Example| {
            json!({
                "signal": example.path,
                "measured": example.measured,
                "a_buyer_sees": example.leaves,
                "at": example.time.to_string(),
                "of_this_car": example.is_own,
            })
        };
        json!({
            "group": group.as_str(),
            "disclosure": disclosure.as_str(),
            "precision": shared.then(|| policy.precision(group).to_string()),
            "in_words": sentence(policy, group, disclosure),
            "examples": examples.into_iter().map(example).collect::<Vec<_>>(),
        })
    };
    json!({
        "version": policy.version().number(),
        "paused_since": paused.map(|since| since.to_string()),
        "groups": policy.groups().map(group).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use telematics::PolicyVersion;
    use telematics::testing::T0;

    use super::*;
    use crate::live::LiveSignal;

    fn decided() -> Policy {
        let groups = [
            (SignalGroup::Motion, Disclosure::Share),
            (SignalGroup::Location, Disclosure::Share),
            (SignalGroup::Battery, Disclosure::Prove),
            (SignalGroup::Climate, Disclosure::Share),
        ];
        Policy::new(PolicyVersion::new(3), groups.into())
            .with_precisions([(SignalGroup::Climate, Precision::Whole)].into())
    }

    fn driven() -> Status {
        let live = LiveSignal {
            path: "Vehicle.Exterior.AirTemperature".to_owned(),
            disclosure: "share".to_owned(),
            value: Some(-3.5),
            seen_at: T0.to_string(),
        };
        Status { live: vec![live], ..Status::default() }
    }

    #[test]
    fn the_owner_reads_what_leaves_in_plain_words() {
        let mut out = Vec::new();
        tell(&decided(), &driven(), None, T0.plus_seconds(1_000), &mut out).unwrap();

        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }

    #[test]
    fn every_precision_of_the_location_is_told_with_what_leaves() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("h3-3",  "an area of some 12393 km², once",    "52.516275° (for example); a buyer sees 52."),
            ("h3-9",  "an area of some 105333 m², once",    "13.377704° (for example); a buyer sees 13.3"),
            ("h3-15", "an area of some 0.9 m², once",       "52.516275° (for example); a buyer sees 52.5162"),
            ("whole", "rounded to whole units",             "13.377704° (for example); a buyer sees 13.000000°"),
            ("exact", "measured: every place where it was", "52.516275° (for example); a buyer sees 52.516275°"),
        ];
        for (precision, sentence, example) in cases {
            let location = SignalGroup::Location;
            let precision = Precision::parse(location, precision).unwrap();
            let policy = decided().with_precisions([(location, precision)].into());
            let mut out = Vec::new();
            tell(&policy, &Status::default(), None, T0, &mut out).unwrap();
            let told = String::from_utf8(out).unwrap();
            assert!(told.contains(sentence), "{precision}: {told}");
            assert!(told.contains(example), "{precision}: {told}");
            assert!(told.contains("CurrentLocation.Longitude"), "{precision}: {told}");
        }
    }

    #[test]
    fn a_paused_car_says_so_first() {
        let mut out = Vec::new();
        tell(&decided(), &driven(), Some(T0), T0, &mut out).unwrap();

        assert!(out.starts_with(b"PAUSED since 2024-01-01T00:00:00Z"));
    }

    #[test]
    fn programs_read_the_same() {
        let told = as_json(&decided(), &driven(), None, T0);
        let climate = &told["groups"][7];

        assert_eq!(
            (climate["group"].as_str(), climate["precision"].as_str()),
            (Some("climate"), Some("whole"))
        );
        assert_eq!(climate["examples"][0]["a_buyer_sees"], "-4.0 °C");
        assert_eq!(climate["examples"][0]["of_this_car"], true);
        assert_eq!(told["groups"][4]["examples"], json!([]), "what is proven shows no value");
        assert_eq!(told["groups"][2]["precision"], "h3-6");
    }

    #[test]
    fn a_folder_without_a_policy_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let command = Consent { json: false, data_dir: folder.path().to_owned() };

        let error = command.run(&mut Vec::new()).unwrap_err().to_string();
        assert!(error.contains("policy.json"), "{error}");
    }
}
