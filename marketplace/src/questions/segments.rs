//! Segments of a vehicle's time, found in ordered samples. Pure.
//!
//! **Invariant:** segments are in order and do not overlap. Those of [`active`] are further apart than
//! the gap that is bridged, and each moment of activity is in one of them, unless that was too short.

use telematics::Timestamp;
use telematics::time::MICROS_PER_SECOND;

/// From when to when something went on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first sign of it.
    pub from: Timestamp,
    /// The last one.
    pub to: Timestamp,
}

/// How far a level rose, and while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rise {
    /// From its last low to its first high.
    pub span: Span,
    /// The low.
    pub low: f64,
    /// The high.
    pub high: f64,
}

/// What counts as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gaps {
    /// A break of at most so long does not end it.
    pub bridged_seconds: u32,
    /// Shorter ones are left out.
    pub seconds_min: u32,
}

impl Span {
    /// Whole seconds.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.to.micros_since(self.from) / MICROS_PER_SECOND
    }
}

impl Gaps {
    fn bridges(self, from: Timestamp, to: Timestamp) -> bool {
        to.micros_since(from) <= i64::from(self.bridged_seconds) * MICROS_PER_SECOND
    }

    fn is_long_enough(self, span: Span) -> bool {
        let micros = span.to.micros_since(span.from);
        micros >= i64::from(self.seconds_min) * MICROS_PER_SECOND
    }
}

/// When `signs`, ordered by time, say that something was active. A sign holds until the next one, if
/// that comes before the gap is over.
#[must_use]
pub fn active(signs: &[(Timestamp, bool)], gaps: Gaps) -> Vec<Span> {
    let next = signs.iter().skip(1).map(|(time, _)| Some(*time)).chain([None]);
    let mut spans: Vec<Span> = Vec::new();
    for ((from, _), next) in signs.iter().zip(next).filter(|((_, is_on), _)| *is_on) {
        let to = next.filter(|next| gaps.bridges(*from, *next)).unwrap_or(*from);
        match spans.last_mut() {
            Some(last) if gaps.bridges(last.to, *from) => last.to = last.to.max(to),
            _ => spans.push(Span { from: *from, to }),
        }
    }
    spans.retain(|span| gaps.is_long_enough(*span));
    spans
}

/// When `speed_of_engine`, in rpm, was that of an engine that idles while the vehicle stood, as far as
/// its speed is known. Both are ordered by time.
#[must_use]
pub fn idling(
    speed_of_engine: &[(Timestamp, f64)],
    speed: &[(Timestamp, f64)],
    rpm_max: u32,
    gaps: Gaps,
) -> Vec<Span> {
    /// Below it a vehicle stands, in km/h.
    const STANDS_BELOW: f64 = 1.0;
    let mut speeds = speed.iter().peekable();
    let mut known: Option<(Timestamp, f64)> = None;
    let mut signs = Vec::with_capacity(speed_of_engine.len());
    for (time, rpm) in speed_of_engine {
        while let Some(next) = speeds.next_if(|(at, _)| at <= time) {
            known = Some(*next);
        }
        let drives =
            known.is_some_and(|(at, speed)| speed >= STANDS_BELOW && gaps.bridges(at, *time));
        signs.push((*time, *rpm > 0.0 && *rpm <= f64::from(rpm_max) && !drives));
    }
    active(&signs, gaps)
}

/// A low that a level may rise from.
#[derive(Clone, Copy)]
struct Low {
    level: f64,
    /// When the level was last about as low.
    until: Timestamp,
}

