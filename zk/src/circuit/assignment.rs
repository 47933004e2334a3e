//! The numbers that go into a circuit, as field elements.
//!
//! **Invariant:** an assignment made of a statement and a witness says what they say. Whether its
//! numbers fit together, or are even small, is not known here: forging provers do not use this file.

use ark_bn254::Fr;
use ark_ff::Zero as _;
use telematics::Question;
use telematics::question::{Fact, Region, SummaryBounds};
use telematics::window::{Figure, Places, Summary, Window};

use super::Circuit;
use crate::commitment::{self, Blinding, Committable};
use crate::encoding::{self, CLASS_PARTS};
use crate::native::{self, Refusal};
use crate::statement::{self, Statement, Witness};
use crate::tree::{self, ARITY, DEPTH};

/// Everything that a circuit is laid out with.
#[derive(Clone, Debug)]
pub(crate) struct Assignment {
    pub(crate) public: Vec<Fr>,
    pub(crate) membership: MembershipAssignment,
    pub(crate) opening: Opening,
}

/// What [`super::membership`] is laid out with.
#[derive(Clone, Debug, Default)]
pub(crate) struct MembershipAssignment {
    pub(crate) secret: Fr,
    pub(crate) class: [Fr; CLASS_PARTS],
    pub(crate) mask: [Fr; CLASS_PARTS],
    pub(crate) first_day: Fr,
    pub(crate) last_day: Fr,
    pub(crate) day: Fr,
    pub(crate) levels: [LevelAssignment; DEPTH],
}

/// One step of a path: which of the four children is on the way, and all four.
#[derive(Clone, Debug, Default)]
pub(crate) struct LevelAssignment {
    pub(crate) child_low: Fr,
    pub(crate) child_high: Fr,
    pub(crate) children: [Fr; ARITY],
}

/// What is behind the commitment.
#[derive(Clone, Debug)]
pub(crate) enum Opening {
    Window(Box<WindowOpening>),
    Places(Box<PlacesOpening>),
    Summary(Box<SummaryOpening>),
}

/// What [`super::fact`] is laid out with.
#[derive(Clone, Debug)]
pub(crate) struct WindowOpening {
    pub(crate) time: Fr,
    pub(crate) values: [Fr; Window::LENGTH],
    /// 1 for a value above the threshold.
    pub(crate) above: [Fr; Window::LENGTH],
    pub(crate) blinding: Fr,
}

/// What [`super::region`] is laid out with.
#[derive(Clone, Debug)]
pub(crate) struct PlacesOpening {
    pub(crate) time: Fr,
    pub(crate) places: [Fr; Window::LENGTH],
    /// For each place, 1 at the run that it lies in.
    pub(crate) selected: Vec<[Fr; Region::RUNS_MAX]>,
    pub(crate) firsts: [Fr; Region::RUNS_MAX],
    pub(crate) lasts: [Fr; Region::RUNS_MAX],
    pub(crate) blinding: Fr,
}

/// What [`super::summary`] is laid out with.
#[derive(Clone, Debug, Default)]
pub(crate) struct SummaryOpening {
    pub(crate) time: Fr,
    pub(crate) figures: [Fr; Figure::COUNT],
    pub(crate) lows: [Fr; Figure::COUNT],
    pub(crate) highs: [Fr; Figure::COUNT],
    pub(crate) windows: Fr,
    pub(crate) blinding: Fr,
}

impl Assignment {
    /// Zeros in the shape of `circuit`.
    pub(super) fn blank(circuit: Circuit) -> Self {
        const ZEROS: [Fr; Window::LENGTH] = [ark_ff::MontFp!("0"); Window::LENGTH];
        let zero = Fr::zero();
        let opening = match circuit {
            Circuit::Fact => Opening::Window(Box::new(WindowOpening {
                time: zero,
                values: ZEROS,
                above: ZEROS,
                blinding: zero,
            })),
            Circuit::Region => Opening::Places(Box::new(PlacesOpening {
                time: zero,
                places: ZEROS,
                selected: vec![[zero; Region::RUNS_MAX]; Window::LENGTH],
                firsts: [zero; Region::RUNS_MAX],
                lasts: [zero; Region::RUNS_MAX],
                blinding: zero,
            })),
            Circuit::Summary => Opening::Summary(Box::default()),
        };
        let public = vec![zero; circuit.public_inputs()];
        Self { public, membership: MembershipAssignment::default(), opening }
    }

