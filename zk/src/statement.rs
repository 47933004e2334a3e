//! What is proven, and what only the prover knows.
//!
//! **Invariant:** a [`Statement`] is decoded: every part of it has been checked by the type that holds
//! it. So its public inputs are canonical, below the widths that [`crate::encoding`] gives them, and
//! always as many as its circuit has.

use ark_bn254::Fr;
use telematics::question::{Fact, Region, SummaryBounds};
use telematics::window::Figure;
use telematics::{CampaignId, Question, Scope};

use crate::circuit::Circuit;
use crate::commitment::{Blinding, Committable, NotACommitment};
use crate::element::{Leaf, Nullifier, Payee, Root};
use crate::encoding::{self, ClassNumbers, Tag};
use crate::identity::{self, Secret};
use crate::poseidon;
use crate::tree::Path;

/// "I know a secret and what is behind one leaf of the tree with this root; the leaf is of this scope,
/// and what is behind it answers the question with yes. The nullifier is that of the secret in this
/// campaign."
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Of an epoch tree, at some time.
    pub root: Root,
    /// The campaign that the claim is made to.
    pub campaign: CampaignId,
    /// Stands for the vehicle in this campaign.
    pub nullifier: Nullifier,
    /// Who is to be paid.
    pub payee: Payee,
    /// Which cars and days.
    pub scope: Scope,
    /// What is asked.
    pub question: Question,
}

/// What only the car knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// Its secret.
    pub secret: Secret,
    /// Its class, as enrolled.
    pub class: ClassNumbers,
    /// The day on which the marketplace received the commitment, counted from 1970-01-01.
    pub day: u16,
    /// From the leaf to the root.
    pub path: Path,
    /// What was committed to.
    pub committed: Committable,
    /// What hides it.
    pub blinding: Blinding,
}

impl Witness {
    /// The leaf of what was committed to.
    ///
    /// # Errors
    /// Values that can not be committed to are refused.
    pub fn leaf(&self) -> Result<Leaf, NotACommitment> {
        let commitment = self.committed.commit(self.blinding)?;
        identity::leaf(self.secret.identity_commitment(), self.class, self.day, commitment)
    }
}

/// Public inputs that all circuits have, first and in this order.
pub(crate) const SHARED_INPUTS: [&str; 5] = ["root", "campaign", "nullifier", "payee", "scope"];
/// Those that the fact circuit has after them.
pub(crate) const FACT_INPUTS: [&str; 7] =
    ["signal", "low", "high", "sum_low", "sum_high", "threshold", "count_max"];
/// Those of the region circuit.
pub(crate) const REGION_INPUTS: [&str; 1] = ["runs"];
/// Those of the summary circuit.
pub(crate) const SUMMARY_INPUTS: [&str; 3] = ["signal", "period", "figures"];

/// Field elements that the runs of a region are hashed in: a tag, the first place of each run, then the
/// last of each, then a zero.
pub(crate) const RUNS_BLOCK: usize = 12;
/// Blocks of [`RUNS_BLOCK`].
pub(crate) const RUNS_BLOCKS: usize = (2 * Region::RUNS_MAX + 2) / RUNS_BLOCK;

impl Statement {
    /// The circuit that proves it.
    #[must_use]
    pub const fn circuit(&self) -> Circuit {
        match self.question {
            Question::Fact(_) => Circuit::Fact,
            Question::Region(_) => Circuit::Region,
            Question::Summary(_) => Circuit::Summary,
        }
    }

    /// The numbers that a proof is verified with, in the order of [`Circuit::input_names`].
    #[must_use]
    pub fn public_inputs(&self) -> Vec<Fr> {
        let mut inputs = vec![
            self.root.number(),
            encoding::campaign(self.campaign),
            self.nullifier.number(),
            self.payee.number(),
            encoding::scope(&self.scope),
        ];
        match &self.question {
            Question::Fact(fact) => inputs.extend(fact_inputs(fact)),
            Question::Region(region) => inputs.push(runs_hash(&runs(region))),
            Question::Summary(bounds) => inputs.extend(summary_inputs(bounds)),
        }
        inputs
    }
}

fn fact_inputs(fact: &Fact) -> [Fr; FACT_INPUTS.len()] {
    // A `Fact` holds only values that can be committed to.
    let value = |raw| encoding::value(telematics::Value::from_raw(raw)).unwrap_or_default();
    [
        encoding::signal(fact.signal),
        value(fact.values.low()),
        value(fact.values.high()),
        encoding::sum(fact.sum.low()),
        encoding::sum(fact.sum.high()),
        value(fact.above.threshold().raw()),
        fact.above.count_max().into(),
    ]
}

fn summary_inputs(bounds: &SummaryBounds) -> [Fr; SUMMARY_INPUTS.len()] {
    let [lows, highs] = figure_bounds(bounds);
    [encoding::signal(bounds.signal), encoding::period(bounds.period), figures_hash(&lows, &highs)]
}

/// The lowest and the highest number permitted of each figure.
pub(crate) fn figure_bounds(bounds: &SummaryBounds) -> [[Fr; Figure::COUNT]; 2] {
    let figure = |number| encoding::figure(number).unwrap_or_default();
    [bounds.figures.map(|b| figure(b.low())), bounds.figures.map(|b| figure(b.high()))]
}

pub(crate) fn figures_hash(lows: &[Fr; Figure::COUNT], highs: &[Fr; Figure::COUNT]) -> Fr {
    poseidon::hash(&[Tag::Figures.number(), poseidon::hash(lows), poseidon::hash(highs)])
}

/// The first places of the runs of `region`, then the last ones. A region with fewer runs than there is
/// room for repeats its last.
pub(crate) fn runs(region: &Region) -> [[Fr; Region::RUNS_MAX]; 2] {
    let runs = region.runs();
    let run = |index: usize| runs.get(index).or(runs.last());
    let first = |index| Fr::from(run(index).map_or(1, |run| *run.start()));
    let last = |index| Fr::from(run(index).map_or(0, |run| *run.end()));
    [std::array::from_fn(first), std::array::from_fn(last)]
}

pub(crate) fn runs_hash([firsts, lasts]: &[[Fr; Region::RUNS_MAX]; 2]) -> Fr {
    let mut laid_out = [Fr::from(0); RUNS_BLOCK * RUNS_BLOCKS];
    let parts = std::iter::once(Tag::Runs.number()).chain(firsts.iter().chain(lasts).copied());
    laid_out.iter_mut().zip(parts).for_each(|(slot, part)| *slot = part);
    let (blocks, _) = laid_out.as_chunks::<RUNS_BLOCK>();
    let mut hashes = [Fr::from(0); RUNS_BLOCKS];
    hashes.iter_mut().zip(blocks).for_each(|(hash, block)| *hash = poseidon::hash(block));
    poseidon::hash(&hashes)
}
