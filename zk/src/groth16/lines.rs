//! Miller loops of many proofs in step.
//!
//! Verifying costs a Miller loop for each proof's B, and most of that is computing the lines
//! through multiples of B and multiplying them together. Three things are cheaper for many proofs
//! than for each alone: slopes are computed in affine coordinates, where all divisions of a step
//! share one inversion; lines are divided by a constant, which the final exponentiation removes, so
//! that their first coefficient is 1, and multiplied in pairs; the accumulator is squared once for
//! all.
//!
//! The loop ends with `[6x + 2]B + psi(B) - psi^2(B)`, which is `-psi^3(B)` exactly if B is in the
//! subgroup of order `r` (argument: as in [`super::decode::is_in_g2`], for the relation `6x + 2 +
//! psi - psi^2 + psi^3`, whose norm has no other common factor with the order of the curve either:
//! a test of `decode.rs` computes both). So the check of the subgroup costs next to nothing.
//!
//! **Invariant:** the product is that of a Miller loop up to a factor that the final exponentiation
//! removes, provided that every B was in the subgroup.

use ark_bn254::{Fq, Fq2, Fq6, Fq6Config, Fq12, G1Affine, G2Affine};
use ark_ec::AffineRepr as _;
use ark_ec::bn::BnConfig;
use ark_ff::fields::Fp6Config as _;
use ark_ff::{AdditiveGroup as _, Field as _, One as _, Zero as _};

use super::decode::frobenius_of;

/// The Miller loops of some pairs.
pub(super) struct Product {
    /// Their product.
    pub(super) value: Fq12,
    /// The places of pairs whose second point is outside the subgroup. If there are any, the
    /// product means nothing.
    pub(super) outside: Vec<usize>,
}

/// A line `1 + b w + c w^3` at the point of the first group.
#[derive(Clone, Copy)]
struct Line {
    b: Fq2,
    c: Fq2,
}

/// One pair on its way through the loop.
struct Walk {
    /// The point of the second curve.
    q: (Fq2, Fq2),
    /// Its multiple so far.
    t: (Fq2, Fq2),
    /// `-x / y` and `1 / y` of the point of the first group.
    p: (Fq, Fq),
    /// Whether a division by zero showed that the point of the second curve is outside the
    /// subgroup.
    is_outside: bool,
}

/// Multiplies the Miller loops of `pairs`. A pair with an identity contributes 1.
pub(super) fn multiply(pairs: &[(G1Affine, G2Affine)]) -> Product {
    let (mut walks, places) = start(pairs);
    let mut value = Fq12::one();
    let mut scratch = Scratch::default();
    for digit in ark_bn254::Config::ATE_LOOP_COUNT.iter().rev().skip(1) {
        value.square_in_place();
        scratch.double(&mut walks);
        absorb(&mut value, &scratch.lines);
        if *digit != 0 {
            let is_negative = *digit < 0;
            scratch
                .add(&mut walks, |walk| (walk.q.0, if is_negative { -walk.q.1 } else { walk.q.1 }));
            absorb(&mut value, &scratch.lines);
        }
    }
    scratch.add(&mut walks, |walk| frobenius_of(walk.q).into());
    absorb(&mut value, &scratch.lines);
    scratch.add(&mut walks, |walk| negative(frobenius_of(frobenius_of(walk.q).into()).into()));
    absorb(&mut value, &scratch.lines);

    let outside = walks.iter().zip(places).filter(|(walk, _)| !walk.ends_in_the_subgroup());
    Product { value, outside: outside.map(|(_, place)| place).collect() }
}

fn start(pairs: &[(G1Affine, G2Affine)]) -> (Vec<Walk>, Vec<usize>) {
    let points: Vec<_> = pairs
        .iter()
        .enumerate()
        .filter_map(|(place, (p, q))| Some((place, p.xy()?, q.xy()?)))
        .collect();
    let mut inverses: Vec<Fq> = points.iter().map(|(_, (_, y), _)| *y).collect();
    let mut products = Vec::new();
    invert(&mut inverses, &mut products);
    points
        .into_iter()
        .zip(inverses)
        .map(|((place, (x, _), q), inverse)| {
            (Walk { q, t: q, p: (-x * inverse, inverse), is_outside: false }, place)
        })
        .unzip()
}

/// What the steps share, so that nothing is allocated on the way.
#[derive(Default)]
struct Scratch {
    numerators: Vec<Fq2>,
    denominators: Vec<Fq2>,
    products: Vec<Fq2>,
    others: Vec<(Fq2, Fq2)>,
    lines: Vec<Line>,
}

impl Scratch {
    /// Doubles each multiple; the lines are tangents.
    fn double(&mut self, walks: &mut [Walk]) {
        self.clear();
        for walk in walks.iter() {
            let (x, y) = walk.t;
            let square = x.square();
            self.numerators.push(square.double() + square);
            self.denominators.push(y.double());
            self.others.push(walk.t);
        }
        self.step(walks);
    }

    /// Adds a point to each multiple; the lines go through both.
    fn add(&mut self, walks: &mut [Walk], point: impl Fn(&Walk) -> (Fq2, Fq2)) {
        self.clear();
        for walk in walks.iter() {
            let other = point(walk);
            self.numerators.push(walk.t.1 - other.1);
            self.denominators.push(walk.t.0 - other.0);
            self.others.push(other);
        }
        self.step(walks);
    }

