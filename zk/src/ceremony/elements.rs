//! Field elements and points as iden3's files hold them.
//!
//! Numbers are 32 bytes, least significant first. Coordinates of points are multiplied by
//! Montgomery's radix `2^256`, coefficients of a `.zkey` twice.
//!
//! **Invariant:** what is read is below its modulus, on its curve and in its subgroup.

use std::sync::LazyLock;

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr as _;
use ark_ff::{AdditiveGroup as _, Field as _, PrimeField, Zero as _};
use ark_serialize::{CanonicalDeserialize as _, CanonicalSerialize as _};

use crate::field;

/// The scalar, or `None` when it is not below the modulus.
pub(crate) fn scalar(bytes: &[u8; 32]) -> Option<Fr> {
    field::from_bytes(bytes)
}

/// The coordinate, or `None` when it is not below the modulus.
pub(crate) fn coordinate(bytes: &[u8; 32]) -> Option<Fq> {
    Fq::deserialize_compressed(bytes.as_slice()).ok()
}

pub(crate) fn out_of_montgomery(number: Fq) -> Fq {
    number * COORDINATES.inverse
}

pub(crate) fn out_of_montgomery_twice(number: Fr) -> Fr {
    number * SCALARS.inverse.square()
}

/// The point, or `None` when it is not in the first group.
pub(crate) fn g1(x: Fq, y: Fq) -> Option<G1Affine> {
    if x.is_zero() && y.is_zero() {
        return Some(G1Affine::identity());
    }
    let point = G1Affine::new_unchecked(x, y);
    let is_member = point.is_on_curve() && point.is_in_correct_subgroup_assuming_on_curve();
    is_member.then_some(point)
}

/// The point, or `None` when it is not in the second group.
pub(crate) fn g2(x: Fq2, y: Fq2) -> Option<G2Affine> {
    if x.is_zero() && y.is_zero() {
        return Some(G2Affine::identity());
    }
    let point = G2Affine::new_unchecked(x, y);
    let is_member = point.is_on_curve() && point.is_in_correct_subgroup_assuming_on_curve();
    is_member.then_some(point)
}

/// The bytes of a scalar as it is.
pub(crate) fn plain(element: Fr) -> [u8; 32] {
    field::to_bytes(element)
}

/// The bytes of a coefficient in a `.zkey`.
pub(crate) fn twice_montgomery(element: Fr) -> [u8; 32] {
    plain(element * SCALARS.radix.square())
}

/// The bytes of a point of the first group, coordinates in Montgomery's form.
pub(crate) fn g1_bytes(point: &G1Affine) -> [u8; 64] {
    let [x, y] = if point.is_zero() { [Fq::ZERO; 2] } else { [point.x, point.y] };
    gather(&[x, y])
}

/// The bytes of a point of the second group.
pub(crate) fn g2_bytes(point: &G2Affine) -> [u8; 128] {
    let [x, y] = if point.is_zero() { [Fq2::ZERO; 2] } else { [point.x, point.y] };
    gather(&[x.c0, x.c1, y.c0, y.c1])
}

/// The modulus of a field, as a header states it.
pub(crate) fn modulus<F: PrimeField>() -> [u8; 32] {
    let mut bytes = [0; 32];
    // Both moduli have 254 bits, so four words of 64 always fit.
    let fits = F::MODULUS.serialize_uncompressed(bytes.as_mut_slice());
    debug_assert!(fits.is_ok(), "a modulus has 32 bytes");
    bytes
}

fn gather<const N: usize>(coordinates: &[Fq]) -> [u8; N] {
    let mut bytes = [0; N];
    for (chunk, coordinate) in bytes.chunks_exact_mut(32).zip(coordinates) {
        let fits = (*coordinate * COORDINATES.radix).serialize_compressed(chunk);
        debug_assert!(fits.is_ok(), "a coordinate has 32 bytes");
    }
    bytes
}

/// Montgomery's radix in one field, and its inverse.
struct Montgomery<F> {
    radix: F,
    inverse: F,
}

static COORDINATES: LazyLock<Montgomery<Fq>> = LazyLock::new(montgomery);
static SCALARS: LazyLock<Montgomery<Fr>> = LazyLock::new(montgomery);

fn montgomery<F: PrimeField>() -> Montgomery<F> {
    let radix = F::from(2_u64).pow([256]);
    // A power of two is never zero modulo an odd prime.
    Montgomery { radix, inverse: radix.inverse().unwrap_or(F::ONE) }
}

#[cfg(test)]
mod tests {
    use ark_ec::AffineRepr as _;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let (one, two) = (G1Affine::generator(), G2Affine::generator());
        let bytes = [&g1_bytes(&one)[..], &g2_bytes(&two), &[0; 64]].concat();
        let mut part = super::super::sections::Part { name: "points", rest: &bytes };

        assert_eq!(part.g1(), Ok(one));
        assert_eq!(part.g2(), Ok(two));
        assert_eq!(part.g1(), Ok(G1Affine::identity()));
    }

    #[test]
    fn coefficients_survive_both_radices() {
        let number = Fr::from(7_u64);

        let read = scalar(&twice_montgomery(number)).map(out_of_montgomery_twice);

        assert_eq!(read, Some(number));
    }

    #[test]
    fn the_modulus_itself_is_refused() {
        assert_eq!(scalar(&modulus::<Fr>()), None);
        assert_eq!(coordinate(&modulus::<Fq>()), None);
    }

    #[test]
    fn points_off_the_curve_or_outside_the_subgroup_are_refused() {
        assert_eq!(g1(Fq::from(1_u64), Fq::from(3_u64)), None);
        let outside = (1..100_u64)
            .find_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::from(x), false))
            .unwrap();
        assert!(outside.is_on_curve());
        assert_eq!(g2(outside.x, outside.y), None);
    }
}
