//! The price rule: what rows cost, from what the market knows when it quotes. [`PRICE_FORMULA`] says it in words.
//!
//! **Guarantees**, each a property test below: the price is between 0.25 and 2.25 times rows x base price (less than a
//! micro-token more or less); more rows, buyers or plausibility never make it lower; more vehicles or older rows never make it
//! higher. It depends on nothing but the inputs, which a quote keeps: so anybody can compute it again.
//!
//! **Invariant:** a published version never changes. What is decided anew gets the next number.

use serde::{Deserialize, Serialize};

use crate::ledger::Amount;

/// The number of the rule below.
pub const PRICE_RULE: u32 = 1;

/// The rule as it is published.
pub const PRICE_FORMULA: [&str; 6] = [
    "price = rows * base_micro_tokens * demand * scarcity * freshness * verification, rounded to the nearest micro-token; \
     factors are per mille, and each is rounded down by itself",
    "demand = 1000 + min(50 * buyers, 500), of the buyers of this dataset within 30 days",
    "scarcity = 1000 + min(500 * vehicles_min / vehicles, 500)",
    "freshness = 1000 - 500 * min(whole days of age_seconds, 365) / 365, the age of the newest row; the fraction is rounded down",
    "verification = 500 + 500 * score_per_mille / 1000, the plausibility of the dataset; 0 when nothing was scored",
    "so a price is between a quarter and nine quarters of rows * base_micro_tokens",
];

/// What a factor of one is written as: factors are per mille.
const ONE: u64 = 1_000;
/// What a buyer adds to the demand.
const PER_BUYER: u64 = 50;
/// What demand and scarcity add at most.
const ADDED_MAX: u64 = 500;
/// What age and doubt take away at most.
const TAKEN_MAX: u64 = 500;
/// Days of which demand counts buyers.
pub(super) const DEMAND_DAYS: u32 = 30;
const SECONDS_PER_DAY: u64 = 86_400;
/// Rows older than this are of the least freshness.
const OLD_DAYS: u64 = 365;

/// What a price follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceInputs {
    /// The version of the rule.
    pub rule: u32,
    /// Rows that are sold.
    pub rows: u64,
    /// What one of them costs when all factors are one, in micro-tokens.
    pub base_micro_tokens: u64,
    /// Buyers of the dataset within [`DEMAND_DAYS`].
    pub buyers: u64,
    /// Vehicles whose rows these are.
    pub vehicles: u64,
    /// The least that a sale needs.
    pub vehicles_min: u64,
    /// Age of the newest row.
    pub age_seconds: u64,
    /// Plausibility of the dataset, per mille; 0 when nothing of it was scored.
    pub score_per_mille: u64,
}

/// What the price is multiplied with, per mille.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Factors {
    /// More for what others want.
    pub demand: u64,
    /// More for what few have.
    pub scarcity: u64,
    /// Less for what is old.
    pub freshness: u64,
    /// Less for what is in doubt.
    pub verification: u64,
}

impl PriceInputs {
    /// The factors, each at least [`TAKEN_MAX`] and at most one and [`ADDED_MAX`].
    #[must_use]
    pub fn factors(&self) -> Factors {
        let scarce = ADDED_MAX.saturating_mul(self.vehicles_min) / self.vehicles.max(1);
        let days = (self.age_seconds / SECONDS_PER_DAY).min(OLD_DAYS);
        Factors {
            demand: ONE + self.buyers.saturating_mul(PER_BUYER).min(ADDED_MAX),
            scarcity: ONE + scarce.min(ADDED_MAX),
            freshness: ONE - TAKEN_MAX * days / OLD_DAYS,
            verification: ONE - TAKEN_MAX + (ONE - TAKEN_MAX) * self.score_per_mille.min(ONE) / ONE,
        }
    }

    /// As it is kept.
    #[must_use]
    pub(super) fn to_json(self) -> String {
        serde_json::to_string(&self).unwrap_or_default()
    }

