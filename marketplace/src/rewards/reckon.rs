//! From the facts of a week to who gets what: a pure function of the published file.
//!
//! **Guarantees**, each a property test below: the shares sum to the pool, or to nothing when nobody has points; and the result depends on
//! the facts alone, not on the order in which they are given.

use std::collections::BTreeMap;

use super::facts::{Facts, Group, Peers, Pseudonym};
use super::points::{Points, points};
use super::split;
use crate::ledger::Amount;

/// What a vehicle's week earns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// What it is worth.
    pub points: Points,
    /// What it gets of the pool.
    pub amount: Amount,
}

/// How the vehicles with a connected day are spread over models and regions.
#[derive(Default)]
struct Spread {
    vehicles: u32,
    located: u32,
    models: BTreeMap<Group, u32>,
    regions: BTreeMap<Group, u32>,
}

/// Splits `pool` over the vehicles of these facts, by points; of equal remainders the smaller pseudonym goes first.
pub(super) fn reckon(
    pool: Amount,
    facts: &BTreeMap<Pseudonym, Facts>,
) -> BTreeMap<Pseudonym, Share> {
    let spread = Spread::of(facts.values());
    let points = facts.iter().map(|(name, facts)| (*name, points(facts, &spread.peers(facts))));
    let points = points.collect::<BTreeMap<_, _>>();
    let weights = points.iter().map(|(name, points)| (*name, points.total.into())).collect();
    let split = split(pool, &weights);
    let share = |(name, points)| (name, Share { points, amount: split.share(&name) });
    points.into_iter().map(share).collect()
}

impl Spread {
    fn of<'a>(facts: impl Iterator<Item = &'a Facts>) -> Self {
        let mut spread = Self::default();
        for facts in facts.filter(|facts| facts.connected_days > 0) {
            spread.vehicles += 1;
            *spread.models.entry(facts.model).or_default() += 1;
            if let Some(region) = facts.region {
                spread.located += 1;
                *spread.regions.entry(region).or_default() += 1;
            }
        }
        spread
    }

    fn peers(&self, facts: &Facts) -> Peers {
        let region = facts.region.and_then(|region| self.regions.get(&region));
        Peers {
            vehicles: self.vehicles,
            same_model: self.models.get(&facts.model).copied().unwrap_or(0),
            located: self.located,
            same_region: region.copied().unwrap_or(0),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::collection::btree_map;
    use proptest::prelude::*;

    use super::*;

    /// Facts as a market may have them.
    pub(in crate::rewards) fn arb_facts() -> impl Strategy<Value = BTreeMap<Pseudonym, Facts>> {
        let region = proptest::option::of(0..4_u8);
        let facts = (0..=7_u32, 1..=26_u32, 0..=102_u32, 0..=1_000_u32, 0..4_u8, region).prop_map(
            |(days, streak_weeks, signals, plausibility, model, region)| Facts {
                connected_days: days,
                streak_weeks: if days == 0 { 0 } else { streak_weeks },
                signals: if days == 0 { 0 } else { signals },
                plausibility,
                model: Group([model; 8]),
                region: region.map(|region| Group([region; 8])),
            },
        );
        btree_map(any::<[u8; 16]>().prop_map(Pseudonym), facts, 0..30)
    }

    fn week(rows: &[(u8, u32, u8)]) -> BTreeMap<Pseudonym, Facts> {
        let facts = |(name, days, model): &(u8, u32, u8)| {
            let facts = Facts {
                connected_days: *days,
                streak_weeks: u32::from(*days > 0),
                signals: 0,
                plausibility: 1_000,
                model: Group([*model; 8]),
                region: None,
            };
            (Pseudonym([*name; 16]), facts)
        };
        rows.iter().map(facts).collect()
    }

    #[test]
    fn a_rare_model_earns_more_and_a_still_car_nothing() {
        let facts = week(&[(1, 7, 1), (2, 7, 1), (3, 7, 2), (4, 0, 3)]);

        let shares = reckon(Amount::from_micros(1_000), &facts);

        let earned = shares.values().map(|share| (share.points.total, share.amount.micros()));
        assert_eq!(earned.collect::<Vec<_>>(), [(776, 324), (776, 324), (843, 352), (0, 0)]);
    }

    #[test]
    fn what_nobody_earned_is_not_given() {
        let facts = week(&[(1, 0, 1), (2, 0, 1)]);
        let shares = reckon(Amount::from_micros(1_000), &facts);
        assert!(shares.values().all(|share| *share == Share::default()));
        assert_eq!(reckon(Amount::from_micros(1_000), &BTreeMap::new()), BTreeMap::new());
    }

    proptest! {
        /// The shares are the pool, whoever has points.
        #[test]
        fn shares_sum_to_the_pool(pool in 0..i64::MAX, facts in arb_facts()) {
            let pool = Amount::from_micros(pool);
            let shares = reckon(pool, &facts);

            let given = Amount::sum(shares.values().map(|share| share.amount)).unwrap();
            let has_points = shares.values().any(|share| share.points.total > 0);
            prop_assert_eq!(given, if has_points { pool } else { Amount::ZERO });
            prop_assert_eq!(shares.len(), facts.len());
        }

        /// In whatever order the facts come, and as often as it is asked.
        #[test]
        fn the_order_of_facts_changes_nothing(pool in 0..i64::MAX, facts in arb_facts()) {
            let pool = Amount::from_micros(pool);
            let backwards = facts.iter().rev().map(|(name, facts)| (*name, *facts)).collect();

            prop_assert_eq!(reckon(pool, &facts), reckon(pool, &backwards));
        }

        /// Who did nothing gets nothing, and makes nobody else's model or region less scarce.
        #[test]
        fn who_did_nothing_changes_nothing(pool in 0..i64::MAX, facts in arb_facts()) {
            let pool = Amount::from_micros(pool);
            let mut active = facts.clone();
            active.retain(|_, facts| facts.connected_days > 0);

            let (all, active) = (reckon(pool, &facts), reckon(pool, &active));
            for (name, share) in all {
                let expected = active.get(&name).copied().unwrap_or_default();
                prop_assert_eq!(share, expected);
            }
        }
    }
}
