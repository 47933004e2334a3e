//! Segments of one vehicle: which samples tell of them, and how they lie in the period asked about.

use std::collections::{BTreeMap, BTreeSet};

use deltalake::arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use deltalake::datafusion::prelude::col;
use telematics::{Signal, Timestamp, VehicleId};
use tokio_stream::StreamExt as _;

use super::read::{at, foreign, numbers, texts};
use super::rows::Meant;
use super::segments::{Gaps, Rise, Span, active, idling, rises};
use super::{Period, QuestionError, Source};

/// Samples that are looked at.
const SAMPLES_MAX: u64 = 5_000_000;
/// A vehicle that is at least so fast moves, in km/h.
const MOVES_FROM: f64 = 1.0;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentKind {
    /// The engine ran.
    TripByIgnition,
    /// The vehicle moved.
    TripByMovement,
    /// The engine idled while the vehicle stood.
    Idling,
    /// Fuel was filled in.
    Refuel,
    /// The traction battery was charged.
    Recharge,
}

/// What counts as one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerances {
    /// Breaks and lengths.
    pub gaps: Gaps,
    /// Up to here an engine idles.
    pub idle_rpm_max: u32,
    /// By so many percent a level rises at least.
    pub rise_percent_min: u32,
}

/// A question for segments of a vehicle that the caller may ask about.
#[derive(Clone, Debug)]
pub struct SegmentQuestion {
    /// Whose.
    pub vehicle: VehicleId,
    /// When.
    pub period: Period,
    /// Of which kind.
    pub kind: SegmentKind,
    /// What counts as one.
    pub tolerances: Tolerances,
}

/// A segment, cut to the period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// The part of it in the period.
    pub span: Span,
    /// It began before the period.
    pub started_before: bool,
    /// It goes on behind the period.
    pub goes_on: bool,
    /// Levels in percent, of a refuel or recharge that was seen in them.
    pub levels: Option<(f64, f64)>,
}

/// Samples by signal, ordered by time.
type Series = BTreeMap<Signal, Vec<(Timestamp, f64)>>;

impl Default for Tolerances {
    /// Those of DIMO's telemetry API.
    fn default() -> Self {
        Self {
            gaps: Gaps { bridged_seconds: 300, seconds_min: 240 },
            idle_rpm_max: 1_000,
            rise_percent_min: 15,
        }
    }
}

impl Tolerances {
    /// Refuses what makes no sense.
    ///
    /// # Errors
    /// With what would.
    pub fn check(&self) -> Result<(), QuestionError> {
        #[rustfmt::skip] // a table is read by column
        let ranges = [
            ("max_gap_seconds",      self.gaps.bridged_seconds, 1..=86_400),
            ("min_duration_seconds", self.gaps.seconds_min,     0..=86_400),
            ("max_idle_rpm",         self.idle_rpm_max,         300..=3_000),
            ("min_increase_percent", self.rise_percent_min,     1..=100),
        ];
        for (name, value, range) in ranges {
            if !range.contains(&value) {
                let (least, most) = (range.start(), range.end());
                let what = format!("`{name}` is {value}; it is {least} to {most}");
                return Err(QuestionError::invalid(what));
            }
        }
        Ok(())
    }
}

