//! The table that SQL sees.
//!
//! **Invariant:** no expression of a caller is evaluated on a row that is not his. An expression can
//! fail, and by when it fails tell what it saw, so those beneath the table would leak. Only plain
//! comparisons of a column with a constant, which can not fail, are handed down to choose rows by;
//! for the planner, the table is a leaf.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use deltalake::arrow::datatypes::{Schema, SchemaRef};
use deltalake::datafusion::catalog::{Session, TableProvider};
use deltalake::datafusion::error::{DataFusionError, Result};
use deltalake::datafusion::execution::{SendableRecordBatchStream, TaskContext};
use deltalake::datafusion::logical_expr::expr::InList;
use deltalake::datafusion::logical_expr::{
    Between, BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType,
};
use deltalake::datafusion::physical_plan::ExecutionPlan;
use deltalake::datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use deltalake::datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use deltalake::datafusion::prelude::{DataFrame, col};

use super::folders::folders;
use crate::questions::QuestionError;

/// The columns of the table, in order.
const COLUMNS: [&str; 6] = ["vehicle", "signal", "group", "day", "time", "value"];

/// Rows that the caller may read.
pub(super) struct Samples {
    rows: DataFrame,
    /// Whether there is a folder for each day and group, which need not be opened.
    is_in_folders: bool,
    schema: SchemaRef,
}

impl Samples {
    /// Offers these rows, and of their columns the six that are said.
    pub(super) fn new(rows: DataFrame, is_in_folders: bool) -> Result<Self, QuestionError> {
        let rows = rows.select(COLUMNS.map(col))?;
        // Qualifiers of the tables beneath stay beneath.
        let schema = Arc::new(Schema::new(rows.schema().fields().clone()));
        Ok(Self { rows, is_in_folders, schema })
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
        Arc::clone(&self.schema)
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
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut rows = self.rows.clone();
        for filter in filters.iter().filter(|filter| cannot_fail(filter)) {
            rows = rows.filter(filter.clone())?;
            if self.is_in_folders
                && let Some(folders) = folders(filter)
            {
                rows = rows.filter(folders)?;
            }
        }
        let every: Vec<usize> = (0..COLUMNS.len()).collect();
        let wanted = projection.unwrap_or(&every);
        // Rows are counted by a column, also when none is wanted.
        let read = if wanted.is_empty() { &vec![4] } else { wanted };
        let names = read.iter().filter_map(|index| COLUMNS.get(*index)).map(|name| col(*name));
        let rows = rows.select(names.collect::<Vec<_>>())?;
        let schema = Arc::new(self.schema.project(read)?);
        let context = Arc::new(rows.task_ctx());
        let plan = rows.create_physical_plan().await?;
        let parts = plan.properties().partitioning.partition_count();
        let part = |index| -> Arc<dyn PartitionStream> {
            let (plan, context) = (Arc::clone(&plan), Arc::clone(&context));
            Arc::new(Part { schema: Arc::clone(&schema), plan, context, index })
        };
        let parts = (0..parts).map(part).collect();
        let none = Vec::new();
        let projection = wanted.is_empty().then_some(&none);
        let leaf = StreamingTableExec::try_new(schema, parts, projection, [], false, limit)?;
        Ok(Arc::new(leaf))
    }
}

/// One part of the rows, read in the session beneath.
struct Part {
    schema: SchemaRef,
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    index: usize,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Part {}", self.index)
    }
}

impl PartitionStream for Part {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _above: Arc<TaskContext>) -> SendableRecordBatchStream {
        self.plan.execute(self.index, Arc::clone(&self.context)).unwrap_or_else(|error| {
            let failed = tokio_stream::iter([Err::<_, DataFusionError>(error)]);
            Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), failed))
        })
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
    use deltalake::datafusion::prelude::{cast, lit};

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
