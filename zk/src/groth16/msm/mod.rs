//! Sums of points times scalars: Pippenger's bucket method for the keys of one prover.
//!
//! Scalars are cut into signed digits of `c` bits, each window of digits is added up in buckets by
//! digit, and the buckets are weighed by it. Four things suit the assignments of a circuit, where
//! half of the scalars are 0 or 1, and keys that are a few thousand points long:
//!
//! * Scalars are halved before they are cut (`split.rs`), so there are half as many buckets to
//!   weigh. Those that are small stay whole.
//! * `c` is chosen by what the scalars really are: zeros cost nothing and a 1 costs one addition,
//!   so a key of 12,000 points may want the windows of one of 4,000.
//! * Points are sorted by bucket and each bucket is added up as a tree, so thousands of additions
//!   are independent and share one inversion (`affine.rs`), whatever the number of buckets. That
//!   a bucket takes many points (the ones) or equal ones makes no difference.
//! * Buckets are weighed in affine coordinates too, many stretches of them in step.
//!
//! **Invariant:** the sum is exact for all scalars and all points of order `r`, equal, opposite, or
//! the identity. Time depends on the scalars: it is the car's own machine.

mod affine;
mod difference;
mod digits;
mod split;
mod weigh;

use std::iter;

use ark_bn254::Fr;
use ark_ec::scalar_mul::glv::GLVConfig;
use ark_ec::short_weierstrass::{Affine, Projective};
use ark_ff::AdditiveGroup as _;
use rayon::prelude::*;

use affine::Adder;
use difference::Difference;
use digits::{Digits, Windows};
use weigh::weigh;

pub(super) use split::Halves;

/// Curves whose points can be added here: both groups of BN254.
pub(super) trait Curve: GLVConfig<ScalarField = Fr, BaseField: Difference> {}

impl<P: GLVConfig<ScalarField = Fr, BaseField: Difference>> Curve for P {}

/// A point, and what it is multiplied by.
type Term<P> = (Affine<P>, Digits);

/// Points that are sorted and added at a time: enough to share inversions, few enough to stay in
/// the cache.
const AT_ONCE: usize = 1 << 14;

/// Scalars as they are multiplied by.
pub(super) fn halves(scalars: &[Fr]) -> Vec<Halves> {
    scalars.iter().map(Halves::from).collect()
}

/// The sum of each base times its scalar, as far as both go.
pub(super) fn msm<P: Curve>(bases: &[Affine<P>], scalars: &[Halves]) -> Projective<P> {
    sum(iter::zip(bases, scalars))
}

/// The sum of bases times scalars. One of many products costs less than two of half as many.
pub(super) fn sum<'a, P: Curve>(
    products: impl Iterator<Item = (&'a Affine<P>, &'a Halves)>,
) -> Projective<P> {
    let beta = split::beta::<P>();
    let terms: Vec<_> = products.flat_map(|(base, scalar)| scalar.terms(base, &beta)).collect();
    let Some(windows) = Windows::for_scalars(terms.iter().map(|(_, scalar)| *scalar)) else {
        return Projective::ZERO;
    };
    let terms: Vec<_> =
        terms.into_iter().map(|(base, scalar)| (base, windows.digits(scalar))).collect();

    let all: Vec<_> = (0..windows.count).collect();
    let buckets: Vec<Affine<P>> = all
        .par_chunks((AT_ONCE / terms.len()).max(1))
        .flat_map_iter(|some| fill(&terms, &windows, some))
        .collect();
    let some_windows = windows.count.div_ceil(rayon::current_num_threads()) * windows.buckets();
    let sums: Vec<_> = buckets
        .par_chunks(some_windows)
        .flat_map_iter(|some| weigh(some, windows.buckets()))
        .collect();
    sums.into_iter().rev().fold(Projective::ZERO, |mut sum, window| {
        for _ in 0..windows.bits {
            sum.double_in_place();
        }
        sum + window
    })
}

