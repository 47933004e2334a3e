//! Forgeries of who, when and where in the tree.

use super::*;

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn forgeries() -> Vec<Forgery> {
    let circuit = Circuit::Summary;
    let (days, first) = (Fr::from(DAY), Fr::from(DAY - 3));
    let whole = power_of_two(16);
    vec![
        (
            Rule::Nullifier,
            "the nullifier of another vehicle",
            changed(circuit, |statement, _| {
                statement.nullifier = Secret::draw(&mut rng(5)).nullifier(statement.campaign);
            }),
        ),
        (
            // One model less and 2^56 makes more are packed the same.
            Rule::ClassFits,
            "a model that borrows from the make",
            forged(circuit, |assignment| {
                let MembershipAssignment { class, mask, .. } = &mut assignment.membership;
                class[0] += power_of_two(WORD_BITS);
                class[1] -= Fr::ONE;
                *mask = [0, 1, 0, 0].map(Fr::from);
                let wanted = class[1] * power_of_two(WORD_BITS);
                assignment.public[SCOPE] = scope(first, first + Fr::from(6), 0b10, wanted);
            }),
        ),
        (
            // Twice the first bit is the second: twice the make poses as the model.
            Rule::MaskIsBits,
            "a make that poses as a model",
            {
                let mut assignment = changed(circuit, |_, witness| {
                    witness.class = ClassNumbers([1 << (WORD_BITS - 1), 7, 2_017, 4]);
                });
                assignment.membership.mask = [2, 0, 0, 0].map(Fr::from);
                let model_one = power_of_two(WORD_BITS);
                assignment.public[SCOPE] = scope(first, first + Fr::from(6), 0b10, model_one);
                assignment
            },
        ),
        (
            // A first day 2^16 earlier, made up for by the last.
            Rule::FirstDayFits,
            "a commitment from before the first day",
            forged(circuit, |assignment| {
                let (stated_first, stated_last) = (days + Fr::from(5), days + Fr::from(9));
                assignment.membership.first_day = stated_first - whole;
                assignment.membership.last_day = stated_last + Fr::ONE;
                let wanted = assignment.wanted_class();
                assignment.public[SCOPE] = scope(stated_first, stated_last, 0b1001, wanted);
            }),
        ),
        (
            // A last day 2^16 later, made up for by the mask: nothing is asked of the make any more.
            Rule::LastDayFits,
            "a commitment from after the last day",
            forged(circuit, |assignment| {
                let (stated_first, stated_last) = (days - Fr::from(9), days - Fr::from(5));
                assignment.membership.first_day = stated_first;
                assignment.membership.last_day = stated_last + whole;
                assignment.membership.mask = [Fr::from(0); 4];
                assignment.public[SCOPE] = scope(stated_first, stated_last, 1, Fr::from(0));
            }),
        ),
        (
            Rule::NotBeforeFirstDay,
            "a commitment of the day before the first",
            changed(circuit, |_, witness| witness.day = DAY - 4),
        ),
        (
            Rule::NotAfterLastDay,
            "a commitment of the day after the last",
            changed(circuit, |_, witness| witness.day = DAY + 4),
        ),
        (
            Rule::Scope,
            "a vehicle of another make",
            changed(circuit, |_, witness| witness.class.0[0] ^= 1),
        ),
        (
            // The child is a weighted mean of the first two: with the right weight, anything.
            Rule::PositionIsBits,
            "a leaf that is nowhere in the tree",
            {
                let (statement, mut witness) = honest(circuit);
                witness.blinding = Blinding::draw(&mut rng(6));
                let forged_leaf = witness.leaf().unwrap().number();
                let mut assignment = with_honest_path(&statement, &witness);
                let level = &mut assignment.membership.levels[0];
                let [a, b, ..] = level.children;
                level.child_low = (forged_leaf - a) * (b - a).inverse().unwrap();
                level.child_high = Fr::from(0);
                assignment
            },
        ),
        (Rule::PathIsConnected, "a path of another leaf", {
            let (statement, mut witness) = honest(circuit);
            witness.blinding = Blinding::draw(&mut rng(6));
            with_honest_path(&statement, &witness)
        }),
        (
            Rule::Root,
            "a root that was never published",
            forged(circuit, |assignment| assignment.public[0] += Fr::ONE),
        ),
    ]
}

/// The assignment of `witness`, whose leaf is not in the tree, with the path of the honest leaf.
fn with_honest_path(statement: &Statement, witness: &Witness) -> Assignment {
    let (honest_statement, honest_witness) = honest(statement.circuit());
    let mut assignment = assigned(statement, witness);
    assignment.membership.levels = assigned(&honest_statement, &honest_witness).membership.levels;
    assignment
}
