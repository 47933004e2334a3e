//! Every rule is necessary: for each there is a forged assignment that the circuit refuses, and that it
//! would accept without this rule.
//!
//! A forger is not bound to honest types. He chooses any field elements he likes, so the forgeries here
//! are made of field elements: parts that overflow into their neighbours, bits that are no bits,
//! negative numbers.

mod fact;
mod membership;
mod region;
mod summary;

use std::collections::BTreeSet;

use ark_bn254::Fr;
use ark_ff::Field as _;
use ark_relations::gr1cs::ConstraintSystem;
use telematics::question::{Above, Bounds, Fact, Presence, Region};
use telematics::window::{Figure, Window};
use telematics::{Place, Question};

use super::assignment::MembershipAssignment;
use super::*;
use crate::encoding::{
    PERIOD_AT, SCOPE_CLASS_AT, SCOPE_LAST_DAY_AT, SCOPE_MASK_AT, SIGNAL_AT, VALUE_BITS, WORD_BITS,
    power_of_two,
};
use crate::statement::figures_hash;
use crate::testing::{DAY, honest, restate, rng, value};
use crate::{Blinding, ClassNumbers, Committable, Secret};

/// Places of public inputs.
const SCOPE: usize = 4;
const SIGNAL: usize = 5;
const LOW: usize = 6;
const HIGH: usize = 7;
const PERIOD: usize = 6;
const FIGURES: usize = 7;

fn is_satisfied(assignment: &Assignment, rules: Rules) -> bool {
    let cs = ConstraintSystem::<Fr>::new_ref();
    let circuit = ClaimCircuit::forged(assignment.clone(), rules);
    circuit.generate_constraints(cs.clone()).unwrap();
    cs.is_satisfied().unwrap()
}

fn assigned(statement: &Statement, witness: &Witness) -> Assignment {
    ClaimCircuit::new(statement, witness).unwrap().assignment
}

/// An honest claim, changed and committed anew, so that it is consistent in all but what it says.
fn changed(circuit: Circuit, change: impl FnOnce(&mut Statement, &mut Witness)) -> Assignment {
    let (mut statement, mut witness) = honest(circuit);
    change(&mut statement, &mut witness);
    restate(&mut statement, &mut witness);
    assigned(&statement, &witness)
}

/// An honest claim with other numbers put into it.
fn forged(circuit: Circuit, forge: impl FnOnce(&mut Assignment)) -> Assignment {
    let (statement, witness) = honest(circuit);
    let mut assignment = assigned(&statement, &witness);
    forge(&mut assignment);
    assignment
}

fn scope(first: Fr, last: Fr, mask: u64, class: Fr) -> Fr {
    first
        + last * power_of_two(SCOPE_LAST_DAY_AT)
        + Fr::from(mask) * power_of_two(SCOPE_MASK_AT)
        + class * power_of_two(SCOPE_CLASS_AT)
}

#[test]
fn each_rule_alone_refuses_its_forgery() {
    let forgeries =
        [membership::forgeries(), fact::forgeries(), region::forgeries(), summary::forgeries()]
            .concat();
    for (rule, name, assignment) in &forgeries {
        assert!(!is_satisfied(assignment, Rules::default()), "{name} is accepted");
        assert!(
            is_satisfied(assignment, Rules::without(*rule)),
            "{name} is refused by another rule"
        );
    }
    let covered: BTreeSet<Rule> = forgeries.iter().map(|(rule, ..)| *rule).collect();
    let missing: Vec<_> = Rule::ALL.iter().filter(|rule| !covered.contains(rule)).collect();
    assert!(missing.is_empty(), "no forgery for {missing:?}");
}

type Forgery = (Rule, &'static str, Assignment);

/// What makes up in the signal for a time that is 0 instead of `time`.
fn signal_for(time: Fr, at: usize) -> Fr {
    time * power_of_two(at).inverse().unwrap()
}

impl Assignment {
    fn wanted_class(&self) -> Fr {
        let MembershipAssignment { class, mask, .. } = &self.membership;
        let parts = class.iter().zip(mask).zip(crate::encoding::CLASS_AT);
        parts.map(|((part, bit), at)| *part * bit * power_of_two(at)).sum()
    }

    fn window(&mut self) -> &mut WindowOpening {
        let Opening::Window(opening) = &mut self.opening else { panic!("not a window") };
        opening
    }

    fn places(&mut self) -> &mut PlacesOpening {
        let Opening::Places(opening) = &mut self.opening else { panic!("not places") };
        opening
    }

    fn summary(&mut self) -> &mut SummaryOpening {
        let Opening::Summary(opening) = &mut self.opening else { panic!("not a summary") };
        opening
    }
}
