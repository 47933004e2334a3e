//! The three circuits: the rules of [`crate::native`] in constraints.
//!
//! Each proves the same membership ([`membership`]) and then answers one kind of question about what is
//! behind the leaf ([`fact`], [`region`], [`summary`]).
//!
//! **Invariant:** public inputs are allocated first, in the order of [`Circuit::input_names`], and each
//! stands in a constraint. Every rule is necessary: for each [`Rule`] a test has a forged assignment
//! that all other rules accept.

mod assignment;
mod fact;
mod membership;
mod region;
mod rule;
#[cfg(test)]
mod soundness;
mod summary;
#[cfg(test)]
mod tests;

use std::fmt;

use ark_bn254::Fr;
use ark_r1cs_std::alloc::AllocVar as _;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, SynthesisError};

pub(crate) use assignment::{Assignment, Opening, PlacesOpening, SummaryOpening, WindowOpening};
use fact::FactInputs;
use membership::SharedInputs;
pub(crate) use rule::{Rule, Rules};
use summary::SummaryInputs;

use crate::native::Refusal;
use crate::statement::{
    FACT_INPUTS, REGION_INPUTS, SHARED_INPUTS, SUMMARY_INPUTS, Statement, Witness,
};

/// One of the circuits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Circuit {
    /// Range, sum and count of the values of a window.
    Fact,
    /// Where the places of a window lie.
    Region,
    /// The figures of a trip or a day.
    Summary,
}

impl Circuit {
    /// Every circuit.
    pub const ALL: [Self; 3] = [Self::Fact, Self::Region, Self::Summary];

    /// Its name in files, JSON and commands.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fact => "fact",
            Self::Region => "region",
            Self::Summary => "summary",
        }
    }

    /// Finds the circuit of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|circuit| circuit.name() == name)
    }

    /// The names of its public inputs, in their order.
    #[must_use]
    pub fn input_names(self) -> Vec<&'static str> {
        let own: &[&str] = match self {
            Self::Fact => &FACT_INPUTS,
            Self::Region => &REGION_INPUTS,
            Self::Summary => &SUMMARY_INPUTS,
        };
        SHARED_INPUTS.iter().chain(own).copied().collect()
    }

    /// How many public inputs it has.
    #[must_use]
    pub fn public_inputs(self) -> usize {
        self.input_names().len()
    }
}

impl fmt::Display for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A circuit with numbers in it, ready to be laid out.
#[derive(Clone, Debug)]
pub struct ClaimCircuit {
    assignment: Assignment,
    rules: Rules,
}

impl ClaimCircuit {
    /// The circuit without a claim, when only its shape matters.
    #[must_use]
    pub fn blank(circuit: Circuit) -> Self {
        Self { assignment: Assignment::blank(circuit), rules: Rules::default() }
    }

    /// The circuit of one claim. Whether the claim is true is for the constraints to say.
    ///
    /// # Errors
    /// Refused when the question is about something else than what was committed to, or when that can
    /// not be committed to.
    pub fn new(statement: &Statement, witness: &Witness) -> Result<Self, Refusal> {
        let assignment = Assignment::new(statement, witness)?;
        Ok(Self { assignment, rules: Rules::default() })
    }

    #[cfg(test)]
    pub(crate) const fn forged(assignment: Assignment, rules: Rules) -> Self {
        Self { assignment, rules }
    }
}

impl ConstraintSynthesizer<Fr> for ClaimCircuit {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let Self { assignment: Assignment { public, membership, opening }, rules } = self;
        let mut public = public.into_iter();
        let mut next = || {
            let number = public.next().ok_or(SynthesisError::AssignmentMissing)?;
            FpVar::new_input(cs.clone(), || Ok(number))
        };
        let shared = SharedInputs {
            root: next()?,
            campaign: next()?,
            nullifier: next()?,
            payee: next()?,
            scope: next()?,
        };
        let commitment = match opening {
            Opening::Window(opening) => {
                let inputs = FactInputs {
                    signal: next()?,
                    low: next()?,
                    high: next()?,
                    sum_low: next()?,
                    sum_high: next()?,
                    threshold: next()?,
                    count_max: next()?,
                };
                fact::open(&cs, rules, &inputs, &opening)?
            }
            Opening::Places(opening) => region::open(&cs, rules, &next()?, &opening)?,
            Opening::Summary(opening) => {
                let inputs = SummaryInputs { signal: next()?, period: next()?, figures: next()? };
                summary::open(&cs, rules, &inputs, &opening)?
            }
        };
        membership::enforce(&cs, rules, &shared, &membership, commitment)
    }
}

fn private(cs: &ConstraintSystemRef<Fr>, number: Fr) -> Result<FpVar<Fr>, SynthesisError> {
    FpVar::new_witness(cs.clone(), || Ok(number))
}

fn privates<const N: usize>(
    cs: &ConstraintSystemRef<Fr>,
    numbers: &[Fr; N],
) -> Result<[FpVar<Fr>; N], SynthesisError> {
    let variables = numbers.iter().map(|number| private(cs, *number));
    let variables = variables.collect::<Result<Vec<_>, _>>()?;
    variables.try_into().or(Err(SynthesisError::Unsatisfiable))
}
