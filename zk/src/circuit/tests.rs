//! Each circuit is of known size, and agrees with the rules in plain Rust.

use ark_relations::gr1cs::ConstraintSystem;
use proptest::prelude::*;
use telematics::question::{Above, Bounds, Presence, Region};
use telematics::window::{Figure, Period};
use telematics::{Place, Question, Signal};

use super::*;
use crate::testing::{berlin, fact, figures, honest, restate, rng, value};
use crate::{Blinding, Committable, Secret, check};

fn lay_out(circuit: ClaimCircuit) -> ConstraintSystemRef<Fr> {
    let cs = ConstraintSystem::<Fr>::new_ref();
    circuit.generate_constraints(cs.clone()).unwrap();
    cs
}

/// Pinned: another count means another circuit, and another circuit needs other keys.
#[test]
fn each_circuit_is_of_known_size() {
    #[rustfmt::skip] // a table is read by column
    let cases = [
        (Circuit::Fact,    12, 11_992),
        (Circuit::Region,   6, 15_500),
        (Circuit::Summary,  8,  7_533),
    ];
    for (circuit, inputs, constraints) in cases {
        let (statement, witness) = honest(circuit);
        let cs = lay_out(ClaimCircuit::new(&statement, &witness).unwrap());
        let blank = lay_out(ClaimCircuit::blank(circuit));

        assert!(cs.is_satisfied().unwrap(), "{circuit}");
        assert_eq!(cs.num_instance_variables(), 1 + inputs, "{circuit}");
        assert_eq!(statement.public_inputs().len(), inputs, "{circuit}");
        assert_eq!(circuit.public_inputs(), inputs, "{circuit}");
        assert_eq!(cs.num_constraints(), constraints, "{circuit}");
        assert_eq!(blank.num_constraints(), cs.num_constraints(), "{circuit}");
        assert_eq!(blank.num_witness_variables(), cs.num_witness_variables(), "{circuit}");
    }
}

#[test]
fn never_entered_is_proven_by_the_same_circuit() {
    let (mut statement, witness) = honest(Circuit::Region);
    let hamburg = ["11/1080/660", "10/541/329"].map(|tile| tile.parse().unwrap()).to_vec();
    let region = Region::new(Presence::Outside, hamburg).unwrap();
    statement.question = Question::Region(region);
    assert!(agreed(&statement, &witness));

    statement.question = Question::Region(berlin(Presence::Outside));
    assert!(!agreed(&statement, &witness));
}

/// The verdict of circuit and plain rules, which have to be the same.
fn agreed(statement: &Statement, witness: &Witness) -> bool {
    let native = check(statement, witness).is_ok();
    let circuit = ClaimCircuit::new(statement, witness);
    let satisfied = circuit.is_ok_and(|circuit| lay_out(circuit).is_satisfied().unwrap());
    assert_eq!(satisfied, native, "{:?}", check(statement, witness));
    native
}

/// Changes one thing, or nothing, and says whether what changed is committed anew.
fn tamper(statement: &mut Statement, witness: &mut Witness, part: usize, index: usize, by: i64) {
    let seed = by.unsigned_abs();
    match part {
        0 => {}
        1 => statement.root = witness.path.siblings[index % 10][0],
        2 => statement.nullifier = Secret::draw(&mut rng(seed)).nullifier(statement.campaign),
        3 => statement.campaign = telematics::CampaignId::new(telematics::testing::T0, [1; 10]),
        4 => witness.secret = Secret::draw(&mut rng(seed)),
        5 => witness.class.0[index % 4] ^= 1,
        6 => witness.day = witness.day.wrapping_add_signed(i16::try_from(by % 5).unwrap()),
        7 => witness.path.position ^= 1 << (index % 20),
        8 => witness.path.siblings[index % 10][index % 3] = statement.root,
        9 => witness.blinding = Blinding::draw(&mut rng(seed)),
        _ => tamper_committed(&mut witness.committed, index, by),
    }
}

