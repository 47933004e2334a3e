//! A circuit laid out as iden3's files see it: three sparse matrices over numbered wires.
//!
//! Wire 0 is the constant one, then come the public inputs, then everything private; arkworks
//! numbers its variables in the same order, so nothing is renamed.
//!
//! **Invariant:** [`Layout::domain`] is the smallest power of two with room for each constraint and
//! for one row per public wire, which Groth16 adds so that public inputs are bound.

use ark_bn254::Fr;
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystem, OptimizationGoal, SynthesisError, SynthesisMode,
};

/// One entry of a matrix row: a wire and its coefficient.
pub type Term = (Fr, usize);

/// The constraints of a circuit: `(A w) * (B w) = C w`, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    public: usize,
    wires: usize,
    pub(super) rows: [Vec<Vec<Term>>; 3],
}

impl Layout {
    /// Lays out `circuit`, whose assignment may be missing.
    ///
    /// # Errors
    /// When the circuit cannot be laid out.
    pub fn of(circuit: impl ConstraintSynthesizer<Fr>) -> Result<Self, SynthesisError> {
        let cs = ConstraintSystem::<Fr>::new_ref();
        cs.set_optimization_goal(OptimizationGoal::None);
        cs.set_mode(SynthesisMode::Setup);
        circuit.generate_constraints(cs.clone())?;
        cs.finalize();
        let rows = cs.to_matrices()?.remove("R1CS").and_then(|rows| rows.try_into().ok());
        Ok(Self {
            public: cs.num_instance_variables().saturating_sub(1),
            wires: cs.num_variables(),
            rows: rows.ok_or(SynthesisError::PredicateNotFound)?,
        })
    }

    /// How many public inputs there are, without the constant one.
    #[must_use]
    pub const fn public(&self) -> usize {
        self.public
    }

    /// How many wires there are, the constant one and the public inputs included.
    #[must_use]
    pub const fn wires(&self) -> usize {
        self.wires
    }

    /// How many constraints there are.
    #[must_use]
    pub fn constraints(&self) -> usize {
        let [a, _, _] = &self.rows;
        a.len()
    }

    /// The rows of A, B and C.
    #[must_use]
    pub const fn rows(&self) -> &[Vec<Vec<Term>>; 3] {
        &self.rows
    }

    /// Size of the domain over which the constraints are interpolated.
    #[must_use]
    pub fn domain(&self) -> usize {
        (self.constraints() + self.public + 1).next_power_of_two()
    }
}

/// Every wire of `circuit` with its value, in the order of the [`Layout`].
///
/// # Errors
/// When a value is missing. Whether the values satisfy the circuit is not looked at.
pub fn assignment(circuit: impl ConstraintSynthesizer<Fr>) -> Result<Vec<Fr>, SynthesisError> {
    let cs = ConstraintSystem::<Fr>::new_ref();
    cs.set_optimization_goal(OptimizationGoal::None);
    cs.set_mode(SynthesisMode::Prove { construct_matrices: false, generate_lc_assignments: false });
    circuit.generate_constraints(cs.clone())?;
    cs.finalize();
    let mut wires = cs.instance_assignment()?;
    wires.extend(cs.witness_assignment()?);
    Ok(wires)
}
