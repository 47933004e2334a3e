//! How plausible a batch is: a score, and the reasons for it.
//!
//! Whatever a car signs is kept, however strange. What is strange about it is said beside it, to its
//! owner and to whoever buys: [`Quality`] is decided when a batch is taken in and never changes.
//!
//! **Invariant:** a batch without reasons scores [`Score::MAX`], and one more reason never raises a
//! score (see [`Quality::new`]).
//!
//! **Not here:** how reasons are found (the ingest module).

use std::fmt;

use telematics::{Sample, Signal, Timestamp};

/// A sample may be measured so much later than the market's clock says; beyond, it is of the future.
pub const FUTURE_SECONDS_MAX: i64 = 5 * 60;
/// Equal values follow each other only when no more than this lies between them.
const GAP_SECONDS_MAX: i64 = 10;
/// What a contradiction costs, in per mille, beside the samples that it is made of.
const CONTRADICTION_COST: u64 = 50;

/// The last time that is not of the future at `now`.
#[must_use]
pub const fn horizon(now: Timestamp) -> Timestamp {
    now.plus_seconds(FUTURE_SECONDS_MAX)
}

/// How plausible samples are, in per mille.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score(u16);

impl Score {
    /// Nothing speaks against them.
    pub const MAX: Self = Self(1_000);

    /// The score of so many per mille; none beyond [`Self::MAX`].
    #[must_use]
    pub fn new(per_mille: u16) -> Option<Self> {
        (per_mille <= Self::MAX.0).then_some(Self(per_mille))
    }

    /// From 0 to 1,000.
    #[must_use]
    pub const fn per_mille(self) -> u16 {
        self.0
    }
}

/// What can speak against samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReasonKind {
    /// Values that are physically impossible. Worst: the value that is furthest outside, as it was sent.
    OutOfRange,
    /// Measured more than [`FUTURE_SECONDS_MAX`] after they were taken in. Worst: seconds beyond the clock.
    Future,
    /// A speed that does not move. Worst: seconds for which it did not.
    Constant,
    /// The odometer went back. Worst: metres.
    OdometerBack,
    /// Places that no car gets to in that time. Worst: metres too far.
    Teleport,
    /// Places move faster or slower than the speed says. Worst: the difference in km/h.
    SpeedApart,
}

impl ReasonKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::OutOfRange,
        Self::Future,
        Self::Constant,
        Self::OdometerBack,
        Self::Teleport,
        Self::SpeedApart,
    ];

    /// The word for it in tables, JSON and text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OutOfRange => "out-of-range",
            Self::Future => "future",
            Self::Constant => "constant",
            Self::OdometerBack => "odometer-back",
            Self::Teleport => "teleport",
            Self::SpeedApart => "speed-apart",
        }
    }

    /// Finds the kind that `text` names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The one of two worst values that is further off.
    #[must_use]
    pub fn worse(self, signal: Signal, one: i64, other: i64) -> i64 {
        if self != Self::OutOfRange {
            return one.max(other);
        }
        let range = signal.range();
        let beyond = |raw: i64| {
            let below = range.start().raw().saturating_sub(raw);
            below.max(raw.saturating_sub(range.end().raw()))
        };
        if beyond(other) > beyond(one) { other } else { one }
    }

    /// Whether samples contradict each other: then it is not their number that counts.
    const fn is_contradiction(self) -> bool {
        matches!(self, Self::OdometerBack | Self::Teleport | Self::SpeedApart)
    }
}

impl fmt::Display for ReasonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What speaks against samples of one signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What.
    pub kind: ReasonKind,
    /// Of which signal.
    pub signal: Signal,
    /// How many samples.
    pub count: u64,
    /// How far off the worst of them is; the kind says in which unit.
    pub worst: i64,
}

impl Reason {
    /// What this and `other`, which is of the same kind and signal, say together.
    #[must_use]
    pub fn with(self, other: &Self) -> Self {
        let count = self.count.saturating_add(other.count);
        Self { count, worst: self.kind.worse(self.signal, self.worst, other.worst), ..self }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, signal, count, worst } = self;
        match kind {
            ReasonKind::OutOfRange => {
                let value = telematics::Value::from_raw(*worst).to_physical(signal.decimals());
                let unit = signal.unit();
                write!(f, "{count} values of {signal} are impossible, the worst is {value} {unit}")
            }
            ReasonKind::Future => {
                write!(f, "{count} samples of {signal} are of the future, up to {worst} s")
            }
            ReasonKind::Constant => {
                write!(f, "{count} values of {signal} did not change, for up to {worst} s")
            }
            ReasonKind::OdometerBack => {
                write!(f, "{signal} went back {count} times, by up to {worst} m")
            }
            ReasonKind::Teleport => {
                write!(f, "{count} places are out of reach of the one before, by up to {worst} m")
            }
            ReasonKind::SpeedApart => {
                write!(
                    f,
                    "{count} times places moved otherwise than {signal}, by up to {worst} km/h"
                )
            }
        }
    }
}

