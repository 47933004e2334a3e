//! Whether a policy lets out what is in a batch, in the form that it has there.
//!
//! **Invariant:** asks the functions that the car asked when it cut the batch, so a car that follows its
//! policy is never refused.

use telematics::Signal;
use telematics::consent::{Disclosure, Policy};
use telematics::payload::Contents;
use telematics::precision::{Precision, coarse_enough};

use super::outcome::Refusal;

/// Refuses what `policy` does not let out: first by its group, then by how fine it is.
pub(super) fn check_contents(policy: &Policy, contents: &Contents) -> Result<(), Refusal> {
    check_consented(policy, contents)?;
    check_precise(policy, contents)
}

fn check_consented(policy: &Policy, contents: &Contents) -> Result<(), Refusal> {
    let samples = contents.columns().map(|(signal, _)| (signal, Disclosure::Share));
    let committed = contents.commitments.iter().map(|one| (one.signal, Disclosure::Prove));
    for (signal, needed) in samples.chain(committed) {
        let disclosure = policy.disclosure(signal);
        if disclosure < needed {
            return Err(Refusal::NotConsented { signal, disclosure });
        }
    }
    Ok(())
}

fn check_precise(policy: &Policy, contents: &Contents) -> Result<(), Refusal> {
    let precision = |signal: Signal| policy.precision(signal.group());
    if contents.columns().all(|(signal, _)| precision(signal) == Precision::Exact) {
        return Ok(());
    }
    let is_coarse = coarse_enough(&contents.samples, |group| policy.precision(group));
    let fine = contents.samples.iter().zip(is_coarse).find(|(_, is_coarse)| !is_coarse);
    let Some((sample, _)) = fine else { return Ok(()) };
    Err(Refusal::TooPrecise { signal: sample.signal, precision: precision(sample.signal) })
}

#[cfg(test)]
mod tests {
    use telematics::consent::PolicyVersion;
    use telematics::testing::{self, T0};
    use telematics::window::{Commitment, Committed};
    use telematics::{Sample, SignalGroup};

    use super::*;

    /// The policy that discloses one group.
    fn policy(group: SignalGroup, disclosure: Disclosure) -> Policy {
        Policy::new(PolicyVersion::FIRST, [(group, disclosure)].into())
    }

    fn holding(samples: Vec<Sample>) -> Contents {
        Contents { samples, ..Contents::default() }
    }

    #[test]
    fn what_the_owner_does_not_let_out_is_refused() {
        let path = "Vehicle.Powertrain.TractionBattery.StateOfCharge.Current";
        let charge = Signal::by_path(path).unwrap();
        let proven = policy(SignalGroup::Battery, Disclosure::Prove);
        let commitments = |signal| {
            let commitment = Commitment([1; 32]);
            let commitments = vec![Committed { signal, commitment }];
            Contents { commitments, ..Contents::default() }
        };

        let samples = holding(testing::samples(path, 3));
        let refused = Refusal::NotConsented { signal: charge, disclosure: Disclosure::Prove };
        assert_eq!(check_contents(&proven, &samples), Err(refused));
        let hidden = Signal::LATITUDE;
        let refused = Refusal::NotConsented { signal: hidden, disclosure: Disclosure::Keep };
        assert_eq!(check_contents(&proven, &commitments(hidden)), Err(refused));
        assert_eq!(check_contents(&proven, &commitments(charge)), Ok(()));
    }

    #[test]
    fn what_is_finer_than_the_owner_wants_is_refused_by_signal() {
        let shared = policy(SignalGroup::Location, Disclosure::Share);
        let exact = [(SignalGroup::Location, Precision::Exact)];
        let exact = shared.clone().with_precisions(exact.into());
        let cells = shared.precision(SignalGroup::Location);
        let place = [(Signal::LATITUDE, 52.520_008), (Signal::LONGITUDE, 13.404_954)];
        let fine =
            place.map(|(signal, at)| Sample { signal, time: T0, value: signal.value(at).unwrap() });
        let centre = cells.place(fine[0].value, fine[1].value, T0).unwrap();
        let altitude = Signal::by_path("Vehicle.CurrentLocation.Altitude").unwrap();
        let high = Sample { signal: altitude, value: altitude.value(40.0).unwrap(), ..fine[0] };
        let refused = |signal| Err(Refusal::TooPrecise { signal, precision: cells });

        assert_eq!(check_contents(&exact, &holding(fine.to_vec())), Ok(()));
        assert_eq!(check_contents(&shared, &holding(centre.to_vec())), Ok(()));
        assert_eq!(check_contents(&shared, &holding(fine.to_vec())), refused(Signal::LATITUDE));
        assert_eq!(check_contents(&shared, &holding(vec![centre[1]])), refused(Signal::LONGITUDE));
        let beside = holding(vec![centre[0], centre[1], high]);
        assert_eq!(check_contents(&shared, &beside), refused(altitude));
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let signal = Signal::by_path("Vehicle.Speed").unwrap();
        let refusal = Refusal::TooPrecise { signal, precision: Precision::Whole }.to_string();

        assert!(refusal.contains("Vehicle.Speed") && refusal.contains("whole"), "{refusal}");
        assert!(refusal.contains("cut anew"), "{refusal}");
    }
}
