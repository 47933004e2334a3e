//! The small tables of an owner: what his vehicles are, and the newest value of each of their signals.
//!
//! **Invariant:** both are made of his vehicles alone. Of a caller's conditions only the names of vehicles and signals
//! are looked at before rows are read.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use deltalake::arrow::array::{
    ArrayRef, Float64Builder, RecordBatch, StringArray, StringDictionaryBuilder,
    TimestampMicrosecondBuilder, UInt16Array,
};
use deltalake::arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef, TimeUnit};
use deltalake::datafusion::catalog::{Session, TableProvider};
use deltalake::datafusion::datasource::MemTable;
use deltalake::datafusion::error::{DataFusionError, Result};
use deltalake::datafusion::logical_expr::expr::InList;
use deltalake::datafusion::logical_expr::{
    BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType,
};
use deltalake::datafusion::physical_plan::ExecutionPlan;
use telematics::{Sample, Signal, VehicleId};

use crate::archive::{self, ArchiveError};
use crate::db::Db;
use crate::identity::VehicleRecord;
use crate::questions::scan;

/// `vehicle`, `make`, `model`, `model_year`, `powertrain`, and a column for each label that one of them has.
pub(super) fn vehicles(own: &[VehicleRecord]) -> Result<MemTable> {
    let texts = |text: &dyn Fn(&VehicleRecord) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(own.iter().map(text)))
    };
    let ids = own.iter().map(|vehicle| vehicle.id.to_string()).collect::<Vec<_>>();
    let years = own.iter().map(|vehicle| vehicle.description.year());
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("vehicle", scan::names(ids.iter().map(String::as_str))?),
        ("make", texts(&|vehicle| vehicle.description.make().to_owned())),
        ("model", texts(&|vehicle| vehicle.description.model().to_owned())),
        ("model_year", Arc::new(UInt16Array::from_iter_values(years))),
        ("powertrain", texts(&|vehicle| vehicle.description.powertrain().as_str().to_owned())),
    ];
    let labels: BTreeSet<&String> =
        own.iter().flat_map(|vehicle| vehicle.labels.as_map().keys()).collect();
    for name in labels {
        let label = |vehicle: &VehicleRecord| vehicle.labels.as_map().get(name).cloned();
        columns.push((name, Arc::new(own.iter().map(label).collect::<StringArray>())));
    }
    let rows = RecordBatch::try_from_iter(columns)?;
    MemTable::try_new(rows.schema(), vec![vec![rows]])
}

/// `vehicle`, `signal`, `time`, `value`: the newest value of each signal, read when it is asked for.
pub(super) struct Latest {
    db: Db,
    own: Vec<VehicleId>,
    schema: SchemaRef,
}

impl Latest {
    pub(super) fn new(db: Db, own: &[VehicleRecord]) -> Self {
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let fields = vec![
            Field::new("vehicle", scan::name_type(), false),
            Field::new("signal", scan::name_type(), false),
            Field::new("time", time, false),
            Field::new("value", DataType::Float64, false),
        ];
        let own = own.iter().map(|vehicle| vehicle.id).collect();
        Self { db, own, schema: Arc::new(Schema::new(fields)) }
    }

    fn rows(&self, samples: &[(VehicleId, Sample)]) -> Result<RecordBatch> {
        let (mut vehicles, mut signals) = (
            StringDictionaryBuilder::<Int32Type>::new(),
            StringDictionaryBuilder::<Int32Type>::new(),
        );
        let (mut times, mut values) = (TimestampMicrosecondBuilder::new(), Float64Builder::new());
        for (vehicle, sample) in samples {
            vehicles.append(vehicle.to_string())?;
            signals.append(sample.signal.path())?;
            times.append_value(sample.time.as_micros());
            values.append_value(sample.physical());
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(vehicles.finish()),
            Arc::new(signals.finish()),
            Arc::new(times.finish().with_timezone("UTC")),
            Arc::new(values.finish()),
        ];
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

impl fmt::Debug for Latest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Latest")
    }
}

#[async_trait]
impl TableProvider for Latest {
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
            if names_in("vehicle", filter).or_else(|| names_in("signal", filter)).is_some() {
                TableProviderFilterPushDown::Inexact
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
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted = |column| {
            let names = filters.iter().filter_map(|filter| names_in(column, filter));
            names.reduce(|one, other| &one & &other)
        };
        let mut own = self.own.clone();
        if let Some(names) = wanted("vehicle") {
            own.retain(|vehicle| names.contains(&vehicle.to_string()));
        }
        let signals = wanted("signal").map(|names| {
            names.iter().filter_map(|name| Signal::by_path(name).ok()).collect::<Vec<_>>()
        });
        let read = move |conn: &mut _| archive::latest_among(conn, &own, signals.as_deref());
        let samples = self.db.read::<_, ArchiveError, _>(read).await;
        let samples = samples.map_err(|error| DataFusionError::External(Box::new(error)))?;
        let table = MemTable::try_new(self.schema(), vec![vec![self.rows(&samples)?]])?;
        table.scan(session, projection, &[], limit).await
    }
}

/// The names in `column` that `condition` is satisfied by, when that is all it says.
fn names_in(column: &str, condition: &Expr) -> Option<BTreeSet<String>> {
    let is_it =
        |expression: &Expr| matches!(expression, Expr::Column(named) if named.name == column);
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) if is_it(left) => {
            Some(BTreeSet::from([text(right)?]))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Some(&names_in(column, left)? | &names_in(column, right)?)
        }
        Expr::InList(InList { expr, list, negated: false }) if is_it(expr) => {
            list.iter().map(text).collect()
        }
        _ => None,
    }
}

fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Literal(text, _) => Some(text.try_as_str()??.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use deltalake::datafusion::prelude::{col, lit};

    use super::*;

    #[test]
    fn only_names_are_looked_at_before_rows_are_read() {
        let signal = || col("signal");
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (signal().eq(lit("a")),                               Some(vec!["a"])),
            (signal().eq(lit("a")).or(signal().eq(lit("b"))),     Some(vec!["a", "b"])),
            (signal().in_list(vec![lit("a"), lit("b")], false),   Some(vec!["a", "b"])),
            (signal().in_list(vec![lit("a"), lit("b")], true),    None),
            (signal().in_list(vec![lit("a"), col("vehicle")], false), None),
            (signal().not_eq(lit("a")),                           None),
            (signal().eq(lit("a")).or(col("value").gt(lit(1.0))), None),
            (col("vehicle").eq(lit("a")),                         None),
            (signal().eq(lit("a")).or(col("vehicle").eq(lit("b"))), None),
        ];
        for (condition, names) in cases {
            let names = names.map(|names| names.into_iter().map(str::to_owned).collect());
            assert_eq!(names_in("signal", &condition), names, "{condition}");
        }
    }
}
