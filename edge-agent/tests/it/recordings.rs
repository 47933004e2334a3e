//! The decoder against recordings of real cars and other people's decoders.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use edge_agent::dbc::{Dbc, Message, Raw};
use edge_agent::decoder::Decoder;
use edge_agent::frames::{CanId, Frame, LogReader};
use edge_agent::mapping::Mapping;
use flate2::read::MultiGzDecoder;
use serde_json::Value;

fn data(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")).join(path)
}

fn gzip(path: &str) -> impl Read {
    MultiGzDecoder::new(std::fs::File::open(data(path)).unwrap())
}

fn lines(path: &str) -> impl Iterator<Item = String> {
    BufReader::new(gzip(path)).lines().map(Result::unwrap)
}

/// A log whose frames a DBC file decodes directly, and its buses.
const LOGS: [(&str, &[(&str, &str)]); 5] = [
    (
        "toyota_rav4_2017_comma2k19",
        &[
            ("can0", "dbc/opendbc/toyota_new_mc_pt_generated.dbc"),
            ("can1", "dbc/opendbc/toyota_adas.dbc"),
        ],
    ),
    ("obd2_skoda_request_response", &[("can1", "dbc/css/CSS-Electronics-OBD2-v1.4.dbc")]),
    ("obd2_drive_responses_600s", &[("can1", "dbc/css/CSS-Electronics-OBD2-v1.4.dbc")]),
    ("j1939_truck_11111111", &[("can1", "dbc/css/CSS-Electronics-SAE-J1939-DEMO.dbc")]),
    ("j1939_machine_asammdf_basics", &[("can1", "dbc/css/CSS-Electronics-SAE-J1939-DEMO.dbc")]),
];

/// The frames of a log that a DBC file knows: number of the line, frame, and message.
fn for_each_frame(log: &str, buses: &[(&str, &str)], mut take: impl FnMut(u64, &Frame, &Message)) {
    let path = data(&format!("logs/{log}.log.gz"));
    for (interface, dbc) in buses {
        let dbc = Dbc::load(&data(dbc)).unwrap();
        let mut reader = LogReader::open(&path, Some(interface)).unwrap();
        while let Some(frame) = reader.next_frame().unwrap() {
            if let Some(message) = dbc.message_by_id(frame.id) {
                take(reader.lines_read() - 1, &frame, message);
            }
        }
    }
}

/// True when `actual` is the number that the golden states. The JSON parser may be off by a bit.
fn is_same(actual: f64, expected: &Value) -> bool {
    let number = expected
        .as_f64()
        .or_else(|| expected.as_str().and_then(|text| text.to_lowercase().parse().ok()))
        .unwrap();
    actual.to_bits().abs_diff((number + 0.0).to_bits()) <= 1 || (actual.is_nan() && number.is_nan())
}

fn is_same_raw(actual: Raw, expected: &Value) -> bool {
    match actual {
        Raw::Integer(value) => {
            let unsigned = expected.as_u64().map(i128::from);
            unsigned.or(expected.as_i64().map(i128::from)) == Some(value)
        }
        Raw::Float(value) => is_same(value, expected),
    }
}

/// Every signal of every frame in five logs: raw, physical and label, as cantools has them.
#[test]
#[ignore = "needs the recordings in ../shared/data"]
fn logs_decode_as_cantools_decodes_them() {
    for (log, buses) in LOGS {
        let mut values = HashMap::new();
        for_each_frame(log, buses, |line, frame, message| {
            for (index, signal) in message.signals.iter().enumerate() {
                if let Some(raw) = message.raw(index, frame.data()) {
                    let label = signal.label(raw).unwrap_or_default().to_owned();
                    let value = (raw, signal.scale(raw), label);
                    values.insert((line, signal.name.clone()), value);
                }
            }
        });
        let mut compared = 0_u64;
        for line in lines(&format!("golden/logs/{log}.csv.gz")).skip(1) {
            let [number, _, _, _, signal, raw, physical, label] =
                line.splitn(8, ',').collect::<Vec<_>>()[..]
            else {
                panic!("{line}")
            };
            let key = (number.parse().unwrap(), signal.to_owned());
            let (actual_raw, actual, actual_label) =
                values.get(&key).unwrap_or_else(|| panic!("{log} {line}: is not there"));
            assert_eq!(*actual_raw, Raw::Integer(raw.parse().unwrap()), "{log} {line}");
            let expected: f64 = physical.parse().unwrap();
            assert_eq!(actual.to_bits(), (expected + 0.0).to_bits(), "{log} {line}: {actual}");
            assert_eq!(*actual_label, label.trim_matches('"'), "{log} {line}");
            compared += 1;
        }
        assert!(compared > 3_000, "{log}: {compared}");
    }
}

/// What the statistics of a log say of one signal.
#[derive(Debug, Default)]
struct Tally {
    count: u64,
    raw: Option<(i128, i128, i128)>,
    physical: Option<(f64, f64, f64)>,
}

