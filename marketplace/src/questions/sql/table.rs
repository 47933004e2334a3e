//! The table that SQL sees.
//!
//! **Invariant:** no expression of a caller is evaluated on a row that is not his. An expression can
//! fail, and by when it fails tell what it saw, so those beneath the table would leak. Only plain
//! comparisons of a column with a constant, which can not fail, are handed down to choose rows by;
//! for the planner, the table is a leaf.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use deltalake::arrow::array::{ArrayRef, AsArray, Date32Array, RecordBatch, StringArray};
use deltalake::arrow::datatypes::SchemaRef;
use deltalake::datafusion::catalog::{Session, TableProvider};
use deltalake::datafusion::common::DFSchema;
use deltalake::datafusion::error::Result;
use deltalake::datafusion::logical_expr::expr::InList;
use deltalake::datafusion::logical_expr::utils::conjunction;
use deltalake::datafusion::logical_expr::{
    Between, BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType,
};
use deltalake::datafusion::physical_plan::ExecutionPlan;

use super::folders::folders;
use crate::lake::Folder;
use crate::questions::scan::{self, Chosen, Indexes, SampleFile, SamplesExec, Wanted};

/// Rows that the caller may read.
pub(super) struct Samples {
    pub(super) files: Vec<(SampleFile, Option<Folder>)>,
    /// Of these vehicles; of all in the files when it is not said.
    pub(super) vehicles: Option<StringArray>,
    /// Rows that are in no file yet, in the form of the table.
    pub(super) recent: RecordBatch,
    pub(super) indexes: Indexes,
}

impl Samples {
    /// The files that may have rows that meet all of `filters`.
    fn files(&self, session: &dyn Session, filters: &[Expr]) -> Result<Vec<SampleFile>> {
        let known = self.files.iter().filter_map(|(_, folder)| folder.as_ref());
        let days = known.clone().map(|folder| folder.day).collect::<Date32Array>();
        let groups = known.map(|folder| Some(folder.group.as_str())).collect::<StringArray>();
        let places: [(&str, ArrayRef); 2] = [("day", Arc::new(days)), ("group", Arc::new(groups))];
        let places = RecordBatch::try_from_iter(places)?;
        let Some(condition) = conjunction(filters.iter().filter_map(folders)) else {
            return Ok(self.files.iter().map(|(file, _)| file.clone()).collect());
        };
        let schema = DFSchema::try_from(places.schema())?;
        let condition = session.create_physical_expr(condition, &schema)?;
        let kept = condition.evaluate(&places)?.into_array(places.num_rows())?;
        let mut kept = kept.as_boolean().iter();
        let files = self.files.iter().filter(|(_, folder)| {
            // What is in no folder may have anything.
            folder.is_none() || kept.next().flatten() != Some(false)
        });
        Ok(files.map(|(file, _)| file.clone()).collect())
    }
}

impl fmt::Debug for Samples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Samples")
    }
}

#[async_trait]
impl TableProvider for Samples {
    fn schema(&self) -> SchemaRef {
        scan::schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| {
            if cannot_fail(filter) {
                TableProviderFilterPushDown::Exact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.schema();
        let every: Vec<usize> = (0..schema.fields().len()).collect();
        let wanted = Wanted {
            vehicles: self.vehicles.as_ref(),
            recent: &self.recent,
            conditions: filters,
            session,
            schema,
        };
        let files = self.files(session, filters)?;
        let chosen = Chosen::among(&files, &self.indexes, &wanted).await?;
        let projection = projection.unwrap_or(&every);
        Ok(Arc::new(SamplesExec::new(chosen, &wanted, projection)?))
    }
}

/// Whether a condition is made of nothing but comparisons of a column with constants.
fn cannot_fail(condition: &Expr) -> bool {
    let is_column = |expression: &Expr| matches!(expression, Expr::Column(_));
    let is_constant = |expression: &Expr| matches!(expression, Expr::Literal(..));
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
            Operator::And | Operator::Or => cannot_fail(left) && cannot_fail(right),
            Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq => {
                is_column(left) && is_constant(right) || is_constant(left) && is_column(right)
            }
            _ => false,
        },
        Expr::Between(Between { expr, low, high, .. }) => {
            is_column(expr) && is_constant(low) && is_constant(high)
        }
        Expr::InList(InList { expr, list, .. }) => is_column(expr) && list.iter().all(is_constant),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use deltalake::datafusion::prelude::{cast, col, lit};

    use super::*;

    #[test]
    fn only_comparisons_with_constants_are_handed_down() {
        let value = || col("value");
        let fails = lit(1.0) / value();
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (value().eq(lit(1.0)),                                        true),
            (lit(1.0).lt(value()),                                        true),
            (value().between(lit(1.0), lit(2.0)),                         true),
            (col("signal").in_list(vec![lit("a"), lit("b")], true),       true),
            (value().gt(lit(1.0)).and(value().lt(lit(2.0))),              true),
            (value().gt(lit(1.0)).or(fails.clone().gt(lit(2.0))),         false),
            (fails.clone().eq(lit(1.0)),                                  false),
            (value().eq(value()),                                         false),
            (col("signal").in_list(vec![col("vehicle")], false),          false),
            (value().between(fails, lit(2.0)),                            false),
            (cast(col("signal"), deltalake::arrow::datatypes::DataType::Int64).eq(lit(1)), false),
            (col("signal").like(lit("a%")),                               false),
            (value().is_null(),                                           false),
        ];
        for (condition, handed_down) in cases {
            assert_eq!(cannot_fail(&condition), handed_down, "{condition}");
        }
    }
}
