//! The table `samples` beside the engine's own reading of the same files: the same answers.

mod asked;

use std::sync::Arc;

use deltalake::arrow::array::{ArrayRef, DictionaryArray, Float64Array, RecordBatch, StringArray};
use deltalake::arrow::datatypes::Int32Type;
use deltalake::datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use deltalake::datafusion::datasource::MemTable;
use deltalake::datafusion::error::DataFusionError;
use deltalake::datafusion::physical_plan::{collect, displayable};
use deltalake::datafusion::prelude::{SessionContext, col, lit};
use telematics::testing::{T0, samples, vehicle};
use telematics::{Sample, Timestamp};
use tempfile::TempDir;

use super::answer::Collected;
use super::permitted::of_lake;
use super::{Value, session, stoppable};
use crate::config::QuestionLimits;
use crate::lake::{Arrived, Lake};
use crate::questions::Desk;

const SPEED: &str = "Vehicle.Speed";
const ALTITUDE: &str = "Vehicle.CurrentLocation.Altitude";

/// The cars of one owner.
const OWN: [u8; 3] = [1, 2, 4];

/// A lake, and a batch that is not in it yet.
struct Both {
    _folder: TempDir,
    lake: Lake,
    recent: Vec<Arrived>,
    desk: Desk,
}

/// `count` samples from so many seconds after [`T0`].
fn from(signal: &str, seconds: i64, count: u16) -> Vec<Sample> {
    let later = |sample: Sample| Sample {
        time: Timestamp::from_micros(sample.time.as_micros() + seconds * 1_000_000),
        ..sample
    };
    samples(signal, count).into_iter().map(later).collect()
}

fn batch(arrival: i64, car: u8, samples: &[Vec<Sample>]) -> Arrived {
    Arrived { arrival, vehicle: vehicle(car), samples: samples.concat() }
}

impl Both {
    /// Four cars, of which the third is another's. Some samples come late, some are of another day, and one signal has more
    /// rows than are decoded together. The fourth says two signals together, over midnight.
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        let day = 86_400;
        let commits = [
            vec![
                batch(1, 1, &[from(SPEED, 0, 40_000), from(ALTITUDE, 0, 500)]),
                batch(2, 3, &[from(SPEED, 0, 700), from(ALTITUDE, 0, 500)]),
                batch(3, 2, &[from(SPEED, 10, 1_000)]),
                batch(4, 4, &[from(SPEED, 85_950, 5_000), from(ALTITUDE, 85_950, 5_000)]),
            ],
            vec![
                batch(5, 2, &[from(SPEED, 5, 60), from(ALTITUDE, day - 5, 100)]),
                batch(6, 3, &[from(SPEED, 5_000, 300)]),
                batch(7, 4, &[from(SPEED, 99_000, 90), from(ALTITUDE, 99_000, 90)]),
                batch(8, 1, &[from(SPEED, 3_990, 300), from(ALTITUDE, 2 * day, 20)]),
            ],
        ];
        for commit in commits {
            lake.append(&commit).await.unwrap();
        }
        let recent = vec![batch(9, 1, &[from(SPEED, 4_100, 50)])];
        let desk = Desk::open(QuestionLimits::default()).unwrap();
        Self { _folder: folder, lake, recent, desk }
    }

    /// What the table has for the owner of all cars but the third.
    async fn ours(&self) -> SessionContext {
        let own = StringArray::from_iter_values(OWN.map(|car| vehicle(car).to_string()));
        let newest = self.lake.newest().await.unwrap();
        let table = of_lake(&newest, &own, &self.recent, self.desk.indexes.clone()).unwrap();
        let context = session(&self.desk).unwrap();
        context.register_table("samples", Arc::new(table)).unwrap();
        context.register_table("vehicles", Arc::new(vehicles())).unwrap();
        context
    }

    /// The same rows as the engine reads them.
    async fn theirs(&self) -> SessionContext {
        let context = SessionContext::new();
        let newest = self.lake.newest().await.unwrap();
        let rows = newest.rows(&context, &self.recent).await.unwrap();
        let own = OWN.map(|car| lit(vehicle(car).to_string())).to_vec();
        let rows = rows.filter(col("vehicle").in_list(own, false)).unwrap();
        context.register_table("samples", rows.into_view()).unwrap();
        context.register_table("vehicles", Arc::new(vehicles())).unwrap();
        context
    }
}

