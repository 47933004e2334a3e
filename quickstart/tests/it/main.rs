//! Tests of the whole: real processes, real files, real network doors.

mod bought;
mod journey;
mod recording;
mod scene;
mod survival;
mod tidy;
mod tour;
