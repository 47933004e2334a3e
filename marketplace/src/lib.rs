//! The marketplace: takes in what cars share, sells it to buyers, and pays the owners.
//!
//! A module imports modules of lower rank only (the ranks are in ARCHITECTURE.md, and a test checks
//! them). A table has one owner module; the others call a verb of the owner. Verbs are synchronous
//! and are given `now`, randomness and ids; the transport opens the transaction.

pub mod answers;
pub mod api;
pub mod app;
pub mod archive;
pub mod audit;
pub mod campaigns;
pub mod catalog;
pub mod clock;
pub mod commands;
pub mod config;
pub mod consent;
pub mod data_campaigns;
pub mod db;
pub mod delivery;
#[cfg(test)]
#[path = "../tests/it/engine.rs"]
mod engine;
pub mod epochs;
pub mod erasure;
pub mod failpoint;
pub mod files;
pub mod identity;
pub mod ingest;
pub mod jobs;
pub mod keys;
pub mod lake;
pub mod ledger;
pub mod live;
pub mod progress;
pub mod questions;
pub mod rewards;
mod schema;
pub mod subscriptions;
pub mod trade;
