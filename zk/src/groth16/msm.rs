//! Sums of points times scalars, for assignments in which most scalars are 0 or 1.

use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ff::PrimeField;
use taceo_ark_algebra::msm::msm_bigint;

type IntegerOf<P> = <<P as ark_ec::CurveConfig>::ScalarField as PrimeField>::BigInt;

/// The sum of each base times its scalar.
pub(crate) fn msm<P: SWCurveConfig>(
    bases: &[Affine<P>],
    scalars: &[IntegerOf<P>],
) -> Projective<P> {
    msm_bigint(bases, scalars)
}
