//! Other people's tools against ours: snarkjs and the EVM.
//!
//! These tests are ignored, for they need node and the packages of `zk/peers`; its README says how
//! to install them. Then:
//!
//!     AXLE_NODE_MODULES=… cargo test -p zk --test it -- --ignored

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed, as it should"
)]

mod ceremony;
mod evm;
mod fixture;
mod golden;
mod snarkjs;