/// How plausible a batch is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quality {
    /// In one number.
    pub score: Score,
    /// Why it is not [`Score::MAX`]: at most one for each kind and signal.
    pub reasons: Vec<Reason>,
    /// The market's clock when it was decided.
    pub judged_at: Timestamp,
}

impl Quality {
    /// The quality of a batch of `samples` samples, of which these `reasons` tell.
    ///
    /// # Score
    /// `1000 - ceil(1000 flagged / samples) - 50 contradictions`, and never below 0. `flagged` counts
    /// the samples of all reasons (one that has two reasons counts twice, and at most all of them);
    /// contradictions are those of odometer, places and speed. Both terms only grow with a reason's
    /// count, and another flagged sample grows `flagged / samples`, as that is at most 1.
    #[must_use]
    pub fn new(samples: usize, reasons: Vec<Reason>, judged_at: Timestamp) -> Self {
        let samples = u64::try_from(samples).unwrap_or(u64::MAX);
        let flagged = flagged(&reasons).min(samples);
        let share = flagged.saturating_mul(1_000).div_ceil(samples.max(1));
        let contradictions = reasons.iter().filter(|reason| reason.kind.is_contradiction());
        let contradictions =
            contradictions.fold(0_u64, |sum, reason| sum.saturating_add(reason.count));
        let cost = share.saturating_add(contradictions.saturating_mul(CONTRADICTION_COST));
        let lost = u16::try_from(cost).unwrap_or(u16::MAX);
        Self { score: Score(Score::MAX.0.saturating_sub(lost)), reasons, judged_at }
    }
}

/// Samples that reasons speak of.
#[must_use]
pub fn flagged<'a>(reasons: impl IntoIterator<Item = &'a Reason>) -> u64 {
    reasons.into_iter().fold(0, |sum, reason| sum.saturating_add(reason.count))
}

/// The newest sample of a signal, and since when it has been worth the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latest {
    /// The sample.
    pub sample: Sample,
    /// Time of the first of the equal values that it is the last of.
    pub since: Timestamp,
}

impl Latest {
    /// What is known with `sample` alone.
    #[must_use]
    pub const fn first(sample: Sample) -> Self {
        Self { sample, since: sample.time }
    }

    /// What is known when `sample` follows.
    #[must_use]
    pub fn then(self, sample: Sample) -> Self {
        let gap = sample.time.micros_since(self.sample.time);
        let follows = (0..=GAP_SECONDS_MAX * telematics::time::MICROS_PER_SECOND).contains(&gap);
        if follows && sample.value == self.sample.value {
            return Self { sample, since: self.since };
        }
        Self::first(sample)
    }
}

/// What a run of samples of one signal says about its newest one.
#[derive(Clone, Copy, Debug)]
pub struct Newest {
    first: Sample,
    latest: Latest,
    varies: bool,
}

impl Newest {
    /// The newest of `samples`, which are of one signal in the order measured; of several at one time,
    /// the last. None when there is none up to `horizon`: nothing is ordered by times of the future.
    #[must_use]
    pub fn of(samples: &[Sample], horizon: Timestamp) -> Option<Self> {
        let mut known = samples.iter().filter(|sample| sample.time <= horizon);
        let first = *known.next()?;
        let (mut run, mut latest) = (Latest::first(first), Latest::first(first));
        let mut varies = false;
        for sample in known {
            varies |= sample.value != first.value;
            run = run.then(*sample);
            if sample.time >= latest.sample.time {
                latest = run;
            }
        }
        Some(Self { first, latest, varies })
    }

    /// Whose newest it is.
    #[must_use]
    pub const fn signal(&self) -> Signal {
        self.first.signal
    }

    /// Whether a value of the run is another than the one before it, the last `known` one included.
    #[must_use]
    pub fn has_changed(&self, known: Option<&Latest>) -> bool {
        self.varies || known.is_some_and(|known| known.sample.value != self.first.value)
    }

