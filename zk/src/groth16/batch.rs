//! Checking many proofs at once.
//!
//! Each proof says `e(A, B) = e(alpha, beta) e(I, gamma) e(C, delta)`, where `I` is made of its
//! public inputs. Raised to a random power each, all are multiplied into one:
//!
//! ```text
//! product of e(ri Ai, Bi) = e(sum of ri alpha, beta) e(sum of ri Ii, gamma) e(sum of ri Ci, delta)
//! ```
//!
//! # Soundness
//! All points are in groups of prime order `r` (checked), so proof `i` is off by a factor `g^di` of
//! the target group, with `di` modulo `r` and zero exactly if it verifies. The product says `sum of
//! ri di = 0`. If some `di` is not zero, then for any choice of the other coefficients one residue
//! `ri` at most satisfies it. Each is drawn from `2^128` different residues (`coefficient.rs`) by
//! the caller's generator **after all proofs are fixed**, so a batch with a bad proof passes with
//! probability at most `2^-128`. Bisection asks the same of at most `2N` parts of the batch, a tree
//! that is fixed before the draw: by the union bound, a bad proof is missed with probability at
//! most `2N 2^-128`.

use ark_bn254::{Bn254, Fq12, Fr, G1Affine, G1Projective};
use ark_ec::CurveGroup as _;
use ark_ec::pairing::{MillerLoopOutput, Pairing as _};
use ark_ff::{One as _, Zero as _};
use rand::CryptoRng;
use rayon::prelude::*;

use super::coefficient::Coefficient;
use super::decode;
use super::lines;
use super::msm::{halves, msm};
use super::verifier::{DoesNotVerify, Verifier};
use crate::proof::{NotAProof, Proof};
use crate::statement::Statement;

/// Pairs that go through a Miller loop in step: enough to share an inversion, few enough to stay in
/// the cache.
const IN_STEP: usize = 128;