    /// Reads what [`Self::to_json`] wrote.
    pub(super) fn of_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The price, rounded to the nearest micro-token, half up; `None` when it is more than an amount can hold.
    #[must_use]
    pub fn price(&self) -> Option<Amount> {
        let Factors { demand, scarcity, freshness, verification } = self.factors();
        let whole = u128::from(self.rows).checked_mul(u128::from(self.base_micro_tokens))?;
        let factors = [demand, scarcity, freshness, verification].map(u128::from);
        let product = factors.into_iter().try_fold(whole, u128::checked_mul)?;
        let unit = u128::from(ONE).pow(4);
        let rounded = product.checked_add(unit / 2)? / unit;
        i64::try_from(rounded).ok().map(Amount::from_micros)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USUAL: PriceInputs = PriceInputs {
        rule: PRICE_RULE,
        rows: 1_000,
        base_micro_tokens: 200,
        buyers: 0,
        vehicles: 100,
        vehicles_min: 10,
        age_seconds: 0,
        score_per_mille: 1_000,
    };

    fn micros(inputs: PriceInputs) -> i64 {
        inputs.price().unwrap().micros()
    }

    #[test]
    fn each_factor_does_what_the_rule_says() {
        let day = SECONDS_PER_DAY;
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("usual",                      USUAL,                                                  210_000),
            ("three buyers",               PriceInputs { buyers: 3, ..USUAL },                     241_500),
            ("a hundred buyers",           PriceInputs { buyers: 100, ..USUAL },                   315_000),
            ("as few as may be",           PriceInputs { vehicles: 10, ..USUAL },                  300_000),
            ("a whole fleet",              PriceInputs { vehicles: 1_000_000, ..USUAL },           200_000),
            ("of yesterday",               PriceInputs { age_seconds: day - 1, ..USUAL },          210_000),
            ("of last year",               PriceInputs { age_seconds: 365 * day, ..USUAL },        105_000),
            ("of long ago",                PriceInputs { age_seconds: u64::MAX, ..USUAL },         105_000),
            ("in doubt",                   PriceInputs { score_per_mille: 0, ..USUAL },            105_000),
            ("half in doubt",              PriceInputs { score_per_mille: 500, ..USUAL },          157_500),
            ("half a micro-token is one",  PriceInputs { rows: 1, base_micro_tokens: 1, vehicles: 10, score_per_mille: 0, ..USUAL }, 1),
            ("nothing for nothing",        PriceInputs { rows: 0, ..USUAL },                       0),
        ];
        for (name, inputs, expected) in cases {
            assert_eq!(micros(inputs), expected, "{name}");
        }
    }

    #[test]
    fn what_is_too_much_has_no_price() {
        for rows in [u64::MAX, i64::MAX.unsigned_abs() / 200] {
            assert_eq!(PriceInputs { rows, ..USUAL }.price(), None);
        }
    }

    fn arb_inputs() -> impl Strategy<Value = PriceInputs> {
        let few = 0..2_000_u64;
        let many = 0..1_000_000_000_u64;
        (many.clone(), 1..1_000_u64, few.clone(), 1..5_000_u64, 1..50_u64, many, 0..1_001_u64)
            .prop_map(
                |(
                    rows,
                    base_micro_tokens,
                    buyers,
                    vehicles,
                    vehicles_min,
                    age_seconds,
                    score_per_mille,
                )| PriceInputs {
                    rule: PRICE_RULE,
                    rows,
                    base_micro_tokens,
                    buyers,
                    vehicles,
                    vehicles_min,
                    age_seconds,
                    score_per_mille,
                },
            )
    }

    proptest! {
        /// Never less than a quarter, never more than two and a quarter times the base price.
        #[test]
        fn a_price_stays_within_its_bounds(inputs in arb_inputs()) {
            let whole = i64::try_from(inputs.rows * inputs.base_micro_tokens).unwrap();
            let price = micros(inputs);

            prop_assert!(price >= whole / 4 && price <= (whole * 9).div_euclid(4) + 1, "{price} of {whole}");
        }

        /// What a buyer wants more of never costs less, and what he wants less of never costs more.
        #[test]
        fn a_price_is_monotone_in_each_input(inputs in arb_inputs(), more in 1..1_000_000_u64) {
            let price = micros(inputs);
            let dearer = [
                PriceInputs { rows: inputs.rows + more, ..inputs },
                PriceInputs { base_micro_tokens: inputs.base_micro_tokens + more, ..inputs },
                PriceInputs { buyers: inputs.buyers + more, ..inputs },
                PriceInputs { vehicles_min: inputs.vehicles_min + more, ..inputs },
                PriceInputs { score_per_mille: inputs.score_per_mille + more, ..inputs },
            ];
            let cheaper = [
                PriceInputs { vehicles: inputs.vehicles + more, ..inputs },
                PriceInputs { age_seconds: inputs.age_seconds + more, ..inputs },
            ];
            for other in dearer {
                prop_assert!(micros(other) >= price, "{other:?}");
            }
            for other in cheaper {
                prop_assert!(micros(other) <= price, "{other:?}");
            }
        }
    }
}
