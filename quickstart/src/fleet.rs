//! The fleet of the tour: twelve cars of invented makes, their owners' wishes, and a recording when
//! the user has one.
//!
//! **Not here:** how a car runs ([`crate::car`]).

use std::path::PathBuf;

use crate::car::{CarSpec, Drive};

/// Length of one simulated drive: the four phases of the cycle.
const DRIVE_SECONDS: u32 = 1_800;

/// Makes and models of the simulated cars.
const MODELS: [(&str, &str, u16); 4] = [
    ("Aurora", "Polar", 2024),
    ("Borealis", "Fjord", 2023),
    ("Cirrus", "Strato", 2025),
    ("Cirrus", "Nimbus", 2022),
];

/// Groups that every simulated owner shares.
const SHARED: [(&str, &str); 6] = [
    ("motion", "share"),
    ("battery", "share"),
    ("odometer", "share"),
    ("powertrain", "share"),
    ("climate", "share"),
    ("tyres", "share"),
];

/// `count` simulated cars.
#[must_use]
pub fn simulated(count: u16) -> Vec<CarSpec> {
    (1..=count)
        .zip(MODELS.iter().cycle())
        .map(|(number, model)| simulated_car(number, model))
        .collect()
}

/// Owners differ: one in three shares how he drives, one in four only proves things about it. Nobody shares where he is,
/// and everybody proves things about it: who answers is hidden among all.
fn simulated_car(number: u16, (make, model, year): &(&str, &str, u16)) -> CarSpec {
    let mut consent = SHARED.to_vec();
    if number.is_multiple_of(3) {
        consent.push(("driving", "share"));
    } else if number.is_multiple_of(4) {
        consent.push(("driving", "prove"));
    }
    consent.push(("location", "prove"));
    CarSpec {
        name: format!("car-{number:02}"),
        vehicle: [(*make).into(), (*model).into(), year.to_string(), "electric".into()],
        consent,
        drive: Drive::Simulated { seed: number.into(), seconds: DRIVE_SECONDS },
        speed: None,
    }
}

/// A car that replays a recording, and whose owner shares all but the location.
#[must_use]
pub fn recorded(vehicle: [String; 4], log: PathBuf, dbc: PathBuf, map: PathBuf) -> CarSpec {
    let mut consent = SHARED.to_vec();
    consent.extend([("driving", "share"), ("diagnostics", "share")]);
    let drive = Drive::Recorded { log, dbc, map };
    CarSpec { name: "recorded".into(), vehicle, consent, drive, speed: None }
}
