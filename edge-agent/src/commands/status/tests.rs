//! Tests of both forms of the status: pictures of the screen are in `snapshots/`.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use telematics::testing::T0;

use super::*;
use crate::live::{GroupCount, LiveSignal};
use crate::progress::Counters;
use crate::status::{LastReceipt, TokensEarned};

fn driving() -> State {
    let signal = |path: &str, disclosure: &str, value, seconds: i64| LiveSignal {
        path: path.to_owned(),
        disclosure: disclosure.to_owned(),
        value,
        seen_at: T0.plus_seconds(-seconds).to_string(),
    };
    let group = |(group, disclosure, samples): (&str, &str, u64)| GroupCount {
        group: group.to_owned(),
        disclosure: disclosure.to_owned(),
        samples,
    };
    let groups = [
        ("motion", "share", 48_112),
        ("driving", "prove", 12_040),
        ("location", "keep", 1_204),
        ("odometer", "keep", 0),
        ("battery", "prove", 602),
        ("charging", "keep", 0),
        ("powertrain", "share", 9_001),
        ("climate", "share", 12),
        ("tyres", "keep", 0),
        ("diagnostics", "keep", 0),
    ];
    State {
        vehicle_id: "vehicle_0190d5a2b7c87e6f9a1b2c3d4e5f6071".to_owned(),
        certificate_expires_at: T0.plus_seconds(86_400 * 60).to_string(),
        consent_version: 4,
        connected: true,
        counters: Counters { frames_read: 120_000, frames_dropped: 3, ..Counters::default() },
        samples_acknowledged: 57_000,
        batches_pending: 2,
        bytes_pending: 4_300,
        claims_sent: 1,
        claims_paid_micro_tokens: 500_000,
        claims_swept_micro_tokens: 200_000,
        tokens_earned: Some(TokensEarned {
            micro_tokens: 12_345_678,
            as_of: T0.plus_seconds(-300).to_string(),
        }),
        last_receipt: Some(LastReceipt { batches: 31, at: T0.plus_seconds(-4).to_string() }),
        live: vec![
            signal("Vehicle.Speed", "share", Some(87.4), 0),
            signal("Vehicle.Chassis.SteeringWheel.Angle", "prove", None, 0),
            signal("Vehicle.CurrentLocation.Latitude", "keep", None, 75),
            signal("Vehicle.Exterior.AirTemperature", "share", Some(-3.5), 7_300),
        ],
        groups: groups.map(group).into(),
        updated_at: T0.to_string(),
        ..State::default()
    }
}

/// The screen of 100 by 24 characters.
fn picture(status: &State, now: Timestamp) -> String {
    let mut terminal = Terminal::new(TestBackend::new(100, 24)).unwrap();
    terminal.draw(|frame| screen::draw(frame, status, now)).unwrap();
    terminal.backend().to_string()
}

#[test]
fn the_screen_of_a_car_that_drives() {
    insta::assert_snapshot!(picture(&driving(), T0));
}

#[test]
fn the_screen_of_a_car_that_is_paused() {
    let status = State {
        paused_since: Some(T0.plus_seconds(-600).to_string()),
        live: Vec::new(),
        ..driving()
    };
    insta::assert_snapshot!(picture(&status, T0));
}

#[test]
fn the_screen_of_an_agent_that_died_without_network() {
    let status = State {
        connected: false,
        last_error: Some("cannot reach https://market.example:7443: no route".to_owned()),
        last_receipt: None,
        tokens_earned: None,
        ..driving()
    };
    insta::assert_snapshot!(picture(&status, T0.plus_seconds(3_700)));
}

#[test]
fn a_small_screen_shows_what_fits_and_says_that_there_is_more() {
    let mut status = driving();
    status.live = std::iter::repeat_n(status.live[0].clone(), 40).collect();
    let mut terminal = Terminal::new(TestBackend::new(80, 10)).unwrap();
    terminal.draw(|frame| screen::draw(frame, &status, T0)).unwrap();

    assert!(terminal.backend().to_string().contains("34 more"), "{}", terminal.backend());
    let mut tiny = Terminal::new(TestBackend::new(3, 2)).unwrap();
    tiny.draw(|frame| screen::draw(frame, &status, T0)).unwrap();
}

#[test]
fn q_escape_and_control_c_quit() {
    let press = |code, modifiers| Event::Key(KeyEvent::new(code, modifiers));
    for code in [KeyCode::Char('q'), KeyCode::Esc] {
        assert!(screen::is_quit(&press(code, KeyModifiers::NONE)));
    }
    assert!(screen::is_quit(&press(KeyCode::Char('c'), KeyModifiers::CONTROL)));
    assert!(!screen::is_quit(&press(KeyCode::Char('c'), KeyModifiers::NONE)));
    assert!(!screen::is_quit(&Event::FocusGained));
}

#[test]
fn the_text_of_a_car_that_drives() {
    let mut out = Vec::new();
    plain::print(&driving(), T0, &mut out).unwrap();

    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn ages_are_told_in_words() {
    #[rustfmt::skip] // a table is read by column
    let cases = [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (7_200, "2 h"), (180_000, "2 days")];
    for (seconds, expected) in cases {
        assert_eq!(age(&T0.to_string(), T0.plus_seconds(seconds)), expected);
    }
    assert_eq!(age("", T0), "never");
}

#[test]
fn a_status_is_shown_to_people_and_to_programs() {
    let folder = tempfile::tempdir().unwrap();
    let earned = TokensEarned { micro_tokens: 7, as_of: T0.to_string() };
    let tokens_earned = Some(earned);
    let written = State { samples_acknowledged: 4_711, tokens_earned, ..State::default() };
    status::write(&written, folder.path()).unwrap();
    let show = |json| {
        let mut out = Vec::new();
        let command = Status { json, once: true, data_dir: folder.path().to_owned() };
        command.run(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    };

    assert!(show(false).contains("samples acknowledged  4711\n"), "{}", show(false));
    assert!(show(false).contains("tokens earned         0.000007 ("), "{}", show(false));
    let told: serde_json::Value = serde_json::from_str(&show(true)).unwrap();
    assert_eq!(told["tokens_earned"]["micro_tokens"], 7);
    assert_eq!(serde_json::from_str::<State>(&show(true)).unwrap(), written);
}
