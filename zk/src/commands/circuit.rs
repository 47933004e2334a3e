//! The circuits by the names that the command line gives them.

use ark_relations::gr1cs::SynthesisError;
use zk::RangeCircuit;
use zk::ceremony::{Layout, Rehearsal};

/// A circuit that keys can be made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CircuitName {
    /// All values of a window lie in a range.
    Range,
    /// A small one, to rehearse a ceremony with in a minute.
    Rehearsal,
}

impl CircuitName {
    /// The name on the command line and of the files.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::Rehearsal => "rehearsal",
        }
    }

    /// The constraints, as they are compiled in.
    pub(crate) fn layout(self) -> Result<Layout, SynthesisError> {
        match self {
            Self::Range => Layout::of(RangeCircuit::default()),
            Self::Rehearsal => Layout::of(Rehearsal::default()),
        }
    }
}
