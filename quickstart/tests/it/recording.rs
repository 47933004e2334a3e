//! A real recording, from candump to the buyer's Parquet file, against somebody else's decode of it.
//!
//! The independent decode gives the wheel speeds in metres per second, and as the car's speed the mean
//! of the four. The file has kilometres per hour at two decimals, which is what the car itself sends, so
//! only the division by 3.6 lies between the two.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use quickstart::car::{CarSpec, Drive};

use crate::bought::{self, Row};
use crate::scene::{NOW, Scene, arrive};

const WHEELS: [(&str, &str); 4] = [
    ("wheel_speed_FL", "Vehicle.Chassis.Axle.Row1.Wheel.Left.Speed"),
    ("wheel_speed_FR", "Vehicle.Chassis.Axle.Row1.Wheel.Right.Speed"),
    ("wheel_speed_RL", "Vehicle.Chassis.Axle.Row2.Wheel.Left.Speed"),
    ("wheel_speed_RR", "Vehicle.Chassis.Axle.Row2.Wheel.Right.Speed"),
];
/// Kilometres per hour; the files agree to the last bits of a float.
const TOLERANCE: f64 = 1e-9;

/// When the recording begins, in its own microseconds.
const FIRST_FRAME: i64 = 46_408_584_930;
/// Frames of the message `SPEED`, by the golden statistics of the recording.
const SPEED_FRAMES: usize = 2_487;

/// Time in microseconds and value of each measurement, by quantity.
type Decode = BTreeMap<String, Vec<(i64, f64)>>;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the recordings in ../shared/data"]
async fn speeds_that_reach_the_buyer_equal_an_independent_decode() {
    let scene = Scene::set().await;
    let mut car = scene.car(toyota()).await;
    scene.start(&mut car);
    arrive(&mut car).await;

    let buyer = scene.buyer().await;
    let dataset = buyer.find("speed").await.unwrap();
    let order = buyer.buy(&dataset).await.unwrap();
    let rows = bought::rows(&buyer, &order, scene.folder.path()).await;

    let truth = independent_decode();
    let mut means = vec![0.0; truth["speed"].len()];
    for (quantity, signal) in WHEELS {
        let wheel: Vec<&Row> = rows.iter().filter(|row| row.signal == signal).collect();
        compare(&wheel, &truth[quantity]);
        for (mean, row) in means.iter_mut().zip(wheel) {
            *mean += row.value / 4.0;
        }
    }
    for (mean, (_, speed)) in means.iter().zip(&truth["speed"]) {
        assert!((mean - speed * 3.6).abs() < TOLERANCE, "{mean} km/h, expected {speed} m/s");
    }

    let checked = cantools_decode("SPEED", "SPEED");
    let speed = rows.iter().filter(|row| row.signal == "Vehicle.Speed");
    assert_eq!(speed.clone().count(), SPEED_FRAMES);
    let speed: Vec<&Row> =
        speed.filter(|row| checked.iter().any(|(time, _)| at(*time) == row.time)).collect();
    compare(&speed, &checked);
}

/// When the replay says that a frame of the recording was.
fn at(recorded: i64) -> i64 {
    NOW.plus_seconds(-600).as_micros() + recorded - FIRST_FRAME
}

/// Same number, same times to the microsecond, same values.
fn compare(bought: &[&Row], truth: &[(i64, f64)]) {
    assert_eq!(bought.len(), truth.len());
    for (row, (time, metres_per_second)) in bought.iter().zip(truth) {
        assert_eq!(row.unit, "km/h");
        assert_eq!(row.time, at(*time), "{row:?}");
        let expected = metres_per_second * 3.6;
        assert!((row.value - expected).abs() < TOLERANCE, "{row:?}, expected {expected}");
    }
}

fn toyota() -> CarSpec {
    let maps = Path::new(env!("CARGO_MANIFEST_DIR")).join("../edge-agent/vehicles");
    CarSpec {
        name: "toyota".to_owned(),
        vehicle: ["Toyota", "RAV4", "2017", "hybrid"].map(str::to_owned),
        consent: vec![("motion", "share")],
        drive: Drive::Recorded {
            log: shared("logs/toyota_rav4_2017_comma2k19.log.gz"),
            dbc: shared("dbc/opendbc/toyota_new_mc_pt_generated.dbc"),
            map: maps.join("toyota_rav4_2017.map.toml"),
        },
        speed: None,
    }
}

fn independent_decode() -> Decode {
    let mut decode = Decode::new();
    for row in csv_rows("golden/logs/toyota_rav4_comma_independent_truth.csv.gz") {
        let measurement = (micros(&row[0]), row[2].parse().unwrap());
        decode.entry(row[1].to_owned()).or_default().push(measurement);
    }
    decode
}

/// One signal of the decode by cantools, which keeps every seventh frame after the first 20,000, in
/// metres per second.
fn cantools_decode(message: &str, signal: &str) -> Vec<(i64, f64)> {
    csv_rows("golden/logs/toyota_rav4_2017_comma2k19.csv.gz")
        .into_iter()
        .filter(|row| &row[3] == message && &row[4] == signal)
        .map(|row| (micros(&row[1]), row[6].parse::<f64>().unwrap() / 3.6))
        .collect()
}

fn csv_rows(file: &str) -> Vec<csv::StringRecord> {
    let file = File::open(shared(file)).unwrap();
    csv::Reader::from_reader(GzDecoder::new(file)).into_records().map(Result::unwrap).collect()
}

/// Seconds with up to six decimals, exactly.
fn micros(seconds: &str) -> i64 {
    let (whole, decimals) = seconds.split_once('.').unwrap();
    format!("{whole}{decimals:0<6}").parse().unwrap()
}

fn shared(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(file)
}
