//! A circuit laid out as iden3's files see it: three sparse matrices over numbered wires.
//!
//! Wire 0 is the constant one, then come the public inputs, then everything private; arkworks
//! numbers its variables in the same order, so nothing is renamed.
//!
//! **Invariant:** [`Layout::domain`] is the smallest power of two with room for each constraint and
//! for one row per public wire, which Groth16 adds so that public inputs are bound.

use ark_bn254::Fr;
use ark_relations::gr1cs::ConstraintSynthesizer;

use crate::groth16::{Matrices, NoMatrices};

/// One entry of a matrix row: a wire and its coefficient.
pub type Term = (Fr, usize);

/// The constraints of a circuit: `(A w) * (B w) = C w`, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    public: usize,
    wires: usize,
    pub(super) rows: [Vec<Vec<Term>>; 3],
}

impl From<&Matrices> for Layout {
    fn from(matrices: &Matrices) -> Self {
        let public = matrices.public_inputs();
        Self { public, wires: 1 + public + matrices.witnesses(), rows: matrices.rows() }
    }
}

impl Layout {
    /// Lays out `circuit`, which needs no assignment.
    ///
    /// # Errors
    /// When the circuit cannot be laid out.
    pub fn of(circuit: impl ConstraintSynthesizer<Fr>) -> Result<Self, NoMatrices> {
        Ok(Self::from(&Matrices::of(circuit)?))
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
