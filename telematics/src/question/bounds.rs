//! Bounds of committed numbers, and counts above a threshold.
//!
//! **Invariant:** the bounds are not empty and lie within the numbers that can be committed to.

use super::NotAQuestion;
use crate::value::Value;
use crate::window::Window;

/// From a lowest to a highest number, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    low: i64,
    high: i64,
}

impl Bounds {
    /// The numbers that can be committed to as values lie from minus this power of two to one less than it.
    pub const VALUE_BITS: u32 = 35;
    /// The same for the figures of a summary.
    pub const FIGURE_BITS: u32 = 55;
    /// The same for the sum of a window.
    pub const SUM_BITS: u32 = Self::VALUE_BITS + Window::LENGTH.ilog2();

    /// Any value.
    pub const ANY_VALUE: Self = Self::any(Self::VALUE_BITS);
    /// Any sum of a window.
    pub const ANY_SUM: Self = Self::any(Self::SUM_BITS);
    /// Any figure.
    pub const ANY_FIGURE: Self = Self::any(Self::FIGURE_BITS);

    const fn any(bits: u32) -> Self {
        Self { low: -(1 << bits), high: (1 << bits) - 1 }
    }

    /// Bounds of numbers limited by `2^bits`.
    fn new(low: i64, high: i64, bits: u32) -> Result<Self, NotAQuestion> {
        let any = Self::any(bits);
        if low > high {
            return Err(NotAQuestion::Empty { low, high });
        }
        if low < any.low || any.high < high {
            return Err(NotAQuestion::BeyondLimit { low, high, bits });
        }
        Ok(Self { low, high })
    }

    /// Bounds of values.
    ///
    /// # Errors
    /// Empty bounds, and bounds beyond [`Self::ANY_VALUE`], are refused.
    pub fn of_values(low: Value, high: Value) -> Result<Self, NotAQuestion> {
        Self::new(low.raw(), high.raw(), Self::VALUE_BITS)
    }

    /// Bounds of the sum of a window.
    ///
    /// # Errors
    /// Empty bounds, and bounds beyond [`Self::ANY_SUM`], are refused.
    pub fn of_sum(low: i64, high: i64) -> Result<Self, NotAQuestion> {
        Self::new(low, high, Self::SUM_BITS)
    }

    /// Bounds of a figure.
    ///
    /// # Errors
    /// Empty bounds, and bounds beyond [`Self::ANY_FIGURE`], are refused.
    pub fn of_figure(low: i64, high: i64) -> Result<Self, NotAQuestion> {
        Self::new(low, high, Self::FIGURE_BITS)
    }

    /// The lowest number permitted.
    #[must_use]
    pub const fn low(self) -> i64 {
        self.low
    }

    /// The highest number permitted.
    #[must_use]
    pub const fn high(self) -> i64 {
        self.high
    }

    /// Whether `number` lies within.
    #[must_use]
    pub const fn contain(self, number: i64) -> bool {
        self.low <= number && number <= self.high
    }
}

/// "At most `count_max` values lie above `threshold`."
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Above {
    threshold: Value,
    count_max: u8,
}

impl Above {
    /// Says nothing: every value may lie above.
    pub const ANY: Self = Self { threshold: Value::from_raw(Bounds::ANY_VALUE.low), count_max: 64 };

    /// "At most `count_max` values lie above `threshold`."
    ///
    /// # Errors
    /// A threshold that no value can have, and a count beyond a window's length, are refused.
    pub fn new(threshold: Value, count_max: u8) -> Result<Self, NotAQuestion> {
        Bounds::of_values(threshold, threshold)?;
        if usize::from(count_max) > Window::LENGTH {
            return Err(NotAQuestion::CountAboveLength { count: count_max });
        }
        Ok(Self { threshold, count_max })
    }

    /// What values are compared with.
    #[must_use]
    pub const fn threshold(self) -> Value {
        self.threshold
    }

    /// How many may lie above.
    #[must_use]
    pub const fn count_max(self) -> u8 {
        self.count_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_that_ask_nothing_are_refused() {
        let of_values = |low, high| Bounds::of_values(Value::from_raw(low), Value::from_raw(high));
        let end = 1_i64 << Bounds::VALUE_BITS;

        assert_eq!(of_values(10, 9), Err(NotAQuestion::Empty { low: 10, high: 9 }));
        assert!(matches!(of_values(0, end), Err(NotAQuestion::BeyondLimit { .. })));
        assert!(matches!(of_values(-end - 1, 0), Err(NotAQuestion::BeyondLimit { .. })));
        assert_eq!(of_values(-end, end - 1), Ok(Bounds::ANY_VALUE));
        assert!(Bounds::of_sum(-end * 64, end * 64 - 1).is_ok_and(|any| any == Bounds::ANY_SUM));
        assert!(Bounds::of_figure(i64::MIN, 0).is_err());
    }

    #[test]
    fn a_count_beyond_a_window_is_refused() {
        let threshold = Value::from_raw(5);

        assert!(Above::new(threshold, 64).is_ok());
        assert_eq!(Above::new(threshold, 65), Err(NotAQuestion::CountAboveLength { count: 65 }));
        assert!(Above::new(Value::from_raw(i64::MAX), 1).is_err());
    }
}
