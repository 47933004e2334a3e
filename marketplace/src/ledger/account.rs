//! Accounts: whose tokens they are.
//!
//! An account needs no opening: it exists, empty, from the first time it is named.

use std::fmt;

use telematics::{BuyerId, CampaignId, OwnerId};

/// Holds tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// Where tokens come from: as far below zero as there are tokens.
    Issuance,
    /// What the market earned.
    Fees,
    /// What a buyer can spend.
    Buyer(BuyerId),
    /// What an owner earned.
    Owner(OwnerId),
    /// What is held for one order, named by its 16 bytes, until it is delivered or refunded.
    Escrow([u8; 16]),
    /// What a campaign has left to pay.
    Campaign(CampaignId),
    /// What one claim was paid: the 32 bytes of a payee, whose owner nobody knows until he sweeps it.
    Payee([u8; 32]),
    /// What a buyer put into one subscription, named by its 16 bytes, and it has not spent.
    Subscription([u8; 16]),
    /// What a data campaign, named by its 16 bytes, has left to pay.
    DataCampaign([u8; 16]),
}

impl Account {
    /// The word for this kind of account in the table.
    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Issuance => "issuance",
            Self::Fees => "fees",
            Self::Buyer(_) => "buyer",
            Self::Owner(_) => "owner",
            Self::Escrow(_) => "escrow",
            Self::Campaign(_) => "campaign",
            Self::Payee(_) => "payee",
            Self::Subscription(_) => "subscription",
            Self::DataCampaign(_) => "data-campaign",
        }
    }

    /// Whose tokens; the market's own accounts have nobody.
    pub(super) fn holder(self) -> Option<Vec<u8>> {
        match self {
            Self::Issuance | Self::Fees => None,
            Self::Buyer(buyer) => Some(buyer.to_vec()),
            Self::Owner(owner) => Some(owner.to_vec()),
            Self::Escrow(order) => Some(order.to_vec()),
            Self::Campaign(campaign) => Some(campaign.to_vec()),
            Self::Payee(payee) => Some(payee.to_vec()),
            Self::Subscription(subscription) => Some(subscription.to_vec()),
            Self::DataCampaign(campaign) => Some(campaign.to_vec()),
        }
    }

    /// The key in the table: one byte for the kind, then the holder.
    pub(super) fn key(self) -> Vec<u8> {
        let tag = match self {
            Self::Issuance => 1,
            Self::Fees => 2,
            Self::Buyer(_) => 3,
            Self::Owner(_) => 4,
            Self::Escrow(_) => 5,
            Self::Campaign(_) => 6,
            Self::Payee(_) => 7,
            Self::Subscription(_) => 8,
            Self::DataCampaign(_) => 9,
        };
        [vec![tag], self.holder().unwrap_or_default()].concat()
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issuance => f.write_str("the issuance"),
            Self::Fees => f.write_str("the market's fees"),
            Self::Buyer(buyer) => buyer.fmt(f),
            Self::Owner(owner) => owner.fmt(f),
            Self::Escrow(order) => write!(f, "the escrow of order_{}", hex::encode(order)),
            Self::Campaign(campaign) => campaign.fmt(f),
            Self::Payee(payee) => write!(f, "payee {}", hex::encode(payee)),
            Self::Subscription(id) => write!(f, "subscription_{}", hex::encode(id)),
            Self::DataCampaign(id) => write!(f, "data-campaign_{}", hex::encode(id)),
        }
    }
}
