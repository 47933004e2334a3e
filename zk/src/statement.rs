//! What is proven, and what only the prover knows.
//!
//! **Invariant:** a [`Statement`] is decoded: its commitment is a field element and its range is not
//! empty, so its public inputs are canonical and always [`PublicInput::COUNT`] of them.

use ark_bn254::Fr;
use ark_ff::Zero as _;
use telematics::window::{Commitment, Window};
use telematics::{Signal, Value};

use crate::commitment::{self, Blinding, NotACommitment};
use crate::field;

/// The public inputs of [`crate::RangeCircuit`], in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicInput {
    /// The committed window.
    Commitment,
    /// The number of its signal.
    Signal,
    /// The lowest value permitted, plus `2^63`.
    Low,
    /// The highest value permitted, plus `2^63`.
    High,
}

impl PublicInput {
    /// How many there are.
    pub const COUNT: usize = 4;

    /// Its place among the public inputs, from 0.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Commitment => 0,
            Self::Signal => 1,
            Self::Low => 2,
            Self::High => 3,
        }
    }
}

/// "All values of the committed window, which is of `signal`, lie in `low..=high`."
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    commitment: Commitment,
    element: Fr,
    signal: Signal,
    low: Value,
    high: Value,
}

/// Why words make no statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAStatement {
    /// The commitment is not one.
    #[error("nothing can be proven about these bytes")]
    NotACommitment(#[from] NotACommitment),
    /// No value lies in the range.
    #[error("the range of {signal} from {} to {} is empty", low.raw(), high.raw())]
    EmptyRange {
        /// The signal asked about.
        signal: Signal,
        /// The lower bound.
        low: Value,
        /// The upper bound, which is below it.
        high: Value,
    },
}

impl Statement {
    /// States that the values behind `commitment` lie in `low..=high`.
    ///
    /// # Errors
    /// Refused when `commitment` is not below the modulus, or the range is empty.
    pub fn new(
        commitment: Commitment,
        signal: Signal,
        low: Value,
        high: Value,
    ) -> Result<Self, NotAStatement> {
        let element = commitment::element(commitment)?;
        if low > high {
            return Err(NotAStatement::EmptyRange { signal, low, high });
        }
        Ok(Self { commitment, element, signal, low, high })
    }

    /// The circuit that proves it.
    #[must_use]
    pub const fn circuit(&self) -> crate::circuit::Circuit {
        crate::circuit::Circuit::Range
    }

    /// The committed window.
    #[must_use]
    pub const fn commitment(&self) -> Commitment {
        self.commitment
    }

    /// The signal that the window is of.
    #[must_use]
    pub const fn signal(&self) -> Signal {
        self.signal
    }

    /// The lowest value permitted.
    #[must_use]
    pub const fn low(&self) -> Value {
        self.low
    }

    /// The highest value permitted.
    #[must_use]
    pub const fn high(&self) -> Value {
        self.high
    }

    /// The field elements that a proof is verified with, each in the place of its name.
    #[must_use]
    pub fn public_inputs(&self) -> [Fr; PublicInput::COUNT] {
        let mut inputs = [Fr::zero(); PublicInput::COUNT];
        let named = [
            (PublicInput::Commitment, self.element),
            (PublicInput::Signal, Fr::from(self.signal.number())),
            (PublicInput::Low, field::from_i64(self.low.raw())),
            (PublicInput::High, field::from_i64(self.high.raw())),
        ];
        for (name, element) in named {
            if let Some(input) = inputs.get_mut(name.index()) {
                *input = element;
            }
        }
        inputs
    }
}

/// What only the car knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// The window behind the commitment.
    pub window: Window,
    /// What hides it.
    pub blinding: Blinding,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{signal, value};

    #[test]
    fn an_empty_range_is_refused() {
        let commitment = Commitment([0; 32]);
        let error = Statement::new(commitment, signal(), value(10), value(9)).unwrap_err();

        assert_eq!(error.to_string(), "the range of Vehicle.Speed from 10 to 9 is empty");
        assert!(Statement::new(commitment, signal(), value(9), value(9)).is_ok());
    }

    #[test]
    fn a_commitment_above_the_modulus_is_refused() {
        let statement = Statement::new(Commitment([0xff; 32]), signal(), value(0), value(1));

        assert!(matches!(statement, Err(NotAStatement::NotACommitment(_))));
    }

    #[test]
    fn public_inputs_stand_in_the_place_of_their_name() {
        let mut five = [0; 32];
        five[0] = 5;
        let statement =
            Statement::new(Commitment(five), signal(), value(i64::MIN), value(0)).unwrap();

        let inputs = statement.public_inputs();

        assert_eq!(inputs[PublicInput::Commitment.index()], Fr::from(5));
        assert_eq!(inputs[PublicInput::Signal.index()], Fr::from(1));
        assert_eq!(inputs[PublicInput::Low.index()], Fr::from(0));
        assert_eq!(inputs[PublicInput::High.index()], Fr::from(1_u64 << 63));
    }
}
