//! Reassembly against recordings of real cars, a truck and a boat, as others put them together.

use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use edge_agent::dbc::Dbc;
use edge_agent::decoder::Decoder;
use edge_agent::frames::{Frame, LogReader};
use edge_agent::mapping::Mapping;
use edge_agent::transport::isotp::Addressing;
use edge_agent::transport::{FastPacket, IsoTp, J1939, Pgn};
use flate2::read::MultiGzDecoder;
use serde_json::Value;

fn data(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")).join(path)
}

fn golden(path: &str) -> Vec<Value> {
    let file = std::fs::File::open(data(&format!("golden/transport/{path}"))).unwrap();
    let lines = BufReader::new(MultiGzDecoder::new(file)).lines();
    lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect()
}

/// The frames of one bus by the number of their line.
fn frames(log: &str, interface: &str) -> Vec<(u64, Frame)> {
    let path = data(&format!("logs/{log}.log.gz"));
    let mut reader = LogReader::open(&path, Some(interface)).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        frames.push((reader.lines_read() - 1, frame));
    }
    frames
}

/// What a test compares: first and last frame, how many, who and what.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Message {
    first: u64,
    last: u64,
    frames: u64,
    address: String,
    payload: String,
}

impl Message {
    fn of_golden(golden: &Value, address: String) -> Self {
        let frames = golden["frames"].as_array().unwrap();
        let numbers: Vec<_> = frames.iter().map(|number| number.as_u64().unwrap()).collect();
        Self {
            first: numbers[0],
            last: *numbers.last().unwrap(),
            frames: numbers.len().try_into().unwrap(),
            address,
            payload: golden["payload"].as_str().unwrap().to_owned(),
        }
    }
}

/// The messages that `push` finds in `frames`.
fn messages(
    frames: &[(u64, Frame)],
    mut push: impl FnMut(&Frame) -> Option<(String, telematics::Timestamp, u32, String)>,
) -> Vec<Message> {
    let at: HashMap<_, _> = frames.iter().map(|(n, frame)| ((frame.id, frame.time), *n)).collect();
    let mut found = Vec::new();
    for (last, frame) in frames {
        if let Some((address, began, count, payload)) = push(frame) {
            // J1939 begins with a frame of another group from the same sender.
            let began = at.iter().find(|((id, time), number)| {
                *time == began && **number <= *last && same_sender(*id, frame.id)
            });
            let (first, last, frames) = (*began.unwrap().1, *last, count.into());
            found.push(Message { first, last, frames, address, payload });
        }
    }
    found
}

fn same_sender(one: edge_agent::frames::CanId, other: edge_agent::frames::CanId) -> bool {
    use edge_agent::transport::Header;
    one == other
        || Header::of(one).zip(Header::of(other)).is_some_and(|(one, other)| {
            one.source == other.source && one.pgn.number() == 0xEC00 && other.pgn.number() == 0xEB00
        })
}

fn assert_same(name: &str, mut actual: Vec<Message>, mut expected: Vec<Message>) {
    for list in [&mut actual, &mut expected] {
        list.sort_by_key(|message| (message.last, message.first));
    }
    for (actual, expected) in actual.iter().zip(&expected) {
        assert_eq!(actual, expected, "{name}");
    }
    assert_eq!(actual.len(), expected.len(), "{name}");
}

/// Every answer of four cars: single and several frames, interleaved computers, negative answers,
/// and sequences that were never finished.
#[test]
#[ignore = "needs the recordings in ../shared/data"]
fn iso_tp_of_real_cars_is_put_together() {
    #[rustfmt::skip] // a table is read by column
    let cases = [
        // log                                      messages  never finished, but for one at the very end
        ("kona_ev_2021_dcan_car_scanner_obd_uds",   1_814,    2),
        ("obd2_skoda_request_response",             15_298,   0),
        ("uds_hyundai_ev_request_response",         223,      14),
        ("uds_kona_leaf_responses",                 270,      29),
    ];
    for (log, count, dropped) in cases {
        let golden = golden(&format!("{log}.isotp.jsonl.gz"));
        assert_eq!(golden.len(), count, "{log}");
        let mut tp = IsoTp::new(Addressing::Normal);
        let actual = messages(&frames(log, golden[0]["chan"].as_str().unwrap()), |frame| {
            let pdu = tp.push(frame)?;
            let payload = hex::encode(pdu.payload);
            Some((pdu.address.id.to_string(), pdu.began, pdu.frames, payload))
        });
        let address = |golden: &Value| golden["id"].as_str().unwrap().to_owned();
        let expected = golden.iter().map(|line| Message::of_golden(line, address(line))).collect();
        assert_same(log, actual, expected);
        assert_eq!(tp.dropped(), dropped, "{log}");
    }
}

