//! The marketplace from outside: real TLS, real databases, a real process, the real router.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed, as it should"
)]

mod cars;
mod claims;
mod claims_paid;
mod crashes;
mod crashes_sale;
mod data_campaigns;
mod earnings;
mod engine;
mod enrolment;
mod epochs;
mod erasure;
mod export;
mod lake;
mod lake_support;
mod listing;
mod live;
mod market;
mod market_access;
mod market_audit;
mod market_changes;
mod market_purchase;
mod market_refusals;
mod market_support;
mod owner;
mod payloads;
mod postgres;
mod precision;
mod private_listings;
mod process;
mod profiles;
mod proving;
mod quality;
mod questions;
mod questions_hostile;
mod questions_own;
mod questions_sql;
mod questions_support;
mod retention;
mod rewards;
mod rewards_refusals;
mod s3;
mod s3_server;
mod schema;
mod schemas;
mod search;
mod storage;
mod streaming;
mod subscriptions;
mod two_markets;
mod volumes;
mod writers;
