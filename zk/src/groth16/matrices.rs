//! What a circuit is to Groth16: three sparse matrices, and a fingerprint of them.
//!
//! Laying a circuit out takes a second and a hundred megabytes, most of it for sums that no
//! constraint uses. So it is done when keys are made: a prover reads the matrices from a file
//! beside them (`stored.rs`) and computes only the witness for each proof. A circuit has thousands
//! of entries but few different coefficients, so each is kept once: an entry is eight bytes instead
//! of forty.
//!
//! **Invariant:** a [`Fingerprint`] covers everything that a key is made from, so two circuits with
//! one fingerprint have the same keys.

use std::collections::HashMap;
use std::fmt;

use ark_bn254::Fr;
use ark_ff::{BigInteger as _, One as _, PrimeField as _, Zero as _};
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystem, Matrix, R1CS_PREDICATE_LABEL, SynthesisError,
    SynthesisMode,
};
use sha2::{Digest as _, Sha256};

use crate::fingerprint::Fingerprint;

/// Separates these hashes from every other use of SHA-256.
const TAG: &[u8] = b"axle/circuit/v1";

/// The constraints `A z * B z = C z` of a circuit, where `z` is 1, the public inputs and the
/// witness.
#[derive(Clone, PartialEq, Eq)]
pub struct Matrices {
    pub(super) inputs: usize,
    pub(super) witnesses: usize,
    pub(super) coefficients: Vec<Fr>,
    pub(super) a: Rows,
    pub(super) b: Rows,
    pub(super) c: Rows,
}

/// One matrix, row after row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    /// Where each row ends among the entries.
    pub(super) ends: Vec<u32>,
    /// Column, and place of the coefficient among the coefficients.
    pub(super) entries: Vec<(u32, u32)>,
}

/// Why a circuit has no matrices.
#[derive(Debug, thiserror::Error)]
pub enum NoMatrices {
    /// The circuit could not be laid out.
    #[error("the circuit can not be laid out")]
    Synthesis(#[from] SynthesisError),
    /// More than fits the numbers that name rows and columns.
    #[error("the circuit has more than 2^32 entries")]
    TooLarge,
}

impl fmt::Debug for Matrices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matrices").field("constraints", &self.constraints()).finish_non_exhaustive()
    }
}

impl Matrices {
    /// Lays out `circuit`, which needs no assignment.
    ///
    /// # Errors
    /// Refused when the circuit can not be laid out without an assignment.
    pub fn of(circuit: impl ConstraintSynthesizer<Fr>) -> Result<Self, NoMatrices> {
        let cs = ConstraintSystem::<Fr>::new_ref();
        cs.set_mode(SynthesisMode::Setup);
        circuit.generate_constraints(cs.clone())?;
        cs.finalize();
        let matrices = cs.to_matrices()?;
        let [a, b, c] = matrices
            .get(R1CS_PREDICATE_LABEL)
            .and_then(|matrices| <&[_; 3]>::try_from(matrices.as_slice()).ok())
            .ok_or(SynthesisError::Unsatisfiable)?;
        let mut coefficients = Coefficients::default();
        let [a, b, c] = [coefficients.rows(a)?, coefficients.rows(b)?, coefficients.rows(c)?];
        Ok(Self {
            inputs: cs.num_instance_variables(),
            witnesses: cs.num_witness_variables(),
            coefficients: coefficients.in_order,
            a,
            b,
            c,
        })
    }

    /// How many public inputs there are, without the constant 1.
    #[must_use]
    pub const fn public_inputs(&self) -> usize {
        self.inputs.saturating_sub(1)
    }

    /// How many private variables there are.
    #[must_use]
    pub const fn witnesses(&self) -> usize {
        self.witnesses
    }

    /// How many constraints there are.
    #[must_use]
    pub const fn constraints(&self) -> usize {
        self.a.ends.len()
    }