/// Rows about some cars: of one there are two, of one it is not said which it is, one is another's.
fn vehicles() -> MemTable {
    let names = [Some(2), None, Some(1), Some(2), Some(3), Some(4)].map(|car| {
        let car: Option<u8> = car;
        car.map(|car| vehicle(car).to_string())
    });
    let names: DictionaryArray<Int32Type> = names.iter().map(Option::as_deref).collect();
    let columns: [(&str, ArrayRef); 3] = [
        ("vehicle", Arc::new(names)),
        (
            "fleet",
            Arc::new(StringArray::from(vec!["South", "North", "North", "East", "South", "West"])),
        ),
        ("weight", Arc::new(Float64Array::from(vec![2.0, 3.0, 5.0, 7.0, 11.0, 13.0]))),
    ];
    let rows = RecordBatch::try_from_iter_with_nullable(
        columns.map(|(name, values)| (name, values, true)),
    );
    let rows = rows.unwrap();
    MemTable::try_new(rows.schema(), vec![vec![rows]]).unwrap()
}

async fn answer(context: &SessionContext, sql: &str) -> Vec<Vec<Value>> {
    let frame = context.sql(sql).await.unwrap();
    let mut collected = Collected::new(frame.schema().as_arrow(), 1_000_000);
    for rows in frame.collect().await.unwrap() {
        collected.add(&rows).unwrap();
    }
    let mut rows = collected.finish().rows;
    rows.sort_by_key(|row| format!("{row:?}"));
    rows
}

#[tokio::test]
async fn the_answers_are_those_of_the_engine_over_the_same_files() {
    let both = Both::new().await;
    let (ours, theirs) = (both.ours().await, both.theirs().await);
    for question in asked::questions() {
        let (ours, theirs) = (answer(&ours, &question).await, answer(&theirs, &question).await);
        assert_eq!(ours.len(), theirs.len(), "{question}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert_eq!(ours, theirs, "{question}");
        }
    }
}

async fn plan(context: &SessionContext, sql: &str) -> String {
    let plan = context.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
    displayable(plan.as_ref()).indent(false).to_string()
}

#[tokio::test]
async fn signals_are_put_side_by_side_by_vehicle_and_time() {
    let both = Both::new().await;
    let ours = both.ours().await;
    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("a JOIN samples b ON a.vehicle = b.vehicle AND a.time = b.time",                        true),
        ("a JOIN samples b USING (time, vehicle)",                                               true),
        ("a JOIN samples b ON a.time = b.time AND a.vehicle = b.vehicle AND a.value < b.value",  false),
        ("a JOIN samples b ON a.time = b.time",                                                  false),
        ("a JOIN samples b USING (time, vehicle, signal)",                                       false),
        ("a LEFT JOIN samples b USING (time, vehicle)",                                          false),
    ];
    for (joined, side_by_side) in cases {
        let plan = plan(&ours, &format!("SELECT a.value, b.value FROM samples {joined}")).await;
        assert_eq!(plan.contains("SideBySide"), side_by_side, "{joined}\n{plan}");
    }
}

#[tokio::test]
async fn a_join_says_of_which_vehicles_it_wants_rows() {
    let both = Both::new().await;
    let ours = both.ours().await;
    let few = format!("(SELECT DISTINCT vehicle FROM samples WHERE signal = '{ALTITUDE}') v");
    #[rustfmt::skip] // a table is read by column
    let cases = [
        (format!("samples s JOIN {few} ON s.vehicle = v.vehicle"),                            true),
        (format!("(SELECT vehicle, avg(value) AS value FROM samples GROUP BY 1) s JOIN {few} USING (vehicle)"), true),
        (format!("samples s JOIN {few} ON s.vehicle > v.vehicle"),                            false),
        (format!("{few} RIGHT JOIN samples s ON s.vehicle = v.vehicle"),                      false),
    ];
    for (joined, says) in cases {
        let plan = plan(&ours, &format!("SELECT s.value FROM {joined}")).await;
        assert_eq!(plan.contains("joined=DynamicFilter"), says, "{joined}\n{plan}");
    }
}

