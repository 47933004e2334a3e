//! The bytes of a circuit's matrices, as they lie beside its keys.
//!
//! **Invariant:** what is read back has rows and columns that exist. Whether it is the circuit that is compiled in
//! is for its fingerprint to say.

use ark_bn254::Fr;

use super::matrices::{Matrices, Rows};
use crate::field;

/// Begins the bytes.
const MAGIC: &[u8; 16] = b"axle matrices v1";

/// Bytes that are no matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not the matrices of a circuit")]
pub struct NotMatrices;

impl Matrices {
    /// The bytes to keep.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let mut push = |number: usize| {
            bytes.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
        };
        push(self.inputs);
        push(self.witnesses);
        push(self.coefficients.len());
        push(self.a.ends.len());
        for rows in [&self.a, &self.b, &self.c] {
            push(rows.entries.len());
        }
        bytes.extend(self.coefficients.iter().flat_map(|each| field::to_bytes(*each)));
        for rows in [&self.a, &self.b, &self.c] {
            bytes.extend(rows.ends.iter().flat_map(|end| end.to_le_bytes()));
            let numbers = rows.entries.iter().flat_map(|(column, place)| [column, place]);
            bytes.extend(numbers.flat_map(|number| number.to_le_bytes()));
        }
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// Refused when anything is missing or left over, or names what is not there.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, NotMatrices> {
        let mut rest = Rest(bytes.strip_prefix(MAGIC).ok_or(NotMatrices)?);
        let [inputs, witnesses, coefficients, constraints, a, b, c] = rest.numbers()?;
        let coefficients = rest.take(coefficients, 32)?.as_chunks::<32>().0.iter();
        let coefficients: Vec<Fr> = coefficients
            .map(|each| field::from_bytes(each).ok_or(NotMatrices))
            .collect::<Result<_, _>>()?;
        let variables = inputs.checked_add(witnesses).ok_or(NotMatrices)?;
        let mut rows = |entries| rest.rows(constraints, entries, variables, coefficients.len());
        let [a, b, c] = [rows(a)?, rows(b)?, rows(c)?];
        if inputs == 0 || !rest.0.is_empty() {
            return Err(NotMatrices);
        }
        Ok(Self { inputs, witnesses, coefficients, a, b, c })
    }
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize, size: usize) -> Result<&'a [u8], NotMatrices> {
        let bytes = count.checked_mul(size).ok_or(NotMatrices)?;
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(NotMatrices)?;
        self.0 = rest;
        Ok(taken)
    }

    fn numbers<const N: usize>(&mut self) -> Result<[usize; N], NotMatrices> {
        let (chunks, _) = self.take(N, 4)?.as_chunks::<4>();
        let mut numbers = [0; N];
        for (number, bytes) in numbers.iter_mut().zip(chunks) {
            *number = usize::try_from(u32::from_le_bytes(*bytes)).or(Err(NotMatrices))?;
        }
        Ok(numbers)
    }

    fn rows(
        &mut self,
        constraints: usize,
        entries: usize,
        columns: usize,
        places: usize,
    ) -> Result<Rows, NotMatrices> {
        let (ends, _) = self.take(constraints, 4)?.as_chunks::<4>();
        let ends: Vec<_> = ends.iter().copied().map(u32::from_le_bytes).collect();
        let (pairs, _) = self.take(entries, 8)?.as_chunks::<8>();
        let halves = |pair: &[u8; 8]| {
            let [a, b, c, d, e, f, g, h] = *pair;
            (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))
        };
        let entries: Vec<_> = pairs.iter().map(halves).collect();
        let fits = |number: u32, limit: usize| usize::try_from(number).is_ok_and(|it| it < limit);
        let is_sound = ends.is_sorted()
            && ends.last().is_none_or(|last| usize::try_from(*last) == Ok(entries.len()))
            && entries.iter().all(|(column, place)| fits(*column, columns) && fits(*place, places));
        if is_sound { Ok(Rows { ends, entries }) } else { Err(NotMatrices) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::prover;

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let matrices = prover().matrices();
        let bytes = matrices.to_bytes();

        assert_eq!(Matrices::from_bytes(&bytes).as_ref(), Ok(matrices));
        for wrong in [&bytes[1..], &bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat()] {
            assert_eq!(Matrices::from_bytes(wrong), Err(NotMatrices));
        }
    }

    #[test]
    fn numbers_that_name_nothing_are_refused() {
        let bytes = prover().matrices().to_bytes();
        let last_place = bytes.len() - 1;
        let last_column = bytes.len() - 5;
        let first_coefficient = 16 + 28 + 31;
        let counts = (16..44).step_by(4).map(|count| count + 3);
        for place in counts.chain([last_place, last_column, first_coefficient]) {
            let mut wrong = bytes.clone();
            wrong[place] = 0xff;
            assert_eq!(Matrices::from_bytes(&wrong), Err(NotMatrices), "byte {place}");
        }
    }
}
