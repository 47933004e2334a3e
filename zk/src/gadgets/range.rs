//! Comparison of numbers that are known to be small.
//!
//! In a field nothing is greater than anything: `-1` is the largest element and also `0 - 1`. So no
//! element is compared here before its bits have shown that it is a small integer.

use ark_bn254::Fr;
use ark_ff::{BigInteger as _, PrimeField as _};
use ark_r1cs_std::GR1CSVar as _;
use ark_r1cs_std::alloc::AllocVar as _;
use ark_r1cs_std::boolean::Boolean;
use ark_r1cs_std::eq::EqGadget as _;
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

/// Enforces `low <= value <= high`, for bounds already known to be below `2^BITS`.
///
/// # Constraints
/// 1. `value - low = a`, where `a` is below `2^BITS`.
/// 2. `high - value = b`, where `b` is below `2^BITS`.
///
/// # Soundness
/// Adding 1 and 2 gives `a + b = high - low` in the field, with `a + b` an integer below
/// `2^(BITS + 1)`. Were `high < low`, the right side would be the modulus less a number below
/// `2^BITS`, which is larger than that (asserted when compiled): so `high >= low`, the equation holds
/// for integers, `a <= high - low`, and `value = low + a` is in the range, below `2^BITS` itself.
///
/// # Completeness
/// For an honest `value` both differences are at most `high - low`, which is below `2^BITS`.
pub(crate) fn enforce_between<const BITS: usize>(
    value: &FpVar<Fr>,
    low: &FpVar<Fr>,
    high: &FpVar<Fr>,
) -> Result<(), SynthesisError> {
    const { assert!(BITS + 2 < 253) }
    enforce_fits::<BITS>(&(value - low))?; // 1
    enforce_fits::<BITS>(&(high - value)) // 2
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
            enforce_between::<8>(&variable(&cs, value), &low, &high).unwrap();
            assert_eq!(cs.is_satisfied().unwrap(), between, "{name}");
        }
    }
}