    /// Size of the domain that constraints and inputs are interpolated over.
    #[must_use]
    pub const fn domain_size(&self) -> usize {
        (self.constraints() + self.inputs).next_power_of_two()
    }

    /// Names this circuit: SHA-256 over the numbers of inputs, witnesses and constraints, and over
    /// every entry (row, column, coefficient) of A, B and C in the order of rows and columns.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new_with_prefix(TAG);
        for number in [self.inputs, self.witnesses, self.constraints()] {
            hash.update(u64::try_from(number).unwrap_or(u64::MAX).to_le_bytes());
        }
        let coefficients: Vec<_> =
            self.coefficients.iter().map(|each| each.into_bigint().to_bytes_le()).collect();
        for matrix in [&self.a, &self.b, &self.c] {
            hash.update(u64::try_from(matrix.entries.len()).unwrap_or(u64::MAX).to_le_bytes());
            for (row, entries) in (0_u32..).zip(matrix.iter()) {
                let mut entries: Vec<_> = entries.to_vec();
                entries.sort_unstable_by_key(|(column, _)| *column);
                for (column, coefficient) in entries {
                    hash.update(row.to_le_bytes());
                    hash.update(column.to_le_bytes());
                    let bytes =
                        usize::try_from(coefficient).ok().and_then(|at| coefficients.get(at));
                    hash.update(bytes.map(Vec::as_slice).unwrap_or_default());
                }
            }
        }
        Fingerprint(hash.finalize().into())
    }

    /// `A z` and `B z`, a value for each constraint. `z` is the whole assignment.
    pub(crate) fn evaluate(&self, z: &[Fr]) -> [Vec<Fr>; 2] {
        let (a, b) = rayon::join(|| self.product(&self.a, z), || self.product(&self.b, z));
        [a, b]
    }

    /// The rows of A, B and C: coefficients and columns.
    pub(crate) fn rows(&self) -> [Vec<Vec<(Fr, usize)>>; 3] {
        let entry = |(column, coefficient): &(u32, u32)| {
            (at(&self.coefficients, *coefficient), usize::try_from(*column).unwrap_or(usize::MAX))
        };
        [&self.a, &self.b, &self.c]
            .map(|matrix| matrix.iter().map(|row| row.iter().map(entry).collect()).collect())
    }

    /// The constant 1 and the public inputs.
    pub(crate) const fn inputs(&self) -> usize {
        self.inputs
    }

    fn product(&self, matrix: &Rows, z: &[Fr]) -> Vec<Fr> {
        matrix.iter().map(|row| row.iter().map(|entry| self.term(*entry, z)).sum()).collect()
    }

    fn term(&self, (column, coefficient): (u32, u32), z: &[Fr]) -> Fr {
        let value = at(z, column);
        match coefficient {
            Coefficients::ONE => value,
            Coefficients::MINUS_ONE => -value,
            _ if value.is_zero() => value,
            other => value * at(&self.coefficients, other),
        }
    }
}

/// The constant 1, the public inputs and the witness of `circuit`, without matrices. Whether they
/// satisfy it is not looked at.
///
/// # Errors
/// Refused when the assignment is missing.
pub fn assignment(circuit: impl ConstraintSynthesizer<Fr>) -> Result<Vec<Fr>, SynthesisError> {
    let cs = ConstraintSystem::<Fr>::new_ref();
    cs.set_mode(SynthesisMode::Prove { construct_matrices: false, generate_lc_assignments: false });
    circuit.generate_constraints(cs.clone())?;
    Ok([cs.instance_assignment()?, cs.witness_assignment()?].concat())
}

fn at(elements: &[Fr], index: u32) -> Fr {
    usize::try_from(index).ok().and_then(|index| elements.get(index)).copied().unwrap_or_default()
}

impl Rows {
    fn iter(&self) -> impl Iterator<Item = &[(u32, u32)]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let from = std::mem::replace(&mut start, usize::try_from(*end).unwrap_or(usize::MAX));
            self.entries.get(from..start).unwrap_or_default()
        })
    }
}

