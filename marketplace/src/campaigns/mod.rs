//! Campaigns: what buyers ask of cars, and the claims that answer.
//!
//! A buyer opens a campaign with a question; cars that can prove the answer claim it. [`admit`] decides what
//! costs no curve arithmetic, [`verify`] the rest, many claims at a time, and [`keep`] looks again inside the
//! transaction, where the campaign pays it at once. The market never learns which car claims.
//!
//! A campaign is funded when it is opened, for as many vehicles as it may pay, and gives back what is left when it has
//! closed. A claim is paid to a payee, who is nobody until the car tells whose account it stands for ([`sweep()`]).
//!
//! Owns the tables `campaigns`, `claims` and `sweeps`.
//!
//! **Invariant:** only [`verify`] makes a [`VerifiedClaim`], and only those are kept, one for each nullifier, and paid, each
//! once. A campaign never owes more than it holds.
//!
//! **Not here:** what is proven (`zk`), roots ([`crate::epochs`]).

mod audit;
mod claim;
mod error;
mod hiding;
mod queries;
mod sweep;
mod terms;
mod verbs;

pub use audit::audit;
#[cfg(test)]
pub(crate) use claim::pending_for_tests;
pub use claim::{
    Admission, Claim, Kept, PendingClaim, Submission, VerifiedClaim, admit, claims, keep, verify,
};
pub use error::{CampaignsError, ClaimRefusal};
pub use hiding::{keep_counts, recount};
pub use sweep::{Sweep, is_payee, sweep, sweeps_of};
pub use terms::Terms;
pub use verbs::{
    CAMPAIGNS_MAX, Record, campaign, campaigns, claim_count, close, create, end_overdue,
    open_campaigns,
};
