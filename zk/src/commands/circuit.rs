//! What keys can be made for, by the names on the command line.

use std::fmt;

use crate::ceremony::{Layout, Rehearsal};
use crate::groth16::NoMatrices;
use crate::{Circuit, ClaimCircuit};

/// A circuit of the product, or the small one to rehearse a ceremony with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Named {
    /// Claims are made of it.
    Claim(Circuit),
    /// No claims are made of it.
    Rehearsal,
}

impl Named {
    /// The constraints, as they are compiled in.
    pub(super) fn layout(self) -> Result<Layout, NoMatrices> {
        match self {
            Self::Claim(circuit) => Layout::of(ClaimCircuit::blank(circuit)),
            Self::Rehearsal => Layout::of(Rehearsal::default()),
        }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(circuit) => circuit.fmt(f),
            Self::Rehearsal => f.write_str("rehearsal"),
        }
    }
}

/// The circuit of this name, or which names there are.
pub(super) fn named(name: &str) -> Result<Named, String> {
    let all = || Circuit::ALL.map(Named::Claim).into_iter().chain([Named::Rehearsal]);
    all().find(|each| each.to_string() == name).ok_or_else(|| {
        let names: Vec<_> = all().map(|each| each.to_string()).collect();
        format!("there is no circuit {name}, only {}", names.join(", "))
    })
}
