//! Tests of when a car is let alone, and what wakes the questions again.

use super::*;

#[test]
fn what_a_session_causes_itself_is_no_sign_of_life() {
    let mut drive = Drive::resting("");
    drive.run(parked, 600_000);

    assert!(drive.session.findings().answered > 100, "the car answered");
    assert_eq!(drive.signs, 0);
}

#[test]
fn a_bus_that_speaks_by_itself_is_not_asked_while_it_is_silent() {
    let mut drive = Drive::resting("");
    drive.run_loud(usual, 30);
    assert!(drive.lately(10).len() >= 16, "{:?}", drive.lately(10));

    drive.run(usual, 10_200);
    let before = drive.sent.len();
    drive.run(usual, 3_600_000);
    assert_eq!(drive.sent.len(), before, "{:?}", &drive.sent[before..]);
    assert_eq!(drive.session.next_at(drive.now), None, "no timer");

    drive.run_loud(usual, 3);
    assert!(drive.lately(2).len() >= 4, "it speaks again: {:?}", drive.lately(2));
}

#[test]
fn behind_a_gateway_a_car_is_asked_while_in_use_and_then_looked_at_once_a_minute() {
    let mut drive = Drive::resting("");
    drive.run(usual, 600_000);
    assert!(drive.lately(60).len() > 100, "it runs");
    assert!(drive.signs > 500, "an engine that turns is a sign of life");

    drive.run(parked, 121_000);
    let signs = drive.signs;
    drive.run(parked, 600_000);
    let mut looks = drive.lately(480);
    assert!((14..=18).contains(&looks.len()), "{looks:?}");
    looks.sort_unstable();
    looks.dedup();
    assert_eq!(looks, ["7DF 010c", "7DF 010d"]);
    assert_eq!(drive.signs, signs);
    let wait = drive.session.next_at(drive.now).unwrap().micros_since(drive.now);
    assert!((0..=60_000_000).contains(&wait), "{wait}");

    drive.run(usual, 65_000);
    assert!(drive.lately(4).len() >= 6, "{:?}", drive.lately(4));
}

#[test]
fn behind_a_gateway_a_car_that_sleeps_is_looked_at_once_a_minute_and_found_awake() {
    let mut drive = Drive::resting("");
    drive.run(|_| vec![], 600_000);
    let looks = drive.lately(480);
    assert!((7..=9).contains(&looks.len()), "{looks:?}");
    assert!(looks.iter().all(|text| text.ends_with(" 0100")), "{looks:?}");
    assert_eq!(drive.signs, 0);

    drive.run(usual, 130_000);
    assert!(drive.lately(4).len() >= 6, "{:?}", drive.lately(4));
}

#[test]
fn a_parked_car_that_is_kept_awake_by_looks_is_looked_at_less_and_less_often() {
    let mut drive = Drive::resting("");
    drive.run_loud(parked, 125);
    drive.run_loud(parked, 3_600);
    let early = drive.lately(3_600).len();
    assert!((8..=16).contains(&early), "{early} in an hour");

    drive.run_loud(parked, 3_600);
    assert!(drive.lately(3_600).len() <= 4, "{:?}", drive.lately(3_600));
}

#[test]
fn a_car_that_tells_no_speed_is_asked_while_its_bus_speaks() {
    let silent = |frame: &AllowedFrame| match frame.data() {
        [2, 0x01, 0x00, ..] => vec![(5, 0x7E8, "06410080000000")],
        [2, 0x01, 0x01, ..] => vec![(5, 0x7E8, "06410181000000")],
        _ => vec![],
    };
    let mut drive = Drive::resting("");
    drive.run_loud(silent, 600);
    assert!(drive.lately(120).contains(&"7DF 0101"), "{:?}", drive.lately(120));
}

#[test]
fn a_template_can_tell_that_the_car_moves() {
    let template = "[[did]]\nrequest = 0x18DA40F1\nresponse = 0x18DAF140\ndid = 0xF40D\n\
        interval_seconds = 5\n[[did.signal]]\npath = \"Vehicle.Speed\"\n\
        byte = 0\nbytes = 1\nscale = 1.0\nunit = \"km/h\"\n";
    let mut drive = Drive::resting(template);
    drive.run(
        |frame| match (frame.id(), frame.data()) {
            (CanId::Extended(0x18DA_40F1), [3, 0x22, 0xF4, 0x0D, ..]) => {
                vec![(5, 0x18DA_F140, "0462f40d37")]
            }
            _ => vec![],
        },
        600_000,
    );
    assert!(drive.signs > 50, "{}", drive.signs);
    assert!(drive.samples.iter().all(|sample| sample.signal.path() == "Vehicle.Speed"));
    assert!(drive.lately(60).contains(&"18DA40F1 22f40d"), "{:?}", drive.lately(60));
}
