//! Letting go of rows whose class is kept for a time only, by whole days.
//!
//! **Invariant:** a file of the table has one day of one group, so what is over leaves the newest version file by
//! file, and nothing is written anew. The files themselves go with [`Lake::vacuum`], when no version needs
//! them that may still be asked for.

use std::collections::BTreeMap;

use deltalake::datafusion::common::ScalarValue;
use deltalake::datafusion::prelude::{Expr, col, lit};
use telematics::SignalGroup;

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
        let mut table = self.latest();
        table.update_state().await?;
        let (table, metrics) = table.delete().with_predicate(over).await?;
        if metrics.num_removed_files > 0 {
            // What was measured had these rows.
            *self.measured.lock().await = None;
        }
        self.current.send_replace(table);
        Ok(u64::try_from(metrics.num_removed_files).unwrap_or(u64::MAX))
    }
}

/// Rows of a group of days before this one.
fn before((group, day): (&SignalGroup, &i64)) -> Expr {
    let day = i32::try_from(*day).unwrap_or(i32::MAX);
    let day = Expr::Literal(ScalarValue::Date32(Some(day)), None);
    col("group").eq(lit(group.as_str())).and(col("day").lt(day))
}
