//! The shape of what is in the lake: how values spread, how often they come, what is missing and what is there twice.
//!
//! **Invariant:** a line is of at least `vehicles_min` vehicles. What fewer sent is added up under no name.

use std::collections::BTreeMap;
use std::sync::Arc;

use deltalake::arrow::array::{
    ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray,
};
use deltalake::arrow::compute::cast;
use deltalake::arrow::datatypes::{DataType, Float64Type};
use deltalake::datafusion::common::ScalarValue;
use deltalake::datafusion::prelude::{SessionContext, col, lit};
use telematics::{Signal, VehicleId};

use super::read::{RowFilter, Rows, integers, texts};
use super::{Lake, LakeError};

/// Bins between the values of which one in a hundred is less, and one in a hundred is more.
const BINS: f64 = 20.0;
/// A step this many times longer than usual is a gap.
pub const GAP_STEPS: i64 = 10;
/// Who sends nothing for longer is parked, and misses nothing.
pub const PARKED_SECONDS: i64 = 1_800;

/// What is looked at.
#[derive(Clone, Debug)]
pub struct ShapeOf {
    /// These signals.
    pub signals: Vec<Signal>,
    /// Of these vehicles.
    pub vehicles: Vec<VehicleId>,
    /// From this day on, counted from 1970-01-01.
    pub first_day: i32,
    /// The least number of vehicles that a line speaks of.
    pub vehicles_min: u32,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// Signal by signal; those of too few vehicles are not in it.
    pub signals: BTreeMap<Signal, SignalShape>,
    /// Rows with the day instead of the time, a range instead of the value, and no vehicle: each stands for rows of at
    /// least `vehicles_min` vehicles. The most frequent first.
    pub rows: Vec<CoarseRows>,
}

/// One signal.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalShape {
    /// Rows that were read.
    pub rows: u64,
    /// Vehicles they are of.
    pub vehicles: u64,
    /// The median of the times between a row and the next of the same vehicle, in microseconds; none when none has a next.
    pub usual_step_micros: Option<i64>,
    /// Steps longer than [`GAP_STEPS`] usual ones, and not longer than [`PARKED_SECONDS`].
    pub gaps: u64,
    /// Rows at a time of which there is one already.
    pub duplicates: u64,
    /// How its values spread, in rising order.
    pub bins: Vec<Bin>,
    /// Rows in bins of fewer than `vehicles_min` vehicles.
    pub hidden_rows: u64,
}

/// Values from here, and less than there. The first begins nowhere and the last ends nowhere.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// From here on.
    pub from: Option<f64>,
    /// Less than this.
    pub to: Option<f64>,
    /// Rows in it.
    pub rows: u64,
}

/// Rows that look the same from afar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CoarseRows {
    /// Of this signal.
    pub signal: Signal,
    /// On this day, counted from 1970-01-01.
    pub day: i64,
    /// With a value in this range; how many.
    pub bin: Bin,
    /// Of so many vehicles.
    pub vehicles: u64,
}

/// How the values of a signal are cut into bins.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scale {
    low: f64,
    width: f64,
    count: i64,
    decimals: u8,
}

impl Scale {
    /// Round numbers from about `low` to about `high`: whole multiples of 1, 2 or 5 times a power of ten.
    fn new(low: f64, high: f64, decimals: u8) -> Self {
        let finest = 10_f64.powi(-i32::from(decimals));
        let wanted = ((high - low) / BINS).max(finest);
        let power = 10_f64.powf(wanted.log10().floor());
        let round = [1.0, 2.0, 5.0].map(|step| step * power);
        // Counting in tenths of a percent makes up for what a float misses.
        let width =
            round.into_iter().find(|width| *width >= wanted * 0.999).unwrap_or(10.0 * power);
        let low = (low / width).floor() * width;
        let count = bins_until(high, low, width);
        Self { low, width, count, decimals }
    }

    /// The range of bin `number`, from -1 to [`Self::count`].
    fn bin(&self, number: i64, rows: u64) -> Bin {
        Bin {
            from: (number >= 0).then(|| self.edge(number)),
            to: (number < self.count).then(|| self.edge(number + 1)),
            rows,
        }
    }

    fn edge(&self, number: i64) -> f64 {
        // Bins are few, so this is exact.
        let number = i32::try_from(number).map_or(0.0, f64::from);
        let unit = 10_f64.powi(i32::from(self.decimals));
        (number.mul_add(self.width, self.low) * unit).round() / unit
    }
}

/// How many bins of this width it takes to get from `low` over `high`.
fn bins_until(high: f64, low: f64, width: f64) -> i64 {
    let mut count = 1;
    let mut edge = low + width;
    while edge <= high && f64::from(count) < 3.0 * BINS {
        edge += width;
        count += 1;
    }
    i64::from(count)
}

