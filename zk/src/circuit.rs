//! The range circuit: the rules of [`crate::check`] in constraints.
//!
//! **Invariant:** public inputs are allocated in the order of [`crate::PublicInput`], and each is
//! bound by a constraint of its own.

use ark_bn254::Fr;
use ark_ff::Zero as _;
use ark_r1cs_std::alloc::AllocVar as _;
use ark_r1cs_std::eq::EqGadget as _;
use ark_r1cs_std::fields::FieldVar as _;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, SynthesisError};
use telematics::window::Window;

use crate::commitment::{
    BLOCK, BLOCKS, SIGNAL_BITS, VALUE_BITS, VALUES_PER_ELEMENT, power_of_two, tag,
};
use crate::field;
use crate::gadgets::{enforce_between, enforce_fits, hash};
use crate::statement::{PublicInput, Statement, Witness};

/// The circuits there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Circuit {
    /// All values of a window lie in a range.
    Range,
}

impl Circuit {
    /// Each of them.
    pub const ALL: [Self; 1] = [Self::Range];

    /// Its name, as in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
        }
    }

    /// How many public inputs it has.
    #[must_use]
    pub const fn public_inputs(self) -> usize {
        match self {
            Self::Range => PublicInput::COUNT,
        }
    }
}

impl std::fmt::Display for Circuit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The circuit of any claim.
pub type ClaimCircuit = RangeCircuit;

/// "All values of the committed window, which is of this signal, lie in the range."
///
/// # Constraints
/// 1. The signal of the window is that of the statement, and has 16 bits.
/// 2. Both bounds and the start time have 64 bits.
/// 3. Each value lies between the bounds, and so has 64 bits too.
/// 4. The layout of [`crate::commit`], hashed, is the commitment.
///
/// # Soundness
/// By 1 to 3 everything that 4 packs is as small as the layout wants it, so the packing is
/// injective: the prover knows one window and one blinding behind the commitment, or a collision of
/// Poseidon. By 1 it is of the signal, by 3 it lies in the range.
#[derive(Clone, Debug, Default)]
pub struct RangeCircuit {
    /// Nothing when only the shape of the circuit matters, as in a setup.
    assignment: Option<(Statement, Witness)>,
}

impl RangeCircuit {
    /// The shape of a circuit.
    #[must_use]
    pub const fn blank(_: Circuit) -> Self {
        Self { assignment: None }
    }

    /// The circuit of one claim.
    #[must_use]
    pub fn new(statement: &Statement, witness: &Witness) -> Self {
        Self { assignment: Some((*statement, witness.clone())) }
    }

    fn public(
        &self,
        cs: &ConstraintSystemRef<Fr>,
        name: PublicInput,
    ) -> Result<FpVar<Fr>, SynthesisError> {
        let assigned =
            || self.statement()?.public_inputs().get(name.index()).copied().ok_or(MISSING);
        FpVar::new_input(cs.clone(), assigned)
    }

    fn private(
        &self,
        cs: &ConstraintSystemRef<Fr>,
        choose: impl FnOnce(&Witness) -> Option<Fr>,
    ) -> Result<FpVar<Fr>, SynthesisError> {
        FpVar::new_witness(cs.clone(), || choose(self.witness()?).ok_or(MISSING))
    }

    fn statement(&self) -> Result<&Statement, SynthesisError> {
        self.assignment.as_ref().map(|(statement, _)| statement).ok_or(MISSING)
    }

    fn witness(&self) -> Result<&Witness, SynthesisError> {
        self.assignment.as_ref().map(|(_, witness)| witness).ok_or(MISSING)
    }
}

const MISSING: SynthesisError = SynthesisError::AssignmentMissing;

impl ConstraintSynthesizer<Fr> for RangeCircuit {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let commitment = self.public(&cs, PublicInput::Commitment)?;
        let stated_signal = self.public(&cs, PublicInput::Signal)?;
        let low = self.public(&cs, PublicInput::Low)?;
        let high = self.public(&cs, PublicInput::High)?;

        let signal = self.private(&cs, |witness| Some(witness.window.signal.number().into()))?;
        signal.enforce_equal(&stated_signal)?; // 1
        enforce_fits::<SIGNAL_BITS>(&signal)?; // 1

        let started_at = self
            .private(&cs, |witness| Some(field::from_i64(witness.window.started_at.as_micros())))?;
        for number in [&low, &high, &started_at] {
            enforce_fits::<VALUE_BITS>(number)?; // 2
        }

        let mut values = Vec::with_capacity(Window::LENGTH);
        for index in 0..Window::LENGTH {
            let value = self.private(&cs, |witness| {
                witness.window.values.get(index).map(|value| field::from_i64(value.raw()))
            })?;
            enforce_between::<VALUE_BITS>(&value, &low, &high)?; // 3
            values.push(value);
        }

        let blinding = self.private(&cs, |witness| Some(witness.blinding.element()))?;
        let header = signal * power_of_two(VALUE_BITS) + started_at + tag();
        commit(header, &values, blinding)?.enforce_equal(&commitment) // 4
    }
}

/// The commitment of [`crate::commit`], from parts that are known to be small.
fn commit(
    header: FpVar<Fr>,
    values: &[FpVar<Fr>],
    blinding: FpVar<Fr>,
) -> Result<FpVar<Fr>, SynthesisError> {
    let packed = values.chunks(VALUES_PER_ELEMENT).map(pack);
    let elements: Vec<_> = std::iter::once(header).chain(packed).chain([blinding]).collect();
    let (blocks, _) = elements.as_chunks::<BLOCK>();
    let inner = blocks.iter().map(hash).collect::<Result<Vec<_>, _>>()?;
    hash::<BLOCKS>(&inner.try_into().or(Err(MISSING))?)
}