/// How many rows are read to answer.
async fn rows_read(context: &SessionContext, sql: &str) -> usize {
    let plan = context.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
    collect(Arc::clone(&plan), context.task_ctx()).await.unwrap();
    let mut read = 0;
    plan.apply(|node| {
        let samples = Some(node).filter(|node| node.name() == "SamplesExec");
        read += samples.and_then(|node| node.metrics()?.output_rows()).unwrap_or(0);
        Ok(TreeNodeRecursion::Continue)
    })
    .unwrap();
    read
}

#[tokio::test]
async fn samples_of_vehicles_that_a_join_does_not_want_are_not_read() {
    let both = Both::new().await;
    let ours = both.ours().await;
    let all = rows_read(&ours, "SELECT value FROM samples").await;
    let of_one = format!("SELECT value FROM samples WHERE vehicle = '{}'", vehicle(2));
    let of_one = rows_read(&ours, &of_one).await;
    assert!(of_one > 0 && of_one * 10 < all, "{of_one} of {all}");

    let averages = "(SELECT vehicle, avg(value) AS value FROM samples GROUP BY 1) s";
    for joined in [
        "samples s JOIN vehicles v USING (vehicle)",
        &format!("vehicles v JOIN {averages} USING (vehicle)"),
    ] {
        let sql = format!("SELECT s.value FROM {joined} WHERE v.fleet = 'East'");
        assert_eq!(rows_read(&ours, &sql).await, of_one, "{joined}");
    }
}

#[tokio::test]
async fn what_is_said_together_is_read_in_pairs() {
    let both = Both::new().await;
    let ours = both.ours().await;
    let join = "SELECT a.value, b.value FROM samples a JOIN samples b USING (vehicle, time)";
    let two = format!("{join} WHERE a.signal = '{SPEED}' AND b.signal = '{ALTITUDE}'");
    let cases = [
        // The day after there are 500, which is too little.
        (two.clone(), 4_500),
        (format!("{two} AND a.value > 2"), 4_500),
        // What is said of one time holds of the other.
        (format!("{two} AND a.time > '{}'", T0.plus_seconds(86_000)), 4_500),
        // Several signals at a time.
        (join.to_owned(), 0),
    ];
    for (sql, pairs) in cases {
        let plan = plan(&ours, &sql).await;
        assert!(plan.contains(&format!("pairs={pairs},")), "{sql}\n{plan}");
    }
}

#[tokio::test]
async fn rows_about_vehicles_are_joined_with_runs() {
    let both = Both::new().await;
    let ours = both.ours().await;
    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("vehicles v JOIN samples s ON s.vehicle = v.vehicle",                       true),
        ("samples s JOIN vehicles v USING (vehicle) WHERE v.fleet = 'South'",        true),
        ("vehicles v JOIN samples s ON s.signal = v.vehicle",                        true),
        ("vehicles v JOIN samples s ON s.vehicle = v.fleet",                         true),
        ("vehicles v JOIN samples s ON s.value = v.weight",                          false),
        ("vehicles v LEFT JOIN samples s ON s.vehicle = v.vehicle",                  false),
        ("vehicles v JOIN samples s ON s.vehicle = v.vehicle AND s.value > v.weight", false),
    ];
    for (joined, by_runs) in cases {
        let plan = plan(&ours, &format!("SELECT s.value, v.weight FROM {joined}")).await;
        assert_eq!(plan.contains("JoinVehicles"), by_runs, "{joined}\n{plan}");
    }
    let sql =
        "SELECT v.fleet, avg(s.value) FROM vehicles v JOIN samples s USING (vehicle) GROUP BY 1";
    let plan = plan(&ours, sql).await;
    assert!(plan.contains("ByRuns"), "{plan}");
}

