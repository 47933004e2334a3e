//! Forgeries of the values of a window.

use super::*;

fn of_fact(change: impl FnOnce(&mut Fact, &mut Window)) -> Assignment {
    changed(Circuit::Fact, |statement, witness| {
        let Question::Fact(fact) = &mut statement.question else { panic!("not a fact") };
        let Committable::Window(window) = &mut witness.committed else { panic!("not a window") };
        change(fact, window);
    })
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn forgeries() -> Vec<Forgery> {
    let values = |low, high| Bounds::of_values(value(low), value(high)).unwrap();
    let high_values = |fact: &mut Fact, window: &mut Window, count_max| {
        fact.values = Bounds::ANY_VALUE;
        fact.sum = Bounds::ANY_SUM;
        fact.above = Above::new(value(50), count_max).unwrap();
        window.values = [value(51); Window::LENGTH];
    };
    vec![
        (
            Rule::SignalFits,
            "a signal that makes up for the time",
            forged(Circuit::Fact, |assignment| {
                let time = std::mem::take(&mut assignment.window().time);
                assignment.public[SIGNAL] += signal_for(time, SIGNAL_AT);
            }),
        ),
        (
            Rule::TimeFits,
            "a window of one signal as that of the signal before",
            forged(Circuit::Fact, |assignment| {
                assignment.window().time += power_of_two(SIGNAL_AT);
                assignment.public[SIGNAL] -= Fr::ONE;
            }),
        ),
        (
            Rule::BoundsFit,
            "a low bound below all numbers",
            forged(Circuit::Fact, |assignment| assignment.public[LOW] = -Fr::ONE),
        ),
        (
            Rule::BoundsFit,
            "a high bound above all numbers",
            of_large_values(|assignment| assignment.public[HIGH] = power_of_two(VALUE_BITS)),
        ),
        (
            Rule::NotBelowLow,
            "a value below the low bound",
            of_fact(|fact, _| fact.values = values(101, 163)),
        ),
        (
            Rule::NotAboveHigh,
            "a value above the high bound",
            of_fact(|fact, _| fact.values = values(100, 162)),
        ),
        (
            Rule::SumNotBelowLow,
            "a sum below its low bound",
            of_fact(|fact, _| fact.sum = Bounds::of_sum(8_417, 10_000).unwrap()),
        ),
        (
            Rule::SumNotAboveHigh,
            "a sum above its high bound",
            of_fact(|fact, _| fact.sum = Bounds::of_sum(0, 8_415).unwrap()),
        ),
        (
            // Each mark is the fraction that lifts its value just over the threshold; together they are one.
            Rule::AboveIsBit,
            "64 values above, marked with fractions of a bit",
            {
                let mut assignment = of_fact(|fact, window| high_values(fact, window, 1));
                let unit = power_of_two(VALUE_BITS).inverse().unwrap();
                let last = power_of_two(VALUE_BITS) - Fr::from(63);
                assignment.window().above = [unit; Window::LENGTH];
                assignment.window().above[63] = last * unit;
                assignment
            },
        ),
        (Rule::UnmarkedIsNotAbove, "64 values above, none marked", {
            let mut assignment = of_fact(|fact, window| high_values(fact, window, 1));
            assignment.window().above = [Fr::from(0); Window::LENGTH];
            assignment
        }),
        (
            Rule::FewAreMarked,
            "64 values above where 63 may be",
            of_fact(|fact, window| high_values(fact, window, 63)),
        ),
    ]
}

/// A fact about the largest values there are.
fn of_large_values(forge: impl FnOnce(&mut Assignment)) -> Assignment {
    let mut assignment = of_fact(|fact, window| {
        window.values = [value(Bounds::ANY_VALUE.high()); Window::LENGTH];
        fact.values = Bounds::of_values(value(1), window.values[0]).unwrap();
        fact.sum = Bounds::ANY_SUM;
        fact.above = Above::ANY;
    });
    forge(&mut assignment);
    assignment
}
