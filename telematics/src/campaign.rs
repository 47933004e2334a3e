//! Campaigns: what a buyer asks of cars, as cars see it.
//!
//! **Not here:** how it is funded and paid (`marketplace`), how an answer is proven (`zk`).

use crate::ids::CampaignId;
use crate::question::{Question, Scope};
use crate::time::Timestamp;

/// A buyer's request for proofs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// Names it.
    pub id: CampaignId,
    /// What the buyer calls it.
    pub title: String,
    /// Which cars and days it is about.
    pub scope: Scope,
    /// What it asks.
    pub question: Question,
    /// No claim is taken from then on.
    pub closes_at: Timestamp,
}

impl Campaign {
    /// Characters that a title may have.
    pub const TITLE_CHARS_MAX: usize = 200;
}

/// A campaign as cars are offered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What is asked.
    pub campaign: Campaign,
    /// What each vehicle that proves it is paid, in micro-tokens.
    pub pay_micro_tokens: u64,
    /// Vehicles of the class that committed to anything on these days, as last counted: whoever answers is hidden among them.
    /// [`Self::VEHICLES_COUNTED_MAX`] stands for that many or more.
    pub vehicles_in_scope: u32,
}

impl Offer {
    /// Vehicles that are counted at most.
    pub const VEHICLES_COUNTED_MAX: u32 = 1_000;
}

/// Where leaves are: in which epoch's tree, at which position, and the day in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeavesAt {
    /// Counted from 0.
    pub epoch: u32,
    /// Of the first leaf.
    pub position: u32,
    /// UTC day, counted from 1970-01-01.
    pub day: u16,
}
