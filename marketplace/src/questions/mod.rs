//! Questions over the lake: aggregates, segments of use, what there is, and SQL.
//!
//! An answer never lags behind a receipt: what is in the archive and not in the lake yet is added
//! when a question is asked. Plans are built from expressions; no text of a caller becomes part of
//! a statement, but the statement he sends himself, which sees one table with his rows and nothing
//! else ([`sql`]).
//!
//! **Invariant:** rows of a vehicle are read for its owner or, as they were delivered, for a buyer.
//! Every question asks [`own_vehicles`] first, and runs within the limits of a [`Desk`].
//!
//! **Not here:** the last value of a signal ([`crate::archive::latest`], which never touches the
//! lake), and selling rows ([`crate::trade`]).

mod aggregate;
mod ask;
mod counted;
mod desk;
mod error;
mod interval;
mod period;
mod place;
mod read;
mod rows;
mod scan;
pub mod segments;
pub mod sql;
mod summary;
mod trips;
mod whose;
mod within;

pub use aggregate::{Aggregated, Cell, Line, aggregate};
pub use ask::{AggregateQuestion, Aggregation, Filter, Wanted};
pub use desk::Desk;
pub use error::QuestionError;
pub use interval::Interval;
pub use period::Period;
pub use place::{Point, Region};
pub use rows::Source;
pub use summary::{Seen, summarise};
pub use trips::{Segment, SegmentKind, SegmentQuestion, Tolerances, segments_of};
pub use whose::own_vehicles;