impl Tally {
    fn add(&mut self, raw: i128, physical: f64) {
        self.count += 1;
        let (sum, min, max) = self.raw.unwrap_or((0, raw, raw));
        self.raw = Some((sum + raw, min.min(raw), max.max(raw)));
        let (first, _, sum) = self.physical.unwrap_or((physical, physical, 0.0));
        self.physical = Some((first, physical, sum + physical));
    }
}

/// Every frame of five logs: per signal count, exact sum, extremes, first and last.
#[test]
#[ignore = "needs the recordings in ../shared/data"]
fn whole_logs_add_up_to_what_cantools_adds_up() {
    for (log, buses) in LOGS {
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        // The CSV of OBD covers every frame, that of the Toyota only some.
        let accepted = log.starts_with("obd2").then(|| accepted(log));
        for_each_frame(log, buses, |line, frame, message| {
            if accepted.as_ref().is_some_and(|accepted| !accepted.contains(&line)) {
                return;
            }
            for (index, signal) in message.signals.iter().enumerate() {
                if let Some(raw) = message.raw(index, frame.data()) {
                    let Raw::Integer(number) = raw else { panic!("{}", signal.name) };
                    let name = format!("{}.{}", message.name, signal.name);
                    tallies.entry(name).or_default().add(number, signal.scale(raw));
                }
            }
        });
        let stats: Value =
            serde_json::from_reader(gzip(&format!("golden/logs/{log}.stats.json.gz"))).unwrap();
        let signals = stats["signals"].as_object().unwrap();
        for (name, expected) in signals {
            let tally = tallies.get(name).unwrap_or_else(|| panic!("{log}: no {name}"));
            let (sum, min, max) = tally.raw.unwrap();
            let (first, last, physical) = tally.physical.unwrap();
            assert_eq!(Some(tally.count), expected["count"].as_u64(), "{log} {name}");
            for (actual, key) in [(sum, "raw_sum"), (min, "raw_min"), (max, "raw_max")] {
                let expected: i128 = expected[key].to_string().parse().unwrap();
                assert_eq!(actual, expected, "{log} {name} {key}");
            }
            assert!(is_same(first, &expected["first_phys"]), "{log} {name}: {first}");
            assert!(is_same(last, &expected["last_phys"]), "{log} {name}: {last}");
            let expected = expected["phys_sum"].as_f64().unwrap();
            let tolerance = 1e-9 * (1.0 + expected.abs());
            assert!((physical - expected).abs() <= tolerance, "{log} {name}: {physical}");
        }
        assert_eq!(tallies.len(), signals.len(), "{log}: {:?}", tallies.keys());
    }
}

/// The lines of a log that its CSV file has: those that cantools does not refuse for an unknown
/// multiplexer value.
fn accepted(log: &str) -> HashSet<u64> {
    let number = |line: String| line.split(',').next().unwrap().parse().unwrap();
    lines(&format!("golden/logs/{log}.csv.gz")).skip(1).map(number).collect()
}

/// The shipped mapping gives the wheel speeds that another party's decoder gives, to the last
/// decimal kept.
#[test]
#[ignore = "needs the recordings in ../shared/data"]
fn the_shipped_mapping_agrees_with_an_independent_decode() {
    let dbc = Dbc::load(&data("dbc/opendbc/toyota_new_mc_pt_generated.dbc")).unwrap();
    let map = concat!(env!("CARGO_MANIFEST_DIR"), "/vehicles/toyota_rav4_2017.map.toml");
    let mapping = Mapping::load(Path::new(map), &dbc).unwrap();
    let mut decoder = Decoder::new(dbc, &mapping);
    let log = data("logs/toyota_rav4_2017_comma2k19.log.gz");
    let mut reader = LogReader::open(&log, Some("can0")).unwrap();
    let mut samples = HashMap::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        decoder.decode(&frame, |sample| {
            let key = (sample.time.as_micros(), sample.signal.path());
            samples.insert(key, sample.physical());
        });
    }
    let mut compared = 0_u64;
    for line in lines("golden/logs/toyota_rav4_comma_independent_truth.csv.gz").skip(1) {
        let [time, quantity, value, "m/s"] = line.split(',').collect::<Vec<_>>()[..] else {
            continue;
        };
        let path = match quantity {
            "wheel_speed_FL" => "Vehicle.Chassis.Axle.Row1.Wheel.Left.Speed",
            "wheel_speed_FR" => "Vehicle.Chassis.Axle.Row1.Wheel.Right.Speed",
            "wheel_speed_RL" => "Vehicle.Chassis.Axle.Row2.Wheel.Left.Speed",
            "wheel_speed_RR" => "Vehicle.Chassis.Axle.Row2.Wheel.Right.Speed",
            // The mean of the wheels, which no signal of the bus is.
            _ => continue,
        };
        let micros: i64 = time.replace('.', "").parse().unwrap();
        let actual = samples[&(micros, path)];
        let expected = value.parse::<f64>().unwrap() * 3.6;
        assert!((actual - expected).abs() < 1e-9, "{line}: {actual} km/h");
        compared += 1;
    }
    assert_eq!(compared, 4 * 4_974);
}

