//! Regions: "each of 64 places lies in one of these runs of places."
//!
//! A run is a range of quadkey numbers. The tiles of a region are such runs, and so are the gaps between
//! them: "in one of these tiles" and "in none of these tiles" are one circuit, which does not know which
//! of the two it proves. The verifier turns the words into runs ([`telematics::question::Region`]).

use ark_bn254::Fr;
use ark_ff::{One as _, Zero as _};
use ark_r1cs_std::eq::EqGadget as _;
use ark_r1cs_std::fields::FieldVar as _;
use ark_r1cs_std::fields::fp::FpVar;
use ark_relations::gr1cs::{ConstraintSystemRef, SynthesisError};

use super::{PlacesOpening, Rule, Rules, private, privates};
use crate::commitment::PLACES_INPUTS;
use crate::encoding::{PLACE_BITS, PLACES_PER_ELEMENT, TIME_BITS, Tag};
use crate::gadgets::{enforce_bit, enforce_fits, hash, hash_laid_out, pack};
use crate::statement::{RUNS_BLOCK, RUNS_BLOCKS};

/// Enforces that all places lie in the runs whose hash is `stated_runs`, and gives the commitment to the
/// places.
///
/// # Constraints
/// 1. The time has 64 bits.
/// 2. For each place a bit for each run, of which one is set.
/// 3. `place - first` and `last - place` have 44 bits, for the first and last place of the selected run.
/// 4. The hash of all firsts and lasts is the one stated.
/// 5. The commitment is the hash of tag and time, the places, and a blinding.
///
/// # Soundness
/// By 4 (or Poseidon collides) firsts and lasts are those that the verifier hashed, so they have 44 bits.
/// By 2 the sum over bits times firsts is one of the firsts, and the same for the lasts, of the same run.
/// By 3 the place is an integer between the two (see [`crate::gadgets`]) and has 44 bits, so what 5 packs
/// has its width, and the places are the ones committed to.
pub(super) fn open(
    cs: &ConstraintSystemRef<Fr>,
    rules: Rules,
    stated_runs: &FpVar<Fr>,
    assigned: &PlacesOpening,
) -> Result<FpVar<Fr>, SynthesisError> {
    let time = private(cs, assigned.time)?;
    rules.enforce(Rule::TimeFits, || enforce_fits::<TIME_BITS>(&time))?; // 1
    let (firsts, lasts) = (privates(cs, &assigned.firsts)?, privates(cs, &assigned.lasts)?);
    let runs = hash_runs(&firsts, &lasts)?;
    rules.enforce(Rule::Runs, || runs.enforce_equal(stated_runs))?; // 4

    let places = privates(cs, &assigned.places)?;
    for (place, selected) in places.iter().zip(&assigned.selected) {
        let selected = privates(cs, selected)?;
        rules.enforce(Rule::SelectionIsBits, || selected.iter().try_for_each(enforce_bit))?; // 2
        let count: FpVar<Fr> = selected.iter().sum();
        rules.enforce(Rule::OneIsSelected, || {
            count.enforce_equal(&FpVar::constant(Fr::one())) // 2
        })?;
        let choose = |ends: &[FpVar<Fr>]| -> FpVar<Fr> {
            ends.iter().zip(&selected).map(|(end, bit)| end * bit).sum()
        };
        let (first, last) = (choose(&firsts), choose(&lasts));
        rules.enforce(Rule::NotBeforeRun, || enforce_fits::<PLACE_BITS>(&(place - first)))?; // 3
        rules.enforce(Rule::NotAfterRun, || enforce_fits::<PLACE_BITS>(&(last - place)))?; // 3
    }

    let header = FpVar::constant(Tag::Places.header()) + time;
    let packed = places.chunks(PLACES_PER_ELEMENT).map(|places| pack(places, PLACE_BITS));
    hash_laid_out::<PLACES_INPUTS>(header, packed, private(cs, assigned.blinding)?) // 5
}

/// The hash of [`crate::statement::runs_hash`].
fn hash_runs(firsts: &[FpVar<Fr>], lasts: &[FpVar<Fr>]) -> Result<FpVar<Fr>, SynthesisError> {
    let mut laid_out = vec![FpVar::constant(Tag::Runs.number())];
    laid_out.extend(firsts.iter().chain(lasts).cloned());
    laid_out.resize(RUNS_BLOCK * RUNS_BLOCKS, FpVar::constant(Fr::zero()));
    let (blocks, _) = laid_out.as_chunks::<RUNS_BLOCK>();
    let hashes = blocks.iter().map(hash).collect::<Result<Vec<_>, _>>()?;
    hash::<RUNS_BLOCKS>(&hashes.try_into().or(Err(SynthesisError::Unsatisfiable))?)
}
