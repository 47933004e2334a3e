//! Data campaigns: a buyer pays cars for beginning to share what they do not share yet.
//!
//! A campaign is about a dataset, a public one or a listing of the buyer's own. Each vehicle that shares all of its signals for the
//! purpose of the campaign, and lets all of them come in with news on so many days since it opened, is paid once. What it
//! brought is then sold like everything in the dataset: the campaign pays for the collecting, not for the rows.
//!
//! A campaign is funded when it opens, for as many vehicles as it may pay, and gives back what is left when it has closed.
//!
//! Owns the tables `data_campaigns`, `data_campaign_days` and `data_campaign_pays`.
//!
//! **Invariant:** a campaign never owes more than it holds, and pays a vehicle once. A day counts that the archive noted, of
//! a vehicle that shared everything when the day was looked at.
//!
//! **Not here:** campaigns that ask for proofs of what is not shared ([`crate::campaigns`]).

mod audit;
mod collect;
mod error;
mod queries;
mod verbs;

pub use audit::audit;
pub use collect::{collect, collecting, forget};
pub use error::DataCampaignsError;
pub use verbs::{
    DATA_CAMPAIGNS_MAX, DataCampaign, DataCampaignId, Offer, Standing, Wish, close, data_campaign,
    data_campaigns, earned_by, offers, open, standing,
};
