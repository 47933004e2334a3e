//! Scalars in halves.
//!
//! Both curves of BN254 have the endomorphism `(x, y) -> (beta x, y)`. It costs a multiplication,
//! and multiplies points of order `r` by `lambda`, a cube root of one. So a scalar `k = a + b
//! lambda` is two scalars of half its length, one of a point and one of its image: as many digits,
//! but half as many windows, and weighing the buckets of a window is what windows cost.
//!
//! Gallant, Lambert and Vanstone, "Faster point multiplication on elliptic curves with efficient
//! endomorphisms", CRYPTO 2001; here algorithm 3.74 of Hankerson, Menezes and Vanstone, "Guide to
//! Elliptic Curve Cryptography", where the quotients are rounded in fixed point.
//!
//! **Invariant:** both halves of any scalar are below `2^127`. A scalar below `2^125` stays whole,
//! and so does the negative of one below `2^120`: the other half is zero.

use ark_bn254::Fr;
use ark_ec::AffineRepr as _;
use ark_ec::short_weierstrass::Affine;
use ark_ff::{BigInt, Field as _, MontFp, PrimeField as _};

use super::Curve;

/// What the image of a point is a multiple by.
const LAMBDA: Fr = MontFp!("4407920970296243842393367215006156084916469457145843978461");

/// `LONG + SHORT lambda` and `SHORT - OTHER lambda` are zero modulo `r`, and all sums that are zero
/// are sums of these two: `LONG OTHER + SHORT^2 = r`.
const LONG: u128 = 147_946_756_881_789_319_010_696_353_538_189_108_491;
const OTHER: u128 = 147_946_756_881_789_319_000_765_030_803_803_410_728;
const SHORT: u128 = 9_931_322_734_385_697_763;

/// `2^254 OTHER / r` and `2^254 SHORT / r`, rounded.
const OTHER_BY_ORDER: u128 = 195_665_136_022_270_213_269_696_988_753_907_133_539;
const SHORT_BY_ORDER: u128 = 13_134_546_877_950_733_558;

/// A scalar `a + b lambda`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::groth16) struct Halves {
    a: i128,
    b: i128,
}

impl From<&Fr> for Halves {
    /// Takes so many of both sums away from `k + 0 lambda` that little is left. Rounding makes both
    /// numbers wrong by less than 1: by a half, and by what the factor is wrong by. So what is left
    /// is below `LONG + SHORT` in both parts, below `2^127`, and can be computed modulo `2^128`.
    fn from(scalar: &Fr) -> Self {
        let BigInt([first, second, third, fourth]) = scalar.into_bigint();
        let low = u128::from(first) | u128::from(second) << 64;
        let high = u128::from(third) | u128::from(fourth) << 64;
        let times = |factor: u128| {
            let (_, carry) = low.carrying_mul(factor, 0);
            let (middle, highest) = high.carrying_mul_add(factor, carry, 1 << 125);
            highest << 2 | middle >> 126
        };
        let (longs, shorts) = (times(OTHER_BY_ORDER), times(SHORT_BY_ORDER));
        let a = low.wrapping_sub(longs.wrapping_mul(LONG)).wrapping_sub(shorts.wrapping_mul(SHORT));
        let b = shorts.wrapping_mul(OTHER).wrapping_sub(longs.wrapping_mul(SHORT));
        Self { a: a.cast_signed(), b: b.cast_signed() }
    }
}

impl Halves {
    /// What `point` times this is the sum of: points, each times a positive integer.
    pub(super) fn terms<P: Curve>(
        self,
        point: &Affine<P>,
        beta: &P::BaseField,
    ) -> impl Iterator<Item = (Affine<P>, u128)> {
        let Self { a, b } = if point.is_zero() { Self::default() } else { self };
        let whole = (a != 0).then_some((*point, a));
        let image = (b != 0).then(|| (Affine::new_unchecked(point.x * beta, point.y), b));
        let terms = [whole, image].into_iter().flatten();
        terms.map(|(point, times)| (if times < 0 { -point } else { point }, times.unsigned_abs()))
    }
}

impl From<u64> for Halves {
    fn from(scalar: u64) -> Self {
        Self { a: scalar.into(), b: 0 }
    }
}

