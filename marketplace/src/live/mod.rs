//! Live streams: samples go to a buyer as they are accepted, and he pays for each, up to a cap.
//!
//! A buyer opens a stream of a dataset, or of some of its signals, for some hours. The cap is reserved on his account; rows are
//! metered before they are sent ([`charge()`]), and never beyond the cap. When the stream is closed or over, what its rows cost is
//! given to the owners and the market, and the rest is free again ([`settle()`]).
//!
//! Owns the tables `live_streams` and `live_rows`.
//!
//! **Invariant:** a row that is sent was metered and is on disk as metered; one that is sent again, because a program came back with an
//! older cursor, costs nothing. Nothing is sent of a vehicle that does not share it now for the purpose of the stream.
//!
//! **Not here:** how samples get to a program (`api::grpc::live`), and what a row costs ([`crate::trade`]).

mod audience;
mod audit;
mod charge;
mod error;
mod queries;
mod settle;
mod verbs;

pub use audience::{Audience, audience};
pub use audit::audit;
pub use charge::{Rows, charge};
pub use error::LiveError;
pub use settle::{close, overdue, settle};
pub use verbs::{
    Earned, HOURS_MAX, LiveStream, LiveStreamId, Wish, earned_by, earned_of, open, opened, streams,
};