impl Lake {
    /// The shape of what `of` says, at `version`. Reads those rows four times.
    ///
    /// # Errors
    /// When the version is unknown, or a query fails.
    pub async fn shape(&self, version: u64, of: &ShapeOf) -> Result<Shape, LakeError> {
        let filter = RowFilter {
            signals: of.signals.clone(),
            vehicles: Some(of.vehicles.clone()),
            after_arrival: 0,
        };
        let Rows { session, frame } = self.rows(version, &filter).await?;
        let first_day = lit(ScalarValue::Date32(Some(of.first_day)));
        let frame = frame.filter(col("day").gt_eq(first_day))?;
        session.register_table("rows", frame.into_view())?;

        let (mut signals, scales) = summaries(&session, of).await?;
        session.register_batch("scales", scale_columns(&signals, &scales)?)?;
        count_gaps(&session, &mut signals).await?;
        fill_bins(&session, &mut signals, &scales, of).await?;
        let rows = coarse_rows(&session, &scales, of).await?;
        Ok(Shape { signals, rows })
    }
}

type Shapes = BTreeMap<Signal, SignalShape>;
type Scales = BTreeMap<Signal, Scale>;

/// Every row with the time since the one before.
const STEPS: &str = "WITH steps AS (SELECT signal, vehicle, value, CAST(time AS BIGINT) - \
    lag(CAST(time AS BIGINT)) OVER (PARTITION BY signal, vehicle ORDER BY time) AS step FROM rows)";

/// Every row with the number of its bin.
const BINNED: &str = "WITH binned AS (SELECT rows.signal AS signal, vehicle, day, \
    greatest(least(CAST(floor((value - low) / width) AS BIGINT), count), CAST(-1 AS BIGINT)) AS bin \
    FROM rows JOIN scales ON rows.signal = scales.signal)";

/// What can be said of each signal before its values are cut into bins, and how to cut them.
async fn summaries(session: &SessionContext, of: &ShapeOf) -> Result<(Shapes, Scales), LakeError> {
    let sql = format!(
        "{STEPS} SELECT signal, count(*) AS rows, count(DISTINCT vehicle) AS vehicles, \
         sum(CASE WHEN step = 0 THEN 1 ELSE 0 END) AS duplicates, \
         CAST(coalesce(approx_percentile_cont(CASE WHEN step > 0 THEN step END, 0.5), 0) AS BIGINT) AS usual, \
         approx_percentile_cont(value, 0.01) AS low, approx_percentile_cont(value, 0.99) AS high \
         FROM steps GROUP BY signal HAVING count(DISTINCT vehicle) >= {}",
        of.vehicles_min
    );
    let (mut shapes, mut scales) = (Shapes::new(), Scales::new());
    for batch in session.sql(&sql).await?.collect().await? {
        let (rows, vehicles) = (integers(&batch, "rows")?, integers(&batch, "vehicles")?);
        let (duplicates, usual) = (integers(&batch, "duplicates")?, integers(&batch, "usual")?);
        let (low, high) = (floats(&batch, "low")?, floats(&batch, "high")?);
        let counts = rows.into_iter().zip(vehicles).zip(duplicates).zip(usual);
        let lines = signals(&batch)?.into_iter().zip(counts).zip(low.into_iter().zip(high));
        for ((signal, (((rows, vehicles), duplicates), usual)), (low, high)) in lines {
            let shape = SignalShape {
                rows: unsigned(rows),
                vehicles: unsigned(vehicles),
                usual_step_micros: (usual > 0).then_some(usual),
                gaps: 0,
                duplicates: unsigned(duplicates),
                bins: Vec::new(),
                hidden_rows: 0,
            };
            shapes.insert(signal, shape);
            scales.insert(signal, Scale::new(low, high, signal.decimals()));
        }
    }
    Ok((shapes, scales))
}

/// How each signal is cut into bins, and which step of it is a gap, as a table of the query.
fn scale_columns(shapes: &Shapes, scales: &Scales) -> Result<RecordBatch, LakeError> {
    let gap = |signal: &Signal| {
        let usual = shapes.get(signal).and_then(|shape| shape.usual_step_micros);
        usual.map_or(i64::MAX, |step| step.saturating_mul(GAP_STEPS))
    };
    let paths: ArrayRef = Arc::new(StringArray::from_iter_values(scales.keys().map(|s| s.path())));
    let low: ArrayRef = Arc::new(Float64Array::from_iter_values(scales.values().map(|s| s.low)));
    let width: ArrayRef =
        Arc::new(Float64Array::from_iter_values(scales.values().map(|s| s.width)));
    let count: ArrayRef = Arc::new(Int64Array::from_iter_values(scales.values().map(|s| s.count)));
    let gap: ArrayRef = Arc::new(Int64Array::from_iter_values(scales.keys().map(gap)));
    let columns =
        [("signal", paths), ("low", low), ("width", width), ("count", count), ("gap", gap)];
    Ok(RecordBatch::try_from_iter(columns)?)
}

