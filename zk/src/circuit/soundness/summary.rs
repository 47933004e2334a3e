//! Forgeries of a trip.

use super::*;

fn of_summary(forge: impl FnOnce(&mut Assignment)) -> Assignment {
    forged(Circuit::Summary, forge)
}

pub(super) fn forgeries() -> Vec<Forgery> {
    // The last figure's bounds, moved by one to where it does not lie.
    let moved = |by: Fr| {
        of_summary(|assignment| {
            let SummaryOpening { lows, highs, .. } = assignment.summary();
            let (low, high) = (&mut lows[Figure::COUNT - 1], &mut highs[Figure::COUNT - 1]);
            *low += by;
            *high += by;
            let hash = figures_hash(lows, highs);
            assignment.public[FIGURES] = hash;
        })
    };
    vec![
        (
            Rule::SignalFits,
            "a summary whose signal makes up for the time",
            of_summary(|assignment| {
                let time = std::mem::take(&mut assignment.summary().time);
                assignment.public[SIGNAL] += signal_for(time, SIGNAL_AT);
            }),
        ),
        (
            Rule::PeriodFits,
            "a period that makes up for the time",
            of_summary(|assignment| {
                let time = std::mem::take(&mut assignment.summary().time);
                assignment.public[PERIOD] += signal_for(time, PERIOD_AT);
            }),
        ),
        (
            Rule::TimeFits,
            "a summary of one signal as that of the signal before",
            of_summary(|assignment| {
                assignment.summary().time += power_of_two(SIGNAL_AT);
                assignment.public[SIGNAL] -= Fr::ONE;
            }),
        ),
        (Rule::FigureNotBelowLow, "a figure below its low bound", moved(Fr::ONE)),
        (Rule::FigureNotAboveHigh, "a figure above its high bound", moved(-Fr::ONE)),
        (
            Rule::Figures,
            "bounds other than those stated",
            changed(Circuit::Summary, |statement, _| {
                let Question::Summary(bounds) = &mut statement.question else { panic!("not one") };
                bounds.figures[1] = Bounds::of_figure(500, 600).unwrap();
            })
            .with_honest_bounds(),
        ),
    ]
}

impl Assignment {
    fn with_honest_bounds(mut self) -> Self {
        let figures = self.summary().figures;
        self.summary().lows = figures;
        self.summary().highs = figures;
        self
    }
}
