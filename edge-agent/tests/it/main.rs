//! The agent against a marketplace in this process: real TLS, real files, every refusal.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test's helpers may fail the test"
)]

mod car;
mod claims;
mod doors;
mod earnings;
mod enrolment;
mod hostile;
mod logs;
mod market;
mod measure;
mod obd;
mod pause;
mod precision;
mod proofs;
mod recordings;
mod transports;
mod uplink;
mod vcan;
mod wire;
