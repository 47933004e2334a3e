//! Taking rows out of the lake for good: from its newest version, from the versions before, and from the
//! log that tells the least and greatest value of each file.
//!
//! **Invariant:** when [`Lake::erase`] returns, no file of the table has a value of the vehicle. Versions
//! before can not be read any more. It may be repeated after a crash at any step.

use deltalake::checkpoints::{cleanup_expired_logs_for, create_checkpoint};
use deltalake::datafusion::prelude::{col, lit};
use telematics::{Timestamp, VehicleId};

use super::fence::overtaken;
use super::table::load;
use super::{Lake, LakeError};
use crate::failpoint::Failpoint;

impl Lake {
    /// Erases every row of `vehicle`, and every version of the table that had one.
    ///
    /// # Errors
    /// When the table can not be written; then it is to be repeated.
    pub async fn erase(&self, vehicle: VehicleId) -> Result<(), LakeError> {
        let _commits = self.writer.lock().await;
        // Whoever read batches of the vehicle before they were deleted can not append them any more.
        let table = self.fence().await?;
        let deleting = table.delete().with_predicate(col("vehicle").eq(lit(vehicle.to_string())));
        let (table, _) = deleting.await.map_err(overtaken)?;
        Failpoint::ErasureDeleted.reach();
        let table = self.sweep(table).await?;
        Failpoint::ErasureVacuumed.reach();
        create_checkpoint(&table, None).await?;
        Failpoint::ErasureCheckpointed.reach();
        let log = table.log_store();
        let everything = Timestamp::CALENDAR_END.as_micros() / 1_000;
        let version = table.version().unwrap_or(0);
        cleanup_expired_logs_for(version, log.as_ref(), everything, None).await?;
        Failpoint::ErasureCleaned.reach();
        self.current.send_replace(load(&log, None).await?);
        // Other processes have read the entries that are gone, and go on until there is something new.
        self.fence().await?;
        *self.measured.lock().await = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use telematics::testing::{T0, samples, vehicle};
    use telematics::{Sample, Value};

    use super::*;
    use crate::lake::Arrived;

    /// In km/h: a number that nothing else has.
    const CANARY: f64 = 123.45;

    fn speeds(arrival: i64, number: u8, raw: i64) -> Arrived {
        let value = Value::from_raw(raw);
        let speeds = samples("Vehicle.Speed", 20).into_iter().map(|s| Sample { value, ..s });
        Arrived { arrival, vehicle: vehicle(number), samples: speeds.collect() }
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }

    /// Files that have the canary, or the name of its vehicle.
    fn with_canary(folder: &Path) -> Vec<PathBuf> {
        let name = vehicle(1).to_string();
        let needles = [CANARY.to_le_bytes().to_vec(), b"123.45".to_vec(), name.into_bytes()];
        let has = |file: &PathBuf| {
            let bytes = std::fs::read(file).unwrap();
            let found = |needle: &Vec<u8>| bytes.windows(needle.len()).any(|part| part == *needle);
            needles.iter().any(found)
        };
        files(folder).into_iter().filter(has).collect()
    }

    #[tokio::test]
    async fn nothing_of_an_erased_vehicle_is_left_in_any_file() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path()).await.unwrap();
        lake.append(&[speeds(1, 1, 12_345), speeds(2, 2, 500)]).await.unwrap();
        lake.append(&[speeds(3, 1, 12_345)]).await.unwrap();
        lake.append(&[speeds(4, 2, 500)]).await.unwrap();
        let before = lake.version();
        let found = with_canary(folder.path());
        let in_log = |file: &&PathBuf| file.extension().is_some_and(|name| name == "json");
        assert!(found.iter().any(|file| in_log(&file)), "the log tells values too");
        assert!(found.iter().any(|file| !in_log(&file)), "and so do the files");

        for turn in ["first", "repeated"] {
            lake.erase(vehicle(1)).await.unwrap();
            assert_eq!(with_canary(folder.path()), Vec::<PathBuf>::new(), "{turn}");
        }

        for lake in [lake, Lake::open(folder.path()).await.unwrap()] {
            assert_eq!(lake.last_arrival().await.unwrap(), 4, "nothing is moved twice");
            let lines = lake.describe(lake.version(), T0.plus_seconds(60)).await.unwrap();
            assert_eq!(lines.len(), 1);
            assert_eq!((lines[0].vehicle, lines[0].rows), (vehicle(2), 40));
            lake.append(&[speeds(lake.last_arrival().await.unwrap(), 1, 1)]).await.unwrap();
        }
        let reopened = Lake::open(folder.path()).await.unwrap();
        assert!(reopened.describe(before, T0).await.is_err(), "versions before are gone");
    }
}
