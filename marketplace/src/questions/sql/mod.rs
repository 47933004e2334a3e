//! SQL over the table `samples`, which holds the rows that a caller may read and nothing else; an owner
//! also has `latest` (the newest value of each signal) and `vehicles` (what they are, and his labels).
//!
//! Three fences, each enough by itself against what it is for:
//!
//! 1. **What may be said** ([`guard`]): one SELECT of a bounded size, planned into operators and
//!    functions that are on a list. Nothing that writes, sets, shows, describes or opens a file is.
//! 2. **What can be seen** ([`table`], [`latest`]): the session knows these tables, one schema and no files,
//!    and their rows are chosen beneath them, where no expression of the caller is ever evaluated.
//! 3. **What it may cost**: the memory, time and rows of a question ([`super::Desk`], [`stoppable`]).

mod answer;
mod fleet;
mod folders;
mod guard;
mod latest;
mod permitted;
mod stoppable;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use deltalake::datafusion::error::DataFusionError;
use deltalake::datafusion::execution::object_store::ObjectStoreUrl;
use deltalake::datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use deltalake::datafusion::physical_plan::execute_stream;
use deltalake::datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use deltalake::datafusion::sql::parser;
use tokio_stream::StreamExt as _;

pub use answer::{Table, Value};
pub(super) use fleet::Fleets;
pub use permitted::Permitted;

use super::scan::GoFromRunToRun;
use super::{Desk, QuestionError, Source};
use answer::Collected;
use stoppable::PauseAboveJoins;

/// All the tables there are. A buyer has the first only.
const TABLES: [&str; 3] = ["samples", "latest", "vehicles"];

/// A statement that has passed [`guard`], and reads nothing yet.
pub struct Statement {
    frame: DataFrame,
    desk: Desk,
}

/// Checks `text` over what is `permitted`. Reads no rows.
///
/// # Errors
/// Whatever is not on the list is refused, with the list.
pub async fn prepare(
    source: &Source,
    permitted: Permitted,
    text: &str,
) -> Result<Statement, QuestionError> {
    guard::check_text(text)?;
    let context = session(&source.desk)?;
    let statement = parse(&context.state(), text).map_err(refusal)?;
    let named = context.state().resolve_table_references(&statement).map_err(refusal)?;
    for name in TABLES.into_iter().filter(|name| named.iter().any(|table| table.table() == *name)) {
        if let Some(table) = permitted.table(name, source).await? {
            context.register_table(name, table)?;
        }
    }
    let state = context.state();
    let plan = state.statement_to_plan(statement).await.map_err(refusal)?;
    guard::check_plan(&plan)?;
    Ok(Statement { frame: DataFrame::new(state, plan), desk: source.desk.clone() })
}

impl Statement {
    /// Whether it reads the table at all.
    #[must_use]
    pub fn reads(&self) -> bool {
        guard::scans(self.frame.logical_plan())
    }

    /// Runs it.
    ///
    /// # Errors
    /// When a limit stands against it, or what it computes is not possible, such as `1 / 0`.
    pub async fn run(self) -> Result<Table, QuestionError> {
        let rows_max = self.desk.limits.rows_max;
        let more = usize::try_from(rows_max).unwrap_or(usize::MAX).saturating_add(1);
        let frame = self.frame.limit(0, Some(more)).map_err(refusal)?;
        let context = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await.map_err(refusal)?;
        stoppable::check_pairs(&plan)?;
        let mut rows = execute_stream(plan, context).map_err(refusal)?;
        let mut collected = Collected::new(&rows.schema(), rows_max);
        while let Some(batch) = rows.next().await {
            collected.add(&batch.map_err(refusal)?)?;
        }
        Ok(collected.finish())
    }
}

fn parse(state: &SessionState, text: &str) -> Result<parser::Statement, DataFusionError> {
    let dialect = state.config_options().sql_parser.dialect;
    let statement = state.sql_to_statement(text, &dialect)?;
    if !guard::is_query(&statement) {
        let what = "one SELECT is answered here, and no other statement";
        return Err(DataFusionError::Plan(what.to_owned()));
    }
    Ok(statement)
}

/// A session with its own memory's pool, our functions, no table, and no way to a file.
fn session(desk: &Desk) -> Result<SessionContext, QuestionError> {
    let runtime = desk.resources().build_arc()?;
    runtime.deregister_object_store(ObjectStoreUrl::local_filesystem().as_ref())?;

    let mut config = SessionConfig::new().with_information_schema(false);
    config.options_mut().execution.enable_recursive_ctes = false;
    // A second round made no question of the benchmark faster, and takes as long as the first.
    config.options_mut().optimizer.max_passes = 1;
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_scalar_functions(guard::scalar_functions())
        .with_aggregate_functions(guard::aggregate_functions())
        .with_window_functions(guard::window_functions())
        .with_expr_planners(guard::planners())
        .with_physical_optimizer_rule(Arc::new(GoFromRunToRun))
        .with_physical_optimizer_rule(Arc::new(PauseAboveJoins))
        .build();
    Ok(SessionContext::new_with_state(state))
}

/// What the caller did wrong, or what went wrong with us.
fn refusal(error: DataFusionError) -> QuestionError {
    match error.find_root() {
        DataFusionError::Plan(what)
        | DataFusionError::NotImplemented(what)
        | DataFusionError::Execution(what) => QuestionError::invalid(what.as_str()),
        DataFusionError::SQL(what, _) => QuestionError::invalid(what.to_string()),
        DataFusionError::SchemaError(what, _) => QuestionError::invalid(what.to_string()),
        DataFusionError::ArrowError(what, _) => QuestionError::invalid(what.to_string()),
        _ => error.into(),
    }
}
