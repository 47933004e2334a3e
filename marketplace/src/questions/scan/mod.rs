//! Reading samples for SQL: the times and values of the right rows, and nothing else.
//!
//! The rows of a signal of a vehicle lie together in a file, as a [`runs::Run`]. Which runs a file has is read once and
//! remembered. A question picks runs by vehicle, signal and time, and what all rows of a run have in common goes through its
//! plan once a run, in a [`block::Block`]. Three operators take blocks, in the place of the engine's ([`GoFromRunToRun`]):
//!
//! - rows that are grouped by vehicle or interval are added up run by run ([`add_up`]);
//! - rows about vehicles are joined once a run ([`join_vehicles`]);
//! - two signals of the same time are joined by going along their runs ([`side_by_side`]).
//!
//! To all others [`SamplesExec`] and the joins hand rows.
//!
//! **Invariant:** rows of vehicles that are not permitted are left out with their runs, before anything that a
//! caller wrote is evaluated.

mod add_up;
mod block;
mod chosen;
mod columns;
mod file;
mod intervals;
mod join_vehicles;
mod joined;
mod joins;
mod pairs;
mod plan;
mod reading;
mod replace;
mod runs;
mod side_by_side;
mod stretches;
mod sums;

pub(super) use block::is_run_by_run;
pub(super) use chosen::{Chosen, Wanted};
pub(super) use columns::{name_type, names, schema};
pub(super) use file::{Indexes, SampleFile};
pub(super) use joined::Joined;
pub(super) use plan::SamplesExec;
pub(super) use replace::GoFromRunToRun;
