//! Random coefficients that are cheap to multiply by.
//!
//! A coefficient is `a + b lambda` with `a` and `b` of 64 bits, where `lambda` is what the
//! endomorphism of the first curve multiplies by: a multiple then costs 64 doublings instead of
//! 128. Two such coefficients are never equal modulo `r`: were `u + v lambda = 0` for their
//! difference, `r` would divide the norm `u^2 - u v + v^2`, which is below `3 * 2^128`, and zero
//! only if both are.

use ark_bn254::g1::Config;
use ark_bn254::{Fr, G1Affine, G1Projective};
use ark_ec::scalar_mul::glv::GLVConfig as _;
use ark_ff::AdditiveGroup as _;
use rand::CryptoRng;

use super::msm::Halves;

/// `a + b lambda`.
#[derive(Clone, Copy)]
pub(super) struct Coefficient {
    a: u64,
    b: u64,
}

impl Coefficient {
    /// One of `2^128`.
    pub(super) fn draw(rng: &mut impl CryptoRng) -> Self {
        Self { a: rng.next_u64(), b: rng.next_u64() }
    }

    /// `point` times this, as two points times an integer each.
    pub(super) fn terms(self, point: G1Affine) -> [(G1Affine, Halves); 2] {
        let moved = Config::endomorphism_affine(&point);
        [(point, Halves::from(self.a)), (moved, Halves::from(self.b))]
    }

    /// As an element of the scalar field.
    pub(super) fn element(self) -> Fr {
        Fr::from(self.a) + Fr::from(self.b) * Config::LAMBDA
    }

    /// `a P + b lambda P`, both at once. As `1 + lambda + lambda^2 = 0`, the sum of `P` and `lambda
    /// P` is at hand as well.
    pub(super) fn times(self, point: G1Affine) -> G1Projective {
        let moved = Config::endomorphism_affine(&point);
        let both = -Config::endomorphism_affine(&moved);
        let mut sum = G1Projective::ZERO;
        for bit in (0..u64::BITS).rev() {
            sum.double_in_place();
            match ((self.a >> bit) & 1, (self.b >> bit) & 1) {
                (0, 0) => {}
                (1, 0) => sum += point,
                (0, _) => sum += moved,
                _ => sum += both,
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use ark_ec::AffineRepr as _;
    use ark_ff::{BigInt, One as _, PrimeField as _, Zero as _};

    use super::*;

    #[test]
    fn a_coefficient_multiplies_as_its_element_does() {
        let point = G1Affine::generator();
        for (a, b) in [(0, 0), (1, 0), (0, 1), (1, 1), (u64::MAX, u64::MAX), (3 << 40, 5 << 62)] {
            let coefficient = Coefficient { a, b };

            assert_eq!(coefficient.times(point), point * coefficient.element(), "{a} {b}");
        }
    }

    /// What the soundness of the batch rests on: differences of coefficients, which are below
    /// `2^64` in both parts, are zero modulo `r` only if they are zero. A vector `(u, v)` of the
    /// lattice has `u^2 - u v + v^2` divisible by `r` (the norm, as `lambda^2 + lambda + 1 = 0`),
    /// and below `2^64` the norm is below `3 * 2^128`, which is below `r`.
    #[test]
    fn two_coefficients_are_never_equal_modulo_the_order() {
        let lambda = Config::LAMBDA;

        assert_eq!(lambda * lambda + lambda + Fr::one(), Fr::zero());
        assert!(Fr::MODULUS > BigInt([0, 0, 3, 0]));
    }
}
