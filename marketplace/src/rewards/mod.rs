//! Rewards, and how revenue is shared.
//!
//! Each week has a pool of new tokens, which goes to whoever shared by points: for days, weeks in a row, signals that change, plausibility
//! and scarcity. [`close()`] fixes the facts of a week and publishes them under pseudonyms, [`vest()`] pays it seven days later.
//!
//! Owns the tables `reward_weeks`, `reward_facts` and `reward_shares`.
//!
//! **Invariant:** a week is closed once and paid once. Its shares follow from its published file ([`Publication`]) by a pure function in
//! integers, which anybody can compute ([`verify`]); what nobody earned, or who earned it lost, is not given to anybody.
//!
//! **Not here:** what an order is ([`crate::trade`] gives an amount and weights), what vehicles did ([`crate::archive`] notes it) and
//! where tokens are kept ([`crate::ledger`]).

mod audit;
mod close;
mod error;
mod facts;
mod gather;
mod points;
mod pool;
mod publication;
mod queries;
mod read;
mod reckon;
mod split;
mod vest;
mod week;

pub use audit::audit;
pub use close::{ClosedWeek, Earned, close, due, forget, forget_days};
pub use error::RewardsError;
pub use facts::{Facts, Group, Pseudonym, Salt};
pub use points::{FORMULA, POINTS_MAX, Points, RULES_VERSION};
pub use pool::PoolRules;
pub use publication::{NotAPublication, Publication, Verified, verify};
pub use read::{OwnShare, publication, shares_of, weeks};
pub use reckon::Share;
pub use split::{Split, split};
pub use vest::{vest, vesting};
pub use week::{VESTS_AFTER_DAYS, Week};