/// `v0 + v1 * 2^64 + v2 * 2^128`.
fn pack(values: &[FpVar<Fr>]) -> FpVar<Fr> {
    let shift = power_of_two(VALUE_BITS);
    let empty = FpVar::constant(Fr::zero());
    values.iter().rev().fold(empty, |packed, value| packed * shift + value)
}

#[cfg(test)]
mod tests {
    use ark_relations::gr1cs::ConstraintSystem;
    use proptest::prelude::*;
    use telematics::Signal;

    use super::*;
    use crate::testing::{honest, rng, signal, value};
    use crate::{Blinding, check};

    fn synthesise(statement: &Statement, witness: &Witness) -> ConstraintSystemRef<Fr> {
        let cs = ConstraintSystem::<Fr>::new_ref();
        let circuit = RangeCircuit::new(statement, witness);
        circuit.generate_constraints(cs.clone()).unwrap();
        cs
    }

    fn is_satisfied(statement: &Statement, witness: &Witness) -> bool {
        synthesise(statement, witness).is_satisfied().unwrap()
    }

    fn restated(statement: &Statement, witness: &Witness, low: i64, high: i64) -> Statement {
        let commitment = crate::commit(&witness.window, witness.blinding);
        Statement::new(commitment, statement.signal(), value(low), value(high)).unwrap()
    }

    /// Pinned: another count means another circuit, and another circuit needs other keys.
    #[test]
    fn an_honest_window_satisfies_a_circuit_of_known_size() {
        let (statement, witness) = honest();
        let cs = synthesise(&statement, &witness);

        assert!(cs.is_satisfied().unwrap());
        assert_eq!(cs.num_instance_variables(), 1 + PublicInput::COUNT);
        assert_eq!(cs.num_constraints(), 10_001);
    }

    #[test]
    fn a_window_of_another_signal_is_refused() {
        let (statement, mut witness) = honest();
        witness.window.signal = Signal::by_number(28).unwrap();
        let statement = restated(&statement, &witness, 100, 163);

        assert!(!is_satisfied(&statement, &witness));
    }

    #[test]
    fn a_value_below_or_above_the_range_is_refused() {
        for (low, high) in [(101, 163), (100, 162), (101, i64::MAX), (i64::MIN, 162)] {
            let (statement, witness) = honest();
            let statement = restated(&statement, &witness, low, high);

            assert!(!is_satisfied(&statement, &witness), "{low} to {high}");
        }
    }

    #[test]
    fn another_window_or_blinding_than_the_committed_is_refused() {
        let (statement, witness) = honest();
        let mut other = vec![witness; 3];
        other[0].window.values[63] = value(100);
        other[1].window.started_at = other[1].window.started_at.plus_micros(-1);
        other[2].blinding = Blinding::draw(&mut rng(8));

        for witness in other {
            assert!(!is_satisfied(&statement, &witness));
        }
    }

    /// An honest claim over arbitrary values, then one part of it changed, or none.
    fn arb_honest_or_tampered() -> impl Strategy<Value = (Statement, Witness)> {
        let values = prop_oneof![-1_000..1_000_i64, Just(i64::MIN), Just(i64::MAX), any::<i64>()];
        let window = (proptest::array::uniform32(values.clone()), any::<i64>(), any::<u64>());
        (window, 0..8_usize, 0..64_usize, values).prop_map(|(window, tamper, index, other)| {
            let (statement, mut witness) = honest();
            let (half, started_at, seed) = window;
            witness.window.values = std::array::from_fn(|index| value(half[index % 32]));
            witness.window.started_at = telematics::Timestamp::from_micros(started_at);
            witness.blinding = Blinding::draw(&mut rng(seed));
            let [low, high] = [half.iter().min(), half.iter().max()].map(|end| *end.unwrap());
            let statement = restated(&statement, &witness, low, high);
            tampered(statement, witness, tamper, index, other)
        })
    }

    fn tampered(
        statement: Statement,
        mut witness: Witness,
        tamper: usize,
        index: usize,
        other: i64,
    ) -> (Statement, Witness) {
        let [low, high] = [statement.low(), statement.high()].map(telematics::Value::raw);
        let middle = low.midpoint(high);
        match tamper {
            0 => witness.window.values[index] = value(other),
            1 => witness.window.started_at = witness.window.started_at.plus_micros(other),
            2 => witness.window.signal = Signal::by_number(1 + other.unsigned_abs() % 100).unwrap(),
            3 => witness.blinding = Blinding::draw(&mut rng(other.unsigned_abs())),
            4 => return (restated(&statement, &witness, middle, high), witness),
            5 => return (restated(&statement, &witness, low, middle), witness),
            6 => {
                let stated = Signal::by_number(1 + other.unsigned_abs() % 100).unwrap();
                let restated =
                    Statement::new(statement.commitment(), stated, value(low), value(high));
                return (restated.unwrap(), witness);
            }
            _ => assert_eq!(witness.window.signal, signal()),
        }
        (statement, witness)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// The circuit accepts exactly what the plain-Rust rules accept.
        #[test]
        fn circuit_agrees_with_native((statement, witness) in arb_honest_or_tampered()) {
            prop_assert_eq!(is_satisfied(&statement, &witness), check(&statement, &witness).is_ok());
        }
    }
}
