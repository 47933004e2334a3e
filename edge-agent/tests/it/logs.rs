//! Recordings in the forms of many tools: one drive is the same frames in all of them.

use std::path::{Path, PathBuf};

use edge_agent::frames::{CanId, Frame, LogReader};

fn data(path: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/logs/formats")).join(path)
}

/// Every frame, and the form; a line that is not understood fails the test.
fn read(path: &str, interface: Option<&str>) -> (Vec<Frame>, &'static str) {
    let mut reader = LogReader::open(&data(path), interface).unwrap();
    let frames = std::iter::from_fn(|| reader.next_frame().unwrap()).collect();
    assert_eq!((reader.broken_lines(), reader.error_frames()), (0, 0), "{path}");
    (frames, reader.form())
}

fn contents(frames: &[Frame]) -> Vec<(CanId, &[u8])> {
    frames.iter().map(|frame| (frame.id, frame.data())).collect()
}

/// Microseconds since the first frame.
fn offsets(frames: &[Frame]) -> Vec<i64> {
    frames.iter().map(|frame| frame.time.micros_since(frames[0].time)).collect()
}

#[test]
#[ignore = "needs the recordings in ../shared/data"]
fn six_forms_of_one_drive_hold_the_same_frames() {
    const FOLDER: &str = "savvycan_same_log_6_formats";
    let (expected, _) = read(&format!("{FOLDER}/GVRET_Log.csv.gz"), Some("0"));
    assert_eq!(expected.len(), 12_974);
    #[rustfmt::skip] // a table is read by column
    let cases = [
        // file                     form           bus      one in the time's unit, in microseconds
        ("BusMasterLog.log.gz",     "BUSMASTER",   "0",     Some(1_000)),
        ("CRTD_Log.txt.gz",         "CRTD",        "0",     Some(1)),
        ("MicrochipLog.log.gz",     "Microchip",   "0",     Some(1_000)),
        ("candump.log.gz",          "candump -l",  "vcan0", Some(1_000_000)),
        ("GenericID_Log.csv.gz",    "CSV",         "0",     None),
    ];
    for (file, form, bus, unit) in cases {
        let (frames, actual) = read(&format!("{FOLDER}/{file}"), Some(bus));
        assert_eq!(actual, form, "{file}");
        assert_eq!(contents(&frames), contents(&expected), "{file}");
        let Some(unit) = unit else { continue };
        for (frame, expected) in offsets(&frames).iter().zip(offsets(&expected)) {
            assert!((frame - expected).abs() <= unit, "{file}: {frame}, not {expected}");
        }
    }
}

#[test]
#[ignore = "needs the recordings in ../shared/data"]
fn four_forms_of_two_buses_with_can_fd_hold_the_same_frames() {
    const FOLDER: &str = "css_mdf4_converters/multiple_CAN";
    for (interface, channel) in [("can0", "1"), ("can1", "2")] {
        let (expected, _) = read(&format!("{FOLDER}.log"), Some(interface));
        assert!(expected.len() > 50, "{}", expected.len());
        #[rustfmt::skip] // a table is read by column
        let cases = [
            // The trace says its start to 9 µs, and by a whole day too early.
            ("asc",  "Vector ASC",  0,                  0),
            ("csv",  "CSV",         0,                  0),
            ("trc",  "PEAK TRC",    86_400_000_000,     9),
        ];
        for (form, name, early, tolerance) in cases {
            let (frames, actual) = read(&format!("{FOLDER}.{form}"), Some(channel));
            assert_eq!(actual, name);
            assert_eq!(contents(&frames), contents(&expected), "{form}");
            assert_eq!(offsets(&frames), offsets(&expected), "{form}");
            let late = expected[0].time.micros_since(frames[0].time) - early;
            assert!(late.abs() <= tolerance, "{form}: {late}");
        }
    }
}

#[test]
#[ignore = "needs the recordings in ../shared/data"]
fn other_recordings_are_read_whole() {
    let (frames, _) = read("kona_bms_asc/precharge_relay_on.asc", Some("0"));
    assert_eq!(frames.len(), 879);
    assert_eq!(frames[0].time.to_string(), "2023-11-08T21:21:54.0756Z");

    let (frames, _) = read("canfd_from_golden_frames.log.gz", None);
    assert_eq!(frames.len(), 433);
    assert!(frames.iter().any(|frame| frame.data().len() == 32));
}

#[test]
#[ignore = "needs the recordings in ../shared/data"]
fn a_form_that_is_not_known_is_refused_by_name() {
    let path = data("savvycan_same_log_6_formats/CarBusAnalyzer.trc.gz");
    let error = LogReader::open(&path, None).err().unwrap().to_string();

    assert!(error.contains("CarBusAnalyzer.trc.gz") && error.contains("known form"), "{error}");
}