/// The buckets of some windows, one after another.
fn fill<P: Curve>(terms: &[Term<P>], windows: &Windows, some: &[usize]) -> Vec<Affine<P>> {
    let (order, mut lengths) = sort(terms, windows, some);
    let mut adder = Adder::default();
    let (mut points, mut sums) = (Vec::new(), Vec::with_capacity(order.len()));
    adder.pair_up(order.iter().filter_map(|item| item.of(terms)), &mut lengths, &mut sums);
    while lengths.iter().any(|length| *length > 1) {
        std::mem::swap(&mut points, &mut sums);
        adder.pair_up(points.iter().copied(), &mut lengths, &mut sums);
    }
    let mut sums = sums.into_iter();
    let bucket = |length| if length > 0 { sums.next() } else { None };
    lengths.into_iter().map(bucket).map(Option::unwrap_or_default).collect()
}

/// A point in a bucket: the place of its term, and whether it is taken away.
#[derive(Clone, Copy, Default)]
struct Item {
    term: u32,
    is_negative: bool,
}

impl Item {
    /// The point. Whether it is negative is a coin toss, so both are made and one is chosen.
    fn of<P: Curve>(self, terms: &[Term<P>]) -> Option<Affine<P>> {
        let (point, _) = terms.get(usize::try_from(self.term).ok()?)?;
        let heights = [point.y, P::BaseField::ZERO.less(&point.y)];
        let height = heights.get(usize::from(self.is_negative))?;
        Some(Affine::new_unchecked(point.x, *height))
    }
}

/// What is in the buckets of some windows, bucket by bucket, and how many items are in each.
fn sort<P: Curve>(terms: &[Term<P>], windows: &Windows, some: &[usize]) -> (Vec<Item>, Vec<usize>) {
    let mut lengths = vec![0; some.len() * windows.buckets()];
    let mut items = Vec::with_capacity(some.len() * terms.len());
    for (row, window) in some.iter().enumerate() {
        for (term, (_, digits)) in iter::zip(0.., terms) {
            if let Some((bucket, is_negative)) = windows.place(digits, *window) {
                let bucket = row * windows.buckets() + bucket;
                lengths.get_mut(bucket).into_iter().for_each(|length| *length += 1);
                items.push((bucket, Item { term, is_negative }));
            }
        }
    }
    let mut next: Vec<usize> =
        lengths.iter().scan(0, |end, length| Some(std::mem::replace(end, *end + length))).collect();
    let mut order = vec![Item::default(); items.len()];
    for (bucket, item) in items {
        if let Some(next) = next.get_mut(bucket)
            && let Some(place) = order.get_mut(*next)
        {
            *place = item;
            *next += 1;
        }
    }
    (order, lengths)
}

#[cfg(test)]
mod tests {
    use ark_bn254::{G1Affine, G1Projective, G2Affine, G2Projective};
    use ark_ec::{CurveGroup as _, ScalarMul as _, VariableBaseMSM as _};
    use ark_ff::{Field as _, One as _, UniformRand as _, Zero as _};
    use ark_std::rand::rngs::StdRng;
    use ark_std::rand::{Rng as _, SeedableRng as _};

    use super::*;

    fn points(count: usize, rng: &mut StdRng) -> Vec<G1Affine> {
        let point = G1Projective::rand(rng);
        let scalars: Vec<_> = (0..count).map(|_| Fr::rand(rng)).collect();
        point.batch_mul(&scalars)
    }

    fn assert_is_the_sum(bases: &[G1Affine], scalars: &[Fr]) {
        let expected: G1Projective = bases.iter().zip(scalars).map(|(b, s)| *b * s).sum();
        assert_eq!(msm(bases, &halves(scalars)), expected, "{} points", bases.len());
    }

    #[test]
    fn the_sum_is_that_of_the_products() {
        let rng = &mut StdRng::seed_from_u64(1);
        for count in [0, 1, 2, 3, 31, 200, 1_500] {
            let bases = points(count, rng);
            let scalars: Vec<_> = (0..count).map(|_| Fr::rand(rng)).collect();

            assert_is_the_sum(&bases, &scalars);
        }
    }

