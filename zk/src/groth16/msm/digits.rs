//! Scalars in signed digits.
//!
//! Adding `2^(c-1)` in every window but the highest before a scalar is cut, and taking it away from
//! each digit afterwards, makes the digits signed without a carry that would have to be handed on:
//! each digit can be read alone.

use std::iter;

/// How scalars are cut.
#[derive(Clone, Debug)]
pub(super) struct Windows {
    /// Bits of a digit.
    pub(super) bits: usize,
    /// Digits of a scalar.
    pub(super) count: usize,
    /// `2^(bits - 1)` in every window but the highest.
    offset: u128,
}

/// A scalar of which each digit can be read alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digits(u128);

impl Windows {
    /// The cut that costs the fewest additions for these scalars, all below `2^127`. `None` when
    /// there are none, or only zeros.
    pub(super) fn for_scalars(scalars: impl Iterator<Item = u128>) -> Option<Self> {
        let mut with_bits = [0_usize; 129];
        for scalar in scalars {
            let bits = u128::BITS - scalar.leading_zeros();
            let bits = usize::try_from(bits).unwrap_or(usize::MAX);
            with_bits.get_mut(bits).into_iter().for_each(|count| *count += 1);
        }
        let largest = with_bits.iter().rposition(|count| *count > 0).filter(|bits| *bits > 0)?;
        // A sign takes one bit more.
        let count = |bits: usize, c: usize| (bits + 1).div_ceil(c);
        let cost = |c: &usize| {
            let digits = iter::zip(1.., with_bits.iter().skip(1));
            let added: usize = digits.map(|(bits, scalars)| scalars * count(bits, *c)).sum();
            // Each bucket is added twice, and some things are done for each stretch of them.
            added + count(largest, *c) * (5 << (c - 1)) / 2
        };
        let bits = (2..=16).min_by_key(cost)?;
        let count = count(largest, bits);
        let offset = (1..count).map(|window| 1 << (window * bits - 1)).sum();
        Some(Self { bits, count, offset })
    }

    /// Buckets of a window: one for each digit but zero, without its sign.
    pub(super) const fn buckets(&self) -> usize {
        1 << (self.bits - 1)
    }

    /// A scalar, ready to be read digit by digit.
    pub(super) const fn digits(&self, scalar: u128) -> Digits {
        Digits(scalar.wrapping_add(self.offset))
    }

    /// The bucket of a digit, and whether it is negative. `None` of zero.
    pub(super) fn place(&self, digits: &Digits, window: usize) -> Option<(usize, bool)> {
        let digit = (digits.0 >> (window * self.bits)) & ((1 << self.bits) - 1);
        let digit = usize::try_from(digit).unwrap_or_default();
        let middle = if window + 1 < self.count { self.buckets() } else { 0 };
        let distance = digit.abs_diff(middle);
        Some((distance.checked_sub(1)?, digit < middle))
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt as Integer;

    use super::*;

    fn value(windows: &Windows, scalar: u128) -> Integer {
        let digits = windows.digits(scalar);
        (0..windows.count)
            .filter_map(|window| {
                let (bucket, is_negative) = windows.place(&digits, window)?;
                assert!(bucket < windows.buckets());
                let digit = Integer::from(bucket + 1) << (window * windows.bits);
                Some(if is_negative { -digit } else { digit })
            })
            .sum()
    }

    #[test]
    fn the_digits_make_the_scalar() {
        let highest = u128::MAX >> 1;
        let some = [1, 2, u64::MAX.into(), 1 << 64, highest ^ (u128::MAX >> 70), highest];
        for count in [1, 10, 100, 1_000, 10_000, 1_000_000] {
            for last in 1..=some.len() {
                let scalars = some[..last].iter().copied().cycle().take(count.max(last));
                let windows = Windows::for_scalars(scalars).unwrap();
                for scalar in &some[..last] {
                    assert_eq!(value(&windows, *scalar), Integer::from(*scalar), "{windows:?}");
                }
            }
        }
    }

    #[test]
    fn a_few_large_scalars_among_bits_want_short_windows() {
        let bits = |ones: usize, large_ones: usize| {
            let scalars = iter::repeat_n(1, ones).chain(iter::repeat_n(1 << 124, large_ones));
            Windows::for_scalars(scalars).unwrap().bits
        };

        assert_eq!(bits(20_000, 1_000), bits(0, 1_000));
        assert!(bits(0, 1_000) < bits(0, 20_000));
        assert!(Windows::for_scalars([0].into_iter()).is_none());
    }
}
