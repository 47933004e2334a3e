//! Widths: that an element is a small integer.

use ark_bn254::Fr;
use ark_ff::{BigInteger as _, One as _, PrimeField as _, Zero as _};
use ark_r1cs_std::GR1CSVar as _;
use ark_r1cs_std::alloc::AllocVar as _;
use ark_r1cs_std::boolean::Boolean;
use ark_r1cs_std::eq::EqGadget as _;
use ark_r1cs_std::fields::FieldVar as _;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::SynthesisError;

/// Enforces `value < 2^BITS`.
///
/// # Constraints
/// 1. `BITS` witnesses are boolean.
/// 2. `value` is the number that they spell.
///
/// # Soundness
/// `BITS` booleans spell an integer below `2^BITS`, which is below the modulus (asserted when
/// compiled), so the equation in the field is one of integers.
pub(crate) fn enforce_fits<const BITS: usize>(value: &FpVar<Fr>) -> Result<(), SynthesisError> {
    const { assert!(BITS < 253) } // the modulus is above 2^253
    let bit = |index| {
        let assigned = || Ok(value.value()?.into_bigint().get_bit(index));
        Boolean::new_witness(value.cs(), assigned) // 1
    };
    let bits = (0..BITS).map(bit).collect::<Result<Vec<_>, _>>()?;
    value.enforce_equal(&Boolean::le_bits_to_fp(&bits)?) // 2
}

/// Enforces that `value` is 0 or 1.
///
/// # Constraints
/// `value * (1 - value) = 0`.
pub(crate) fn enforce_bit(value: &FpVar<Fr>) -> Result<(), SynthesisError> {
    let other = FpVar::constant(Fr::one()) - value;
    value.mul_equals(&other, &FpVar::constant(Fr::zero()))
}

#[cfg(test)]
mod tests {
    use ark_relations::gr1cs::{ConstraintSystem, ConstraintSystemRef};

    use super::*;

    fn variable(cs: &ConstraintSystemRef<Fr>, value: Fr) -> FpVar<Fr> {
        FpVar::new_witness(cs.clone(), || Ok(value)).unwrap()
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("zero",             Fr::from(0),      true),
            ("the largest",      Fr::from(255),    true),
            ("one more",         Fr::from(256),    false),
            ("minus one",        -Fr::from(1),     false),
        ];
        for (name, value, fits) in cases {
            let cs = ConstraintSystem::<Fr>::new_ref();
            enforce_fits::<8>(&variable(&cs, value)).unwrap();
            assert_eq!(cs.is_satisfied().unwrap(), fits, "{name}");
            assert_eq!(cs.num_constraints(), 9);
        }
    }

    #[test]
    fn what_is_no_bit_is_refused() {
        for (value, accepted) in [(0, true), (1, true), (2, false)] {
            let cs = ConstraintSystem::<Fr>::new_ref();
            enforce_bit(&variable(&cs, Fr::from(value))).unwrap();
            assert_eq!(cs.is_satisfied().unwrap(), accepted, "{value}");
            assert_eq!(cs.num_constraints(), 1);
        }
    }

    /// The argument of the module above, with both halves.
    #[test]
    fn what_is_not_between_is_refused() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            // name                   value            low  high  between
            ("inside",                Fr::from(7),      5,   9,   true),
            ("the lower end",         Fr::from(5),      5,   9,   true),
            ("the upper end",         Fr::from(9),      5,   9,   true),
            ("one value",             Fr::from(5),      5,   5,   true),
            ("the whole width",       Fr::from(255),    0, 255,   true),
            ("below",                 Fr::from(4),      5,   9,   false),
            ("above",                 Fr::from(10),     5,   9,   false),
            ("below zero",            -Fr::from(1),     0, 255,   false),
            ("beyond the width",      Fr::from(256),    0, 255,   false),
            ("an empty range",        Fr::from(7),      9,   5,   false),
        ];
        for (name, value, low, high, between) in cases {
            let cs = ConstraintSystem::<Fr>::new_ref();
            let [low, high] = [low, high].map(|bound: u64| variable(&cs, Fr::from(bound)));
            let value = variable(&cs, value);
            enforce_fits::<8>(&(&value - low)).unwrap();
            enforce_fits::<8>(&(high - &value)).unwrap();
            assert_eq!(cs.is_satisfied().unwrap(), between, "{name}");
        }
    }
}
