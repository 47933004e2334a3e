//! How plausible the rows of a dataset are, from what is known of its vehicles.
//!
//! **Invariant:** says sums over vehicles only: nothing in it is of one car.

use std::collections::{BTreeMap, BTreeSet};

use telematics::{Signal, VehicleId};

use super::dataset::{DatasetQuality, ReasonRows};
use crate::archive::{Score, VehicleQuality};

/// The quality of `rows` rows of these signals, from `contributors`.
pub(super) fn quality(
    contributors: &BTreeSet<VehicleId>,
    signals: &BTreeSet<Signal>,
    rows: u64,
    known: &BTreeMap<VehicleId, VehicleQuality>,
) -> DatasetQuality {
    let (mut samples, mut score_sum) = (0_u64, 0_u64);
    let mut reasons = BTreeMap::<_, u64>::new();
    for vehicle in contributors.iter().filter_map(|vehicle| known.get(vehicle)) {
        samples = samples.saturating_add(vehicle.samples);
        score_sum = score_sum.saturating_add(vehicle.score_sum);
        for reason in vehicle.reasons.iter().filter(|reason| signals.contains(&reason.signal)) {
            let sum = reasons.entry((reason.kind, reason.signal)).or_default();
            *sum = sum.saturating_add(reason.count);
        }
    }
    let mean = score_sum.checked_div(samples);
    DatasetQuality {
        score: mean.and_then(|mean| u16::try_from(mean).ok()).and_then(Score::new),
        flagged_rows: reasons.values().copied().fold(0, u64::saturating_add).min(rows),
        reasons: reasons
            .into_iter()
            .map(|((kind, signal), rows)| ReasonRows { kind, signal, rows })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use telematics::testing::vehicle;

    use super::*;
    use crate::archive::{Reason, ReasonKind};

    fn sent(samples: u64, score: u64, reasons: &[(ReasonKind, u64, u64)]) -> VehicleQuality {
        let reason = |(kind, number, count): &(ReasonKind, u64, u64)| Reason {
            kind: *kind,
            signal: Signal::by_number(*number).unwrap(),
            count: *count,
            worst: 1,
        };
        VehicleQuality {
            samples,
            score_sum: samples * score,
            reasons: reasons.iter().map(reason).collect(),
        }
    }

    #[test]
    fn the_mean_is_weighted_and_only_contributors_and_signals_count() {
        let known = BTreeMap::from([
            (vehicle(1), sent(300, 1_000, &[])),
            (
                vehicle(2),
                sent(100, 600, &[(ReasonKind::Future, 1, 7), (ReasonKind::Future, 2, 90)]),
            ),
            (vehicle(3), sent(900, 0, &[(ReasonKind::Constant, 1, 90)])),
        ]);
        let contributors = BTreeSet::from([vehicle(1), vehicle(2), vehicle(9)]);
        let signals = BTreeSet::from([Signal::SPEED]);

        let measured = quality(&contributors, &signals, 50, &known);

        let speed = ReasonRows { kind: ReasonKind::Future, signal: Signal::SPEED, rows: 7 };
        let expected =
            DatasetQuality { score: Score::new(900), flagged_rows: 7, reasons: vec![speed] };
        assert_eq!(measured, expected);
        assert_eq!(quality(&contributors, &signals, 5, &known).flagged_rows, 5);
    }

    #[test]
    fn what_was_never_scored_has_no_score() {
        let nothing = quality(&BTreeSet::new(), &BTreeSet::new(), 9, &BTreeMap::new());

        assert_eq!(nothing, DatasetQuality::default());
    }
}