/// Why a received proof was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The bytes are no proof.
    #[error(transparent)]
    NotAProof(#[from] NotAProof),
    /// The proof does not prove the statement.
    #[error(transparent)]
    DoesNotVerify(#[from] DoesNotVerify),
}

/// The public inputs of a statement, and the proof.
type Fixed = (Vec<Fr>, ark_groth16::Proof<Bn254>);

/// A proof on its way through a batch.
struct Item {
    /// Where the caller has it.
    place: usize,
    inputs: Vec<Fr>,
    proof: ark_groth16::Proof<Bn254>,
    coefficient: Coefficient,
    /// A, times the coefficient.
    scaled_a: G1Affine,
}

impl Verifier {
    /// Checks many proofs, faster than one by one. The verdicts are in the order of `claims`.
    ///
    /// `rng` must not be known to those who made the proofs.
    pub fn verify_batch(
        &self,
        claims: &[(&Statement, &Proof)],
        rng: &mut impl CryptoRng,
    ) -> Vec<Result<(), Refused>> {
        let inputs = self.inputs_of_all(claims.iter().map(|(statement, _)| *statement));
        let fixed = inputs
            .into_iter()
            .zip(claims)
            .map(|(inputs, (_, proof))| Ok((inputs?, proof.points().clone())));
        self.decide(fixed.collect(), rng)
    }

    /// Decodes and checks many proofs as they were received. The verdicts are in the order of
    /// `claims`.
    ///
    /// `rng` must not be known to those who made the proofs.
    pub fn verify_received(
        &self,
        claims: &[(&Statement, &[u8])],
        rng: &mut impl CryptoRng,
    ) -> Vec<Result<(), Refused>> {
        let inputs = self.inputs_of_all(claims.iter().map(|(statement, _)| *statement));
        let fixed = inputs
            .into_par_iter()
            .zip(claims)
            .map(|(inputs, (_, bytes))| Ok((inputs?, decode::proof_on_curves(bytes)?)));
        self.decide(fixed.collect(), rng)
    }

    /// Draws the coefficients, now that all proofs are fixed, and decides.
    fn decide(
        &self,
        claims: Vec<Result<Fixed, Refused>>,
        rng: &mut impl CryptoRng,
    ) -> Vec<Result<(), Refused>> {
        let mut verdicts = Vec::with_capacity(claims.len());
        let mut items = Vec::with_capacity(claims.len());
        for (place, claim) in claims.into_iter().enumerate() {
            verdicts.push(claim.map(|(inputs, proof)| {
                let coefficient = Coefficient::draw(rng);
                items.push(Item {
                    place,
                    inputs,
                    proof,
                    coefficient,
                    scaled_a: G1Affine::identity(),
                });
            }));
        }
        let scaled: Vec<_> =
            items.par_iter().map(|item| item.coefficient.times(item.proof.a)).collect();
        for (item, scaled) in items.iter_mut().zip(G1Projective::normalize_batch(&scaled)) {
            item.scaled_a = scaled;
        }
        for place in self.find_wrong(&mut items) {
            if let Some(verdict) = verdicts.get_mut(place.at) {
                *verdict = Err(match place.why {
                    Why::Outside => NotAProof::NotPoints.into(),
                    Why::Wrong => DoesNotVerify::Wrong { circuit: self.circuit() }.into(),
                });
            }
        }
        verdicts
    }

    /// The places of all items that do not verify. Those outside the subgroup go first, for nothing
    /// that is computed with them means anything.
    fn find_wrong(&self, items: &mut Vec<Item>) -> Vec<Found> {
        let mut product = multiply(items);
        let mut found = Vec::new();
        if !product.outside.is_empty() {
            for index in product.outside.iter().rev() {
                found.push(Found { at: items.remove(*index).place, why: Why::Outside });
            }
            product = multiply(items);
        }
        if !self.closes(items, &product.value) {
            let mut wrong = Vec::new();
            self.bisect(items, &mut wrong);
            found.extend(wrong.into_iter().map(|at| Found { at, why: Why::Wrong }));
        }
        found
    }

    /// Finds what is wrong in `items`, of which something is.
    fn bisect(&self, items: &[Item], wrong: &mut Vec<usize>) {
        if let [item] = items {
            wrong.push(item.place);
            return;
        }
        let (left, right) = items.split_at(items.len() / 2);
        let left_holds = self.closes(left, &multiply(left).value);
        if !left_holds {
            self.bisect(left, wrong);
        }
        // If the left half holds, then it is the right half that does not.
        if left_holds || !self.closes(right, &multiply(right).value) {
            self.bisect(right, wrong);
        }
    }

    /// Whether the equation of `items` holds, given the product of the Miller loops of their A and
    /// B.
    fn closes(&self, items: &[Item], product: &Fq12) -> bool {
        let (alpha, inputs) = self.combined_inputs(items);
        let left: [G1Affine; 3] = [alpha, inputs, combined_c(items)];
        let right = [self.minus_beta.clone(), self.minus_gamma.clone(), self.minus_delta.clone()];
        let rest = Bn254::multi_miller_loop(left, right);
        let whole = MillerLoopOutput(rest.0 * product);
        Bn254::final_exponentiation(whole).is_some_and(|whole| whole.is_zero())
    }

    /// The sums of `ri alpha` and of `ri Ii`, where each point of the key is multiplied once.
    fn combined_inputs(&self, items: &[Item]) -> (G1Affine, G1Affine) {
        let points = self.key().points();
        let mut scalars = vec![Fr::zero(); points.gamma_abc_g1.len()];
        for item in items {
            let coefficient = item.coefficient.element();
            for (scalar, input) in
                scalars.iter_mut().zip(std::iter::once(&Fr::one()).chain(&item.inputs))
            {
                *scalar += coefficient * input;
            }
        }
        let all = scalars.first().copied().unwrap_or_default();
        let inputs = msm(&points.gamma_abc_g1, &halves(&scalars));
        ((points.alpha_g1 * all).into_affine(), inputs.into_affine())
    }
}

/// An item that does not verify.
struct Found {
    at: usize,
    why: Why,
}

enum Why {
    Outside,
    Wrong,
}

/// The Miller loops of all A and B.
fn multiply(items: &[Item]) -> lines::Product {
    let pairs: Vec<_> = items.iter().map(|item| (item.scaled_a, item.proof.b)).collect();
    let products: Vec<_> = pairs.par_chunks(IN_STEP).map(lines::multiply).collect();
    let mut whole = lines::Product { value: Fq12::one(), outside: Vec::new() };
    for (chunk, product) in products.into_iter().enumerate() {
        whole.value *= product.value;
        whole.outside.extend(product.outside.iter().map(|index| chunk * IN_STEP + index));
    }
    whole
}

/// The sum of `ri Ci`.
fn combined_c(items: &[Item]) -> G1Affine {
    let terms = items.iter().flat_map(|item| item.coefficient.terms(item.proof.c));
    let (points, scalars): (Vec<_>, Vec<_>) = terms.unzip();
    msm(&points, &scalars).into_affine()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use telematics::testing::T0;
    use telematics::window::{Figure, Summary};

    use super::*;
    use crate::circuit::Circuit;
    use crate::testing::{figures, honest, outside_the_subgroup, prover, rng, summary};

    /// Twelve proofs of one statement, all different.
    static PROOFS: LazyLock<Vec<Proof>> = LazyLock::new(|| {
        let (statement, witness) = honest(Circuit::Summary);
        let prove = |seed| prover().prove(&statement, &witness, &mut rng(seed)).unwrap();
        (0..12).map(prove).collect()
    });

    fn wrong() -> Result<(), Refused> {
        Err(DoesNotVerify::Wrong { circuit: prover().circuit() }.into())
    }

    fn verdicts(proofs: &[Proof]) -> Vec<Result<(), Refused>> {
        let (statement, _) = honest(Circuit::Summary);
        let claims: Vec<_> = proofs.iter().map(|proof| (&statement, proof)).collect();
        let bytes: Vec<_> = proofs.iter().map(Proof::to_bytes).collect();
        let received: Vec<_> = bytes.iter().map(|bytes| (&statement, bytes.as_slice())).collect();

        let verdicts = prover().verifier().verify_batch(&claims, &mut rng(3));
        assert_eq!(prover().verifier().verify_received(&received, &mut rng(4)), verdicts);
        verdicts
    }

    /// Proof `index`, with the points of another in one place.
    fn mixed(index: usize) -> Proof {
        let mut points = PROOFS[index].points().clone();
        points.c = PROOFS[(index + 1) % PROOFS.len()].points().c;
        Proof::from_points(points)
    }

    #[test]
    fn honest_proofs_pass_in_batches_of_any_size() {
        for size in [0, 1, 2, 3, 12] {
            assert_eq!(verdicts(&PROOFS[..size]), vec![Ok(()); size], "{size}");
        }
    }

    #[test]
    fn exactly_the_bad_ones_are_found() {
        for bad in [vec![0], vec![11], vec![3, 4], vec![0, 5, 6, 11], (0..12).collect()] {
            let mut proofs = PROOFS.clone();
            let mut expected = vec![Ok(()); proofs.len()];
            for index in bad {
                proofs[index] = mixed(index);
                expected[index] = wrong();
            }
            assert_eq!(verdicts(&proofs), expected);
        }
    }

    /// Without coefficients, two errors that cancel would pass.
    #[test]
    fn errors_that_cancel_are_found() {
        let shift = prover().key().points().delta_g1;
        let mut proofs = PROOFS[..4].to_vec();
        for (index, shift) in [(1, shift), (2, -shift)] {
            let mut points = proofs[index].points().clone();
            points.c = (points.c + shift).into_affine();
            proofs[index] = Proof::from_points(points);
        }

        assert_eq!(verdicts(&proofs), [Ok(()), wrong(), wrong(), Ok(())]);
    }

    #[test]
    fn a_statement_that_was_not_proven_is_found() {
        let (statement, _) = honest(Circuit::Summary);
        let other =
            Statement { campaign: telematics::CampaignId::new(T0, [1; 10]), ..statement.clone() };
        let question = figures(&Summary { figures: [601; Figure::COUNT], ..summary() });
        let asked = Statement { question, ..statement.clone() };
        let claims = [
            (&statement, &PROOFS[0]),
            (&other, &PROOFS[1]),
            (&asked, &PROOFS[2]),
            (&statement, &PROOFS[3]),
        ];

        let verdicts = prover().verifier().verify_batch(&claims, &mut rng(3));

        assert_eq!(verdicts, [Ok(()), wrong(), wrong(), Ok(())]);
    }

    #[test]
    fn what_does_not_decode_is_refused_alone() {
        let (statement, _) = honest(Circuit::Summary);
        let mut bytes: Vec<_> = PROOFS[..5].iter().map(|proof| proof.to_bytes().to_vec()).collect();
        bytes[1].pop();
        bytes[2][31] = 0xff;
        let mut points = PROOFS[3].points().clone();
        points.b = outside_the_subgroup();
        bytes[3] = Proof::from_points(points).to_bytes().to_vec();
        let claims: Vec<_> = bytes.iter().map(|bytes| (&statement, bytes.as_slice())).collect();

        let verdicts = prover().verifier().verify_received(&claims, &mut rng(3));

        let not_points = Err(Refused::NotAProof(NotAProof::NotPoints));
        let too_short = Err(Refused::NotAProof(NotAProof::WrongLength { bytes: 127 }));
        assert_eq!(verdicts, [Ok(()), too_short, not_points, not_points, Ok(())]);
    }
}