    /// With what was known before.
    #[must_use]
    pub fn after(self, known: Option<Latest>) -> Latest {
        let is_one_run = self.latest.since == self.first.time;
        match known {
            Some(known) if known.sample.time > self.latest.sample.time => known,
            Some(known) if is_one_run => {
                Latest { since: known.then(self.first).since, ..self.latest }
            }
            _ => self.latest,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use telematics::Value;
    use telematics::testing::{T0, samples};

    use super::*;

    fn arb_reason() -> impl Strategy<Value = Reason> {
        (0..6_usize, 1..=100_u64, 1..50_u64).prop_map(|(kind, signal, count)| Reason {
            kind: ReasonKind::ALL[kind],
            signal: Signal::by_number(signal).unwrap(),
            count,
            worst: 1,
        })
    }

    proptest! {
        /// A score is within its bounds, and full only without a reason.
        #[test]
        fn only_what_nothing_speaks_against_scores_full(
            samples in 1..200_usize,
            reasons in prop::collection::vec(arb_reason(), 0..5),
        ) {
            let score = Quality::new(samples, reasons.clone(), T0).score;

            prop_assert!(score <= Score::MAX);
            prop_assert_eq!(score == Score::MAX, reasons.is_empty());
        }

        /// One more reason, or one more sample that a reason speaks of, never raises a score.
        #[test]
        fn a_violation_never_raises_a_score(
            samples in 1..200_usize,
            mut reasons in prop::collection::vec(arb_reason(), 0..5),
            more in arb_reason(),
        ) {
            let before = Quality::new(samples, reasons.clone(), T0).score;
            reasons.push(Reason { count: 1, ..more });
            prop_assert!(Quality::new(samples, reasons.clone(), T0).score <= before);
            prop_assert!(Quality::new(samples + 1, reasons, T0).score <= before);
        }
    }

    #[test]
    fn the_formula_is_as_it_is_written_down() {
        let speed = Signal::SPEED;
        let reason = |kind, count| Reason { kind, signal: speed, count, worst: 1 };
        let score = |samples, reasons: &[Reason]| {
            Quality::new(samples, reasons.to_vec(), T0).score.per_mille()
        };

        assert_eq!(score(0, &[]), 1_000);
        assert_eq!(score(1_000, &[reason(ReasonKind::Future, 1)]), 999);
        assert_eq!(score(3_000, &[reason(ReasonKind::Future, 1)]), 999, "rounded up");
        assert_eq!(score(1_000, &[reason(ReasonKind::Teleport, 2)]), 898);
        assert_eq!(score(4, &[reason(ReasonKind::Constant, 9)]), 0);
        assert_eq!(Score::new(1_001), None);
    }

    #[test]
    fn words_round_trip() {
        for kind in ReasonKind::ALL {
            assert_eq!(ReasonKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(ReasonKind::parse("bad"), None);
    }

    /// Speeds of these raw values, a second apart.
    fn speeds(from: i64, values: &[i64]) -> Vec<Sample> {
        let sample = |(second, value): (i64, &i64)| Sample {
            time: T0.plus_seconds(from + second),
            value: Value::from_raw(*value),
            ..samples("Vehicle.Speed", 1)[0]
        };
        (0..).zip(values).map(sample).collect()
    }

    #[test]
    fn equal_values_are_one_run_until_one_differs_or_a_gap_is_too_long() {
        let horizon = horizon(T0);
        let newest = |samples: &[Sample]| Newest::of(samples, horizon).unwrap();
        let known = newest(&speeds(0, &[5, 5, 5])).after(None);
        assert_eq!(known.since, T0);
        assert!(!newest(&speeds(0, &[5, 5])).has_changed(None));
        assert!(newest(&speeds(0, &[5, 6])).has_changed(None));

        for (name, next, since, has_changed) in [
            ("goes on", speeds(3, &[5, 5]), 0, false),
            ("within the gap", speeds(12, &[5]), 0, false),
            ("beyond the gap", speeds(13, &[5]), 13, false),
            ("another value", speeds(3, &[6, 6]), 3, true),
            ("and back", speeds(3, &[5, 6, 5]), 5, true),
        ] {
            let next_run = newest(&next);
            assert_eq!(next_run.has_changed(Some(&known)), has_changed, "{name}");
            let latest = next_run.after(Some(known));
            assert_eq!(latest.since, T0.plus_seconds(since), "{name}");
            assert_eq!(Some(&latest.sample), next.last(), "{name}");
        }
        let earlier = newest(&speeds(-9, &[7])).after(Some(known));
        assert_eq!(earlier, known, "never back in time");
    }

    #[test]
    fn the_newest_is_never_of_the_future() {
        let samples = speeds(FUTURE_SECONDS_MAX - 1, &[1, 2, 3]);

        let newest = Newest::of(&samples, horizon(T0)).unwrap().after(None);
        assert_eq!(newest.sample, samples[1], "five minutes exactly are fine");
        assert!(Newest::of(&samples[2..], horizon(T0)).is_none());
    }
}
