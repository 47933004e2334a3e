//! What there is of a vehicle: how much of each signal, from when to when.

use std::collections::BTreeMap;

use deltalake::arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use deltalake::datafusion::functions_aggregate::expr_fn::{count, max, min};
use deltalake::datafusion::prelude::{col, lit};
use telematics::{Signal, Timestamp, VehicleId};

use super::read::{at, foreign, numbers, texts};
use super::rows::Meant;
use super::{QuestionError, Source};

/// What there is of one signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How many samples.
    pub samples: u64,
    /// Time of the first.
    pub first_at: Timestamp,
    /// Time of the last.
    pub last_at: Timestamp,
}

/// What there is of `vehicle`, which the caller may ask about.
///
/// # Errors
/// When rows can not be read.
pub async fn summarise(
    source: Source,
    vehicle: VehicleId,
) -> Result<BTreeMap<Signal, Seen>, QuestionError> {
    let meant = Meant { vehicles: &[vehicle], signals: None, period: None };
    let rows = source.rows(&source.desk.session()?, &meant).await?;
    let aggregates = vec![
        count(lit(1)).alias("samples"),
        min(col("time")).alias("first"),
        max(col("time")).alias("last"),
    ];
    let mut seen = BTreeMap::new();
    for batch in rows.aggregate(vec![col("signal")], aggregates)?.collect().await? {
        let samples = numbers::<Int64Type>(&batch, "samples")?;
        let time = |column: &'static str, row| {
            let times = numbers::<TimestampMicrosecondType>(&batch, column)?;
            at(times, row).map(Timestamp::from_micros).ok_or_else(|| foreign(column))
        };
        for (row, path) in texts(&batch, "signal")?.iter().enumerate() {
            let signal = path.and_then(|path| Signal::by_path(path).ok());
            let count = at(samples, row).and_then(|count| u64::try_from(count).ok());
            let line = Seen {
                samples: count.ok_or_else(|| foreign("samples"))?,
                first_at: time("first", row)?,
                last_at: time("last", row)?,
            };
            seen.insert(signal.ok_or_else(|| foreign("signal"))?, line);
        }
    }
    Ok(seen)
}
