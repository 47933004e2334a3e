//! Summaries: "each figure of this trip or day lies in its range."

use ark_bn254::Fr;
use ark_r1cs_std::eq::EqGadget as _;
use ark_r1cs_std::fields::FieldVar as _;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};

use super::{Rule, Rules, SummaryOpening, private, privates};
use crate::commitment::SUMMARY_INPUTS;
use crate::encoding::{
    FIGURE_BITS, PERIOD_AT, PERIOD_BITS, SIGNAL_AT, SIGNAL_BITS, TIME_BITS, Tag, power_of_two,
};
use crate::gadgets::{enforce_fits, hash, hash_laid_out};

/// The public inputs that this circuit has after the shared ones.
pub(super) struct SummaryInputs {
    pub(super) signal: FpVar<Fr>,
    pub(super) period: FpVar<Fr>,
    pub(super) figures: FpVar<Fr>,
}

/// Enforces the bounds of a summary of the signal and period, and gives the commitment to that summary.
///
/// # Constraints
/// 1. Signal, period and time have their widths.
/// 2. `figure - low` and `high - figure` have 56 bits, for each figure.
/// 3. The hash of all lows and highs is the one stated.
/// 4. The commitment is the hash of tag, period, signal and time, the figures, the digest of the windows,
///    and a blinding.
///
/// # Soundness
/// By 3 (or Poseidon collides) lows and highs are those that the verifier hashed, so they have 56 bits,
/// and by 2 each figure is an integer between its two (see [`crate::gadgets`]). By 1 the header is packed of parts that have their widths; the
/// figures are not packed. So by 4 the summary is the one committed to.
pub(super) fn open(
    cs: &ConstraintSystemRef<Fr>,
    rules: Rules,
    public: &SummaryInputs,
    assigned: &SummaryOpening,
) -> Result<FpVar<Fr>, SynthesisError> {
    let SummaryInputs { signal, period, figures: stated } = public;
    let time = private(cs, assigned.time)?;
    rules.enforce(Rule::SignalFits, || enforce_fits::<SIGNAL_BITS>(signal))?; // 1
    rules.enforce(Rule::PeriodFits, || enforce_fits::<PERIOD_BITS>(period))?; // 1
    rules.enforce(Rule::TimeFits, || enforce_fits::<TIME_BITS>(&time))?; // 1

    let figures = privates(cs, &assigned.figures)?;
    let (lows, highs) = (privates(cs, &assigned.lows)?, privates(cs, &assigned.highs)?);
    for ((figure, low), high) in figures.iter().zip(&lows).zip(&highs) {
        rules.enforce(Rule::FigureNotBelowLow, || enforce_fits::<FIGURE_BITS>(&(figure - low)))?; // 2
        rules
            .enforce(Rule::FigureNotAboveHigh, || enforce_fits::<FIGURE_BITS>(&(high - figure)))?; // 2
    }
    let tag = FpVar::constant(Tag::Figures.number());
    let bounds = hash(&[tag, hash(&lows)?, hash(&highs)?])?;
    rules.enforce(Rule::Figures, || bounds.enforce_equal(stated))?; // 3

    let header = FpVar::constant(Tag::Summary.header())
        + period * power_of_two(PERIOD_AT)
        + signal * power_of_two(SIGNAL_AT)
        + time;
    let body = figures.into_iter().chain([private(cs, assigned.windows)?]);
    hash_laid_out::<SUMMARY_INPUTS>(header, body, private(cs, assigned.blinding)?) // 4
}
