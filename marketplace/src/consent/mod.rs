//! Consent: what each owner permits about each vehicle, now and in the past.
//!
//! A decision is a row that is added, never changed, so that it can always be said what was
//! permitted when a batch was taken in. What a policy *means* is in [`telematics::consent`], where
//! the car reads the same code.
//!
//! Owns the table `policies`.
//!
//! **Invariant:** versions of one vehicle count from 1 without gaps; the highest is in force.
//!
//! **Not here:** refusing a batch ([`crate::ingest`]) and cutting a delivery (`delivery`), which ask.

mod decision;
mod purpose;
mod queries;
mod verbs;

pub use decision::{Decision, Groups, NotADecision, Precisions};
pub use purpose::{Purpose, Purposes, UnknownPurpose};
pub use verbs::{ConsentError, all_in_force, decide, grant, in_force, purposes, shares, sharing};