/// Where `levels`, ordered by time, rose by at least `rise_min`. A rise begins when the level leaves a
/// low by a third of that, and ends when it falls by as much, or rises by less over a time longer than the gap.
#[must_use]
pub fn rises(levels: &[(Timestamp, f64)], rise_min: f64, gaps: Gaps) -> Vec<Rise> {
    let noise = rise_min / 3.0;
    let mut found = Vec::new();
    let mut low: Option<Low> = None;
    let mut high: Option<(Timestamp, f64)> = None;
    let rise = |low: Low, (to, high)| {
        let span = Span { from: low.until, to };
        Rise { span, low: low.level, high }
    };
    for (time, level) in levels.iter().copied().filter(|(_, level)| level.is_finite()) {
        let here = Low { level, until: time };
        let known = *low.get_or_insert(here);
        match high {
            None if level <= known.level => low = Some(here),
            None if level - known.level < noise => low = Some(Low { until: time, ..known }),
            None if level - known.level >= rise_min => high = Some((time, level)),
            None => {}
            Some((at, highest)) => {
                let (change, goes_on) = (level - highest, gaps.bridges(at, time));
                if change >= noise || change > 0.0 && goes_on {
                    high = Some((time, level));
                } else if change <= -noise || !goes_on {
                    found.push(rise(known, (at, highest)));
                    (low, high) = (Some(here), None);
                }
            }
        }
    }
    found.extend(low.zip(high).map(|(low, high)| rise(low, high)));
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use telematics::testing::T0;

    use super::*;

    fn at(second: i64) -> Timestamp {
        T0.plus_seconds(second)
    }

    fn series<T: Copy>(points: &[(i64, T)]) -> Vec<(Timestamp, T)> {
        points.iter().map(|(second, value)| (at(*second), *value)).collect()
    }

    fn seconds(spans: &[Span]) -> Vec<(i64, i64)> {
        let second = |time: Timestamp| time.micros_since(T0) / MICROS_PER_SECOND;
        spans.iter().map(|span| (second(span.from), second(span.to))).collect()
    }

    /// What it shows, values by second, and the seconds of the segments in them.
    type Case<'a, T> = (&'a str, &'a [(i64, T)], &'a [(i64, i64)]);

    const GAPS: Gaps = Gaps { bridged_seconds: 60, seconds_min: 30 };

    #[test]
    fn short_breaks_are_bridged_and_short_spans_left_out() {
        #[rustfmt::skip] // a table is read by column
        let cases: [Case<'_, bool>; 8] = [
            ("nothing",             &[],                                                    &[]),
            ("never on",            &[(0, false), (50, false)],                             &[]),
            ("on and off",          &[(0, true), (40, true), (50, false)],                  &[(0, 50)]),
            ("a break of 60 s",     &[(0, true), (40, false), (100, true), (130, false)],   &[(0, 130)]),
            ("a break of 61 s",     &[(0, true), (40, false), (101, true), (131, false)],   &[(0, 40), (101, 131)]),
            ("silence",             &[(0, true), (50, true), (200, true), (240, false)],    &[(0, 50), (200, 240)]),
            ("too short",           &[(0, true), (20, false), (200, true), (240, true)],    &[(200, 240)]),
            ("one sign",            &[(0, true)],                                           &[]),
        ];
        for (name, signs, expected) in cases {
            assert_eq!(seconds(&active(&series(signs), GAPS)), expected, "{name}");
        }
    }

    #[test]
    fn an_engine_idles_while_the_car_stands() {
        let engine: Vec<(i64, f64)> = (0..20).map(|n| (n * 10, 800.0)).collect();
        let drives = series(&[(0, 0.0), (75, 30.0), (125, 0.0)]);
        let spans = idling(&series(&engine), &drives, 1_000, GAPS);
        assert_eq!(seconds(&spans), [(0, 190)], "50 s of driving are bridged");
        let sharp = Gaps { bridged_seconds: 15, ..GAPS };
        let spans = idling(&series(&engine), &drives, 1_000, sharp);
        assert_eq!(seconds(&spans), [(0, 80), (100, 190)], "a speed is believed for 15 s");

        assert_eq!(seconds(&idling(&series(&engine), &[], 1_000, GAPS)), [(0, 190)]);
        assert!(idling(&series(&engine), &[], 700, GAPS).is_empty(), "too fast to idle");
        let off: Vec<(i64, f64)> = engine.iter().map(|(at, _)| (*at, 0.0)).collect();
        assert!(idling(&series(&off), &[], 1_000, GAPS).is_empty(), "it is off");
    }

    #[test]
    fn a_level_that_rises_enough_is_found_from_low_to_high() {
        #[rustfmt::skip] // a table is read by column
        let cases: [Case<'_, f64>; 9] = [
            ("falls only",           &[(0, 80.0), (60, 70.0)],                                    &[]),
            ("sloshes",              &[(0, 50.0), (10, 53.0), (20, 48.0), (30, 52.0)],            &[]),
            ("while the car was off", &[(0, 22.0), (10, 20.0), (900, 95.0), (1000, 95.0)],        &[(10, 900)]),
            ("slowly",               &[(0, 20.0), (600, 28.0), (1200, 36.0), (1800, 44.0)],       &[(0, 1800)]),
            ("drifts afterwards",    &[(0, 20.0), (30, 60.0), (900, 61.0)],                       &[(0, 30)]),
            ("then driven",          &[(0, 20.0), (30, 60.0), (40, 54.0), (50, 59.0)],            &[(0, 30)]),
            ("noise at the top",     &[(0, 20.0), (30, 60.0), (40, 57.0), (50, 61.0)],            &[(0, 50)]),
            ("twice",                &[(0, 20.0), (30, 60.0), (200, 40.0), (300, 90.0)],          &[(0, 30), (200, 300)]),
            ("rests, then goes on",  &[(0, 20.0), (30, 60.0), (100, 60.0), (200, 80.0)],          &[(0, 30), (100, 200)]),
        ];
        for (name, levels, expected) in cases {
            let found = rises(&series(levels), 15.0, GAPS);
            let spans: Vec<Span> = found.iter().map(|rise| rise.span).collect();
            assert_eq!(seconds(&spans), expected, "{name}");
        }
    }

    fn arb_times() -> impl Strategy<Value = Vec<i64>> {
        prop::collection::vec(0..200_i64, 0..60).prop_map(|mut steps| {
            steps.iter_mut().fold(0, |sum, step| {
                *step += sum;
                *step
            });
            steps
        })
    }

    fn in_order(spans: &[Span]) -> bool {
        spans.iter().all(|span| span.from <= span.to)
            && spans.windows(2).all(|pair| pair[0].to <= pair[1].from)
    }

    proptest! {
        /// Segments are in order, apart by more than what is bridged, and as long as they must be.
        #[test]
        fn segments_never_overlap(
            times in arb_times(),
            is_on in prop::collection::vec(any::<bool>(), 60),
            bridged_seconds in 0..300_u32,
            seconds_min in 0..300_u32,
        ) {
            let signs: Vec<_> = times.iter().copied().map(at).zip(is_on).collect();
            let gaps = Gaps { bridged_seconds, seconds_min };
            let spans = active(&signs, gaps);

            prop_assert!(in_order(&spans));
            for pair in spans.windows(2) {
                prop_assert!(!gaps.bridges(pair[0].to, pair[1].from));
            }
            prop_assert!(spans.iter().all(|span| span.seconds() >= i64::from(seconds_min)));
        }

        /// Each sign of activity is in a segment, and each segment begins with one and holds no silence
        /// that is longer than what is bridged.
        #[test]
        fn segments_cover_all_activity_and_no_long_rest(
            times in arb_times(),
            is_on in prop::collection::vec(any::<bool>(), 60),
            bridged_seconds in 0..300_u32,
        ) {
            let signs: Vec<_> = times.iter().copied().map(at).zip(is_on).collect();
            let gaps = Gaps { bridged_seconds, seconds_min: 0 };
            let spans = active(&signs, gaps);
            let on: Vec<Timestamp> =
                signs.iter().filter(|(_, on)| *on).map(|(time, _)| *time).collect();

            for time in &on {
                let holding = spans.iter().filter(|span| (span.from..=span.to).contains(time));
                prop_assert_eq!(holding.count(), 1);
            }
            for span in &spans {
                prop_assert!(on.contains(&span.from));
                let inside = on.iter().filter(|time| (span.from..=span.to).contains(time));
                let mut known = span.from;
                for time in inside.chain([&span.to]) {
                    // A sign holds until the next, and the rest until the next activity is bridged.
                    prop_assert!(time.micros_since(known) <= 2 * i64::from(bridged_seconds) * MICROS_PER_SECOND);
                    known = *time;
                }
            }
        }

        /// Rises are in order, rise enough, and a level that only falls has none.
        #[test]
        fn rises_are_real(
            times in arb_times(),
            levels in prop::collection::vec(0.0..100.0_f64, 60),
            rise_min in 1.0..50.0_f64,
        ) {
            let points: Vec<_> = times.iter().copied().map(at).zip(levels).collect();
            let found = rises(&points, rise_min, GAPS);

            let spans: Vec<Span> = found.iter().map(|rise| rise.span).collect();
            prop_assert!(in_order(&spans));
            for rise in &found {
                prop_assert!(rise.high - rise.low >= rise_min);
                let is_low = |at: &(Timestamp, f64)| {
                    at.0 == rise.span.from && at.1 - rise.low < rise_min / 3.0
                };
                prop_assert!(points.iter().any(is_low));
                prop_assert!(points.contains(&(rise.span.to, rise.high)));
            }
            let mut falling = points;
            falling.sort_by(|one, other| other.1.total_cmp(&one.1));
            let times: Vec<_> = times.into_iter().map(at).collect();
            for (point, time) in falling.iter_mut().zip(times) {
                point.0 = time;
            }
            prop_assert!(rises(&falling, rise_min, GAPS).is_empty());
        }
    }
}