/// Answers `question`, which has been checked.
///
/// # Errors
/// When rows can not be read, or there are too many of them.
pub async fn segments_of(
    source: Source,
    question: SegmentQuestion,
) -> Result<Vec<Segment>, QuestionError> {
    let series = series(&source, &question).await?;
    let SegmentQuestion { kind, tolerances, period, .. } = question;
    let gaps = tolerances.gaps;
    let of = |paths: &[&str]| first_of(&series, paths);
    let plain = |spans: Vec<Span>| spans.into_iter().map(|span| (span, None)).collect();
    let found: Vec<(Span, Option<(f64, f64)>)> = match kind {
        SegmentKind::TripByIgnition => plain(active(&above(of(IGNITION), 0.0), gaps)),
        SegmentKind::TripByMovement => plain(active(&above(of(SPEED), MOVES_FROM), gaps)),
        SegmentKind::Idling => {
            plain(idling(of(ENGINE_SPEED), of(SPEED), tolerances.idle_rpm_max, gaps))
        }
        SegmentKind::Recharge if !of(CHARGING).is_empty() => {
            plain(active(&above(of(CHARGING), 0.0), gaps))
        }
        SegmentKind::Refuel | SegmentKind::Recharge => {
            let level = if kind == SegmentKind::Refuel { FUEL_LEVEL } else { CHARGE_LEVEL };
            let rise_min = f64::from(tolerances.rise_percent_min);
            let found = rises(of(level), rise_min, gaps);
            found.into_iter().map(|Rise { span, low, high }| (span, Some((low, high)))).collect()
        }
    };
    let cut = found.into_iter().filter_map(|(span, levels)| cut(span, levels, period)).collect();
    check_count(&source, cut)
}

const IGNITION: &[&str] = &[
    "Vehicle.Powertrain.CombustionEngine.IsRunning",
    "Vehicle.Powertrain.CombustionEngine.Speed",
    "Vehicle.OBD.EngineSpeed",
];
const SPEED: &[&str] = &["Vehicle.Speed", "Vehicle.OBD.Speed"];
const ENGINE_SPEED: &[&str] =
    &["Vehicle.Powertrain.CombustionEngine.Speed", "Vehicle.OBD.EngineSpeed"];
const FUEL_LEVEL: &[&str] =
    &["Vehicle.Powertrain.FuelSystem.RelativeLevel", "Vehicle.OBD.FuelLevel"];
const CHARGING: &[&str] = &["Vehicle.Powertrain.TractionBattery.Charging.IsCharging"];
const CHARGE_LEVEL: &[&str] = &[
    "Vehicle.Powertrain.TractionBattery.StateOfCharge.Current",
    "Vehicle.Powertrain.TractionBattery.StateOfCharge.Displayed",
];

impl SegmentKind {
    /// Signals that tell of it, the best first within each sort.
    const fn told_by(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::TripByIgnition => &[IGNITION],
            Self::TripByMovement => &[SPEED],
            Self::Idling => &[ENGINE_SPEED, SPEED],
            Self::Refuel => &[FUEL_LEVEL],
            Self::Recharge => &[CHARGING, CHARGE_LEVEL],
        }
    }
}

/// The samples of the best signal that there is.
fn first_of<'a>(series: &'a Series, paths: &[&str]) -> &'a [(Timestamp, f64)] {
    let known = paths.iter().filter_map(|path| Signal::by_path(path).ok());
    let found = known.filter_map(|signal| series.get(&signal)).find(|found| !found.is_empty());
    found.map_or(&[], Vec::as_slice)
}

/// Whether each value is above `least`.
fn above(values: &[(Timestamp, f64)], least: f64) -> Vec<(Timestamp, bool)> {
    values.iter().map(|(time, value)| (*time, *value > least)).collect()
}