    /// What `statement` and `witness` say.
    pub(super) fn new(statement: &Statement, witness: &Witness) -> Result<Self, Refusal> {
        let blinding = witness.blinding;
        let opening = match (&statement.question, &witness.committed) {
            (Question::Fact(fact), Committable::Window(window)) => {
                Opening::Window(Box::new(WindowOpening::new(fact, window, blinding)?))
            }
            (Question::Region(region), Committable::Places(places)) => {
                Opening::Places(Box::new(PlacesOpening::new(region, places, blinding)))
            }
            (Question::Summary(bounds), Committable::Summary(summary)) => {
                Opening::Summary(Box::new(SummaryOpening::new(bounds, summary, blinding)?))
            }
            (question, committed) => return Err(native::other_kind(question, committed)),
        };
        let membership = MembershipAssignment::new(statement, witness)?;
        Ok(Self { public: statement.public_inputs(), membership, opening })
    }
}

impl MembershipAssignment {
    fn new(statement: &Statement, witness: &Witness) -> Result<Self, Refusal> {
        let wanted = encoding::wanted(statement.scope.class());
        Ok(Self {
            secret: witness.secret.number(),
            class: witness.class.0.map(Fr::from),
            mask: wanted.map(|part| Fr::from(part.is_some())),
            first_day: statement.scope.first_day().into(),
            last_day: statement.scope.last_day().into(),
            day: witness.day.into(),
            levels: levels(witness)?,
        })
    }
}

fn levels(witness: &Witness) -> Result<[LevelAssignment; DEPTH], Refusal> {
    let mut node = witness.leaf()?.number();
    let mut levels: [LevelAssignment; DEPTH] = std::array::from_fn(|_| LevelAssignment::default());
    for (index, (level, others)) in levels.iter_mut().zip(&witness.path.siblings).enumerate() {
        let child = witness.path.child(index);
        level.child_low = Fr::from(child & 1);
        level.child_high = Fr::from(child >> 1);
        level.children = tree::children(node, child, others.map(crate::element::Root::number));
        node = crate::poseidon::hash(&level.children);
    }
    Ok(levels)
}

impl WindowOpening {
    fn new(fact: &Fact, window: &Window, blinding: Blinding) -> Result<Self, Refusal> {
        Ok(Self {
            time: encoding::time(window.started_at),
            values: commitment::values(window)?,
            above: window.values.map(|value| Fr::from(value > fact.above.threshold())),
            blinding: blinding.number(),
        })
    }
}

impl PlacesOpening {
    fn new(region: &Region, places: &Places, blinding: Blinding) -> Self {
        let [firsts, lasts] = statement::runs(region);
        let runs = region.runs();
        let select = |place: telematics::Place| {
            let quadkey = place.quadkey();
            // A place that lies in none has to select one all the same: the constraints refuse it.
            let run = runs.iter().position(|run| run.contains(&quadkey)).unwrap_or(0);
            std::array::from_fn(|index| Fr::from(index == run))
        };
        Self {
            time: encoding::time(places.started_at),
            places: places.places.map(|place| Fr::from(place.quadkey())),
            selected: places.places.map(select).to_vec(),
            firsts,
            lasts,
            blinding: blinding.number(),
        }
    }
}

impl SummaryOpening {
    fn new(bounds: &SummaryBounds, summary: &Summary, blinding: Blinding) -> Result<Self, Refusal> {
        let [lows, highs] = statement::figure_bounds(bounds);
        Ok(Self {
            time: encoding::time(summary.started_at),
            figures: commitment::figures(summary)?,
            lows,
            highs,
            windows: commitment::element(summary.windows)?,
            blinding: blinding.number(),
        })
    }
}
