//! The rules of the range circuit in plain Rust.
//!
//! The prover asks here first, for a proof of something false would only be refused later and
//! elsewhere. A property test holds this file and [`crate::RangeCircuit`] to the same verdict.

use telematics::Signal;
use telematics::window::Commitment;

use crate::commitment::commit;
use crate::statement::{Statement, Witness};

/// The rule that a witness breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Rule 1.
    #[error("the window is of {window}, the statement of {statement}")]
    OtherSignal {
        /// What the window holds.
        window: Signal,
        /// What the statement is about.
        statement: Signal,
    },
    /// Rule 2. Says where, never how much: the value is the owner's secret.
    #[error("value {index} of the window lies outside the range")]
    OutsideRange {
        /// Its place in the window, from 0.
        index: usize,
    },
    /// Rule 3.
    #[error("window and blinding do not give commitment {commitment}")]
    WrongCommitment {
        /// What the statement is about.
        commitment: Commitment,
    },
}

/// Checks that `witness` makes `statement` true.
///
/// # Errors
/// The first rule that is broken:
/// 1. the window is of the signal of the statement;
/// 2. each of its values lies in the range, both ends included;
/// 3. window and blinding give the commitment.
pub fn check(statement: &Statement, witness: &Witness) -> Result<(), Refusal> {
    let Witness { window, blinding } = witness;
    if window.signal != statement.signal() {
        return Err(Refusal::OtherSignal { window: window.signal, statement: statement.signal() });
    }
    let permitted = statement.low()..=statement.high();
    if let Some(index) = window.values.iter().position(|value| !permitted.contains(value)) {
        return Err(Refusal::OutsideRange { index });
    }
    if commit(window, *blinding) != statement.commitment() {
        return Err(Refusal::WrongCommitment { commitment: statement.commitment() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Blinding;
    use crate::testing::{honest, rng, value};

    #[test]
    fn an_honest_witness_is_accepted() {
        let (statement, witness) = honest();

        assert_eq!(check(&statement, &witness), Ok(()));
    }

    #[test]
    fn each_rule_refuses_what_breaks_it() {
        let (statement, witness) = honest();
        let other = Signal::by_number(28).unwrap();
        let mut broken = vec![witness; 5];
        broken[0].window.signal = other;
        broken[1].window.values[0] = value(99);
        broken[2].window.values[63] = value(164);
        broken[3].window.values[63] = value(100);
        broken[4].blinding = Blinding::draw(&mut rng(8));

        let refusals = broken.iter().map(|witness| check(&statement, witness).unwrap_err());

        let commitment = statement.commitment();
        let expected = [
            Refusal::OtherSignal { window: other, statement: statement.signal() },
            Refusal::OutsideRange { index: 0 },
            Refusal::OutsideRange { index: 63 },
            Refusal::WrongCommitment { commitment },
            Refusal::WrongCommitment { commitment },
        ];
        assert_eq!(refusals.collect::<Vec<_>>(), expected);
    }
}