/// Different coefficients, in the order in which they were met.
struct Coefficients {
    places: HashMap<Fr, u32>,
    in_order: Vec<Fr>,
}

impl Default for Coefficients {
    fn default() -> Self {
        let in_order = vec![Fr::one(), -Fr::one()];
        let places = in_order.iter().copied().zip(0..).collect();
        Self { places, in_order }
    }
}

impl Coefficients {
    const ONE: u32 = 0;
    const MINUS_ONE: u32 = 1;

    fn rows(&mut self, matrix: &Matrix<Fr>) -> Result<Rows, NoMatrices> {
        let mut rows = Rows::default();
        for row in matrix {
            for (coefficient, column) in
                row.iter().filter(|(coefficient, _)| !coefficient.is_zero())
            {
                let column = u32::try_from(*column).or(Err(NoMatrices::TooLarge))?;
                rows.entries.push((column, self.place(*coefficient)?));
            }
            rows.ends.push(u32::try_from(rows.entries.len()).or(Err(NoMatrices::TooLarge))?);
        }
        Ok(rows)
    }

    fn place(&mut self, coefficient: Fr) -> Result<u32, NoMatrices> {
        if let Some(place) = self.places.get(&coefficient) {
            return Ok(*place);
        }
        let place = u32::try_from(self.in_order.len()).or(Err(NoMatrices::TooLarge))?;
        self.places.insert(coefficient, place);
        self.in_order.push(coefficient);
        Ok(place)
    }
}

#[cfg(test)]
mod tests {
    use ark_relations::gr1cs::{ConstraintSystemRef, Variable};
    use ark_relations::lc;

    use super::*;

    /// `x * y = z`, then `(x + factor y) * 1 = z + constant`, with `z` public.
    #[derive(Clone, Copy)]
    struct Toy {
        factor: u64,
        constant: u64,
        extra_witness: bool,
    }

    const TOY: Toy = Toy { factor: 3, constant: 5, extra_witness: false };

    impl ConstraintSynthesizer<Fr> for Toy {
        fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
            let z = cs.new_input_variable(|| Ok(Fr::from(6)))?;
            let x = cs.new_witness_variable(|| Ok(Fr::from(2)))?;
            let y = cs.new_witness_variable(|| Ok(Fr::from(3)))?;
            if self.extra_witness {
                let unused = cs.new_witness_variable(|| Ok(Fr::from(0)))?;
                assert!(unused.is_witness());
            }
            cs.enforce_r1cs_constraint(|| lc!() + x, || lc!() + y, || lc!() + z)?;
            let left = || lc!() + x + (Fr::from(self.factor), y);
            let right = || lc!() + z + (Fr::from(self.constant), Variable::One);
            cs.enforce_r1cs_constraint(left, || lc!() + Variable::One, right)
        }
    }

    #[test]
    fn the_numbers_are_those_of_the_circuit() {
        let matrices = Matrices::of(TOY).unwrap();

        assert_eq!(matrices.constraints(), 2);
        assert_eq!((matrices.public_inputs(), matrices.witnesses()), (1, 2));
        assert_eq!(matrices.domain_size(), 4);
        let z = [1, 6, 2, 3].map(Fr::from);
        let [a, b] = matrices.evaluate(&z);
        assert_eq!(a, [2, 11].map(Fr::from));
        assert_eq!(b, [3, 1].map(Fr::from));
    }

    #[test]
    fn any_change_of_a_circuit_changes_its_fingerprint() {
        let fingerprint = |toy| Matrices::of(toy).unwrap().fingerprint();
        let others = [
            Toy { factor: 4, ..TOY },
            Toy { constant: 0, ..TOY },
            Toy { constant: 6, ..TOY },
            Toy { extra_witness: true, ..TOY },
        ];

        assert_eq!(fingerprint(TOY), fingerprint(TOY));
        for other in others {
            assert_ne!(fingerprint(other), fingerprint(TOY));
        }
    }
}
