//! Points from their compressed bytes, faster than the library's way and stricter.
//!
//! Decompressing is a square root. The modulus `p` is 3 modulo 4, so one power `a^((p - 3) / 4)`
//! gives the root, the inverse of the root and whether there is one; a root in the quadratic
//! extension takes two such powers. What comes out is squared and compared, so a mistake here could
//! refuse a point, never accept one.
//!
//! **Invariant:** a decoded point is on its curve and is not the identity, and its coordinates were
//! below the modulus. The first curve has no other points than those of the group. Those of the
//! second need a check of the subgroup, in [`is_in_g2`] for one point or along the way of a batch
//! (`lines.rs`).

use ark_bn254::{Bn254, Fq, Fq2, G1Affine, G2Affine};
use ark_ec::AffineRepr as _;
use ark_ec::bn::BnConfig;
use ark_ec::short_weierstrass::SWCurveConfig as _;
use ark_ff::{AdditiveGroup as _, Field as _, MontFp, PrimeField as _, Zero as _};
use ark_serialize::CanonicalDeserialize as _;

use crate::proof::{NotAProof, Proof};

/// Set in the last byte when `y` is the larger of the two roots.
const LARGER: u8 = 0b1000_0000;

/// Set in the last byte of the identity.
const IDENTITY: u8 = 0b0100_0000;

/// The points of a proof, of which the first and the third are of their group and **the second is
/// on its curve, and its subgroup still to be checked**.
pub(crate) fn proof_on_curves(bytes: &[u8]) -> Result<ark_groth16::Proof<Bn254>, NotAProof> {
    let length = NotAProof::WrongLength { bytes: bytes.len() };
    let bytes: &[u8; Proof::BYTES] = bytes.try_into().or(Err(length))?;
    let (a, rest) = bytes.split_first_chunk().ok_or(length)?;
    let (b, rest) = rest.split_first_chunk().ok_or(length)?;
    let c = rest.first_chunk().ok_or(length)?;
    let points = g1(a).zip(g2_curve(b)).zip(g1(c));
    let ((a, b), c) = points.ok_or(NotAProof::NotPoints)?;
    Ok(ark_groth16::Proof { a, b, c })
}

/// A point of the first group.
fn g1(bytes: &[u8; 32]) -> Option<G1Affine> {
    let (bytes, larger) = split_flags(*bytes)?;
    let x = fq(&bytes)?;
    let y = sqrt(x.square() * x + ark_bn254::g1::Config::COEFF_B)?;
    Some(G1Affine::new_unchecked(x, if (y > -y) == larger { y } else { -y }))
}

/// A point of the second curve, **of which the subgroup is still to be checked**.
fn g2_curve(bytes: &[u8; 64]) -> Option<G2Affine> {
    let (c0, c1) = bytes.split_first_chunk::<32>()?;
    let (c1, larger) = split_flags(*c1.first_chunk()?)?;
    let x = Fq2::new(fq(c0)?, fq(&c1)?);
    let y = sqrt2(x.square() * x + ark_bn254::g2::Config::COEFF_B)?;
    Some(G2Affine::new_unchecked(x, if (y > -y) == larger { y } else { -y }))
}

/// Whether a point of the second curve is in the subgroup of order `r`.
///
/// Asks whether `[x + 1]Q + psi([x]Q) + psi^2([x]Q) = psi^3([2x]Q)`, where `psi` is Frobenius
/// between untwisting and twisting and `x` the 63-bit parameter of the curve: section 4.3 of
/// <https://ia.cr/2022/352>. In the endomorphism ring of the curve, where `psi^2 - t psi + p = 0`,
/// the norm of this relation has no factor in common with the order of the curve but `r`, so only
/// points of order `r` satisfy it.
pub(crate) fn is_in_g2(point: &G2Affine) -> bool {
    if point.is_zero() {
        return true;
    }
    let by_x = point.mul_bigint(ark_bn254::Config::X);
    let by_x_affine = G2Affine::from(by_x);
    let (Some(once), Some(twice)) =
        (frobenius(&by_x_affine), frobenius(&by_x_affine).and_then(|once| frobenius(&once)))
    else {
        return false;
    };
    let Some(thrice) = frobenius(&twice) else { return false };
    let left = by_x + point + once + twice;
    left == thrice.into_group().double()
}

/// `psi`, on coordinates. `None` of the identity.
pub(super) fn frobenius(point: &G2Affine) -> Option<G2Affine> {
    let (x, y) = point.xy()?;
    let [x, y] = frobenius_of((x, y));
    Some(G2Affine::new_unchecked(x, y))
}

