//! Puts our operators into a plan, in the place of the engine's that do the same.

use std::sync::Arc;

use deltalake::datafusion::common::config::ConfigOptions;
use deltalake::datafusion::common::tree_node::{Transformed, TreeNode as _};
use deltalake::datafusion::error::Result;
use deltalake::datafusion::physical_optimizer::PhysicalOptimizerRule;
use deltalake::datafusion::physical_plan::ExecutionPlan;

use super::add_up::ByRuns;
use super::join_vehicles::JoinVehicles;
use super::side_by_side::SideBySide;

/// From the leaves up, since each of ours takes blocks from those below.
#[derive(Debug)]
pub(in crate::questions) struct GoFromRunToRun;

impl PhysicalOptimizerRule for GoFromRunToRun {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let replaced = |node: Arc<dyn ExecutionPlan>| {
            Ok(match instead_of(&node)? {
                Some(ours) => Transformed::yes(ours),
                None => Transformed::no(node),
            })
        };
        Ok(plan.transform_up(replaced)?.data)
    }

    fn name(&self) -> &'static str {
        "go from run to run"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The operator of ours that does what `node` does.
fn instead_of(node: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(aggregate) = node.downcast_ref() {
        let by_runs = ByRuns::instead_of(aggregate)?;
        return Ok(by_runs.map(|by_runs| -> Arc<dyn ExecutionPlan> { Arc::new(by_runs) }));
    }
    let Some(join) = node.downcast_ref() else { return Ok(None) };
    if let Some(side_by_side) = SideBySide::instead_of(join) {
        return Ok(Some(Arc::new(side_by_side)));
    }
    let join = JoinVehicles::instead_of(join);
    Ok(join.map(|join| -> Arc<dyn ExecutionPlan> { Arc::new(join) }))
}
