//! Drives of our own: an electric car that exists only as a model.
//!
//! [`simulate`] gives the CAN frames of a drive, so that everything behind the bus can be shown and
//! tested without a car, and without a recording that belongs to somebody. The car speaks
//! `vehicles/axle_ev.dbc`; `vehicles/axle_ev.map.toml` says what that means in VSS.
//!
//! **Invariant:** pure: frames are a function of the [`DriveProfile`]. No clock, no I/O, no entropy. Only
//! [`VirtualBus`] sends them, on interfaces that lead to no car.
//!
//! **Not here:** decoding ([`crate`]'s other modules treat these frames like any others).

mod battery;
mod candump;
mod cycle;
mod drive;
mod drivetrain;
mod encode;
mod layout;
mod profile;
mod route;
mod signals;
mod thermal;
mod vehicle;
mod virtual_bus;

pub use candump::write_candump;
pub use cycle::CYCLE_SECONDS;
pub use drive::SimFrame;
pub use profile::DriveProfile;
pub use virtual_bus::{VirtualBus, VirtualBusError};

use encode::Encoder;

/// What the simulated car's frames look like.
pub const DBC: &str = include_str!("../../vehicles/axle_ev.dbc");

/// What its signals are called in VSS.
pub const MAP: &str = include_str!("../../vehicles/axle_ev.map.toml");

/// The frames of the drive that `profile` describes.
pub fn simulate(profile: &DriveProfile) -> impl Iterator<Item = SimFrame> + use<> {
    drive::frames(embedded_encoder(), profile)
}

#[expect(clippy::expect_used, reason = "the DBC is part of the program; a test reads it whole")]
fn embedded_encoder() -> Encoder {
    Encoder::from_dbc(DBC).expect("the embedded DBC is well formed")
}
