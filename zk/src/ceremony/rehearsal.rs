//! A small circuit of our own gadgets, for rehearsing a ceremony in seconds instead of hours.
//!
//! It takes the same way through every file and tool as the circuits of the product, and proves
//! nothing that anybody would pay for: no claim is made under its keys.

use ark_bn254::Fr;
use ark_r1cs_std::alloc::AllocVar as _;
use ark_r1cs_std::eq::EqGadget as _;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, SynthesisError};

use crate::gadgets::{enforce_fits, hash};
use crate::poseidon;

/// "I know a value of at most `high`, and a salt with which it hashes to `digest`."
///
/// Public: `digest`, `high`. Private: the value, the salt.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rehearsal {
    /// Nothing when only the shape of the circuit matters.
    known: Option<Known>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    value: u16,
    high: u16,
    salt: Fr,
}

impl Rehearsal {
    /// The circuit of one claim.
    #[must_use]
    pub const fn new(value: u16, high: u16, salt: Fr) -> Self {
        Self { known: Some(Known { value, high, salt }) }
    }

    fn known<T>(&self, choose: impl FnOnce(Known) -> T) -> Result<T, SynthesisError> {
        self.known.map(choose).ok_or(SynthesisError::AssignmentMissing)
    }
}

impl Known {
    fn digest(self) -> Fr {
        poseidon::hash(&[self.value.into(), self.salt])
    }
}

impl ConstraintSynthesizer<Fr> for Rehearsal {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let digest = FpVar::new_input(cs.clone(), || self.known(Known::digest))?;
        let high = FpVar::new_input(cs.clone(), || self.known(|known| Fr::from(known.high)))?;
        let value = FpVar::new_witness(cs.clone(), || self.known(|known| Fr::from(known.value)))?;
        let salt = FpVar::new_witness(cs, || self.known(|known| known.salt))?;
        for number in [&value, &high, &(&high - &value)] {
            enforce_fits::<16>(number)?;
        }
        hash::<2>(&[value, salt])?.enforce_equal(&digest)
    }
}

#[cfg(test)]
mod tests {
    use ark_relations::gr1cs::ConstraintSystem;

    use super::*;

    #[test]
    fn a_value_above_the_bound_is_refused() {
        for (value, is_satisfied) in [(0, true), (500, true), (501, false)] {
            let cs = ConstraintSystem::<Fr>::new_ref();
            let circuit = Rehearsal::new(value, 500, Fr::from(7_u64));
            circuit.generate_constraints(cs.clone()).unwrap();
            assert_eq!(cs.is_satisfied().unwrap(), is_satisfied, "{value}");
        }
    }
}
