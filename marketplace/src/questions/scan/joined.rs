//! What other parts of a question turn out to want of vehicles, while it is answered: a join, that only some are on its
//! other side.
//!
//! **Invariant:** what is left out no part above has a use for. Who handed a filter down decides about each row again.

use std::fmt;
use std::sync::Arc;

use deltalake::arrow::array::{Array as _, ArrayRef, AsArray, BooleanArray, RecordBatch};
use deltalake::arrow::compute::and;
use deltalake::datafusion::common::tree_node::TreeNodeRecursion;
use deltalake::datafusion::error::Result;
use deltalake::datafusion::physical_expr::PhysicalExpr;
use deltalake::datafusion::physical_expr::expressions::DynamicFilterPhysicalExpr;
use deltalake::datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};
use deltalake::datafusion::physical_plan::ExecutionPlan;
use deltalake::datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPropagation,
};

use super::columns::{Column, each};

/// Filters on the vehicle whose values are known when the first row is asked for.
#[derive(Clone, Debug, Default)]
pub(in crate::questions) struct Joined(Vec<Arc<dyn PhysicalExpr>>);

impl Joined {
    /// Takes from `pushed` the filters on the vehicle, and says `with` them what node replaces the one asked. Whoever
    /// handed them down decides about each row all the same.
    pub(in crate::questions) fn take(
        &self,
        pushed: ChildPushdownResult,
        with: impl FnOnce(Self) -> Arc<dyn ExecutionPlan>,
    ) -> FilterPushdownPropagation<Arc<dyn ExecutionPlan>> {
        let filters = pushed.parent_filters.iter().map(|pushed| &pushed.filter);
        let new = filters.filter(|filter| is_of_vehicles(filter)).cloned().collect::<Vec<_>>();
        let undecided = FilterPushdownPropagation::all_unsupported(pushed);
        if new.is_empty() {
            return undecided;
        }
        undecided.with_updated_node(with(Self([self.0.clone(), new].concat())))
    }

    /// Shows the filters to those who look whether anybody uses them.
    pub(in crate::questions) fn apply(
        &self,
        each: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.0
            .iter()
            .try_fold(TreeNodeRecursion::Continue, |tnr, filter| tnr.visit_sibling(|| each(filter)))
    }

    /// Which of `vehicles`, a list of different names, are wanted as far as is known now.
    pub(in crate::questions) fn wanted(&self, vehicles: &ArrayRef) -> Result<BooleanArray> {
        let count = vehicles.len();
        let names = each(vehicles, (0..).map(Some).take(count))?;
        let names = RecordBatch::try_from_iter([(Column::Vehicle.name(), names)])?;
        let mut wanted = BooleanArray::from(vec![true; count]);
        for filter in &self.0 {
            let filter = reassign_expr_columns(Arc::clone(filter), &names.schema())?;
            let met = filter.evaluate(&names)?.into_array(count)?;
            let met = met.as_boolean().iter().map(|met| Some(met == Some(true))).collect();
            wanted = and(&wanted, &met)?;
        }
        Ok(wanted)
    }
}

/// Whether it is nothing but the vehicle that a filter looks at, and becomes known later.
fn is_of_vehicles(filter: &Arc<dyn PhysicalExpr>) -> bool {
    let columns = collect_columns(filter);
    filter.is::<DynamicFilterPhysicalExpr>()
        && columns.iter().all(|column| column.name() == Column::Vehicle.name())
}

impl fmt::Display for Joined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|filter| write!(f, ", joined={filter}"))
    }
}
