//! Many additions of points that share one inversion.
//!
//! In affine coordinates an addition is a division, two multiplications and a square; Montgomery's
//! trick makes of many divisions one, and three multiplications each.

use ark_ec::AffineRepr as _;
use ark_ec::short_weierstrass::Affine;
use ark_ff::{AdditiveGroup as _, Field as _, Zero as _};

use super::Curve;
use super::difference::Difference as _;

/// Additions that share an inversion, which costs as much as 250 multiplications.
const IN_STEP: usize = 1 << 10;

/// Adds points. It keeps its memory from one use to the next.
pub(super) struct Adder<P: Curve> {
    /// What each addition divides by, and the product of all divisors before it. No divisor where
    /// the sum is one of the points, or the identity.
    divisors: Vec<(Option<P::BaseField>, P::BaseField)>,
    /// What is added to the last points of [`Self::pair_up`].
    others: Vec<Affine<P>>,
}

impl<P: Curve> Default for Adder<P> {
    fn default() -> Self {
        Self { divisors: Vec::with_capacity(IN_STEP), others: Vec::with_capacity(IN_STEP) }
    }
}

impl<P: Curve> Adder<P> {
    /// Adds to each point the one of the same place in `others`.
    pub(super) fn add(&mut self, points: &mut [Affine<P>], others: &[Affine<P>]) {
        for (points, others) in points.chunks_mut(IN_STEP).zip(others.chunks(IN_STEP)) {
            self.add_in_step(points, others);
        }
    }

    /// One step towards the sums of some runs of `points`, of these `lengths`: adds the second of
    /// each run to its first, its fourth to its third, and so on.
    pub(super) fn pair_up(
        &mut self,
        mut points: impl Iterator<Item = Affine<P>>,
        lengths: &mut [usize],
        sums: &mut Vec<Affine<P>>,
    ) {
        sums.clear();
        for length in lengths {
            for place in (0..*length).step_by(2) {
                sums.extend(points.next());
                let other = if place + 1 < *length { points.next() } else { None };
                self.others.push(other.unwrap_or_default());
                if self.others.len() == IN_STEP {
                    self.add_others(sums);
                }
            }
            *length = length.div_ceil(2);
        }
        self.add_others(sums);
    }

    /// Adds the others to the last points, while both are in the cache.
    fn add_others(&mut self, points: &mut [Affine<P>]) {
        let others = std::mem::take(&mut self.others);
        let last = points.len() - others.len();
        self.add_in_step(points.get_mut(last..).unwrap_or_default(), &others);
        self.others = others;
        self.others.clear();
    }

    fn add_in_step(&mut self, points: &mut [Affine<P>], others: &[Affine<P>]) {
        self.divisors.clear();
        let mut product = P::BaseField::ONE;
        for (point, other) in points.iter().zip(others) {
            let divisor = divisor(point, other);
            self.divisors.push((divisor, product));
            if let Some(divisor) = divisor {
                product *= divisor;
            }
        }
        // No divisor is zero, so neither is their product.
        let mut inverse = product.inverse().unwrap_or_default();
        for ((point, other), (divisor, before)) in
            points.iter_mut().zip(others).zip(&self.divisors).rev()
        {
            if let Some(divisor) = divisor {
                *point = sum(point, other, inverse * before);
                inverse *= divisor;
            } else if point.is_zero() {
                *point = *other;
            } else if !other.is_zero() {
                *point = Affine::identity(); // opposites
            }
        }
    }
}

/// What the slope of the line through two points, or of the tangent, is divided by: not zero.
/// `None` when their sum is one of them or the identity.
fn divisor<P: Curve>(point: &Affine<P>, other: &Affine<P>) -> Option<P::BaseField> {
    if point.is_zero() || other.is_zero() {
        return None;
    }
    let across = other.x.less(&point.x);
    if !across.is_zero() {
        return Some(across);
    }
    (point.y == other.y && !point.y.is_zero()).then(|| point.y.double())
}

/// The sum of two points, given the inverse of their divisor.
fn sum<P: Curve>(point: &Affine<P>, other: &Affine<P>, inverse: P::BaseField) -> Affine<P> {
    let rise = if point.x == other.x {
        let square = point.x.square();
        square.double() + square + P::COEFF_A
    } else {
        other.y.less(&point.y)
    };
    let slope = rise * inverse;
    let x = slope.square().less(&point.x).less(&other.x);
    Affine::new_unchecked(x, (slope * point.x.less(&x)).less(&point.y))
}
