//! The marketplace from outside: real TLS, real databases, a real process, the real router.

mod cars;
mod enrolment;
mod market;
mod market_access;
mod market_purchase;
mod market_refusals;
mod market_support;
mod postgres;
mod process;
mod schema;
mod storage;
mod streaming;