/// A million pairs of a few rows.
#[tokio::test]
async fn samples_of_one_time_are_all_paired() {
    let mut both = Both::new().await;
    let at_once = |signal| {
        let all = samples(signal, 1_000).into_iter();
        all.map(|sample| Sample { time: T0.plus_seconds(9), ..sample }).collect::<Vec<_>>()
    };
    both.recent = vec![batch(10, 2, &[at_once(SPEED), at_once(ALTITUDE)])];
    let sql = format!(
        "SELECT count(*), round(sum(b.value), 3) FROM samples a JOIN samples b USING (vehicle, time) \
         WHERE a.signal = '{SPEED}' AND b.signal = '{ALTITUDE}' AND a.time = '{}' AND a.vehicle = '{}'",
        T0.plus_seconds(9),
        vehicle(2)
    );
    let found = answer(&both.ours().await, &sql).await;
    assert_eq!(found, answer(&both.theirs().await, &sql).await);
    assert!(matches!(found[0][0], Value::Integer(1_000_000..)), "{found:?}");
}

#[tokio::test]
async fn a_join_of_each_with_each_is_refused_when_they_are_many() {
    let both = Both::new().await;
    let ours = both.ours().await;
    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("samples a, samples b",                                      true),
        ("samples a, samples b WHERE a.value + b.value > 7",          true),
        ("samples a, samples b WHERE a.value = b.value",              false),
        ("(SELECT * FROM samples WHERE signal = 'Vehicle.None') a, samples b", false),
        ("(SELECT 1 AS x) a, samples b",                              false),
    ];
    for (from, is_refused) in cases {
        let frame = ours.sql(&format!("SELECT count(*) FROM {from}")).await.unwrap();
        let plan = frame.create_physical_plan().await.unwrap();
        let refused = stoppable::check_pairs(&plan).map_err(|error| error.to_string());
        assert_eq!(refused.is_err(), is_refused, "{from}: {refused:?}");
    }
}

#[tokio::test]
async fn what_is_put_side_by_side_is_held_within_the_memory_of_a_question() {
    let mut both = Both::new().await;
    both.recent.push(batch(10, 1, &[from(SPEED, 10 * 86_400, 60_000)]));
    let sql =
        "SELECT a.signal, a.value, b.value FROM samples a JOIN samples b USING (vehicle, time)";
    assert!(!answer(&both.ours().await, sql).await.is_empty());

    let limits = QuestionLimits { memory_mib_max: 1, ..QuestionLimits::default() };
    both.desk = Desk::open(limits).unwrap();
    let frame = both.ours().await.sql(sql).await.unwrap();
    let error = frame.collect().await.unwrap_err();
    assert!(matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)), "{error}");
}

#[tokio::test]
async fn rows_are_added_up_run_by_run_where_groups_lie_together() {
    let both = Both::new().await;
    let ours = both.ours().await;
    #[rustfmt::skip] // a table is read by column
    let cases = [
        ("SELECT vehicle, avg(value) FROM samples GROUP BY 1",                                     true),
        ("SELECT date_bin(INTERVAL '1 minute', time), max(value) FROM samples GROUP BY 1",         true),
        ("SELECT signal, day, date_trunc('hour', time), count(*) FROM samples GROUP BY 1, 2, 3",   true),
        ("SELECT time, avg(value) FROM samples GROUP BY 1",                                        false),
        ("SELECT value, count(*) FROM samples GROUP BY 1",                                         false),
        ("SELECT avg(value) FROM samples",                                                         false),
        ("SELECT vehicle, first_value(value ORDER BY time) FROM samples GROUP BY 1",               false),
        ("SELECT vehicle, day, sum(value) FROM samples GROUP BY ROLLUP (vehicle, day)",            false),
    ];
    for (sql, by_runs) in cases {
        let plan = plan(&ours, sql).await;
        assert_eq!(plan.contains("ByRuns"), by_runs, "{sql}\n{plan}");
    }
}