/// `psi`, on coordinates.
pub(super) fn frobenius_of((mut x, mut y): (Fq2, Fq2)) -> [Fq2; 2] {
    x.conjugate_in_place();
    y.conjugate_in_place();
    [x * ark_bn254::Config::TWIST_MUL_BY_Q_X, y * ark_bn254::Config::TWIST_MUL_BY_Q_Y]
}

fn split_flags(mut bytes: [u8; 32]) -> Option<([u8; 32], bool)> {
    let last = bytes.last_mut()?;
    let larger = *last & LARGER != 0;
    if *last & IDENTITY != 0 {
        return None;
    }
    *last &= !LARGER;
    Some((bytes, larger))
}

/// The element that is encoded; a number not below the modulus is none.
fn fq(bytes: &[u8; 32]) -> Option<Fq> {
    Fq::deserialize_compressed(bytes.as_slice()).ok()
}

/// `a^((p - 3) / 4)`, four bits of the exponent at a time.
fn power(a: Fq) -> Fq {
    let mut powers = [Fq::ONE; 16];
    let mut next = Fq::ONE;
    for power in &mut powers {
        *power = next;
        next *= a;
    }
    let mut exponent = Fq::MODULUS; // p is 3 modulo 4: (p - 3) / 4 is p without its two last bits
    exponent >>= 2;
    let mut result = Fq::ONE;
    for limb in exponent.0.iter().rev() {
        for shift in (0..u64::BITS).step_by(4).rev() {
            result.square_in_place().square_in_place().square_in_place().square_in_place();
            let digit = usize::try_from((limb >> shift) & 15).unwrap_or_default();
            if digit > 0 {
                result *= powers.get(digit).copied().unwrap_or_default();
            }
        }
    }
    result
}

/// A root of `a`.
fn sqrt(a: Fq) -> Option<Fq> {
    let root = power(a) * a;
    (root.square() == a).then_some(root)
}

/// A root of `a = a0 + a1 i`, by the complex method: with `n` a root of the norm `a0^2 + a1^2`, one
/// of `(a0 + n) / 2` and its negative conjugate is the square of the real part.
fn sqrt2(a: Fq2) -> Option<Fq2> {
    if a.c1.is_zero() {
        return None; // no point of the second curve that anyone computes, and the formula divides by it
    }
    let norm = sqrt(a.c0.square() + a.c1.square())?;
    let half_square = (a.c0 + norm) * HALF;
    let inverse = power(half_square);
    let one = inverse * half_square;
    let other = inverse * a.c1 * HALF;
    // If `half_square` is a square, `one` is its root and `inverse` the inverse of that; if not,
    // `one` is the root of its negative, and the two parts change places.
    let root =
        if one.square() == half_square { Fq2::new(one, other) } else { Fq2::new(other, one) };
    let root = if root.square() == a { root } else { Fq2::new(-root.c0, root.c1) };
    (root.square() == a).then_some(root)
}

/// One half.
const HALF: Fq =
    MontFp!("10944121435919637611123202872628637544348155578648911831344518947322613104292");

#[cfg(test)]
mod tests {
    use ark_bn254::{Fr, G1Projective, G2Projective};
    use ark_ec::bn::BnConfig as _;
    use ark_ff::{BigInteger as _, UniformRand as _};
    use ark_serialize::CanonicalSerialize;
    use ark_std::rand::SeedableRng as _;
    use ark_std::rand::rngs::StdRng;
    use num_bigint::BigInt;

    use super::*;
    use crate::testing::outside_the_subgroup;

    fn compressed<const N: usize>(point: &impl CanonicalSerialize) -> [u8; N] {
        let mut bytes = [0; N];
        point.serialize_compressed(bytes.as_mut_slice()).unwrap();
        bytes
    }

    #[test]
    fn points_of_the_groups_round_trip() {
        let mut rng = StdRng::seed_from_u64(1);
        for _ in 0..32 {
            let (one, two) = (G1Projective::rand(&mut rng), G2Projective::rand(&mut rng));
            let (one, two) = (G1Affine::from(one), G2Affine::from(two));

            assert_eq!(g1(&compressed(&one)), Some(one));
            assert_eq!(g1(&compressed(&-one)), Some(-one));
            assert_eq!(g2_curve(&compressed(&two)), Some(two));
            assert!(is_in_g2(&two));
            assert_eq!(g2_curve(&compressed(&-two)), Some(-two));
        }
    }

