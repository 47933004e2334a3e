//! Other people's tools against ours: snarkjs and the EVM.
//!
//! These tests are ignored, for they need node and the packages of `zk/peers`; its README says how
//! to install them. Then:
//!
//!     AXLE_NODE_MODULES=… cargo test -p zk --test it -- --ignored

mod ceremony;
mod evm;
mod fixture;
mod snarkjs;
