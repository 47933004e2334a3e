//! Recordings of a bus, in the forms that the tools of others write.
//!
//! [`LogReader`] tells the form by its content and hands out data frames; each form is read by a
//! file of its own, which knows one line at a time and what the lines before it said.
//!
//! **Invariant:** only what another computer sent and the bus carried whole becomes a frame. Remote
//! frames and what the recorder sent itself are passed over; error frames are counted; a broken line
//! is counted, reported with its number and skipped.
//!
//! **Not here:** the pace of a replay ([`super::source`]).

mod asc;
mod busmaster;
mod columns;
mod crtd;
mod csv;
mod fields;
mod form;
mod line;
mod lines;
mod microchip;
mod peak;
mod reader;
mod screen;
#[cfg(test)]
mod tests;

pub use line::{BrokenLine, Line};
pub use reader::{LogError, LogReader};
