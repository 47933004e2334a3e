//! The marketplace from outside: real TLS, real databases, a real process.

mod cars;
mod enrolment;
mod market;
mod postgres;
mod process;
mod schema;
mod storage;
mod streaming;
