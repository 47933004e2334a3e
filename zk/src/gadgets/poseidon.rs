//! [`crate::poseidon`] in constraints.

use ark_bn254::Fr;
use ark_r1cs_std::fields::FieldVar as _;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::SynthesisError;

use crate::poseidon::parameters;

/// Poseidon of `inputs`.
///
/// # Constraints
/// Three for each S-box: `x x = x^2`, `x^2 x = x^3`, `x^2 x^3 = x^5`. Constants and mixing are linear
/// and cost nothing. Of the two ways to `x^5` in three products this is the one in which each factor
/// is on one side only, so that a third fewer points of the key are multiplied on either, and the
/// second side is the one in the expensive group.
///
/// # Soundness
/// Each constraint has one solution given its inputs, so the output is a function of `inputs`; that
/// it is the function of [`crate::poseidon::hash`] is tested.
pub(crate) fn hash<const N: usize>(inputs: &[FpVar<Fr>; N]) -> Result<FpVar<Fr>, SynthesisError> {
    let parameters = parameters::<N>();
    let mut state: Vec<FpVar<Fr>> =
        std::iter::once(FpVar::zero()).chain(inputs.iter().cloned()).collect();
    for (constants, boxes) in parameters.rounds() {
        for (element, constant) in state.iter_mut().zip(constants) {
            *element += *constant;
        }
        for element in state.iter_mut().take(boxes) {
            let square = element.square()?;
            let cube = &square * &*element;
            *element = square * cube;
        }
        let product = |row: &Vec<Fr>| row.iter().zip(&state).map(|(a, b)| b * *a).sum();
        state = parameters.mix.iter().map(product).collect();
    }
    state.into_iter().next().ok_or(SynthesisError::AssignmentMissing)
}

#[cfg(test)]
mod tests {
    use ark_r1cs_std::GR1CSVar as _;
    use ark_r1cs_std::alloc::AllocVar as _;
    use ark_relations::gr1cs::ConstraintSystem;

    use super::*;
    use crate::field::draw;
    use crate::testing::rng;

    fn agrees<const N: usize>(constraints: usize) {
        let cs = ConstraintSystem::<Fr>::new_ref();
        let mut rng = rng(3);
        let inputs: [Fr; N] = std::array::from_fn(|_| draw(&mut rng));
        let variables = inputs.map(|input| FpVar::new_witness(cs.clone(), || Ok(input)).unwrap());

        let output = hash(&variables).unwrap();

        assert_eq!(output.value().unwrap(), crate::hash(&inputs));
        assert!(cs.is_satisfied().unwrap());
        assert_eq!(cs.num_constraints(), constraints, "{N} inputs");
    }

    #[test]
    fn agrees_with_the_hash_outside_the_circuit() {
        agrees::<1>(213);
        agrees::<2>(240);
        agrees::<3>(261);
        agrees::<8>(402);
        agrees::<12>(504);
        agrees::<16>(609);
    }
}