#[test]
#[ignore = "needs the recordings in ../shared/data"]
fn j1939_of_a_real_truck_is_put_together() {
    let golden = golden("j1939_truck_11111111.j1939tp.jsonl.gz");
    let mut tp = J1939::new();
    let frames = frames("j1939_truck_11111111", golden[0]["chan"].as_str().unwrap());
    let actual = messages(&frames, |frame| {
        let pdu = tp.push(frame)?;
        let (pgn, source) = (pdu.address.pgn.number(), pdu.address.source);
        let address = format!("{pgn} {source} {}", pdu.address.destination);
        Some((address, pdu.began, pdu.frames, hex::encode(pdu.payload)))
    });
    let address = |line: &Value| format!("{} {} {}", line["pgn"], line["sa"], line["da"]);
    let expected = golden.iter().map(|line| Message::of_golden(line, address(line))).collect();
    assert_same("truck", actual, expected);
}

#[test]
#[ignore = "needs the recordings in ../shared/data"]
fn fast_packets_of_a_real_boat_are_put_together() {
    let golden = golden("nmea2000_boat.fastpacket.jsonl.gz");
    let group = |line: &Value| u32::try_from(line["pgn"].as_u64().unwrap()).unwrap();
    let groups: BTreeSet<_> = golden.iter().map(|line| Pgn::new(group(line)).unwrap()).collect();
    let mut tp = FastPacket::new();
    let frames = frames("nmea2000_boat", golden[0]["chan"].as_str().unwrap());
    let actual = messages(&frames, |frame| {
        if !Pgn::of(frame.id).is_some_and(|group| groups.contains(&group)) {
            return None;
        }
        let pdu = tp.push(frame)?;
        let address = format!("{} {}", pdu.address.pgn.number(), pdu.address.source);
        Some((address, pdu.began, pdu.frames, hex::encode(pdu.payload)))
    });
    let address = |line: &Value| format!("{} {}", line["pgn"], line["sa"]);
    let expected = golden.iter().map(|line| Message::of_golden(line, address(line))).collect();
    assert_same("boat", actual, expected);
}

/// Values of the whole chain: log, reassembly, DBC file, mapping; against bytes cut out by hand of the
/// messages that others put together.
#[test]
#[ignore = "needs the recordings in ../shared/data"]
fn messages_of_several_frames_become_samples() {
    #[rustfmt::skip] // a table is read by column
    let cases: [(&str, &str, &str, &str, &str, &str, &str, fn(&[u8]) -> Option<f64>); 3] = [
        ("uds_kona_leaf_responses", "isotp", "css/tp_uds.dbc", "iso-tp",
         "Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed", "Battery.M_SID_0x220101_StateOfChargeBMS", "percent",
         |payload| payload.starts_with(&[0x62, 1, 1]).then(|| f64::from(payload[7]) * 0.5)),
        ("j1939_truck_11111111", "j1939tp", "css/tp_j1939.dbc", "j1939",
         "Vehicle.Powertrain.CombustionEngine.Speed", "EC1.EngineSpeedAtPoint5", "rpm",
         |payload| payload.get(12..14).filter(|_| payload.len() == 39).map(|b| f64::from(u16::from_le_bytes([b[0], b[1]])) * 0.125)),
        ("nmea2000_boat", "fastpacket", "css/tp_nmea.dbc", "fast-packet",
         "Vehicle.CurrentLocation.Latitude", "gnssPositionData.latitude", "degrees",
         |payload| payload.get(7..15).filter(|_| payload.len() == 43).map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64 * 1e-16)),
    ];
    for (log, kind, dbc, transport, path, source, unit, by_hand) in cases {
        let golden = golden(&format!("{log}.{kind}.jsonl.gz"));
        let id = |line: &Value| match line["pgn"].as_u64() {
            Some(pgn) => pgn == [65_251, 129_029][usize::from(kind == "fastpacket")],
            None => line["id"] == "7EC",
        };
        let payloads = golden.iter().filter(|line| id(line));
        let payloads = payloads.map(|line| hex::decode(line["payload"].as_str().unwrap()).unwrap());
        let expected: Vec<f64> = payloads.filter_map(|payload| by_hand(&payload)).collect();

        let (message, signal) = source.split_once('.').unwrap();
        let map = format!(
            "[\"{path}\"]\nmessage = \"{message}\"\nsignal = \"{signal}\"\nunit = \"{unit}\"\n\
             transport = \"{transport}\"\n"
        );
        let dbc = Dbc::load(&data(&format!("dbc/{dbc}"))).unwrap();
        let mapping = Mapping::parse(Path::new("map.toml"), &map, &dbc).unwrap();
        let mut decoder = Decoder::new(dbc, &mapping);
        let mut samples = Vec::new();
        for (_, frame) in frames(log, golden[0]["chan"].as_str().unwrap()) {
            decoder.decode(&frame, |sample| samples.push(sample.physical()));
        }
        assert!(expected.len() > 10, "{log}: {}", expected.len());
        assert_eq!(samples.len(), expected.len(), "{log}");
        for (sample, expected) in samples.iter().zip(&expected) {
            assert!((sample - expected).abs() < 1e-5, "{log}: {sample}, not {expected}");
        }
    }
}