/// Full, truncated and excess frames of every DBC file, as cantools decodes them.
#[test]
#[ignore = "needs the recordings in ../shared/data"]
fn every_golden_frame_decodes_as_cantools_decodes_it() {
    let mut files: HashMap<String, Dbc> = HashMap::new();
    let (mut compared, mut wrong) = (0_u64, Vec::new());
    for name in ["opendbc", "cantools", "css"] {
        for line in lines(&format!("golden/frames/{name}.jsonl.gz")) {
            let golden: Value = serde_json::from_str(&line).unwrap();
            let path = golden["dbc"].as_str().unwrap();
            let dbc =
                files.entry(path.to_owned()).or_insert_with(|| Dbc::load(&data(path)).unwrap());
            let (good, bad) = compare(dbc, &golden);
            compared += good;
            wrong.extend(bad.into_iter().map(|what| format!("{path} {what}")));
        }
    }
    let head = wrong.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{head}", wrong.len());
    assert!(compared > 22_000, "{compared}");
}

fn compare(dbc: &Dbc, golden: &Value) -> (u64, Vec<String>) {
    let bytes = hex::decode(golden["data_hex"].as_str().unwrap()).unwrap();
    let name = golden["message"].as_str().unwrap();
    let Some(message) = dbc.message(name) else { return (0, vec![format!("{name} is missing")]) };
    let number = u32::try_from(golden["id"].as_u64().unwrap()).unwrap();
    let id = if golden["extended"].as_bool().unwrap() {
        CanId::Extended(number)
    } else {
        CanId::Standard(u16::try_from(number).unwrap())
    };
    let mut bad = Vec::new();
    if message.id != id || dbc.message_by_id(id).map(|found| &found.name) != Some(&message.name) {
        bad.push(format!("{name}: its identifier is {}, not {id}", message.id));
    }
    let mut at_once = HashMap::new();
    message.each_physical(&bytes, |index, value| assert!(at_once.insert(index, value).is_none()));
    for (index, signal) in message.signals.iter().enumerate() {
        let one = message.physical(index, &bytes).map(f64::to_bits);
        if at_once.get(&index).copied().map(f64::to_bits) != one {
            bad.push(format!("{name}.{}: the plan gives another value", signal.name));
        }
    }
    // What cantools refuses must do no harm; what it gives must agree.
    let Some(raw) = golden["raw"].as_object() else { return (0, bad) };
    let mut good = 0;
    for (signal, expected) in raw {
        let index = message.position(signal);
        let actual = index.and_then(|index| message.raw(index, &bytes));
        let Some((index, actual)) = index.zip(actual) else {
            bad.push(format!("{name}.{signal} {} is not there", golden["data_hex"]));
            continue;
        };
        let stated = &message.signals[index];
        let label = golden["labels"].get(signal).and_then(Value::as_str);
        let physical = stated.scale(actual);
        // With a label, cantools gives the label in the place of the number.
        let is_number = !golden["decoded"][signal].is_string() || matches!(actual, Raw::Float(_));
        if !is_same_raw(actual, expected)
            || (is_number && !is_same(physical, &golden["decoded"][signal]))
            || label.is_some_and(|label| stated.label(actual) != Some(label))
        {
            let hex = &golden["data_hex"];
            bad.push(format!("{name}.{signal} {hex}: {actual:?} {physical}, not {expected}"));
        } else {
            good += 1;
        }
    }
    let present = (0..message.signals.len()).filter(|i| message.raw(*i, &bytes).is_some()).count();
    if present != raw.len() {
        bad.push(format!("{name} {}: {present} signals, not {}", golden["data_hex"], raw.len()));
    }
    (good, bad)
}

/// Every DBC file of the collection loads unchanged; what it costs is known.
#[test]
#[ignore = "needs the recordings in ../shared/data"]
fn every_file_loads_and_says_what_was_mended() {
    let mut files = 0;
    for folder in ["opendbc", "cantools", "css"] {
        for entry in std::fs::read_dir(data(&format!("dbc/{folder}"))).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "dbc") {
                continue;
            }
            let dbc = Dbc::load(&path).unwrap();
            let report = dbc.report();
            println!(
                "{}: {} messages, {} repaired, {} left out",
                path.display(),
                dbc.messages().len(),
                report.repairs.count(),
                report.left_out.count()
            );
            for note in report.left_out.kept() {
                println!("    {} {}: {}", note.line, note.what, note.why);
            }
            files += 1;
        }
    }
    assert_eq!(files, 142);
}