fn tamper_committed(committed: &mut Committable, index: usize, by: i64) {
    match committed {
        Committable::Window(window) => match index {
            64.. => window.signal = Signal::by_number(2).unwrap(),
            _ => window.values[index] = value(window.values[index].raw() + by),
        },
        Committable::Places(places) => {
            let index = index % 64;
            let moved = places.places[index].quadkey().wrapping_add_signed(by << 12);
            places.places[index] = Place::from_quadkey(moved).unwrap_or(Place::LAST);
        }
        Committable::Summary(summary) => match index {
            64.. => summary.signal = Signal::by_number(2).unwrap(),
            60.. => summary.period = Period::Day,
            _ => summary.figures[index % Figure::COUNT] += by,
        },
    }
}

/// A claim of the circuit over arbitrary numbers, with bounds that hold.
fn arbitrary(circuit: Circuit, numbers: &[i64; 13], count_max: u8) -> (Statement, Witness) {
    let (mut statement, mut witness) = honest(circuit);
    match &mut witness.committed {
        Committable::Window(window) => {
            window.values = std::array::from_fn(|index| value(numbers[index % 13]));
            statement.question = fact(window, count_max);
        }
        Committable::Summary(summary) => {
            summary.figures = *numbers;
            statement.question = figures(summary);
        }
        Committable::Places(_) => {}
    }
    restate(&mut statement, &mut witness);
    (statement, witness)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The circuits accept exactly what the plain-Rust rules accept: claims over arbitrary numbers with
    /// at most one thing tampered, committed as they are or after tampering.
    #[test]
    fn circuits_agree_with_the_plain_rules(
        numbers in prop::array::uniform13(prop_oneof![-500..500_i64, Just(-(1 << 35)), Just((1 << 35) - 1)]),
        count_max in prop_oneof![Just(64_u8), 40..64_u8],
        part in 0..16_usize, index in 0..68_usize, by in -3..4_i64, recommit: bool,
    ) {
        for circuit in Circuit::ALL {
            let (mut statement, mut witness) = arbitrary(circuit, &numbers, count_max);
            tamper(&mut statement, &mut witness, part, index, by);
            if recommit && witness.leaf().is_ok() {
                let nullifier = statement.nullifier;
                restate(&mut statement, &mut witness);
                statement.nullifier = nullifier;
            }
            agreed(&statement, &witness);
        }
    }

    /// Bounds that are off by one are told from those that hold.
    #[test]
    fn bounds_are_exact(
        numbers in prop::array::uniform13(-50..50_i64), which in 0..5_usize, by in -1..2_i64,
    ) {
        let (mut statement, witness) = arbitrary(Circuit::Fact, &numbers, 64);
        let Question::Fact(fact) = &mut statement.question else { unreachable!() };
        let (low, high, sum) = (fact.values.low(), fact.values.high(), fact.sum.low());
        let above = |window: &telematics::window::Window, threshold: i64| {
            window.values.iter().filter(|value| value.raw() > threshold).count()
        };
        let Committable::Window(window) = &witness.committed else { unreachable!() };
        let values = |low: i64, high: i64| Bounds::of_values(value(low), value(high));
        match which {
            0 => fact.values = values(low + by, high.max(low + by)).unwrap(),
            1 => fact.values = values(low.min(high + by), high + by).unwrap(),
            2 => fact.sum = Bounds::of_sum(sum + by, sum.max(sum + by)).unwrap(),
            3 => fact.sum = Bounds::of_sum(sum.min(sum + by), sum + by).unwrap(),
            _ => {
                let count = i64::try_from(above(window, numbers[0])).unwrap() + by;
                let count = u8::try_from(count.clamp(0, 64)).unwrap();
                fact.above = Above::new(value(numbers[0]), count).unwrap();
            }
        }
        agreed(&statement, &witness);
    }
}
