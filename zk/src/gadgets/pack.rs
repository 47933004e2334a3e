//! [`crate::encoding::pack`] and the layouts of [`crate::commitment`] in constraints.

use ark_bn254::Fr;
use ark_ff::Zero as _;
use ark_r1cs_std::fields::FieldVar as _;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::SynthesisError;

use super::hash;
use crate::encoding::power_of_two;

/// Parts of `bits` bits in one element, the first lowest. Linear: costs no constraint, and says nothing
/// about the width of the parts.
pub(crate) fn pack(parts: &[FpVar<Fr>], bits: usize) -> FpVar<Fr> {
    let shift = power_of_two(bits);
    parts.iter().rev().fold(FpVar::constant(Fr::zero()), |packed, part| packed * shift + part)
}

/// The hash of header, body and blinding, `INPUTS` in all.
pub(crate) fn hash_laid_out<const INPUTS: usize>(
    header: FpVar<Fr>,
    body: impl Iterator<Item = FpVar<Fr>>,
    blinding: FpVar<Fr>,
) -> Result<FpVar<Fr>, SynthesisError> {
    let inputs: Vec<_> = std::iter::once(header).chain(body).chain([blinding]).collect();
    hash::<INPUTS>(&inputs.try_into().or(Err(SynthesisError::Unsatisfiable))?)
}
