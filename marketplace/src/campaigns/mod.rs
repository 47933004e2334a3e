//! Campaigns: what buyers ask of cars, and the claims that answer.
//!
//! A buyer opens a campaign with a question; cars that can prove the answer claim it. [`admit`] decides what
//! costs no curve arithmetic, [`verify`] the rest, many claims at a time, and [`keep`] looks again inside the
//! transaction. The market never learns which car claims.
//!
//! Owns the tables `campaigns` and `claims`.
//!
//! **Invariant:** only [`verify`] makes a [`VerifiedClaim`], and only those are kept, one for each nullifier.
//!
//! **Not here:** what is proven (`zk`), roots ([`crate::epochs`]), and what a claim is paid.

mod claim;
mod error;
mod queries;
mod verbs;

#[cfg(test)]
pub(crate) use claim::pending_for_tests;
pub use claim::{
    Admission, Claim, Kept, PendingClaim, Submission, VerifiedClaim, admit, claims, keep, verify,
};
pub use error::{CampaignsError, ClaimRefusal};
pub use verbs::{
    CAMPAIGNS_MAX, Record, campaign, campaigns, claim_count, close, create, open_campaigns,
};
