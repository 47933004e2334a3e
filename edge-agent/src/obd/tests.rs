//! Sessions with cars that exist only here.

mod rest;

use std::collections::VecDeque;
use std::path::Path;

use proptest::prelude::*;
use telematics::testing::T0;
use telematics::{Sample, Timestamp};

use super::{AllowedFrame, FingerprintKey, ObdConfig, Session, Templates};
use crate::frames::{CanId, Frame};

/// What a car answers to a frame: after so many milliseconds, from whom, what.
type Car = fn(&AllowedFrame) -> Vec<(i64, u32, &'static str)>;

struct Drive {
    session: Session,
    now: Timestamp,
    /// What was sent: milliseconds since the start, and the frame as text.
    sent: Vec<(i64, String)>,
    samples: Vec<Sample>,
    under_way: VecDeque<Frame>,
    /// Frames that were signs of life.
    signs: usize,
}

fn id(number: u32) -> CanId {
    u16::try_from(number).map_or(CanId::Extended(number), CanId::Standard)
}

fn config(requests_per_second_max: u32) -> ObdConfig {
    let requests_per_second_max = requests_per_second_max.try_into().unwrap();
    ObdConfig { enabled: true, requests_per_second_max, ..ObdConfig::default() }
}

impl Drive {
    fn with(config: &ObdConfig, templates: &str) -> Self {
        let templates = Templates::parse(Path::new("car.obd.toml"), templates).unwrap();
        let session = Session::new(config, templates, FingerprintKey::new(&[1; 32]), T0);
        let (sent, samples) = (Vec::new(), Vec::new());
        Self { session, now: T0, sent, samples, under_way: VecDeque::new(), signs: 0 }
    }

    /// A car that is left alone when it is out of use for two minutes.
    fn resting(templates: &str) -> Self {
        let drive = Self::with(&config(10), templates);
        Self { session: drive.session.resting_after(120), ..drive }
    }

    /// What was asked in the last so many seconds.
    fn lately(&self, seconds: i64) -> Vec<&str> {
        let from = self.now.micros_since(T0) / 1_000 - seconds * 1_000;
        let late = self.sent.iter().filter(|(millis, _)| *millis >= from);
        late.map(|(_, text)| text.as_str()).collect()
    }

    /// A car that speaks by itself ten times a second.
    fn run_loud(&mut self, car: Car, seconds: i64) {
        for _ in 0..seconds * 10 {
            self.hear(0x123, "00");
            self.run(car, 100);
        }
    }

    fn new() -> Self {
        Self::with(&config(10), "")
    }

    fn hear(&mut self, number: u32, data: &str) {
        let frame = Frame::new(self.now, id(number), &hex::decode(data).unwrap()).unwrap();
        self.signs += usize::from(self.session.hear(&frame, |sample| self.samples.push(sample)));
    }

    fn run(&mut self, car: Car, millis: i64) {
        for _ in 0..millis / 5 {
            while self.under_way.front().is_some_and(|frame| frame.time <= self.now) {
                let frame = self.under_way.pop_front().unwrap();
                let is_sign = self.session.hear(&frame, |sample| self.samples.push(sample));
                self.signs += usize::from(is_sign);
            }
            while let Some(frame) = self.session.next(self.now) {
                let since = self.now.micros_since(T0) / 1_000;
                let data = frame.data();
                let text = match data[0] {
                    length @ 1..=7 => hex::encode(&data[1..=usize::from(length)]),
                    _ => hex::encode(&data[..3]),
                };
                self.sent.push((since, format!("{} {text}", frame.id())));
                // Other sockets of this computer hear what it sends.
                let echo = Frame::new(self.now, frame.id(), &data).unwrap();
                assert!(!self.session.hear(&echo, |_| ()), "an echo is no sign of life");
                for (after, from, data) in car(&frame) {
                    let time = self.now.plus_micros(after * 1_000);
                    let data = hex::decode(data).unwrap();
                    self.under_way.push_back(Frame::new(time, id(from), &data).unwrap());
                }
            }
            self.now = self.now.plus_micros(5_000);
        }
    }

    fn asked(&self) -> Vec<&str> {
        self.sent.iter().map(|(_, text)| text.as_str()).collect()
    }
}

/// Two computers; the engine's knows 01, 0C, 0D and 21, and has a VIN and a fault.
fn usual(frame: &AllowedFrame) -> Vec<(i64, u32, &'static str)> {
    match frame.data() {
        [2, 0x01, 0x00, ..] => vec![(5, 0x7E9, "06410000080000"), (8, 0x7E8, "06410080180001")],
        [2, 0x01, 0x20, ..] => vec![(5, 0x7E8, "06412080000000")],
        [2, 0x01, 0x01, ..] => vec![(5, 0x7E8, "06410181000000")],
        [2, 0x01, 0x0C, ..] => vec![(5, 0x7E8, "04410c1af8")],
        [2, 0x01, 0x0D, ..] => vec![(4, 0x7E9, "03410d38"), (5, 0x7E8, "03410d37")],
        [2, 0x09, 0x00, ..] => vec![(5, 0x7E8, "06490040000000")],
        [2, 0x09, 0x02, ..] => vec![(5, 0x7E8, "1014490201544d42")],
        [0x30, ..] if frame.id() == CanId::Standard(0x7E0) => {
            vec![(5, 0x7E8, "214a50374e58354e"), (10, 0x7E8, "2259303030303030")]
        }
        [1, 0x03, ..] => vec![(5, 0x7E8, "0443010301")],
        [1, 0x07, ..] => vec![(5, 0x7E8, "024700"), (6, 0x7E9, "034a7f12")],
        [1, 0x0A, ..] => vec![(5, 0x7E8, "037f0a11")],
        [3, 0x02, 0x02, ..] => vec![(5, 0x7E8, "054202000301")],
        [3, 0x02, 0x0C, ..] => vec![(5, 0x7E8, "05420c000fa0")],
        _ => vec![],
    }
}

/// The same car, parked: it answers, and neither runs nor moves.
fn parked(frame: &AllowedFrame) -> Vec<(i64, u32, &'static str)> {
    match frame.data() {
        [2, 0x01, 0x0C, ..] => vec![(5, 0x7E8, "04410c0000")],
        [2, 0x01, 0x0D, ..] => vec![(5, 0x7E8, "03410d00")],
        _ => usual(frame),
    }
}

#[test]
fn a_car_is_first_asked_what_it_knows_and_then_nothing_else() {
    let mut drive = Drive::new();
    drive.run(usual, 20_000);

    let asked = drive.asked();
    assert_eq!(asked[..2], ["7DF 0100", "7DF 0120"]);
    for text in ["0101", "010c", "010d", "0900", "0902", "03", "07", "0a", "020200", "020c00"] {
        assert!(asked.contains(&format!("7DF {text}").as_str()), "{text}: {asked:?}");
    }
    assert!(!asked.contains(&"7DF 0105") && !asked.contains(&"7DF 0121"), "{asked:?}");
    assert_eq!(
        asked.iter().filter(|text| **text == "7DF 0902").count(),
        1,
        "the VIN is asked once"
    );
    assert_eq!(asked.iter().filter(|text| **text == "7DF 0a").count(), 1, "refused for good");

    let findings = drive.session.findings();
    assert_eq!(findings.computers, 2);
    let stored: Vec<_> = findings.stored.iter().map(ToString::to_string).collect();
    assert_eq!(stored, ["P0301"]);
    assert_eq!(findings.frozen_for.unwrap().to_string(), "P0301");
    assert_eq!(findings.frozen.len(), 1, "the engine turned at 1000 a minute");
    assert!(findings.fingerprint.is_some(), "a VIN of three frames");
    assert!(asked.contains(&"7E0 300000"), "{asked:?}");
}

#[test]
fn values_come_from_the_first_computer_that_knows_them() {
    let mut drive = Drive::new();
    drive.run(usual, 5_000);

    let of = |path: &str| {
        let samples = drive.samples.iter().filter(move |sample| sample.signal.path() == path);
        samples.map(|sample| sample.value.raw()).collect::<Vec<_>>()
    };
    let speeds = of("Vehicle.OBD.Speed");
    assert!(speeds.len() >= 2 && speeds.iter().all(|speed| *speed == 5_500), "{speeds:?}");
    assert_eq!(of("Vehicle.OBD.EngineSpeed")[0], 172_600);
    assert_eq!(of("Vehicle.OBD.Status.IsMILOn"), [1]);
    assert_eq!(of("Vehicle.OBD.Status.DTCCount"), [1]);
}

#[test]
fn requests_keep_their_distance() {
    for (rate, apart) in [(10, 100), (5, 200), (1, 1_000)] {
        let mut drive = Drive::with(&config(rate), "");
        drive.run(usual, 30_000);
        let times: Vec<_> =
            drive.sent.iter().filter(|(_, text)| !text.ends_with("300000")).collect();
        assert!(times.windows(2).all(|pair| pair[1].0 - pair[0].0 >= apart), "{times:?}");
    }
}

#[test]
fn a_car_that_does_not_answer_is_asked_both_ways_and_then_once_a_minute() {
    let mut drive = Drive::new();
    drive.run(|_| vec![], 600_000);

    assert_eq!(drive.asked()[..3], ["7DF 0100", "18DB33F1 0100", "7DF 0100"]);
    assert!(drive.sent.len() <= 22, "{}", drive.sent.len());
    let late = drive.sent.iter().filter(|(millis, _)| *millis > 120_000).count();
    assert!((7..=9).contains(&late), "{late} in eight minutes");
}

#[test]
fn a_car_of_29_bits_is_asked_with_29_bits() {
    let mut drive = Drive::new();
    drive.run(
        |frame| match (frame.id(), frame.data()) {
            (CanId::Extended(0x18DB_33F1), [2, 1, 0, ..]) => {
                vec![(5, 0x18DA_F110, "06410000080000")]
            }
            (CanId::Extended(0x18DB_33F1), [2, 1, 0x0D, ..]) => vec![(5, 0x18DA_F110, "03410d37")],
            _ => vec![],
        },
        3_000,
    );
    assert_eq!(drive.asked()[..2], ["7DF 0100", "18DB33F1 0100"]);
    assert!(drive.samples.iter().all(|sample| sample.value.raw() == 5_500));
    assert!(!drive.samples.is_empty());
}

#[test]
fn a_computer_that_needs_time_gets_it() {
    let mut drive = Drive::new();
    drive.run(
        |frame| match frame.data() {
            [2, 1, 0, ..] => vec![(5, 0x7E8, "037f0178"), (3_000, 0x7E8, "06410000080000")],
            _ => vec![],
        },
        3_050,
    );
    assert_eq!(drive.asked(), ["7DF 0100"]);
    assert_eq!(drive.session.findings().computers, 1);
}

#[test]
fn a_computer_that_is_busy_is_asked_again_less_often() {
    let mut drive = Drive::new();
    drive.run(
        |frame| match frame.data() {
            [2, 1, 0, ..] => vec![(5, 0x7E8, "037f0121")],
            _ => vec![],
        },
        10_000,
    );
    assert!((4..=8).contains(&drive.sent.len()), "{:?}", drive.sent);
    assert!(drive.asked().iter().all(|text| *text == "7DF 0100"));
}

#[test]
fn nothing_is_asked_on_a_busy_bus() {
    let busy = ObdConfig { busy_frames_per_second: 50.try_into().unwrap(), ..config(10) };
    let mut drive = Drive::with(&busy, "");
    for _ in 0..600 {
        drive.hear(0x123, "00");
        drive.run(usual, 5);
    }
    assert!(drive.sent.len() <= 3, "{:?}", drive.sent);

    drive.run(usual, 30_000);
    assert!(drive.sent.len() > 50, "the bus is free again");
}

#[test]
fn another_tester_is_left_alone() {
    let mut drive = Drive::new();
    drive.run(usual, 2_000);
    let before = drive.sent.len();
    drive.hear(0x7E0, "023e000000000000");
    drive.run(usual, 9_900);
    assert_eq!(drive.sent.len(), before, "{:?}", drive.sent);

    drive.run(usual, 1_000);
    assert!(drive.sent.len() > before);
}

#[test]
fn a_frame_that_could_not_be_sent_is_sent_later() {
    let mut drive = Drive::new();
    let frame = drive.session.next(T0).unwrap();
    drive.session.unsent(T0);

    assert_eq!(drive.session.next(T0.plus_micros(150_000)), None);
    assert_eq!(drive.session.next(T0.plus_micros(200_000)), Some(frame));
    assert_eq!(drive.session.findings().requests, 1);
}

#[test]
fn a_clock_that_is_set_back_holds_nothing_up() {
    let mut drive = Drive::new();
    drive.run(usual, 5_000);
    let before = drive.sent.len();
    drive.now = T0.plus_seconds(-3_600);
    drive.under_way.clear();
    drive.run(usual, 5_000);
    assert!(drive.sent.len() > before + 5, "{:?}", &drive.sent[before..]);
}

#[test]
fn a_template_is_asked_at_its_interval_and_read() {
    let templates = "[[did]]\nrequest = 0x7A0\nresponse = 0x7A8\ndid = 0xC00B\n\
        interval_seconds = 5\n[[did.signal]]\n\
        path = \"Vehicle.Chassis.Axle.Row1.Wheel.Left.Tire.Pressure\"\n\
        byte = 4\nbytes = 1\nscale = 1.379\nunit = \"kPa\"\n\
        [[codes]]\nrequest = 0x7A0\nresponse = 0x7A8\n";
    let mut drive = Drive::with(&config(10), templates);
    drive.run(
        |frame| match (frame.id(), frame.data()) {
            (CanId::Standard(0x7A0), [3, 0x22, 0xC0, 0x0B, ..]) => {
                vec![(5, 0x7A8, "100962c00bffff00")]
            }
            (CanId::Standard(0x7A0), [0x30, ..]) => vec![(5, 0x7A8, "2100b43c00aaaaaa")],
            (CanId::Standard(0x7A0), [3, 0x19, 2, ..]) => vec![(5, 0x7A8, "0759020dc100002f")],
            _ => usual(frame),
        },
        9_000,
    );
    let asked = drive.asked();
    assert_eq!(asked.iter().filter(|text| **text == "7A0 22c00b").count(), 2);
    assert_eq!(asked.iter().filter(|text| **text == "7A0 19020d").count(), 1);
    let pressure: Vec<_> =
        drive.samples.iter().filter(|sample| sample.signal.path().ends_with("Pressure")).collect();
    assert_eq!(pressure.len(), 2);
    assert!((pressure[0].physical() - 248.2).abs() < 0.06, "{}", pressure[0].physical());
    let stored: Vec<_> = drive.session.findings().stored.iter().map(ToString::to_string).collect();
    assert_eq!(stored, ["P0301", "U0100"]);
}

proptest! {
    /// Whatever a car answers, requests keep their distance, and memory its bounds.
    #[test]
    fn no_answer_hurries_a_session(
        frames in proptest::collection::vec((0_i64..400, 0_u32..12, proptest::collection::vec(any::<u8>(), 0..9)), 0..60),
    ) {
        let mut drive = Drive::new();
        let mut requests: Vec<Timestamp> = Vec::new();
        for (millis, number, data) in frames {
            drive.now = drive.now.plus_micros(millis * 1_000);
            let number = if number < 10 { 0x7E0 + number } else { 0x18DA_F100 + number };
            let frame = Frame::new(drive.now, id(number), &data).unwrap();
            drive.session.hear(&frame, |_| ());
            for _ in 0..4 {
                if let Some(frame) = drive.session.next(drive.now) && frame.data()[0] != 0x30 {
                    requests.push(drive.now);
                }
            }
        }
        prop_assert!(requests.windows(2).all(|pair| pair[1].micros_since(pair[0]) >= 100_000));
    }
}
