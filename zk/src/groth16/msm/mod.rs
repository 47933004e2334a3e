//! Sums of points times scalars: Pippenger's bucket method for the keys of one prover.
//!
//! Scalars are cut into signed digits of `c` bits, each window of digits is added up in buckets by
//! digit, and the buckets are weighed by it. Three things suit the assignments of a circuit, where
//! half of the scalars are 0 or 1, and keys that are a few thousand points long:
//!
//! * `c` is chosen by what the scalars really are: zeros cost nothing and a 1 costs one addition,
//!   so a key of 12,000 points may want the windows of one of 4,000.
//! * Points are sorted by bucket and each bucket is added up as a tree, so thousands of additions
//!   are independent and share one inversion (`affine.rs`), whatever the number of buckets. That
//!   a bucket takes many points (the ones) or equal ones makes no difference.
//! * Buckets are weighed in affine coordinates too, many stretches of them in step.
//!
//! **Invariant:** the sum is exact for all scalars below `2^255` and all points of the curve, equal,
//! opposite, or the identity. Time depends on the scalars: it is the car's own machine.

mod affine;
mod difference;
mod digits;
mod weigh;

use ark_ec::AffineRepr as _;
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ff::{AdditiveGroup as _, PrimeField};
use rayon::prelude::*;

use affine::Adder;
use difference::Difference;
use digits::{Digits, Windows};
use weigh::weigh;

/// Curves whose points can be added here: both groups of a pairing over a prime field and its square.
pub(super) trait Curve: SWCurveConfig<BaseField: Difference> {}

impl<P: SWCurveConfig<BaseField: Difference>> Curve for P {}

pub(super) type IntegerOf<P> = <<P as ark_ec::CurveConfig>::ScalarField as PrimeField>::BigInt;

/// Points that are sorted and added at a time: enough to share inversions, few enough to stay in
/// the cache.
const AT_ONCE: usize = 1 << 14;

/// Scalars as they are multiplied by.
pub(super) fn integers<F: PrimeField>(scalars: &[F]) -> Vec<F::BigInt> {
    scalars.iter().map(|scalar| scalar.into_bigint()).collect()
}

/// The sum of each base times its scalar, as far as both go.
pub(super) fn msm<P: Curve>(bases: &[Affine<P>], scalars: &[IntegerOf<P>]) -> Projective<P> {
    let terms: Vec<_> = bases
        .iter()
        .zip(scalars)
        .filter(|(base, scalar)| !base.is_zero() && !ark_ff::BigInteger::is_zero(*scalar))
        .collect();
    let Some(windows) = Windows::for_scalars(terms.iter().map(|(_, scalar)| *scalar)) else {
        return Projective::ZERO;
    };
    let terms: Vec<_> =
        terms.into_iter().map(|(base, scalar)| (*base, windows.digits(scalar))).collect();

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
fn fill<P: Curve>(
    terms: &[(Affine<P>, Digits)],
    windows: &Windows,
    some: &[usize],
) -> Vec<Affine<P>> {
    let (mut points, mut lengths) = sort(terms, windows, some);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    let mut adder = Adder::default();
    while lengths.iter().any(|length| *length > 1) {
        left.clear();
        right.clear();
        let mut rest = points.as_slice();
        for length in &mut lengths {
            let (bucket, others) = rest.split_at(*length);
            rest = others;
            for pair in bucket.chunks(2) {
                left.extend(pair.first());
                right.push(pair.get(1).copied().unwrap_or_default());
            }
            *length = length.div_ceil(2);
        }
        adder.add(&mut left, &right);
        std::mem::swap(&mut points, &mut left);
    }
    let mut points = points.into_iter();
    let bucket = |length| if length > 0 { points.next() } else { None };
    lengths.into_iter().map(bucket).map(Option::unwrap_or_default).collect()
}

/// The points of some windows, those of one bucket beside each other, and how many are in each.
fn sort<P: Curve>(
    terms: &[(Affine<P>, Digits)],
    windows: &Windows,
    some: &[usize],
) -> (Vec<Affine<P>>, Vec<usize>) {
    let places = || {
        some.iter().enumerate().flat_map(|(row, window)| {
            terms.iter().filter_map(move |(base, digits)| {
                let (bucket, is_negative) = windows.place(digits, *window)?;
                Some((row * windows.buckets() + bucket, base, is_negative))
            })
        })
    };
    let mut lengths = vec![0; some.len() * windows.buckets()];
    for (bucket, ..) in places() {
        lengths.get_mut(bucket).into_iter().for_each(|length| *length += 1);
    }
    let mut next: Vec<usize> =
        lengths.iter().scan(0, |end, length| Some(std::mem::replace(end, *end + length))).collect();
    let mut points = vec![Affine::identity(); lengths.iter().sum()];
    for (bucket, base, is_negative) in places() {
        if let Some(next) = next.get_mut(bucket)
            && let Some(point) = points.get_mut(*next)
        {
            *point = if is_negative { -*base } else { *base };
            *next += 1;
        }
    }
    (points, lengths)
}

#[cfg(test)]
mod tests {
    use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine, G2Projective};
    use ark_ec::{CurveGroup as _, ScalarMul as _, VariableBaseMSM as _};
    use ark_ff::{Field as _, One as _, UniformRand as _};
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
        assert_eq!(msm(bases, &integers(scalars)), expected, "{} points", bases.len());
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
        let scalars: Vec<_> = (0..30).map(|_| Fr::rand(rng).into_bigint()).collect();

        assert_eq!(msm(&bases, &scalars), msm(&bases[..30], &scalars));
        assert_eq!(msm(&bases[..20], &scalars), msm(&bases[..20], &scalars[..20]));
    }

    #[test]
    fn points_of_the_second_group_are_summed() {
        let rng = &mut StdRng::seed_from_u64(6);
        let scalars: Vec<_> = (0..700).map(|_| Fr::rand(rng)).collect();
        let bases: Vec<G2Affine> = G2Projective::rand(rng).batch_mul(&scalars);
        let expected = G2Projective::msm_unchecked(&bases, &scalars);
        assert_eq!(msm(&bases, &integers(&scalars)).into_affine(), expected.into_affine());
    }
}
