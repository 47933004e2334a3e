//! The agent against a marketplace in this process: real TLS, real files, every refusal.

mod enrolment;
mod market;
mod recordings;
mod uplink;
