//! What a campaign pays, and what moves when: pure, so that anybody can compute it again.
//!
//! **Invariant:** the market's share comes on top of what a vehicle is paid, so what a campaign promises is what a car gets.

use std::collections::BTreeMap;

use telematics::{BuyerId, CampaignId, OwnerId};
use zk::{Nullifier, Payee};

use super::CampaignsError;
use crate::ledger::{Account, Amount, Posting};
use crate::rewards::split;

/// Hundredths of a percent in a whole.
const BASIS_POINTS: u64 = 10_000;

/// What a campaign pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What each vehicle that proves it is paid.
    pub pay_per_vehicle: Amount,
    /// What the market takes for each of them.
    pub fee_per_vehicle: Amount,
    /// Vehicles that are paid at most; then the campaign closes.
    pub vehicles_max: u32,
}

impl Terms {
    /// Of a campaign that pays this much to so many vehicles, in a market that takes `fee_basis_points` hundredths of a percent
    /// of it.
    ///
    /// # Errors
    /// A campaign that pays nothing, or nobody, or more than can be paid is refused.
    pub fn new(
        pay_per_vehicle: Amount,
        vehicles_max: u32,
        fee_basis_points: u32,
    ) -> Result<Self, CampaignsError> {
        if !pay_per_vehicle.is_positive() {
            return Err(CampaignsError::PaysNothing { pay_per_vehicle });
        }
        if !(1..=Self::VEHICLES_MAX).contains(&vehicles_max) {
            return Err(CampaignsError::BadVehiclesMax { vehicles_max });
        }
        let fee_share = u64::from(fee_basis_points).min(BASIS_POINTS);
        let parts = BTreeMap::from([(true, fee_share), (false, BASIS_POINTS - fee_share)]);
        let fee_per_vehicle = split(pay_per_vehicle, &parts).share(&true);
        let terms = Self { pay_per_vehicle, fee_per_vehicle, vehicles_max };
        match terms.budget() {
            Some(_) => Ok(terms),
            None => Err(CampaignsError::TooLarge { pay_per_vehicle, vehicles_max }),
        }
    }

    /// Vehicles that a campaign can pay.
    pub const VEHICLES_MAX: u32 = 10_000_000;

    /// What one claim costs the buyer.
    #[must_use]
    pub fn price(&self) -> Option<Amount> {
        self.pay_per_vehicle.checked_add(self.fee_per_vehicle)
    }

    /// What the buyer puts into the campaign.
    #[must_use]
    pub fn budget(&self) -> Option<Amount> {
        self.price()?.checked_times(self.vehicles_max.into())
    }

    /// What `claims` of them have cost.
    #[must_use]
    pub fn spent(&self, claims: u64) -> Option<Amount> {
        self.price()?.checked_times(claims)
    }

    /// What moves when a claim is kept.
    pub(super) fn claim(&self, campaign: CampaignId, payee: Payee) -> [Posting; 3] {
        let given = self.price().and_then(Amount::checked_neg).unwrap_or_default();
        [
            Posting { account: Account::Campaign(campaign), amount: given },
            Posting { account: account(payee), amount: self.pay_per_vehicle },
            Posting { account: Account::Fees, amount: self.fee_per_vehicle },
        ]
    }
}

/// The account of a payee.
pub(super) fn account(payee: Payee) -> Account {
    Account::Payee(payee.to_bytes())
}

/// From the buyer to his campaign when it opens; back when it has closed.
pub(super) const fn funded_by(buyer: BuyerId, campaign: CampaignId) -> (Account, Account) {
    (Account::Buyer(buyer), Account::Campaign(campaign))
}

/// From a payee to its owner.
pub(super) fn swept_to(payee: Payee, owner: OwnerId) -> (Account, Account) {
    (account(payee), Account::Owner(owner))
}

/// Keys of the entries, each of which is posted once.
pub(super) fn funding_key(campaign: CampaignId) -> String {
    format!("funding/{campaign}")
}

pub(super) fn claim_key(campaign: CampaignId, nullifier: Nullifier) -> String {
    format!("claim/{campaign}/{nullifier}")
}

pub(super) fn remainder_key(campaign: CampaignId) -> String {
    format!("remainder/{campaign}")
}

pub(super) fn sweep_key(payee: Payee) -> String {
    format!("sweep/{payee}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amount(micros: i64) -> Amount {
        Amount::from_micros(micros)
    }

    #[test]
    fn the_market_takes_its_share_on_top() {
        let terms = Terms::new(amount(2_000_000), 100, 500).unwrap();

        assert_eq!(terms.fee_per_vehicle, amount(100_000));
        assert_eq!(terms.budget(), Some(amount(210_000_000)));
        assert_eq!(terms.spent(3), Some(amount(6_300_000)));
    }

    #[test]
    fn what_pays_nothing_nobody_or_too_much_is_refused() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (0,                100,                     "more than zero"),
            (-1,               100,                     "more than zero"),
            (1,                0,                       "1 to 10000000"),
            (1,                Terms::VEHICLES_MAX + 1, "1 to 10000000"),
            (i64::MAX,         1,                       "more than can be paid"),
            (i64::MAX / 1_000, 1_000,                   "more than can be paid"),
        ];
        for (pay, vehicles, expected) in cases {
            let error = Terms::new(amount(pay), vehicles, 500).unwrap_err().to_string();
            assert!(error.contains(expected), "{pay} to {vehicles}: {error}");
        }
    }

    proptest! {
        /// What a claim moves sums to zero, and all claims together cost the budget.
        #[test]
        fn nothing_is_left_when_all_are_paid(
            pay in 1..1_000_000_000_i64, vehicles in 1..1_000_u32, fee in 0..20_000_u32,
        ) {
            let terms = Terms::new(amount(pay), vehicles, fee).unwrap();
            let campaign = CampaignId::new(telematics::testing::T0, [1; 10]);
            let payee = Payee::of(&[1; 16], [2; 16]);

            let moved = terms.claim(campaign, payee).map(|posting| posting.amount);
            prop_assert_eq!(Amount::sum(moved), Some(Amount::ZERO));
            prop_assert_eq!(terms.spent(vehicles.into()), terms.budget());
            prop_assert!(terms.fee_per_vehicle <= terms.pay_per_vehicle);
        }
    }
}
