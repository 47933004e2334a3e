//! The decoder against recordings of real cars and other people's decoders.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use edge_agent::dbc::{Dbc, Raw};
use edge_agent::decoder::Decoder;
use edge_agent::frames::LogReader;
use edge_agent::mapping::Mapping;
use flate2::read::MultiGzDecoder;

fn data(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")).join(path)
}

fn lines(path: &str) -> impl Iterator<Item = String> {
    let file = std::fs::File::open(data(path)).unwrap();
    BufReader::new(MultiGzDecoder::new(file)).lines().map(Result::unwrap)
}

/// Every signal of every frame of the RAV4's first bus, raw and physical, as cantools has them.
#[test]
#[ignore = "needs the recordings in ../shared/data"]
fn the_rav4_decodes_as_cantools_decodes_it() {
    let dbc = Dbc::load(&data("dbc/opendbc/toyota_new_mc_pt_generated.dbc")).unwrap();
    let log = data("logs/toyota_rav4_2017_comma2k19.log.gz");
    let mut reader = LogReader::open(&log, Some("can0")).unwrap();
    let mut frames = HashMap::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        frames.insert(reader.lines_read() - 1, frame);
    }
    let mut compared = 0_u64;
    for line in lines("golden/logs/toyota_rav4_2017_comma2k19.csv.gz").skip(1) {
        let [number, _, _, message, signal, raw, physical, ..] =
            line.split(',').collect::<Vec<_>>()[..]
        else {
            panic!("{line}")
        };
        // Frames of the second bus are decoded by another file.
        let Some(frame) = frames.get(&number.parse().unwrap()) else { continue };
        let message = dbc.message_by_id(frame.id).filter(|m| m.name == message).unwrap();
        let index = message.position(signal).unwrap();
        let actual = message.raw(index, frame.data()).unwrap();
        assert_eq!(actual, Raw::Integer(raw.parse().unwrap()), "{line}");
        let actual = message.physical(index, frame.data()).unwrap();
        let expected: f64 = physical.parse().unwrap();
        assert_eq!(actual.to_bits(), (expected + 0.0).to_bits(), "{line}: {actual}");
        compared += 1;
    }
    assert!(compared > 50_000, "{compared}");
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

/// Full, truncated and excess frames of 130 DBC files, as cantools decodes them.
#[test]
#[ignore = "needs the recordings in ../shared/data"]
fn every_golden_frame_decodes_as_cantools_decodes_it() {
    let mut files: HashMap<String, Dbc> = HashMap::new();
    let (mut compared, mut wrong) = (0_u64, Vec::new());
    for name in ["opendbc", "cantools", "css"] {
        for line in lines(&format!("golden/frames/{name}.jsonl.gz")) {
            let golden: serde_json::Value = serde_json::from_str(&line).unwrap();
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
    assert!(compared > 20_000, "{compared}");
}

fn compare(dbc: &Dbc, golden: &serde_json::Value) -> (u64, Vec<String>) {
    let Some(raw) = golden["raw"].as_object() else { return (0, Vec::new()) };
    let bytes = hex::decode(golden["data_hex"].as_str().unwrap()).unwrap();
    let name = golden["message"].as_str().unwrap();
    let message = dbc.messages().iter().find(|m| m.name == name || format!("N{}", m.name) == name);
    let Some(message) = message else { return (0, vec![format!("{name} is not there")]) };
    let (mut good, mut bad) = (0, Vec::new());
    for (signal, expected) in raw {
        let index = message
            .signals
            .iter()
            .position(|s| s.name == *signal || format!("N{}", s.name) == *signal);
        let actual = index.and_then(|index| message.raw(index, &bytes));
        let same = match actual {
            Some(Raw::Integer(value)) => {
                let unsigned = expected.as_u64().map(i128::from);
                unsigned.or(expected.as_i64().map(i128::from)) == Some(value)
            }
            Some(Raw::Float(value)) => {
                let text = expected.as_str().map(str::to_lowercase);
                let number = text.map_or(expected.as_f64(), |text| text.parse().ok()).unwrap();
                // The JSON parser may be off by the last bit.
                value.to_bits().abs_diff(number.to_bits()) <= 1
                    || (value.is_nan() && number.is_nan())
            }
            None => false,
        };
        if same {
            good += 1;
        } else {
            bad.push(format!("{name}.{signal} {}: {actual:?}, not {expected}", golden["data_hex"]));
        }
    }
    (good, bad)
}
