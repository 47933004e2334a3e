//! Letting go of rows whose class is kept for a time only, by whole days.
//!
//! **Invariant:** a file of the table has one day of one group, so what is over leaves the newest version file by
//! file, and nothing is written anew. The files themselves go with [`Lake::vacuum`], when no version needs
//! them that may still be asked for.

use std::collections::BTreeMap;

use deltalake::datafusion::common::ScalarValue;
use deltalake::datafusion::prelude::{Expr, col, lit};
use telematics::SignalGroup;

use super::fence::overtaken;
use super::{Lake, LakeError};

impl Lake {
    /// Removes the rows of each of these groups that are of a day before the given one, and says how many files it
    /// was. Versions before keep them.
    ///
    /// # Errors
    /// When the table can not be written; then it is as it was.
    pub async fn retain(&self, first_days: &BTreeMap<SignalGroup, i64>) -> Result<u64, LakeError> {
        let Some(over) = first_days.iter().map(before).reduce(Expr::or) else { return Ok(0) };
        let _commits = self.writer.lock().await;
        let table = self.mark().await?;
        let (table, metrics) = table.delete().with_predicate(over).await.map_err(overtaken)?;
        self.publish(&table);
        if metrics.num_removed_files > 0 {
            // What any process measured had these rows.
            self.fence().await?;
        }
        Ok(u64::try_from(metrics.num_removed_files).unwrap_or(u64::MAX))
    }
}

/// Rows of a group of days before this one.
fn before((group, day): (&SignalGroup, &i64)) -> Expr {
    let day = i32::try_from(*day).unwrap_or(i32::MAX);
    let day = Expr::Literal(ScalarValue::Date32(Some(day)), None);
    col("group").eq(lit(group.as_str())).and(col("day").lt(day))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use telematics::testing::{T0, samples, vehicle};
    use telematics::{Sample, Value};

    use super::*;
    use crate::clock::Clock;
    use crate::lake::Arrived;

    /// In km/h: a number that nothing else has.
    const CANARY: f64 = 123.45;
    const DAY_SECONDS: i64 = 86_400;

    fn batch(arrival: i64, path: &str, (day, raw): (i64, i64)) -> Arrived {
        let on = |sample: Sample| Sample {
            time: sample.time.plus_seconds(day * DAY_SECONDS),
            value: Value::from_raw(raw),
            ..sample
        };
        let samples = samples(path, 10).into_iter().map(on).collect();
        Arrived { arrival, vehicle: vehicle(1), samples }
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }

    fn with_canary(folder: &Path) -> usize {
        let needles = [CANARY.to_le_bytes().to_vec(), b"123.45".to_vec()];
        let has = |file: &PathBuf| {
            let bytes = std::fs::read(file).unwrap();
            let found = |needle: &Vec<u8>| bytes.windows(needle.len()).any(|part| part == *needle);
            needles.iter().any(found)
        };
        files(folder).into_iter().filter(has).count()
    }

    /// Signals and rows of the newest version.
    async fn rows(lake: &Lake) -> BTreeMap<&'static str, u64> {
        let horizon = T0.plus_seconds(9 * DAY_SECONDS);
        let lines = lake.describe(lake.version(), horizon).await.unwrap();
        lines.iter().map(|line| (line.signal.path(), line.rows)).collect()
    }

    #[tokio::test]
    async fn what_is_over_leaves_the_table_at_once_and_every_file_with_the_vacuum() {
        const SPEED: &str = "Vehicle.Speed";
        const GEAR: &str = "Vehicle.Powertrain.Transmission.CurrentGear";
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        lake.append(&[batch(1, SPEED, (0, 12_345)), batch(2, GEAR, (0, 3))]).await.unwrap();
        lake.append(&[batch(3, SPEED, (1, 500)), batch(4, SPEED, (2, 500))]).await.unwrap();
        let before = lake.version();
        assert_eq!(rows(&lake).await, BTreeMap::from([(SPEED, 30), (GEAR, 10)]));
        assert!(with_canary(folder.path()) >= 2, "a file and the log have it");

        let over = BTreeMap::from([
            (SignalGroup::Motion, T0.day() + 1),
            (SignalGroup::Location, T0.day() + 9),
        ]);
        assert_eq!(lake.retain(&over).await.unwrap(), 1);

        let left = BTreeMap::from([(SPEED, 20), (GEAR, 10)]);
        assert_eq!(rows(&lake).await, left);
        assert_eq!(rows(&Lake::open(folder.path()).await.unwrap()).await, left);
        assert_eq!(lake.last_arrival().await.unwrap(), 4, "nothing is moved twice");
        let lines = lake.describe(before, T0.plus_seconds(9 * DAY_SECONDS)).await.unwrap();
        assert_eq!(lines.iter().map(|line| line.rows).sum::<u64>(), 40, "a quote has it still");
        assert_eq!(lake.retain(&over).await.unwrap(), 0);

        let tomorrow = Clock::System.now().plus_seconds(25 * 3_600);
        lake.vacuum(tomorrow, Duration::from_hours(24)).await.unwrap();
        assert_eq!(with_canary(folder.path()), 0);
        assert_eq!(rows(&Lake::open(folder.path()).await.unwrap()).await, left);
    }

    #[tokio::test]
    async fn without_a_time_everything_stays() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        lake.append(&[batch(1, "Vehicle.Speed", (0, 5))]).await.unwrap();

        assert_eq!(lake.retain(&BTreeMap::new()).await.unwrap(), 0);

        assert_eq!(rows(&lake).await["Vehicle.Speed"], 10);
    }
}
