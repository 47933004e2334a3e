//! How many tokens a week has to give: less in each year of 52 weeks.
//!
//! **Guarantees**, each a property test below: no week has more than the one before, and if there is a decay at all, all weeks together
//! give no more than `52 * 10000 / decay` first weeks.

use crate::config::Rules;
use crate::ledger::Amount;

/// Weeks in a year of the pool.
const WEEKS_PER_YEAR: u32 = 52;
/// Hundredths of a percent in one.
const BASIS_POINTS: u32 = 10_000;
const TOKEN: Amount = Amount::from_micros(1_000_000);

/// What the pools of all weeks follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolRules {
    /// In each week of the first year.
    pub first: Amount,
    /// By how much less it is in each year than in the one before, in hundredths of a percent; at most 10,000.
    pub decay_basis_points: u32,
}

impl PoolRules {
    /// What the market's settings say; none when it gives no rewards.
    #[must_use]
    pub fn of(rules: &Rules) -> Option<Self> {
        let first = TOKEN.checked_times(rules.reward_pool_tokens_per_week.into())?;
        let decay_basis_points = rules.reward_decay_basis_points_per_year.min(BASIS_POINTS);
        first.is_positive().then_some(Self { first, decay_basis_points })
    }

    /// What week `number` has to give. Each year is what the one before was, less the decay, rounded down to a micro-token.
    #[must_use]
    pub fn pool_of(self, number: u32) -> Amount {
        let kept = i128::from(BASIS_POINTS.saturating_sub(self.decay_basis_points));
        let mut pool = i128::from(self.first.micros().max(0));
        if self.decay_basis_points > 0 {
            for _ in 0..number.saturating_sub(1) / WEEKS_PER_YEAR {
                pool = pool * kept / i128::from(BASIS_POINTS);
                if pool == 0 {
                    break;
                }
            }
        }
        Amount::from_micros(i64::try_from(pool).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules(first: i64, decay_basis_points: u32) -> PoolRules {
        PoolRules { first: Amount::from_micros(first), decay_basis_points }
    }

    #[test]
    fn a_pool_is_less_from_year_to_year() {
        let rules = rules(10_000_000_000, 1_500);
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (1,   "10000.000000"),
            (52,  "10000.000000"),
            (53,  "8500.000000"),
            (104, "8500.000000"),
            (105, "7225.000000"),
            (157, "6141.250000"),
            (521, "1968.744041"),
        ];
        for (week, pool) in cases {
            assert_eq!(rules.pool_of(week).to_string(), pool, "week {week}");
        }
        assert_eq!(rules.pool_of(u32::MAX), Amount::ZERO);
    }

    #[test]
    fn a_market_can_give_nothing_or_always_the_same() {
        let settings = Rules { reward_pool_tokens_per_week: 0, ..Rules::default() };
        assert_eq!(PoolRules::of(&settings), None);
        assert_eq!(rules(7, 0).pool_of(u32::MAX), Amount::from_micros(7));
        assert_eq!(rules(7, 10_000).pool_of(53), Amount::ZERO);
    }

    proptest! {
        /// No week has more than the one before.
        #[test]
        fn pools_never_grow(first in 0..i64::MAX, decay in 0..=10_000_u32, week in 1..5_000_u32) {
            let rules = rules(first, decay);
            prop_assert!(rules.pool_of(week + 1) <= rules.pool_of(week));
            prop_assert!(rules.pool_of(week) <= rules.first);
        }

        /// All that will ever be given is bounded.
        #[test]
        fn all_pools_together_are_bounded(first in 0..i64::MAX, decay in 1..=10_000_u32) {
            let rules = rules(first, decay);
            let years = (0..400_u32).map(|year| rules.pool_of(1 + year * WEEKS_PER_YEAR));
            let given: i128 = years.map(|pool| i128::from(pool.micros()) * 52).sum();
            prop_assert!(given <= i128::from(first) * 52 * 10_000 / i128::from(decay));
        }
    }
}
