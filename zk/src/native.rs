//! The rules of the circuits in plain Rust.
//!
//! The prover asks here first, for a proof of something false would only be refused later and
//! elsewhere. A property test holds this file and [`crate::circuit`] to the same verdict.

use telematics::question::{Fact, Region, SummaryBounds};
use telematics::window::{Figure, Places, Summary, Window};
use telematics::{Question, Signal, Value};

use crate::commitment::{Committable, NotACommitment};
use crate::element::{Nullifier, Root};
use crate::encoding;
use crate::statement::{Statement, Witness};

/// The rule that a witness breaks. Says where, never how much: values are the owner's secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The committed values can not be committed to.
    #[error(transparent)]
    NotCommittable(#[from] NotACommitment),
    /// What was committed to is not what the question is about.
    #[error("the question is about {asked}, but a {committed} was committed to")]
    OtherKind {
        /// What is asked about.
        asked: &'static str,
        /// What was committed to.
        committed: &'static str,
    },
    /// The nullifier is not that of the secret in the campaign.
    #[error("nullifier {nullifier} is not that of this vehicle in this campaign")]
    WrongNullifier {
        /// What was stated.
        nullifier: Nullifier,
    },
    /// The vehicle is of another class.
    #[error("the vehicle is not of the class asked for")]
    OtherClass,
    /// The commitment was received on another day.
    #[error("the commitment was received on day {day}, asked for are {first} to {last}")]
    OtherDay {
        /// When it was received, counted from 1970-01-01.
        day: u16,
        /// The first day asked for.
        first: u16,
        /// The last.
        last: u16,
    },
    /// The leaf is not in the tree.
    #[error("the leaf at position {position} does not lead to root {root}")]
    NotInTree {
        /// Where the path begins.
        position: u32,
        /// What was stated.
        root: Root,
    },
    /// What was committed to is of another signal.
    #[error("committed values are of {committed}, asked for is {asked}")]
    OtherSignal {
        /// What was committed to.
        committed: Signal,
        /// What is asked about.
        asked: Signal,
    },
    /// A trip was asked for and a day was committed to, or the reverse.
    #[error("the summary is of another period than asked for")]
    OtherPeriod,
    /// A value lies outside the range.
    #[error("value {index} of the window lies outside the range")]
    OutsideRange {
        /// Its place in the window, from 0.
        index: usize,
    },
    /// The sum lies outside its range.
    #[error("the sum of the window lies outside the range")]
    SumOutsideRange,
    /// Too many values lie above the threshold.
    #[error("more than {count_max} values lie above the threshold")]
    TooManyAbove {
        /// How many may.
        count_max: u8,
    },
    /// A place does not lie where it should.
    #[error("place {index} does not lie where it should")]
    WrongPlace {
        /// Its place in the window, from 0.
        index: usize,
    },
    /// A figure lies outside its range.
    #[error("figure {} of the summary lies outside the range", figure.as_str())]
    FigureOutsideRange {
        /// The figure.
        figure: Figure,
    },
}

/// Checks that `witness` makes `statement` true.
///
/// # Errors
/// The first rule that is broken. All circuits:
/// 1. the nullifier is that of the secret in the campaign;
/// 2. the vehicle is of the class, and the day one of the days, of the scope;
/// 3. the leaf of secret, class, day and commitment leads to the root.
///
/// Then what the question asks of the committed values.
pub fn check(statement: &Statement, witness: &Witness) -> Result<(), Refusal> {
    check_membership(statement, witness)?;
    check_answer(&statement.question, &witness.committed)
}

/// Checks that what was committed to answers the question with yes, whatever the campaign and the tree:
/// what a car asks first, before it asks the marketplace for a path.
///
/// # Errors
/// The first rule that is broken.
pub fn check_answer(question: &Question, committed: &Committable) -> Result<(), Refusal> {
    match (question, committed) {
        (Question::Fact(fact), Committable::Window(window)) => check_fact(fact, window),
        (Question::Region(region), Committable::Places(places)) => check_region(region, places),
        (Question::Summary(bounds), Committable::Summary(summary)) => {
            check_summary(bounds, summary)
        }
        (question, committed) => Err(other_kind(question, committed)),
    }
}

pub(crate) const fn other_kind(question: &Question, committed: &Committable) -> Refusal {
    Refusal::OtherKind { asked: asked_about(question), committed: kind(committed) }
}

fn check_membership(statement: &Statement, witness: &Witness) -> Result<(), Refusal> {
    let Witness { secret, class, day, path, .. } = witness;
    let Statement { nullifier, root, scope, .. } = statement;
    if secret.nullifier(statement.campaign) != *nullifier {
        return Err(Refusal::WrongNullifier { nullifier: *nullifier });
    }
    let wanted = encoding::wanted(scope.class());
    if wanted.iter().zip(class.0).any(|(wanted, part)| wanted.is_some_and(|want| want != part)) {
        return Err(Refusal::OtherClass);
    }
    let (first, last) = (scope.first_day(), scope.last_day());
    if !(first..=last).contains(day) {
        return Err(Refusal::OtherDay { day: *day, first, last });
    }
    if path.root(witness.leaf()?) != *root {
        return Err(Refusal::NotInTree { position: path.position, root: *root });
    }
    Ok(())
}

fn check_fact(fact: &Fact, window: &Window) -> Result<(), Refusal> {
    check_signal(window.signal, fact.signal)?;
    let outside = |value: &Value| !fact.values.contain(value.raw());
    if let Some(index) = window.values.iter().position(outside) {
        return Err(Refusal::OutsideRange { index });
    }
    if !fact.sum.contain(window.values.iter().map(|value| value.raw()).sum()) {
        return Err(Refusal::SumOutsideRange);
    }
    let above = window.values.iter().filter(|value| **value > fact.above.threshold()).count();
    let count_max = fact.above.count_max();
    if above > usize::from(count_max) {
        return Err(Refusal::TooManyAbove { count_max });
    }
    Ok(())
}

fn check_region(region: &Region, places: &Places) -> Result<(), Refusal> {
    let runs = region.runs();
    let elsewhere =
        |place: &telematics::Place| !runs.iter().any(|run| run.contains(&place.quadkey()));
    match places.places.iter().position(elsewhere) {
        Some(index) => Err(Refusal::WrongPlace { index }),
        None => Ok(()),
    }
}

fn check_summary(bounds: &SummaryBounds, summary: &Summary) -> Result<(), Refusal> {
    check_signal(summary.signal, bounds.signal)?;
    if summary.period != bounds.period {
        return Err(Refusal::OtherPeriod);
    }
    let figures = Figure::ALL.into_iter().zip(summary.figures).zip(bounds.figures);
    for ((figure, number), bounds) in figures {
        if !bounds.contain(number) {
            return Err(Refusal::FigureOutsideRange { figure });
        }
    }
    Ok(())
}

fn check_signal(committed: Signal, asked: Signal) -> Result<(), Refusal> {
    if committed == asked { Ok(()) } else { Err(Refusal::OtherSignal { committed, asked }) }
}

const fn asked_about(question: &Question) -> &'static str {
    match question {
        Question::Fact(_) => "a window",
        Question::Region(_) => "places",
        Question::Summary(_) => "a summary",
    }
}

const fn kind(committed: &Committable) -> &'static str {
    match committed {
        Committable::Window(_) => "window",
        Committable::Places(_) => "run of places",
        Committable::Summary(_) => "summary",
    }
}