async fn count_gaps(session: &SessionContext, shapes: &mut Shapes) -> Result<(), LakeError> {
    let parked = PARKED_SECONDS * 1_000_000;
    let sql = format!(
        "{STEPS} SELECT steps.signal AS signal, count(*) AS gaps FROM steps \
         JOIN scales ON steps.signal = scales.signal WHERE step > gap AND step <= {parked} \
         GROUP BY steps.signal"
    );
    for batch in session.sql(&sql).await?.collect().await? {
        for (signal, gaps) in signals(&batch)?.into_iter().zip(integers(&batch, "gaps")?) {
            if let Some(shape) = shapes.get_mut(&signal) {
                shape.gaps = unsigned(gaps);
            }
        }
    }
    Ok(())
}

async fn fill_bins(
    session: &SessionContext,
    shapes: &mut Shapes,
    scales: &Scales,
    of: &ShapeOf,
) -> Result<(), LakeError> {
    let sql = format!(
        "{BINNED} SELECT signal, bin, count(*) AS rows, count(DISTINCT vehicle) AS vehicles \
         FROM binned GROUP BY signal, bin ORDER BY signal, bin"
    );
    for batch in session.sql(&sql).await?.collect().await? {
        let (bins, rows) = (integers(&batch, "bin")?, integers(&batch, "rows")?);
        let counts = bins.into_iter().zip(rows).zip(integers(&batch, "vehicles")?);
        for (signal, ((bin, rows), vehicles)) in signals(&batch)?.into_iter().zip(counts) {
            let (Some(shape), Some(scale)) = (shapes.get_mut(&signal), scales.get(&signal)) else {
                continue;
            };
            if unsigned(vehicles) >= u64::from(of.vehicles_min) {
                shape.bins.push(scale.bin(bin, unsigned(rows)));
            } else {
                shape.hidden_rows = shape.hidden_rows.saturating_add(unsigned(rows));
            }
        }
    }
    Ok(())
}

async fn coarse_rows(
    session: &SessionContext,
    scales: &Scales,
    of: &ShapeOf,
) -> Result<Vec<CoarseRows>, LakeError> {
    let sql = format!(
        "{BINNED} SELECT signal, CAST(CAST(day AS INT) AS BIGINT) AS day, bin, count(*) AS rows, \
         count(DISTINCT vehicle) AS vehicles FROM binned GROUP BY signal, day, bin \
         HAVING count(DISTINCT vehicle) >= {} ORDER BY rows DESC, signal, day, bin",
        of.vehicles_min
    );
    let mut found = Vec::new();
    for batch in session.sql(&sql).await?.collect().await? {
        let (days, bins) = (integers(&batch, "day")?, integers(&batch, "bin")?);
        let counts = integers(&batch, "rows")?.into_iter().zip(integers(&batch, "vehicles")?);
        let lines = signals(&batch)?.into_iter().zip(days.into_iter().zip(bins)).zip(counts);
        for ((signal, (day, bin)), (rows, vehicles)) in lines {
            let Some(scale) = scales.get(&signal) else { continue };
            let bin = scale.bin(bin, unsigned(rows));
            found.push(CoarseRows { signal, day, bin, vehicles: unsigned(vehicles) });
        }
    }
    Ok(found)
}

fn signals(batch: &RecordBatch) -> Result<Vec<Signal>, LakeError> {
    let parse =
        |path: String| Signal::by_path(&path).or(Err(LakeError::Foreign { column: "signal" }));
    texts(batch, "signal")?.into_iter().map(parse).collect()
}

