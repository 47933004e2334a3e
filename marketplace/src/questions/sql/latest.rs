//! The newest value of each signal of an owner's vehicles.
//!
//! **Invariant:** it is made of his vehicles alone. Of a caller's conditions only the names of vehicles and signals are
//! looked at before rows are read.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use deltalake::arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, Float64Array, RecordBatch, TimestampMicrosecondArray,
};
use deltalake::arrow::compute::and;
use deltalake::arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef, TimeUnit};
use deltalake::datafusion::catalog::{Session, TableProvider};
use deltalake::datafusion::common::Statistics;
use deltalake::datafusion::common::config::ConfigOptions;
use deltalake::datafusion::common::stats::Precision;
use deltalake::datafusion::common::tree_node::TreeNodeRecursion;
use deltalake::datafusion::error::{DataFusionError, Result};
use deltalake::datafusion::execution::{SendableRecordBatchStream, TaskContext};
use deltalake::datafusion::logical_expr::expr::InList;
use deltalake::datafusion::logical_expr::{
    BinaryExpr, Expr, Operator, TableProviderFilterPushDown, TableType,
};
use deltalake::datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use deltalake::datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use deltalake::datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation,
};
use deltalake::datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use deltalake::datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use futures_util::stream;
use telematics::{Sample, Signal, VehicleId};

use super::fleet::Fleet;
use crate::archive::{self, ArchiveError};
use crate::db::Db;
use crate::questions::read::foreign;
use crate::questions::scan::{self, Joined};

/// Signals that a vehicle has, when that is to be guessed.
const SIGNALS_OF_A_VEHICLE: usize = 20;

/// `vehicle`, `signal`, `time`, `value`.
pub(super) struct Latest {
    db: Db,
    fleet: Arc<Fleet>,
    schema: SchemaRef,
}

impl Latest {
    pub(super) fn new(db: Db, fleet: Arc<Fleet>) -> Self {
        let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let fields = vec![
            Field::new("vehicle", scan::name_type(), false),
            Field::new("signal", scan::name_type(), false),
            Field::new("time", time, false),
            Field::new("value", DataType::Float64, false),
        ];
        Self { db, fleet, schema: Arc::new(Schema::new(fields)) }
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
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted = |column| {
            let names = filters.iter().filter_map(|filter| names_in(column, filter));
            names.reduce(|one, other| &one & &other)
        };
        let named = wanted("vehicle");
        let is_named = |name: Option<&str>| {
            named.as_ref().is_none_or(|names| name.is_some_and(|name| names.contains(name)))
        };
        let vehicles = self.fleet.names.iter().map(is_named).collect();
        let signals = wanted("signal").map(|names| {
            names.iter().filter_map(|name| Signal::by_path(name).ok()).collect::<Vec<_>>()
        });
        let every = || (0..self.schema.fields().len()).collect();
        let reading = Reading {
            db: self.db.clone(),
            fleet: Arc::clone(&self.fleet),
            vehicles,
            signals,
            projection: projection.cloned().unwrap_or_else(every),
            schema: Arc::clone(&self.schema),
        };
        Ok(Arc::new(LatestExec::new(reading)?))
    }
}

/// What is read.
#[derive(Clone)]
struct Reading {
    db: Db,
    fleet: Arc<Fleet>,
    /// Of the fleet, which.
    vehicles: BooleanArray,
    /// Of all when it is not said.
    signals: Option<Vec<Signal>>,
    projection: Vec<usize>,
    schema: SchemaRef,
}

impl Reading {
    /// The rows of those vehicles that `joined` wants too.
    async fn rows(self, joined: Joined) -> Result<RecordBatch> {
        let names: ArrayRef = Arc::new(self.fleet.names.clone());
        let wanted = and(&self.vehicles, &joined.wanted(&names)?)?;
        let ids = self.fleet.ids.iter().zip(&wanted);
        let ids = ids.filter_map(|(id, wanted)| (wanted == Some(true)).then_some(*id));
        let (ids, signals) = (ids.collect::<Vec<_>>(), self.signals);
        let read = move |conn: &mut _| archive::latest_among(conn, &ids, signals.as_deref());
        let samples = self.db.read::<_, ArchiveError, _>(read).await;
        let samples = samples.map_err(|error| DataFusionError::External(Box::new(error)))?;

        let place = |id: &VehicleId| {
            let place = self.fleet.ids.binary_search(id).ok();
            let place = place.and_then(|place| i32::try_from(place).ok());
            place.ok_or_else(|| DataFusionError::External(Box::new(foreign("vehicle"))))
        };
        let places = samples.iter().map(|(id, _)| place(id)).collect::<Result<Vec<_>>>()?;
        let samples = || samples.iter().map(|(_, sample)| sample);
        let signals: DictionaryArray<Int32Type> =
            samples().map(|sample| sample.signal.path()).collect();
        let times = samples().map(|sample| sample.time.as_micros());
        let columns: Vec<ArrayRef> = vec![
            Arc::new(DictionaryArray::<Int32Type>::try_new(places.into(), names)?),
            Arc::new(signals),
            Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC")),
            Arc::new(samples().map(Sample::physical).collect::<Float64Array>()),
        ];
        Ok(RecordBatch::try_new(self.schema, columns)?.project(&self.projection)?)
    }
}

/// Reads when it is asked for rows, which is when a join above knows what vehicles it wants.
#[derive(Clone)]
struct LatestExec {
    reading: Reading,
    joined: Joined,
    properties: Arc<PlanProperties>,
}

impl LatestExec {
    fn new(reading: Reading) -> Result<Self> {
        let schema = Arc::new(reading.schema.project(&reading.projection)?);
        let properties = Arc::new(PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        ));
        Ok(Self { reading, joined: Joined::default(), properties })
    }
}

impl fmt::Debug for LatestExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LatestExec")
    }
}

impl DisplayAs for LatestExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (vehicles, signals) = (self.reading.vehicles.true_count(), &self.reading.signals);
        write!(f, "LatestExec: vehicles={vehicles}, signals={signals:?}{}", self.joined)
    }
}

impl ExecutionPlan for LatestExec {
    fn name(&self) -> &'static str {
        "LatestExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        each: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.joined.apply(each)
    }

    fn with_new_children(
        self: Arc<Self>,
        _none: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        pushed: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(self.joined.take(pushed, |joined| Arc::new(Self { joined, ..self.clone() })))
    }

    fn execute(
        &self,
        _partition: usize,
        _context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = stream::once(self.reading.clone().rows(self.joined.clone()));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn partition_statistics(&self, _partition: Option<usize>) -> Result<Arc<Statistics>> {
        let signals = self.reading.signals.as_ref().map_or(SIGNALS_OF_A_VEHICLE, Vec::len);
        let mut known = Statistics::new_unknown(&self.schema());
        known.num_rows = Precision::Inexact(self.reading.vehicles.true_count() * signals);
        Ok(Arc::new(known))
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
