//! Values of signals: integers at a fixed number of decimals.
//!
//! A value is exact from the car to the buyer: it is signed, committed and summed as an integer, and
//! becomes a decimal number only where people or columns need one. How many decimals a signal has is
//! in the catalogue ([`crate::vss`]).
//!
//! **Invariant:** [`Value::from_physical`] refuses what has no such integer (NaN, infinities and
//! magnitudes of 2^50 or more, where going to a float and back is no longer exact).

/// A measured value, in units of `10^-decimals` of its signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(i64);

/// A physical value that no [`Value`] can hold.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{physical} is not a finite number below 2^50 at {decimals} decimals")]
pub struct NotAValue {
    physical: f64,
    decimals: u8,
}

impl Value {
    /// The value whose fixed-point integer is `raw`.
    #[must_use]
    pub const fn from_raw(raw: i64) -> Self {
        Self(raw)
    }

    /// The fixed-point integer.
    #[must_use]
    pub const fn raw(self) -> i64 {
        self.0
    }

    /// Rounds `physical` to `decimals` decimals, half away from zero.
    ///
    /// # Errors
    /// NaN, infinities and magnitudes of 2^50 or more are refused.
    pub fn from_physical(physical: f64, decimals: u8) -> Result<Self, NotAValue> {
        const EXACT_BELOW: f64 = 1_125_899_906_842_624.0; // 2^50
        let scaled = (physical * 10_f64.powi(i32::from(decimals))).round();
        if scaled.abs() < EXACT_BELOW {
            #[expect(
                clippy::as_conversions,
                clippy::cast_possible_truncation,
                reason = "an integer below 2^50"
            )]
            return Ok(Self(scaled as i64));
        }
        Err(NotAValue { physical, decimals })
    }

    /// The physical value, as a float.
    #[must_use]
    pub fn to_physical(self, decimals: u8) -> f64 {
        #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "exact below 2^50")]
        let raw = self.0 as f64;
        raw / 10_f64.powi(i32::from(decimals))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rounds_half_away_from_zero() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (13.005,  2, 1301),
            (-40.25,  1, -403),
            (0.0,     6, 0),
            (-0.4,    0, 0),
            (1.0,     0, 1),
        ];
        for (physical, decimals, raw) in cases {
            assert_eq!(Value::from_physical(physical, decimals), Ok(Value(raw)), "{physical}");
        }
    }

    #[test]
    fn what_has_no_exact_integer_is_refused() {
        for physical in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 9.1e15, -9.1e15] {
            assert!(Value::from_physical(physical, 0).is_err(), "{physical}");
        }
        assert!(Value::from_physical(9.1e12, 3).is_err());
    }

    proptest! {
        /// Going to a float and back changes nothing.
        #[test]
        fn physical_form_round_trips(raw in -(1_i64 << 50) + 1..(1 << 50), decimals in 0..=6_u8) {
            let value = Value::from_raw(raw);

            prop_assert_eq!(Value::from_physical(value.to_physical(decimals), decimals), Ok(value));
        }
    }
}
