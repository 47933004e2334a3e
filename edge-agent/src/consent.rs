//! What the owner permits, applied to each sample before anything touches the disk.
//!
//! **Invariant:** a sample of a signal that is not shared is never part of a batch, and one that is
//! kept never leaves this function.
//!
//! **Not here:** what a policy says about a signal ([`telematics::consent`]), and how the car learns
//! a new one ([`crate::uplink`]).

use std::collections::BTreeMap;

use telematics::payload::Contents;
use telematics::{Disclosure, Policy, Sample, Signal, Timestamp};

use crate::coarse::is_coarse;

/// Removes from `contents` what `policy` does not let out in this form: samples leave only under
/// *share* and at most as precise as it says, commitments only under *prove*.
pub fn restrict(contents: &mut Contents, policy: &Policy) {
    let places = places(&contents.samples);
    contents.samples.retain(|sample| {
        let other = places.get(&(sample.time, other_half(sample.signal))).copied();
        policy.disclosure(sample.signal) == Disclosure::Share
            && is_coarse(*sample, other, policy.precision(sample.signal.group()))
    });
    contents
        .commitments
        .retain(|committed| policy.disclosure(committed.signal) == Disclosure::Prove);
}

/// Latitudes and longitudes by time.
fn places(samples: &[Sample]) -> BTreeMap<(Timestamp, Signal), Sample> {
    let is_place = |sample: &&Sample| other_half(sample.signal) != sample.signal;
    samples.iter().filter(is_place).map(|sample| ((sample.time, sample.signal), *sample)).collect()
}

/// The signal that makes a place together with `signal`; itself when none does.
fn other_half(signal: Signal) -> Signal {
    match signal {
        Signal::LATITUDE => Signal::LONGITUDE,
        Signal::LONGITUDE => Signal::LATITUDE,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use telematics::window::{Commitment, Committed};
    use telematics::{PolicyVersion, Precision, SignalGroup, testing};

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