/// The first coordinate of `lambda P` is that of `P` times this. Each curve has two such roots of
/// one, and its library's `lambda` is ours or the square of ours.
pub(super) fn beta<P: Curve>() -> P::BaseField {
    let beta = P::ENDO_COEFFS.first().copied().unwrap_or(P::BaseField::ONE);
    if P::LAMBDA == LAMBDA { beta } else { beta.square() }
}

#[cfg(test)]
mod tests {
    use ark_bn254::{g1, g2};
    use ark_ec::{AffineRepr as _, CurveGroup as _};
    use ark_ff::Zero as _;
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    fn element(integer: i128) -> Fr {
        let magnitude = Fr::from(integer.unsigned_abs());
        if integer < 0 { -magnitude } else { magnitude }
    }

    fn assert_are_halves(scalar: Fr) {
        let halves = Halves::from(&scalar);
        assert_eq!(element(halves.a) + element(halves.b) * LAMBDA, scalar, "{halves:?}");
        assert!(halves.a.unsigned_abs().max(halves.b.unsigned_abs()) < 1 << 127, "{halves:?}");
    }

    proptest! {
        #[test]
        fn halves_make_the_scalar(limbs: [u64; 4], shift in 0_u32..256) {
            let [a, b, c, d] = limbs.map(Fr::from);
            let word = Fr::from(2).pow([64]);
            let scalar = ((d * word + c) * word + b) * word + a;
            let sparse = Fr::from(2).pow([u64::from(shift)]) + a;

            for scalar in [scalar, sparse, -sparse, scalar * LAMBDA, sparse * LAMBDA] {
                assert_are_halves(scalar);
            }
        }
    }

    /// Where the numbers of sums that are taken away change.
    #[test]
    fn halves_make_the_scalars_at_the_edges() {
        let half = Fr::from(2).inverse().unwrap();
        let steps = [LONG, OTHER, SHORT, LONG / 2, OTHER / 2, SHORT / 2, 1 << 126, u128::MAX];
        for step in steps.map(Fr::from).into_iter().chain([Fr::zero(), half, LAMBDA]) {
            for times in [Fr::ONE, LAMBDA, LAMBDA.square(), Fr::from(SHORT), Fr::from(3) * half] {
                for distance in (-2..=2).map(element) {
                    assert_are_halves(step * times + distance);
                    assert_are_halves(-step * times + distance);
                }
            }
        }
    }

    #[test]
    fn small_scalars_and_their_negatives_stay_whole() {
        for (bits, sign) in (0..125).map(|bits| (bits, 1)).chain((0..120).map(|bits| (bits, -1))) {
            for a in [1 << bits, (1 << bits) + 1, (1 << (bits + 1)) - 1].map(|a: i128| sign * a) {
                assert_eq!(Halves::from(&element(a)), Halves { a, b: 0 });
            }
        }
        assert_eq!(Halves::from(&Fr::zero()), Halves::default());
        assert_eq!(Halves::from(u64::MAX), Halves::from(&Fr::from(u64::MAX)));
    }

    #[test]
    fn the_constants_are_what_they_are_said_to_be() {
        let [long, other, short] = [LONG, OTHER, SHORT].map(Fr::from);
        assert!((long + short * LAMBDA).is_zero() && (short - other * LAMBDA).is_zero());

        let order = BigUint::from(Fr::MODULUS);
        let [long, other, short] = [LONG, OTHER, SHORT].map(BigUint::from);
        assert_eq!(&long * &other + &short * &short, order);
        assert!(LONG.max(OTHER) + SHORT < 1 << 127);
        for (factor, of) in [(OTHER_BY_ORDER, other), (SHORT_BY_ORDER, short)] {
            assert_eq!(BigUint::from(factor), ((of << 255) + &order) / (&order << 1));
        }
    }

    #[test]
    fn the_image_of_a_point_is_a_multiple_of_it() {
        fn assert_is_a_multiple<P: Curve>() {
            let point = Affine::<P>::generator();
            let image = Affine::new_unchecked(point.x * beta::<P>(), point.y);
            assert_eq!(image, (point * LAMBDA).into_affine());
        }
        assert_is_a_multiple::<g1::Config>();
        assert_is_a_multiple::<g2::Config>();
    }
}