    /// Half of all coordinates have no point; the library and we agree about each.
    #[test]
    fn what_the_library_refuses_is_refused() {
        let mut rng = StdRng::seed_from_u64(2);
        let mut on_curve = [0, 0];
        for _ in 0..64 {
            let (one, two) = (Fq::rand(&mut rng), Fq2::rand(&mut rng));

            let expected = G1Affine::get_point_from_x_unchecked(one, false);
            assert_eq!(g1(&compressed(&one)), expected);
            on_curve[0] += usize::from(expected.is_some());
            let expected = G2Affine::get_point_from_x_unchecked(two, false);
            assert_eq!(g2_curve(&compressed(&two)), expected);
            assert!(expected.is_none_or(|point| !is_in_g2(&point)));
            on_curve[1] += usize::from(expected.is_some());
        }
        assert!(on_curve.iter().all(|count| (16..48).contains(count)), "{on_curve:?}");
    }

    /// The argument of both checks of the subgroup. A point that satisfies a relation in `psi` has an
    /// order that divides the relation's norm, and one that divides the order of the curve,
    /// `r (2p - r)`: so it divides what the two have in common.
    #[test]
    #[expect(clippy::many_single_char_names, reason = "the names of the paper")]
    fn the_norms_of_both_relations_have_only_the_order_in_common_with_the_curve() {
        let x: BigInt = ark_bn254::Config::X[0].into();
        let [p, r] = [Fq::MODULUS.to_string(), Fr::MODULUS.to_string()]
            .map(|decimal| decimal.parse::<BigInt>().unwrap());
        let trace: BigInt = &p + 1 - &r;
        let curve: BigInt = &r * (2 * &p - &r);
        let relations = [
            // psi^0, psi^1, psi^2, psi^3
            [&x + 1, x.clone(), x.clone(), -2 * &x],
            [6 * &x + 2, BigInt::from(1), BigInt::from(-1), BigInt::from(1)],
        ];
        for relation in relations {
            // psi^i = u + v psi, by psi^2 = trace psi - p.
            let (mut u, mut v) = (BigInt::from(1), BigInt::from(0));
            let (mut a, mut b) = (BigInt::from(0), BigInt::from(0));
            for coefficient in relation {
                a += &coefficient * &u;
                b += coefficient * &v;
                (u, v) = (-&p * &v, u + &trace * v);
            }
            let norm = &a * &a + &a * &b * &trace + &b * &b * &p;
            let (mut common, mut rest): (BigInt, BigInt) = (curve.clone(), norm);
            while rest != BigInt::from(0) {
                (common, rest) = (rest.clone(), common % rest);
            }
            assert!(common == r || -common == r);
        }
    }

    #[test]
    fn the_subgroup_is_that_of_the_library() {
        let mut rng = StdRng::seed_from_u64(3);
        let outside = outside_the_subgroup();
        let cleared = outside.clear_cofactor();
        let two = G2Affine::from(G2Projective::rand(&mut rng));
        // Of order `r` times something, and of the cofactor's order.
        let shifted = G2Affine::from(outside + two);
        let other = G2Affine::from(outside.mul_bigint(Fr::MODULUS));

        for point in [outside, cleared, two, -two, shifted, other, G2Affine::identity()] {
            assert_eq!(is_in_g2(&point), point.is_in_correct_subgroup_assuming_on_curve());
        }
        assert!(!is_in_g2(&outside) && !is_in_g2(&other) && is_in_g2(&cleared));
    }

    #[test]
    fn each_point_has_one_encoding() {
        let mut rng = StdRng::seed_from_u64(4);
        let point = G1Affine::from(G1Projective::rand(&mut rng));
        let honest: [u8; 32] = compressed(&point);

        // x + p, which fits 254 bits for some x.
        let small =
            (1_u64..).map(Fq::from).find_map(|x| G1Affine::get_point_from_x_unchecked(x, false));
        let mut sum = small.unwrap().x.into_bigint();
        assert!(!sum.add_with_carry(&Fq::MODULUS));
        let aliased: [u8; 32] = sum.to_bytes_le().try_into().unwrap();
        assert_eq!(g1(&aliased), None);
        assert!(g1(&compressed(&small.unwrap())).is_some());

        let mut flagged = honest;
        flagged[31] |= IDENTITY;
        assert_eq!(g1(&flagged), None);
        assert_eq!(g1(&compressed(&G1Affine::identity())), None);
        assert_eq!(g2_curve(&compressed(&G2Affine::identity())), None);
        assert_eq!(g1(&[0xff; 32]), None);
    }

    #[test]
    fn roots_are_roots_whatever_the_signs() {
        let mut rng = StdRng::seed_from_u64(5);
        for _ in 0..64 {
            let root = Fq2::rand(&mut rng);
            let found = sqrt2(root.square()).unwrap();

            assert!(found == root || found == -root);
        }
    }
}