fn floats(batch: &RecordBatch, column: &'static str) -> Result<Vec<f64>, LakeError> {
    let found = batch.column_by_name(column).ok_or(LakeError::Foreign { column })?;
    let plain = cast(found, &DataType::Float64)?;
    Ok(plain.as_primitive::<Float64Type>().values().to_vec())
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use telematics::Sample;
    use telematics::testing::{T0, vehicle};

    use super::*;
    use crate::lake::Arrived;

    const SPEED: Signal = Signal::SPEED;

    /// Speeds in km/h, at these times in milliseconds.
    fn drive(arrival: i64, number: u8, rows: &[(i64, f64)]) -> Arrived {
        let sample = |(at, speed): &(i64, f64)| Sample {
            signal: SPEED,
            time: T0.plus_micros(at * 1_000),
            value: SPEED.value(*speed).unwrap(),
        };
        Arrived { arrival, vehicle: vehicle(number), samples: rows.iter().map(sample).collect() }
    }

    async fn shape(batches: &[Arrived], vehicles_min: u32) -> Shape {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        lake.append(batches).await.unwrap();
        let of = ShapeOf {
            signals: vec![SPEED, Signal::TRAVELED_DISTANCE],
            vehicles: (1..=9).map(vehicle).collect(),
            first_day: i32::try_from(T0.day()).unwrap(),
            vehicles_min,
        };
        lake.shape(lake.version(), &of).await.unwrap()
    }

    /// A row each second, as fast as the second.
    fn rising(arrival: i64, number: u8) -> Arrived {
        let rows =
            (0..100).map(|second| (second * 1_000, f64::from(i32::try_from(second).unwrap())));
        drive(arrival, number, &rows.collect::<Vec<_>>())
    }

    #[tokio::test]
    async fn values_are_counted_in_round_bins() {
        let found = shape(&[rising(1, 1), rising(2, 2)], 2).await;

        let speed = &found.signals[&SPEED];
        assert_eq!((speed.rows, speed.vehicles, speed.hidden_rows), (200, 2, 0));
        assert_eq!(speed.usual_step_micros, Some(1_000_000));
        assert_eq!((speed.gaps, speed.duplicates), (0, 0));
        assert_eq!(speed.bins[1], Bin { from: Some(5.0), to: Some(10.0), rows: 10 });
        assert_eq!(speed.bins.iter().map(|bin| bin.rows).sum::<u64>(), 200);
        assert!(!found.signals.contains_key(&Signal::TRAVELED_DISTANCE), "nobody sent it");
        let first = found.rows[0];
        assert_eq!((first.day, first.vehicles, first.bin.rows), (T0.day(), 2, 10));
    }

    #[tokio::test]
    async fn what_too_few_sent_has_no_bin_and_no_row() {
        let fast = drive(3, 1, &[(200_000, 250.0), (201_000, 251.0)]);

        let alone = shape(&[rising(1, 1), rising(2, 2), fast.clone()], 2).await;
        let nobody = shape(&[rising(1, 1), fast], 2).await;

        let speed = &alone.signals[&SPEED];
        assert_eq!((speed.rows, speed.hidden_rows), (202, 2));
        let fastest = speed.bins.iter().filter_map(|bin| bin.from).fold(0.0, f64::max);
        assert!(fastest < 200.0, "{fastest}");
        assert!(alone.rows.iter().all(|rows| rows.vehicles == 2));
        assert_eq!(nobody, Shape::default());
    }

    #[tokio::test]
    async fn what_is_missing_and_what_is_there_twice_is_counted() {
        let second = |second: i64| (second * 1_000, 50.0);
        let with_a_gap = [0, 1, 2, 3, 4, 5, 6, 6, 7, 60, 61, 62, 5_000, 5_001].map(second);

        let found = shape(&[drive(1, 1, &with_a_gap), rising(2, 2)], 1).await;

        // From 7 to 60 is a gap; from 62 to 5 000 it was parked.
        let speed = &found.signals[&SPEED];
        assert_eq!((speed.gaps, speed.duplicates), (1, 1));
    }

    #[test]
    fn a_signal_that_is_on_or_off_has_a_bin_for_each() {
        let scale = Scale::new(0.0, 1.0, 0);

        assert_eq!(scale.bin(0, 1), Bin { from: Some(0.0), to: Some(1.0), rows: 1 });
        assert_eq!(scale.bin(1, 1), Bin { from: Some(1.0), to: Some(2.0), rows: 1 });
        assert_eq!(scale.bin(-1, 1), Bin { from: None, to: Some(0.0), rows: 1 });
        assert_eq!(scale.bin(2, 1), Bin { from: Some(2.0), to: None, rows: 1 });
    }

    proptest! {
        /// Bins are few, cover everything in between, and end at what the signal can say.
        #[test]
        fn bins_cover_what_is_between(low in -1e6..1e6_f64, span in 0.0..1e9_f64, decimals in 0..6_u8) {
            let scale = Scale::new(low, low + span, decimals);

            prop_assert!((1..=60).contains(&scale.count), "{scale:?}");
            prop_assert!(scale.low <= low + scale.width * 1e-6);
            prop_assert!(scale.edge(scale.count) > low + span - scale.width, "{scale:?}");
            let edges = (0..=scale.count).map(|number| scale.edge(number)).collect::<Vec<_>>();
            prop_assert!(edges.is_sorted_by(|one, next| one < next), "{scale:?}");
        }
    }
}
