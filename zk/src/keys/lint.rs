//! What a verifying key must not be.
//!
//! Under a key with `gamma = delta`, or with an identity in it, anyone can forge: such keys have been exploited in
//! production. A key is looked at before it is used, whatever its hash.

use ark_bn254::Bn254;
use ark_ec::AffineRepr;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_groth16::VerifyingKey;

/// What is wrong with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// The point at infinity, where a secret multiple of a generator should be.
    #[error("{point} of the verifying key is the identity")]
    Identity {
        /// Which point.
        point: &'static str,
    },
    /// Not on its curve, or not in its subgroup.
    #[error("{point} of the verifying key is not a point of its group")]
    NotInGroup {
        /// Which point.
        point: &'static str,
    },
    /// Statements and witnesses are not kept apart.
    #[error("gamma and delta of the verifying key are equal, so anyone can forge proofs")]
    GammaIsDelta,
    /// The key is of another circuit.
    #[error("the verifying key has {points} points for {inputs} public inputs, not one more")]
    WrongLength {
        /// How many points it has for them.
        points: usize,
        /// How many inputs the circuit has.
        inputs: usize,
    },
    /// The proving key is not of one circuit.
    #[error("the proving key has {actual} points in {query}, not {expected}")]
    WrongQuery {
        /// Which of its parts.
        query: &'static str,
        /// How many points it has.
        actual: usize,
        /// How many it should have.
        expected: usize,
    },
}

/// Looks for flaws in a verifying key for `inputs` public inputs.
pub(super) fn lint(key: &VerifyingKey<Bn254>, inputs: usize) -> Result<(), Flaw> {
    let points = key.gamma_abc_g1.len();
    if points != inputs + 1 {
        return Err(Flaw::WrongLength { points, inputs });
    }
    point("alpha", &key.alpha_g1)?;
    point("beta", &key.beta_g2)?;
    point("gamma", &key.gamma_g2)?;
    point("delta", &key.delta_g2)?;
    for each in &key.gamma_abc_g1 {
        point("IC", each)?;
    }
    if key.gamma_g2 == key.delta_g2 || key.gamma_g2 == -key.delta_g2 {
        return Err(Flaw::GammaIsDelta);
    }
    Ok(())
}

fn point<P: SWCurveConfig>(name: &'static str, point: &Affine<P>) -> Result<(), Flaw> {
    if point.is_zero() {
        return Err(Flaw::Identity { point: name });
    }
    if !is_in_group(point) {
        return Err(Flaw::NotInGroup { point: name });
    }
    Ok(())
}

/// On its curve and in its subgroup.
fn is_in_group<P: SWCurveConfig>(point: &Affine<P>) -> bool {
    point.is_on_curve() && point.is_in_correct_subgroup_assuming_on_curve()
}

#[cfg(test)]
mod tests {
    use ark_bn254::{Fq, G1Affine, G2Affine};

    use super::*;
    use crate::testing::{key, outside_the_subgroup};

    fn tampered(tamper: impl FnOnce(&mut VerifyingKey<Bn254>)) -> Result<(), Flaw> {
        let mut key = key().verifying().points().clone();
        let inputs = key.gamma_abc_g1.len() - 1;
        tamper(&mut key);
        lint(&key, inputs)
    }

    #[test]
    fn an_honest_key_has_no_flaw() {
        assert_eq!(tampered(|_| ()), Ok(()));
    }

    #[test]
    fn each_flaw_is_found() {
        let (one, two) = (G1Affine::identity(), G2Affine::identity());
        let off_curve = G1Affine::new_unchecked(Fq::from(1), Fq::from(1));
        let outside = outside_the_subgroup();
        type Tamper = Box<dyn FnOnce(&mut VerifyingKey<Bn254>)>;
        let cases: [(Tamper, Flaw); 12] = [
            (Box::new(move |key| key.alpha_g1 = one), Flaw::Identity { point: "alpha" }),
            (Box::new(move |key| key.beta_g2 = two), Flaw::Identity { point: "beta" }),
            (Box::new(move |key| key.gamma_g2 = two), Flaw::Identity { point: "gamma" }),
            (Box::new(move |key| key.delta_g2 = two), Flaw::Identity { point: "delta" }),
            (Box::new(move |key| key.gamma_abc_g1[2] = one), Flaw::Identity { point: "IC" }),
            (Box::new(move |key| key.alpha_g1 = off_curve), Flaw::NotInGroup { point: "alpha" }),
            (Box::new(move |key| key.beta_g2 = outside), Flaw::NotInGroup { point: "beta" }),
            (Box::new(move |key| key.delta_g2 = outside), Flaw::NotInGroup { point: "delta" }),
            (
                Box::new(move |key| key.gamma_abc_g1[0] = off_curve),
                Flaw::NotInGroup { point: "IC" },
            ),
            (Box::new(|key| key.delta_g2 = key.gamma_g2), Flaw::GammaIsDelta),
            (Box::new(|key| key.delta_g2 = -key.gamma_g2), Flaw::GammaIsDelta),
            (
                Box::new(|key| key.gamma_abc_g1.truncate(3)),
                Flaw::WrongLength { points: 3, inputs: 8 },
            ),
        ];
        for (tamper, flaw) in cases {
            assert_eq!(tampered(tamper), Err(flaw));
        }
    }
}
