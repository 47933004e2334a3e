//! Facts: "all 64 values lie in this range, so does their sum, and few lie above this threshold."

use ark_bn254::Fr;
use ark_ff::Zero as _;
use ark_r1cs_std::fields::FieldVar as _;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};

use super::{Rule, Rules, WindowOpening, private, privates};
use crate::commitment::WINDOW_INPUTS;
use crate::encoding::{
    COUNT_BITS, SIGNAL_AT, SIGNAL_BITS, SUM_BITS, TIME_BITS, Tag, VALUE_BITS, VALUES_PER_ELEMENT,
    power_of_two,
};
use crate::gadgets::{enforce_bit, enforce_fits, hash_laid_out, pack};

/// The public inputs that this circuit has after the shared ones.
pub(super) struct FactInputs {
    pub(super) signal: FpVar<Fr>,
    pub(super) low: FpVar<Fr>,
    pub(super) high: FpVar<Fr>,
    pub(super) sum_low: FpVar<Fr>,
    pub(super) sum_high: FpVar<Fr>,
    pub(super) threshold: FpVar<Fr>,
    pub(super) count_max: FpVar<Fr>,
}

/// Enforces the fact of a window of the signal, and gives the commitment to that window.
///
/// # Constraints
/// 1. Signal and time have their widths, and so have the low and the high bound.
/// 2. `value - low` and `high - value` have 36 bits, for each value.
/// 3. `sum - sum_low` and `sum_high - sum` have 42 bits.
/// 4. For each value a bit, and `threshold - value + 2^36 * bit` has 37 bits; `count_max` less the bits
///    has 7 bits.
/// 5. The commitment is the hash of tag, signal and time, the values, and a blinding.
///
/// # Soundness
/// By 1 and 2 each value is an integer between the bounds (see [`crate::gadgets`]) and has 36 bits. So
/// what 5 packs has its width, and the window is the one committed to. The sum of 64 such values is
/// below `2^42`, so 3 compares integers. In 4, a value above the threshold needs its bit: without it the
/// difference is negative. So the bits are at least as many as the values above, and at most 64, so the
/// last subtraction is one of integers.
///
/// # Completeness
/// With the bit set, `threshold - value + 2^36` lies between 0 and `2^37`, for any value and threshold.
pub(super) fn open(
    cs: &ConstraintSystemRef<Fr>,
    rules: Rules,
    public: &FactInputs,
    assigned: &WindowOpening,
) -> Result<FpVar<Fr>, SynthesisError> {
    rules.enforce(Rule::SignalFits, || enforce_fits::<SIGNAL_BITS>(&public.signal))?; // 1
    let time = private(cs, assigned.time)?;
    rules.enforce(Rule::TimeFits, || enforce_fits::<TIME_BITS>(&time))?; // 1
    let values = privates(cs, &assigned.values)?;
    enforce_values(rules, public, &values)?;
    enforce_count(cs, rules, public, assigned, &values)?;

    let header =
        FpVar::constant(Tag::Window.header()) + &public.signal * power_of_two(SIGNAL_AT) + time;
    let packed = values.chunks(VALUES_PER_ELEMENT).map(|values| pack(values, VALUE_BITS));
    hash_laid_out::<WINDOW_INPUTS>(header, packed, private(cs, assigned.blinding)?) // 5
}

fn enforce_values(
    rules: Rules,
    public: &FactInputs,
    values: &[FpVar<Fr>],
) -> Result<(), SynthesisError> {
    let FactInputs { low, high, sum_low, sum_high, .. } = public;
    rules.enforce(Rule::BoundsFit, || {
        enforce_fits::<VALUE_BITS>(low).and(enforce_fits::<VALUE_BITS>(high)) // 1
    })?;
    for value in values {
        rules.enforce(Rule::NotBelowLow, || enforce_fits::<VALUE_BITS>(&(value - low)))?; // 2
        rules.enforce(Rule::NotAboveHigh, || enforce_fits::<VALUE_BITS>(&(high - value)))?; // 2
    }
    let sum: FpVar<Fr> = values.iter().sum();
    rules.enforce(Rule::SumNotBelowLow, || enforce_fits::<SUM_BITS>(&(&sum - sum_low)))?; // 3
    rules.enforce(Rule::SumNotAboveHigh, || enforce_fits::<SUM_BITS>(&(sum_high - &sum))) // 3
}

fn enforce_count(
    cs: &ConstraintSystemRef<Fr>,
    rules: Rules,
    public: &FactInputs,
    assigned: &WindowOpening,
    values: &[FpVar<Fr>],
) -> Result<(), SynthesisError> {
    const DIFFERENCE_BITS: usize = VALUE_BITS + 1;
    let mut count = FpVar::constant(Fr::zero());
    for (value, above) in values.iter().zip(assigned.above) {
        let above = private(cs, above)?;
        rules.enforce(Rule::AboveIsBit, || enforce_bit(&above))?; // 4
        let difference = &public.threshold - value + &above * power_of_two(VALUE_BITS);
        rules.enforce(Rule::UnmarkedIsNotAbove, || enforce_fits::<DIFFERENCE_BITS>(&difference))?; // 4
        count += above;
    }
    let left = &public.count_max - count;
    rules.enforce(Rule::FewAreMarked, || enforce_fits::<COUNT_BITS>(&left)) // 4
}
