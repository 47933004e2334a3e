//! The rules that constraints stand for, by name.
//!
//! **Invariant:** outside tests every rule is enforced. A test may leave out one, to show that a forged
//! assignment which the circuit refuses is refused by that rule and no other.

use ark_relations::gr1cs::SynthesisError;

/// What one group of constraints enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Rule {
    /// The nullifier is the hash of the secret and the campaign.
    Nullifier,
    /// Make, model, year and powertrain have their widths.
    ClassFits,
    /// The mask is made of bits.
    MaskIsBits,
    /// The first day has 16 bits.
    FirstDayFits,
    /// The last day has 16 bits.
    LastDayFits,
    /// The day is not before the first.
    NotBeforeFirstDay,
    /// The day is not after the last.
    NotAfterLastDay,
    /// Mask, masked class and days are those of the scope.
    Scope,
    /// The position in the tree is made of bits.
    PositionIsBits,
    /// Each node on the path is one of the four children that are hashed to the next.
    PathIsConnected,
    /// The path ends at the root.
    Root,
    /// The signal has 16 bits.
    SignalFits,
    /// The period has 8 bits.
    PeriodFits,
    /// The time has 64 bits.
    TimeFits,
    /// The bounds of values have 36 bits.
    BoundsFit,
    /// No value is below the low bound.
    NotBelowLow,
    /// No value is above the high bound.
    NotAboveHigh,
    /// The sum is not below its low bound.
    SumNotBelowLow,
    /// The sum is not above its high bound.
    SumNotAboveHigh,
    /// What marks a value as above the threshold is a bit.
    AboveIsBit,
    /// A value that is not marked is not above the threshold.
    UnmarkedIsNotAbove,
    /// No more values are marked than may be.
    FewAreMarked,
    /// What selects a run is made of bits.
    SelectionIsBits,
    /// One run is selected for each place.
    OneIsSelected,
    /// No place is before the first of its run.
    NotBeforeRun,
    /// No place is after the last of its run.
    NotAfterRun,
    /// The runs are those of the statement.
    Runs,
    /// No figure is below its low bound.
    FigureNotBelowLow,
    /// No figure is above its high bound.
    FigureNotAboveHigh,
    /// The bounds of the figures are those of the statement.
    Figures,
}

#[cfg(test)]
impl Rule {
    /// Every rule.
    pub(crate) const ALL: [Self; 30] = [
        Self::Nullifier,
        Self::ClassFits,
        Self::MaskIsBits,
        Self::FirstDayFits,
        Self::LastDayFits,
        Self::NotBeforeFirstDay,
        Self::NotAfterLastDay,
        Self::Scope,
        Self::PositionIsBits,
        Self::PathIsConnected,
        Self::Root,
        Self::SignalFits,
        Self::PeriodFits,
        Self::TimeFits,
        Self::BoundsFit,
        Self::NotBelowLow,
        Self::NotAboveHigh,
        Self::SumNotBelowLow,
        Self::SumNotAboveHigh,
        Self::AboveIsBit,
        Self::UnmarkedIsNotAbove,
        Self::FewAreMarked,
        Self::SelectionIsBits,
        Self::OneIsSelected,
        Self::NotBeforeRun,
        Self::NotAfterRun,
        Self::Runs,
        Self::FigureNotBelowLow,
        Self::FigureNotAboveHigh,
        Self::Figures,
    ];
}

/// Which rules to enforce: all of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    #[cfg(test)]
    without: Option<Rule>,
}

impl Rules {
    /// All but one.
    #[cfg(test)]
    pub(crate) const fn without(rule: Rule) -> Self {
        Self { without: Some(rule) }
    }

    /// Enforces `rule` by laying out its constraints.
    #[cfg_attr(not(test), expect(clippy::unused_self, reason = "tests leave out a rule"))]
    pub(crate) fn enforce(
        self,
        rule: Rule,
        constraints: impl FnOnce() -> Result<(), SynthesisError>,
    ) -> Result<(), SynthesisError> {
        #[cfg(test)]
        if self.without == Some(rule) {
            return Ok(());
        }
        let _: Rule = rule;
        constraints()
    }
}
