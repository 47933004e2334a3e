//! Splitting an amount by weight, to the last micro-token: the method of the largest remainder.
//!
//! **Guarantees**, each a property test below:
//!
//! 1. *Exact*: shares and what is left unshared sum to the amount.
//! 2. *Fair*: a share is its exact proportion, rounded down or up to a micro-token.
//! 3. *Monotone*: in one split, more weight never earns less.
//! 4. *Nothing for nothing*: no weight, no share.
//! 5. *Decided*: the result depends on amount and weights alone; of equal remainders the smaller key
//!    goes first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::ledger::Amount;

/// Who gets what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split<K> {
    /// What each gets. Everyone who has a weight is in it.
    pub shares: BTreeMap<K, Amount>,
    /// Everything, when nobody has weight; otherwise nothing.
    pub unshared: Amount,
}

impl<K: Ord> Split<K> {
    /// What `key` gets.
    #[must_use]
    pub fn share(&self, key: &K) -> Amount {
        self.shares.get(key).copied().unwrap_or_default()
    }
}

/// Splits `amount` in proportion to `weights`. An amount that is not positive is not shared.
#[must_use]
pub fn split<K: Ord + Copy>(amount: Amount, weights: &BTreeMap<K, u64>) -> Split<K> {
    let total: u128 = weights.values().copied().map(u128::from).sum();
    let parts = u128::try_from(amount.micros()).unwrap_or(0);
    if total == 0 || parts == 0 {
        let shares = weights.keys().map(|key| (*key, Amount::ZERO)).collect();
        return Split { shares, unshared: amount };
    }

    // Below 2^63 times below 2^64: no product overflows.
    let quotas: Vec<(K, u128, u128)> = weights
        .iter()
        .map(|(key, weight)| (*key, parts * u128::from(*weight)))
        .map(|(key, product)| (key, product / total, product % total))
        .collect();
    let rounded_down: u128 = quotas.iter().map(|(_, quota, _)| quota).sum();
    // Fewer than there are keys with a remainder, so each gets at most one.
    let left_over = usize::try_from(parts - rounded_down).unwrap_or(usize::MAX);

    let mut by_remainder: Vec<(u128, K)> =
        quotas.iter().map(|(key, _, rest)| (*rest, *key)).collect();
    by_remainder.sort_by_key(|(rest, key)| (Reverse(*rest), *key));
    let mut shares: BTreeMap<K, u128> =
        quotas.iter().map(|(key, quota, _)| (*key, *quota)).collect();
    for (_, key) in by_remainder.iter().take(left_over) {
        shares.entry(*key).and_modify(|share| *share += 1);
    }
    let amount_of = |micros: u128| Amount::from_micros(i64::try_from(micros).unwrap_or(i64::MAX));
    Split {
        shares: shares.into_iter().map(|(key, micros)| (key, amount_of(micros))).collect(),
        unshared: Amount::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_map;
    use proptest::prelude::*;

    use super::*;

    fn shares(amount: i64, weights: &[u64]) -> Vec<i64> {
        let weights = (0_u8..).zip(weights.iter().copied()).collect();
        split(Amount::from_micros(amount), &weights).shares.values().map(|s| s.micros()).collect()
    }

    #[test]
    fn the_last_units_go_to_the_largest_remainders() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("even",               9,   vec![1, 1, 1],          vec![3, 3, 3]),
            ("smaller key first",  11,  vec![1, 1, 1],          vec![4, 4, 3]),
            ("by remainder",       100, vec![333, 333, 334],    vec![33, 33, 34]),
            ("weight of nothing",  7,   vec![0, 1, 0],          vec![0, 7, 0]),
            ("less than heads",    1,   vec![1, 2, 1],          vec![0, 1, 0]),
            ("everything",         i64::MAX, vec![u64::MAX, 0], vec![i64::MAX, 0]),
        ];
        for (name, amount, weights, expected) in cases {
            assert_eq!(shares(amount, &weights), expected, "{name}");
        }
    }

    #[test]
    fn without_weight_nothing_is_shared() {
        for weights in [BTreeMap::new(), BTreeMap::from([(1, 0), (2, 0)])] {
            let split = split(Amount::from_micros(5), &weights);

            assert_eq!(split.unshared, Amount::from_micros(5));
            assert!(split.shares.values().all(|share| *share == Amount::ZERO));
        }
    }

    fn arb_weights() -> impl Strategy<Value = BTreeMap<u16, u64>> {
        btree_map(any::<u16>(), prop_oneof![0..4_u64, 0..1_000_000_u64, any::<u64>()], 1..40)
    }

    proptest! {
        /// Sharing creates and loses nothing, to the last unit.
        #[test]
        fn split_is_exact(amount in 0..i64::MAX, weights in arb_weights()) {
            let split = split(Amount::from_micros(amount), &weights);

            let paid = Amount::sum(split.shares.values().copied()).unwrap();
            prop_assert_eq!(paid.checked_add(split.unshared), Some(Amount::from_micros(amount)));
        }

        /// No share is a whole unit away from its exact proportion.
        #[test]
        fn split_is_fair(amount in 0..i64::MAX, weights in arb_weights()) {
            let total: u128 = weights.values().copied().map(u128::from).sum();
            prop_assume!(total > 0);

            let split = split(Amount::from_micros(amount), &weights);
            for (key, weight) in &weights {
                let exact = u128::try_from(amount).unwrap() * u128::from(*weight);
                let share = u128::try_from(split.share(key).micros()).unwrap();
                prop_assert!(share == exact / total || share == exact.div_ceil(total));
            }
        }

        /// More weight never earns less, and no weight earns nothing.
        #[test]
        fn split_is_monotone(amount in 0..i64::MAX, weights in arb_weights()) {
            let split = split(Amount::from_micros(amount), &weights);

            for (one, light) in &weights {
                prop_assert!(*light > 0 || split.share(one) == Amount::ZERO);
                for (other, heavy) in &weights {
                    prop_assert!(light >= heavy || split.share(one) <= split.share(other));
                }
            }
        }

        /// Equal weights differ by one unit at most, and the smaller key has it.
        #[test]
        fn ties_go_to_the_smaller_key(amount in 0..i64::MAX, weight in 1..u64::MAX, heads in 1..40_u8) {
            let weights = (0..heads).map(|head| (head, weight)).collect();
            let shares: Vec<_> =
                split(Amount::from_micros(amount), &weights).shares.into_values().collect();

            prop_assert!(shares.is_sorted_by(|a, b| a >= b));
            prop_assert!(shares[0].micros() - shares[shares.len() - 1].micros() <= 1);
        }
    }
}