/// Also reads what lies one gap beyond the period, to know what began before and goes on behind it.
async fn series(source: &Source, question: &SegmentQuestion) -> Result<Series, QuestionError> {
    let beyond = i64::from(question.tolerances.gaps.bridged_seconds);
    let Period { from, to } = question.period;
    let paths = question.kind.told_by().concat();
    let signals: BTreeSet<Signal> =
        paths.iter().filter_map(|path| Signal::by_path(path).ok()).collect();
    let meant = Meant {
        vehicles: &[question.vehicle],
        signals: Some(signals.clone()),
        period: Some(Period { from: from.plus_seconds(-beyond), to: to.plus_seconds(beyond) }),
    };
    let rows = source.rows(&source.desk.session()?, &meant).await?;
    let order = ["time", "arrival"].map(|name| col(name).sort(true, false)).to_vec();
    let columns = ["signal", "time", "value", "arrival"].map(col);
    let mut answer = rows.select(columns)?.sort(order)?.execute_stream().await?;
    let (mut series, mut count) = (Series::new(), 0);
    while let Some(batch) = answer.next().await {
        let batch = batch?;
        count += u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
        if count > SAMPLES_MAX {
            let (max, instead) = (SAMPLES_MAX, "ask about less time");
            return Err(QuestionError::TooMuch { what: "samples", actual: count, max, instead });
        }
        let paths = texts(&batch, "signal")?;
        let times = numbers::<TimestampMicrosecondType>(&batch, "time")?;
        let values = numbers::<Float64Type>(&batch, "value")?;
        for (row, name) in paths.iter().enumerate() {
            let known = name.and_then(|path| signals.iter().find(|known| known.path() == path));
            let signal = *known.ok_or_else(|| foreign("signal"))?;
            let time = at(times, row).ok_or_else(|| foreign("time"))?;
            let value = at(values, row).ok_or_else(|| foreign("value"))?;
            series.entry(signal).or_default().push((Timestamp::from_micros(time), value));
        }
    }
    Ok(series)
}

/// The part of a segment that is in the period.
fn cut(span: Span, levels: Option<(f64, f64)>, period: Period) -> Option<Segment> {
    let Period { from, to } = period;
    let inside = Span { from: span.from.max(from), to: span.to.min(to) };
    (span.from < to && span.to >= from).then_some(Segment {
        span: inside,
        started_before: span.from < from,
        goes_on: span.to > to,
        levels,
    })
}

fn check_count(source: &Source, found: Vec<Segment>) -> Result<Vec<Segment>, QuestionError> {
    let (max, instead) = (source.desk.limits.rows_max, "ask about less time");
    let actual = u64::try_from(found.len()).unwrap_or(u64::MAX);
    if actual > max {
        return Err(QuestionError::TooMuch { what: "segments", actual, max, instead });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use telematics::testing::T0;

    use super::*;

    #[test]
    fn a_segment_is_cut_to_the_period_and_says_so() {
        let at = |second: i64| T0.plus_seconds(second);
        let period = Period { from: at(100), to: at(200) };
        let cut = |from, to| {
            let segment = cut(Span { from: at(from), to: at(to) }, None, period)?;
            let second = |time: Timestamp| time.micros_since(T0) / 1_000_000;
            let Span { from, to } = segment.span;
            Some((second(from), second(to), segment.started_before, segment.goes_on))
        };
        assert_eq!(cut(110, 190), Some((110, 190, false, false)));
        assert_eq!(cut(50, 150), Some((100, 150, true, false)));
        assert_eq!(cut(150, 250), Some((150, 200, false, true)));
        assert_eq!(cut(50, 250), Some((100, 200, true, true)));
        assert_eq!((cut(0, 99), cut(200, 300)), (None, None));
    }

    #[test]
    fn each_kind_is_told_by_signals_of_the_catalogue() {
        let kinds = [
            SegmentKind::TripByIgnition,
            SegmentKind::TripByMovement,
            SegmentKind::Idling,
            SegmentKind::Refuel,
            SegmentKind::Recharge,
        ];
        for path in kinds.iter().flat_map(|kind| kind.told_by().concat()) {
            assert!(Signal::by_path(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn tolerances_have_bounds() {
        Tolerances::default().check().unwrap();
        let gaps = Gaps { bridged_seconds: 0, seconds_min: 240 };
        let error = Tolerances { gaps, ..Tolerances::default() }.check().unwrap_err().to_string();
        assert_eq!(error, "`max_gap_seconds` is 0; it is 1 to 86400");
        let rises = Tolerances { rise_percent_min: 101, ..Tolerances::default() };
        assert!(rises.check().unwrap_err().to_string().contains("min_increase_percent"));
    }
}
