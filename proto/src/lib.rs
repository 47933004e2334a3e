//! The wire between car and market: the `axle.v1` protobuf services.
//!
//! [`v1`] is generated from `axle/v1/*.proto`, where every rpc lists its errors and limits.
//! [`convert`] is the only code that turns wire messages into domain types and back.
//!
//! **Invariant:** past [`convert`] nothing is re-validated: a domain type is well formed.
//!
//! **Not here:** curves and proofs (`zk`), and what an rpc does (`edge-agent`, `marketplace`).

pub mod convert;

/// Messages, clients and servers generated from the protobuf files.
#[expect(
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::as_conversions,
    clippy::pedantic,
    missing_docs,
    reason = "generated"
)]
pub mod v1 {
    tonic::include_proto!("axle.v1");
}
