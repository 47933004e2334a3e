//! Reading samples for SQL: the times and values of the right rows, and nothing else.
//!
//! The rows of a signal of a vehicle lie together in a file, as a [`runs::Run`]. Which runs a file has is read once and
//! remembered. A question picks runs by vehicle, signal and time; names are repeated from the run, never read again. Rows
//! that are grouped by vehicle or interval are added up run by run ([`AddUpRuns`]), and two signals of the same time are
//! joined by going along their runs ([`JoinRuns`]).
//!
//! **Invariant:** rows of vehicles that are not permitted are left out with their runs, before anything that a
//! caller wrote is evaluated.

mod add_up;
mod chosen;
mod columns;
mod file;
mod intervals;
mod plan;
mod runs;
mod side_by_side;

pub(super) use add_up::AddUpRuns;
pub(super) use chosen::{Chosen, Wanted};
pub(super) use columns::{name_type, names, schema};
pub(super) use file::{Indexes, SampleFile};
pub(super) use plan::SamplesExec;
pub(super) use side_by_side::JoinRuns;
