//! Scalars in signed digits.
//!
//! Adding `2^(c-1)` in every window but the highest before a scalar is cut, and taking it away from
//! each digit afterwards, makes the digits signed without a carry that would have to be handed on:
//! each digit can be read alone.

use std::iter;

use ark_ff::BigInteger;

/// Words of 64 bits of a scalar, and the carry.
type Words = [u64; 4];

/// How scalars are cut.
#[derive(Clone, Debug)]
pub(super) struct Windows {
    /// Bits of a digit.
    pub(super) bits: usize,
    /// Digits of a scalar.
    pub(super) count: usize,
    /// `2^(bits - 1)` in every window but the highest.
    offset: Words,
}

/// A scalar of which each digit can be read alone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digits(Words);

impl Windows {
    /// The cut that costs the fewest additions for these scalars. `None` when there are none, or
    /// only zeros.
    pub(super) fn for_scalars<'a, B: BigInteger>(
        scalars: impl Iterator<Item = &'a B>,
    ) -> Option<Self> {
        let mut with_bits = [0_usize; 257];
        for scalar in scalars {
            let bits = usize::try_from(scalar.num_bits()).unwrap_or(usize::MAX);
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
        let bits = (2..=15).min_by_key(cost)?;
        let count = count(largest, bits);
        let mut offset = [0; 4];
        for window in 1..count {
            let bit = window * bits - 1;
            offset.get_mut(bit / 64).into_iter().for_each(|word| *word |= 1 << (bit % 64));
        }
        Some(Self { bits, count, offset })
    }

    /// Buckets of a window: one for each digit but zero, without its sign.
    pub(super) const fn buckets(&self) -> usize {
        1 << (self.bits - 1)
    }

    /// A scalar, ready to be read digit by digit.
    pub(super) fn digits(&self, scalar: &impl BigInteger) -> Digits {
        let mut carry = false;
        let mut words = [0; 4];
        for ((word, scalar), offset) in words.iter_mut().zip(scalar.as_ref()).zip(self.offset) {
            let (sum, first) = scalar.overflowing_add(offset);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            (*word, carry) = (sum, first || second);
        }
        Digits(words)
    }

    /// The bucket of a digit, and whether it is negative. `None` of zero.
    pub(super) fn place(&self, digits: &Digits, window: usize) -> Option<(usize, bool)> {
        let (word, bit) = (window * self.bits / 64, window * self.bits % 64);
        let low = digits.0.get(word).copied().unwrap_or_default() >> bit;
        let high = digits.0.get(word + 1).copied().unwrap_or_default();
        let both = if bit > 0 { low | high << (64 - bit) } else { low };
        let digit = usize::try_from(both & ((1 << self.bits) - 1)).unwrap_or_default();
        let middle = if window + 1 < self.count { self.buckets() } else { 0 };
        let distance = digit.abs_diff(middle);
        Some((distance.checked_sub(1)?, digit < middle))
    }
}

#[cfg(test)]
mod tests {
    use ark_ff::BigInt;
    use num_bigint::BigInt as Integer;

    use super::*;

    fn value(windows: &Windows, scalar: &BigInt<4>) -> Integer {
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
        let highest = BigInt::new([u64::MAX, u64::MAX, u64::MAX, u64::MAX >> 1]);
        let some = [
            BigInt::from(1_u64),
            BigInt::from(2_u64),
            BigInt::from(u64::MAX),
            BigInt::new([0, 1, 0, 0]),
            BigInt::new([u64::MAX, 0, u64::MAX, 0x3fff_ffff_ffff_ffff]),
            highest,
        ];
        for count in [1, 10, 100, 1_000, 10_000] {
            for last in 1..=some.len() {
                let scalars = some[..last].iter().cycle().take(count.max(last));
                let windows = Windows::for_scalars(scalars).unwrap();
                for scalar in &some[..last] {
                    let expected: Integer = scalar.to_string().parse().unwrap();
                    assert_eq!(value(&windows, scalar), expected, "{windows:?}");
                }
            }
        }
    }

    #[test]
    fn a_few_large_scalars_among_bits_want_short_windows() {
        let [one, large] = [BigInt::from(1_u64), BigInt::new([0, 0, 0, 1 << 60])];
        let bits = |ones: usize, large_ones: usize| {
            let scalars = iter::repeat_n(&one, ones).chain(iter::repeat_n(&large, large_ones));
            Windows::for_scalars(scalars).unwrap().bits
        };

        assert_eq!(bits(20_000, 1_000), bits(0, 1_000));
        assert!(bits(0, 1_000) < bits(0, 20_000));
        assert!(Windows::for_scalars([BigInt::<4>::zero()].iter()).is_none());
    }
}