    /// Mostly zeros and ones, some small numbers, some negative ones: what an assignment looks
    /// like.
    #[test]
    fn assignments_of_circuits_are_summed() {
        let rng = &mut StdRng::seed_from_u64(2);
        let bases = points(1_200, rng);
        let scalars: Vec<_> = (0..1_200)
            .map(|_| match rng.gen_range(0..10) {
                0..4 => Fr::from(0),
                4..7 => Fr::one(),
                7 => Fr::from(rng.r#gen::<u64>()),
                8 => -Fr::from(rng.r#gen::<u32>()),
                _ => Fr::rand(rng),
            })
            .collect();

        assert_is_the_sum(&bases, &scalars);
    }

    #[test]
    fn equal_and_opposite_points_and_the_identity_are_summed() {
        let rng = &mut StdRng::seed_from_u64(3);
        let [one, two, ..] = points(2, rng)[..] else { unreachable!() };
        let some = [one, -one, two, one, -two, G1Affine::identity()];
        let bases: Vec<_> = some.into_iter().cycle().take(300).collect();
        for largest in [1_u64, 2, 40, u64::MAX] {
            let scalars: Vec<_> = (0..300).map(|_| Fr::from(rng.gen_range(0..=largest))).collect();

            assert_is_the_sum(&bases, &scalars);
        }
        assert_is_the_sum(&bases, &[Fr::one(); 300]);
        assert_is_the_sum(&vec![one; 300], &[Fr::one(); 300]);
    }

    /// The highest digit takes the last carry.
    #[test]
    fn the_largest_scalars_are_summed() {
        let rng = &mut StdRng::seed_from_u64(4);
        for count in [1, 3, 60, 700] {
            let bases = points(count, rng);
            for scalar in [-Fr::one(), -Fr::from(2), Fr::from(2).inverse().unwrap()] {
                assert_is_the_sum(&bases, &vec![scalar; count]);
            }
        }
    }

    #[test]
    fn more_bases_or_more_scalars_are_left_out() {
        let rng = &mut StdRng::seed_from_u64(5);
        let bases = points(40, rng);
        let scalars: Vec<_> = (0..30).map(|_| Halves::from(&Fr::rand(rng))).collect();

        assert_eq!(msm(&bases, &scalars), msm(&bases[..30], &scalars));
        assert_eq!(msm(&bases[..20], &scalars), msm(&bases[..20], &scalars[..20]));
    }

    /// Halves of all lengths and signs, many of them of one point, some of the identity.
    #[test]
    fn scalars_that_are_split_at_an_edge_are_summed() {
        let rng = &mut StdRng::seed_from_u64(7);
        let lambda = <ark_bn254::g1::Config as GLVConfig>::LAMBDA;
        let mut scalars = vec![Fr::zero(), Fr::one(), lambda, lambda + Fr::one(), Fr::rand(rng)];
        scalars.extend((0..254).map(|bit| Fr::from(2).pow([bit])));
        scalars.extend(scalars.clone().into_iter().map(|scalar| scalar * lambda));
        scalars.extend(scalars.clone().into_iter().map(|scalar| -scalar));
        let [one, two, ..] = points(2, rng)[..] else { unreachable!() };
        let some = [one, two, -one, G1Affine::identity(), two];
        let bases: Vec<_> = some.into_iter().cycle().take(scalars.len()).collect();

        assert_is_the_sum(&bases, &scalars);
        for scalar in scalars {
            assert_is_the_sum(&[one], &[scalar]);
        }
    }

    #[test]
    fn points_of_the_second_group_are_summed() {
        let rng = &mut StdRng::seed_from_u64(6);
        let mut scalars: Vec<_> = (0..700).map(|_| Fr::rand(rng)).collect();
        let mut bases: Vec<G2Affine> = G2Projective::rand(rng).batch_mul(&scalars);
        bases.extend([bases[0], -bases[0], bases[0], G2Affine::identity()]);
        scalars.extend([-Fr::one(), Fr::one(), scalars[1], scalars[2]]);
        let expected = G2Projective::msm_unchecked(&bases, &scalars);
        assert_eq!(msm(&bases, &halves(&scalars)).into_affine(), expected.into_affine());
    }
}
