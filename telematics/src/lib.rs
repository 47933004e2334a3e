//! The words that car and market share: signals, samples, consent, batches.
//!
//! Both sides depend on this crate and on nothing of each other, so a rule that must mean the same
//! in the car and in the market (what consent permits, which bytes are signed) is written here once.
//!
//! **Invariant:** no I/O, no clock and no randomness: time and entropy are arguments.
//!
//! **Not here:** protobuf (`proto`), curves and circuits (`zk`), the meaning of money
//! (`marketplace`).

pub mod batch;
pub mod campaign;
pub mod consent;
pub mod enrolment;
pub mod ids;
pub mod loss;
pub mod payload;
pub mod precision;
pub mod question;
pub mod sample;
pub mod testing;
pub mod tile;
pub mod time;
pub mod unit;
pub mod value;
pub mod vehicle;
pub mod vss;
pub mod window;

pub use batch::{BatchHash, BatchHeader, SealedBatch};
pub use campaign::{Campaign, LeavesAt, Offer};
pub use consent::{Disclosure, Policy, PolicyVersion};
pub use enrolment::{AuthorityPin, EnrolmentCode};
pub use ids::{BuyerId, CampaignId, OwnerId, VehicleId};
pub use loss::{Loss, LossReason};
pub use precision::Precision;
pub use question::{Question, Scope};
pub use sample::Sample;
pub use tile::{Place, Tile};
pub use time::Timestamp;
pub use value::Value;
pub use vehicle::{Powertrain, VehicleDescription};
pub use vss::{Signal, SignalGroup};
