//! What the owner permits, applied to each sample before anything touches the disk.
//!
//! **Invariant:** a sample of a signal that is not shared is never part of a batch, and one that is
//! kept never leaves this function.
//!
//! **Not here:** what a policy says about a signal ([`telematics::consent`]), and how the car learns
//! a new one ([`crate::uplink`]).

use telematics::payload::Contents;
use telematics::{Disclosure, Policy};

/// Removes from `contents` what `policy` does not let out in this form: samples leave only under
/// *share*, commitments only under *prove*.
pub fn restrict(contents: &mut Contents, policy: &Policy) {
    contents.samples.retain(|sample| policy.disclosure(sample.signal) == Disclosure::Share);
    contents
        .commitments
        .retain(|committed| policy.disclosure(committed.signal) == Disclosure::Prove);
}

#[cfg(test)]
mod tests {
    use telematics::window::{Commitment, Committed};
    use telematics::{PolicyVersion, Signal, SignalGroup, testing};

    use super::*;

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
