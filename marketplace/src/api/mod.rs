//! The doors: for cars ([`grpc`]), and for owners, buyers and operators (REST).
//!
//! **Invariant:** no rule lives here. A handler parses, authorises by type, calls one verb and
//! renders.

pub mod auth;
pub mod grpc;
pub mod problem;
pub mod rest;
