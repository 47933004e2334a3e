//! Amounts of tokens: integers of micro-tokens, six decimals.
//!
//! **Invariant:** arithmetic is checked; no float ever touches money. The text form always has six
//! decimals and [`Amount::parse`] reads back exactly what `Display` wrote.

use std::fmt;
use std::iter;

/// Micro-tokens in a token.
const MICROS_PER_TOKEN: i64 = 1_000_000;
/// Decimals of the text form.
const DECIMALS: usize = 6;

/// An amount of tokens; negative when it is given away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i64);

/// Text that is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an amount of tokens such as 12.5, with at most 6 decimals")]
pub struct NotAnAmount {
    text: String,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The amount of `micros` micro-tokens.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// In micro-tokens.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whether this is more than nothing.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// The sum, unless it is too large to be kept.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, unless it is too large to be kept.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// What gives where this receives.
    #[must_use]
    pub fn checked_neg(self) -> Option<Self> {
        self.0.checked_neg().map(Self)
    }

    /// This amount `count` times, unless it is too large to be kept.
    #[must_use]
    pub fn checked_times(self, count: u64) -> Option<Self> {
        self.0.checked_mul(i64::try_from(count).ok()?).map(Self)
    }

    /// The sum of all, unless it is too large to be kept.
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }

    /// Reads a decimal number of tokens, such as `12.5`.
    ///
    /// # Errors
    /// Refuses more than 6 decimals, because no rounding may happen unseen, and anything that is not
    /// digits with at most one point between them and at most one minus before.
    pub fn parse(text: &str) -> Result<Self, NotAnAmount> {
        parse(text).map(Self).ok_or_else(|| NotAnAmount { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > DECIMALS {
        return None;
    }
    let padding = iter::repeat_n('0', DECIMALS - decimals.len());
    let micros = decimals.chars().chain(padding).collect::<String>().parse::<i64>().ok()?;
    // The sign comes first: the lowest amount has no positive twin.
    let whole = whole.parse::<i64>().ok()?.checked_mul(sign * MICROS_PER_TOKEN)?;
    whole.checked_add(sign * micros)
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        let unit = MICROS_PER_TOKEN.unsigned_abs();
        write!(f, "{sign}{}.{:06}", micros / unit, micros % unit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_has_six_decimals() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("0",           0,             "0.000000"),
            ("12.5",        12_500_000,    "12.500000"),
            ("-0.000001",   -1,            "-0.000001"),
            ("12.345678",   12_345_678,    "12.345678"),
            ("-9223372036854.775808", i64::MIN, "-9223372036854.775808"),
        ];
        for (text, micros, shown) in cases {
            assert_eq!(Amount::parse(text), Ok(Amount(micros)), "{text}");
            assert_eq!(Amount(micros).to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_exact_amount_is_refused() {
        for text in
            ["", "1,5", "1.", ".5", "1e3", "+1", "--1", "1.0000001", "9223372036854.775808", "NaN"]
        {
            assert!(Amount::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_not_an_amount() {
        let most = Amount(i64::MAX);

        assert_eq!(most.checked_add(Amount(1)), None);
        assert_eq!(Amount(i64::MIN).checked_neg(), None);
        assert_eq!(most.checked_times(2), None);
        assert_eq!(Amount(1).checked_times(u64::MAX), None);
        assert_eq!(Amount::sum([most, Amount(1)]), None);
    }

    proptest! {
        /// Whatever is written is read back exactly.
        #[test]
        fn text_form_round_trips(micros: i64) {
            prop_assert_eq!(Amount::parse(&Amount(micros).to_string()), Ok(Amount(micros)));
        }
    }
}
