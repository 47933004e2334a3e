//! Sums of buckets, each times its place.
//!
//! Adding the buckets up from the last, and adding up what that gives, weighs each bucket by its
//! place: two additions a bucket, each waiting for the one before. So the buckets of all windows are
//! cut into stretches that are walked in step, and the stretches of a window are put together at
//! the end, in projective coordinates.

use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ff::AdditiveGroup as _;

use super::Curve;
use super::affine::Adder;

/// For each window of so many buckets: the sum of its first bucket, twice its second, and so on.
/// The number of buckets is a power of two.
pub(super) fn weigh<P: Curve>(buckets: &[Affine<P>], a_window: usize) -> Vec<Projective<P>> {
    // A longer stretch shares its inversions among fewer, a shorter one leaves more to the end.
    let stretch = (buckets.len().isqrt() / 4).next_power_of_two().min(a_window);
    let stretches = buckets.len() / stretch;
    // The sum of each stretch so far, then its weighted sum, which is one step behind.
    let mut sums = vec![Affine::identity(); 2 * stretches];
    let mut others = Vec::with_capacity(sums.len());
    let mut adder = Adder::default();
    for place in (0..=stretch).rev() {
        others.clear();
        match place.checked_sub(1) {
            Some(place) => others.extend(buckets.iter().skip(place).step_by(stretch)),
            None => others.resize(stretches, Affine::identity()),
        }
        others.extend(sums.iter().take(stretches));
        adder.add(&mut sums, &others);
    }
    let (plain, weighted) = sums.split_at(stretches);
    let in_a_window = a_window / stretch;
    plain
        .chunks(in_a_window)
        .zip(weighted.chunks(in_a_window))
        .map(|(plain, weighted)| put_together(plain, weighted, stretch))
        .collect()
}

/// The weighted sum of stretches that follow each other: each weighs its buckets from 1, so its
/// plain sum is added as often as there are buckets before it.
fn put_together<P: Curve>(
    plain: &[Affine<P>],
    weighted: &[Affine<P>],
    stretch: usize,
) -> Projective<P> {
    let mut after = Projective::ZERO;
    let mut stretches_before = Projective::ZERO;
    for sum in plain.iter().skip(1).rev() {
        after += sum;
        stretches_before += after;
    }
    for _ in 0..stretch.ilog2() {
        stretches_before.double_in_place();
    }
    weighted.iter().fold(stretches_before, |sum, weighted| sum + weighted)
}