    fn clear(&mut self) {
        self.numerators.clear();
        self.denominators.clear();
        self.others.clear();
        self.lines.clear();
    }

    fn step(&mut self, walks: &mut [Walk]) {
        for (walk, denominator) in walks.iter_mut().zip(&self.denominators) {
            // A multiple of a point of order `r` is never its own negative, nor the point added to
            // it.
            walk.is_outside |= denominator.is_zero();
        }
        invert(&mut self.denominators, &mut self.products);
        let slopes = self.numerators.iter().zip(&self.denominators).map(|(n, d)| *n * d);
        for ((walk, slope), other) in walks.iter_mut().zip(slopes).zip(&self.others) {
            let offset = slope * walk.t.0 - walk.t.1;
            let x = slope.square() - walk.t.0 - other.0;
            walk.t = (x, offset - slope * x);
            let mut line = Line { b: slope, c: offset };
            line.b.mul_assign_by_fp(&walk.p.0);
            line.c.mul_assign_by_fp(&walk.p.1);
            self.lines.push(line);
        }
    }
}

impl Walk {
    fn ends_in_the_subgroup(&self) -> bool {
        let thrice = frobenius_of(frobenius_of(frobenius_of(self.q).into()).into());
        !self.is_outside && self.t == negative(thrice.into())
    }
}

fn negative((x, y): (Fq2, Fq2)) -> (Fq2, Fq2) {
    (x, -y)
}

/// Multiplies `value` by all lines, two at a time.
fn absorb(value: &mut Fq12, lines: &[Line]) {
    let (pairs, rest) = lines.as_chunks::<2>();
    for [one, other] in pairs {
        multiply_by_two(value, *one, *other);
    }
    for line in rest {
        multiply_by_two(value, *line, Line { b: Fq2::ZERO, c: Fq2::ZERO });
    }
}

/// Multiplies `value` by two lines at once.
///
/// ```text
/// (1 + b w + c w^3) (1 + d w + e w^3) = (1 + (9 + u) c e) + b d w^2 + (b e + c d) w^4
///                                       + (b + d) w + (c + e) w^3          as w^6 = 9 + u
/// ```
fn multiply_by_two(value: &mut Fq12, one: Line, other: Line) {
    let bb = one.b * other.b;
    let mut cc = one.c * other.c;
    let cross = (one.b + one.c) * (other.b + other.c) - bb - cc;
    Fq6Config::mul_fp2_by_nonresidue_in_place(&mut cc);
    let even = Fq6::new(cc + Fq2::ONE, bb, cross);
    let (odd_0, odd_1) = (one.b + other.b, one.c + other.c);

    let low = value.c0 * even;
    let mut high = value.c1;
    high.mul_by_01(&odd_0, &odd_1);
    let both = (value.c0 + value.c1) * Fq6::new(even.c0 + odd_0, even.c1 + odd_1, even.c2);
    value.c1 = both - low - high;
    let mut wrapped = high.c2;
    Fq6Config::mul_fp2_by_nonresidue_in_place(&mut wrapped);
    value.c0 = low + Fq6::new(wrapped, high.c0, high.c1);
}

/// Inverts all of `values` with one inversion. Zeros stay.
fn invert<F: ark_ff::Field>(values: &mut [F], products: &mut Vec<F>) {
    products.clear();
    let mut product = F::ONE;
    for value in values.iter() {
        products.push(product);
        if !value.is_zero() {
            product *= value;
        }
    }
    let mut inverse = product.inverse().unwrap_or_default();
    for (value, before) in values.iter_mut().zip(products.iter()).rev() {
        if !value.is_zero() {
            let this = inverse * before;
            inverse *= *value;
            *value = this;
        }
    }
}

#[cfg(test)]
mod tests {
    use ark_bn254::{Bn254, G1Projective, G2Projective};
    use ark_ec::pairing::{MillerLoopOutput, Pairing as _};
    use ark_ff::UniformRand as _;
    use ark_std::rand::SeedableRng as _;

    use super::*;
    use crate::testing::outside_the_subgroup;

    fn pairs(count: usize) -> Vec<(G1Affine, G2Affine)> {
        let mut rng = ark_std::rand::rngs::StdRng::seed_from_u64(5);
        (0..count)
            .map(|_| (G1Projective::rand(&mut rng).into(), G2Projective::rand(&mut rng).into()))
            .collect()
    }

    #[test]
    fn the_product_is_that_of_the_library() {
        for count in [0, 1, 2, 5] {
            let mut pairs = pairs(count);
            if count == 5 {
                pairs[1].0 = G1Affine::identity();
                pairs[2].1 = G2Affine::identity();
                pairs[3] = (-pairs[4].0, -pairs[4].1);
            }
            let product = multiply(&pairs);

            let (left, right): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
            let expected = Bn254::multi_pairing(left, right);
            assert!(product.outside.is_empty());
            let value = Bn254::final_exponentiation(MillerLoopOutput(product.value)).unwrap();
            assert_eq!(value, expected, "{count}");
        }
    }

    #[test]
    fn points_outside_the_subgroup_are_found() {
        let mut pairs = pairs(5);
        pairs[0].0 = G1Affine::identity();
        pairs[2].1 = outside_the_subgroup();
        pairs[4].1 = outside_the_subgroup();

        assert_eq!(multiply(&pairs).outside, [2, 4]);
    }
}
