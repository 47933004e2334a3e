//! Tests of the whole: real processes, real files, real network doors.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed, as it should"
)]

mod bought;
mod journey;
mod precision;
mod proving;
mod recording;
mod scene;
mod survival;
mod tidy;
mod tour;
