//! What the owner permits, applied to each sample before anything touches the disk.
//!
//! **Invariant:** a sample of a signal that is not shared is never part of a batch, and one that is
//! kept never leaves this function.
//!
//! **Not here:** what a policy says about a signal ([`telematics::consent`]), how samples are made coarse
//! ([`crate::coarse`]) and whether they are ([`telematics::precision`]), and how the car learns a new policy ([`crate::uplink`]).

use telematics::payload::Contents;
use telematics::precision::coarse_enough;
use telematics::{Disclosure, Policy, Sample};

/// Makes of `contents` what `policy` lets out: samples leave only under *share* and at most as precise as it
/// says, commitments only under *prove*. What is too fine is rounded; a position, which is one of many in
/// its bin of time, is removed.
pub fn restrict(contents: &mut Contents, policy: &Policy) {
    let samples = std::mem::take(&mut contents.samples);
    let is_coarse = coarse_enough(&samples, |group| policy.precision(group));
    let restricted = |(sample, is_coarse): (Sample, bool)| {
        if policy.disclosure(sample.signal) != Disclosure::Share {
            return None;
        }
        let coarsened = || policy.precision(sample.signal.group()).coarsen(sample);
        is_coarse.then_some(sample).or_else(coarsened)
    };
    contents.samples = samples.into_iter().zip(is_coarse).filter_map(restricted).collect();
    contents
        .commitments
        .retain(|committed| policy.disclosure(committed.signal) == Disclosure::Prove);
}

#[cfg(test)]
mod tests {
    use telematics::window::{Commitment, Committed};
    use telematics::{PolicyVersion, Precision, Signal, SignalGroup, testing};

    use super::*;

    #[test]
    fn a_position_that_is_too_precise_for_a_newer_policy_does_not_leave() {
        let policy = |precision: Precision| {
            let groups = [(SignalGroup::Location, Disclosure::Share)].into();
            let precisions = [(SignalGroup::Location, precision)].into();
            Policy::new(PolicyVersion::FIRST, groups).with_precisions(precisions)
        };
        let cells = Precision::default_of(SignalGroup::Location);
        let sample = |signal: Signal, at| Sample {
            signal,
            time: testing::T0,
            value: signal.value(at).unwrap(),
        };
        let [north, east] = [sample(Signal::LATITUDE, 52.52), sample(Signal::LONGITUDE, 13.4)];
        let centre = cells.place(north.value, east.value, testing::T0).unwrap();
        #[rustfmt::skip] // a table is read by column
        let cases = [
            ("exact, allowed",     vec![north, east],  Precision::Exact,  2),
            ("exact, cells only",  vec![north, east],  cells,             0),
            ("a cell",             centre.to_vec(),    cells,             2),
            ("half a cell",        vec![centre[0]],    cells,             0),
        ];
        for (name, samples, precision, left) in cases {
            let mut contents = Contents { samples, commitments: Vec::new() };
            restrict(&mut contents, &policy(precision));
            assert_eq!(contents.samples.len(), left, "{name}");
        }
    }

    #[test]
    fn what_is_too_fine_for_a_newer_policy_is_rounded() {
        let groups = [(SignalGroup::Motion, Disclosure::Share)].into();
        let whole = [(SignalGroup::Motion, Precision::Whole)].into();
        let policy = Policy::new(PolicyVersion::FIRST, groups).with_precisions(whole);
        let samples = testing::samples("Vehicle.Speed", 160);
        let mut contents = Contents { samples, ..Contents::default() };
        restrict(&mut contents, &policy);

        let raw: Vec<_> = contents.samples.iter().map(|sample| sample.value.raw()).collect();
        assert_eq!((raw.len(), raw[49], raw[50], raw[149], raw[150]), (160, 0, 100, 100, 200));
    }

    #[test]
    fn each_form_leaves_only_under_its_own_disclosure() {
        let speed = Signal::by_path("Vehicle.Speed").unwrap();
        let window = Committed { signal: speed, commitment: Commitment([1; 32]) };
        let full =
            Contents { samples: testing::samples("Vehicle.Speed", 3), commitments: vec![window] };
        #[rustfmt::skip] // a table is read by column
        let cases = [
            // disclosure          samples commitments
            (Disclosure::Share,    3,      0),
            (Disclosure::Prove,    0,      1),
            (Disclosure::Keep,     0,      0),
        ];
        for (disclosure, samples, commitments) in cases {
            let groups = [(SignalGroup::Motion, disclosure)].into();
            let mut contents = full.clone();
            restrict(&mut contents, &Policy::new(PolicyVersion::FIRST, groups));
            let left = (contents.samples.len(), contents.commitments.len());
            assert_eq!(left, (samples, commitments), "{disclosure}");
        }
    }
}
