//! What a statement may say. Whatever is not on a list here is refused.
//!
//! Functions that make something large of something small (`repeat`, `range`, `array_agg`, `||`) are
//! on none: their memory is not counted.

use std::sync::{Arc, LazyLock};

use deltalake::datafusion::common::tree_node::{TreeNode as _, TreeNodeRecursion};
use deltalake::datafusion::execution::SessionStateDefaults;
use deltalake::datafusion::logical_expr::planner::ExprPlanner;
use deltalake::datafusion::logical_expr::{
    AggregateUDF, Expr, LogicalPlan, Operator, ScalarUDF, WindowFunctionDefinition, WindowUDF,
};
use deltalake::datafusion::sql::parser::Statement;
use deltalake::datafusion::sql::sqlparser::ast;
use deltalake::datafusion::sql::sqlparser::dialect::GenericDialect;
use deltalake::datafusion::sql::sqlparser::keywords::Keyword;
use deltalake::datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::TABLES;
use crate::questions::QuestionError;

/// Bytes of a statement.
const BYTES_MAX: usize = 16 * 1024;
/// Words, numbers and signs of a statement.
const TOKENS_MAX: usize = 4_000;
/// Operators of a statement. Each may make the tree of an expression one deeper.
const OPERATORS_MAX: usize = 200;
/// Brackets in brackets.
const BRACKETS_MAX: usize = 24;
/// Nodes of a plan. What is named in a `WITH` counts as often as it is used.
const NODES_MAX: usize = 100;
/// Names that may be uses of what a `WITH` names. Copies of copies multiply, and the planner makes each.
const NAMES_MAX: usize = 16;
/// Selections in a statement, those in brackets and unions included.
const SELECTIONS_MAX: usize = 16;

#[rustfmt::skip] // a list is read by lines
const SCALARS: [&str; 49] = [
    "abs", "ceil", "floor", "round", "trunc", "signum", "sqrt", "cbrt", "power", "exp", "ln", "log", "log2", "log10",
    "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "degrees", "radians", "pi", "isnan",
    "nanvl", "coalesce", "nullif", "greatest", "least", "date_trunc", "date_bin", "date_part", "to_timestamp",
    "to_timestamp_seconds", "to_timestamp_millis", "to_timestamp_micros", "to_unixtime", "lower", "upper",
    "character_length", "starts_with", "ends_with", "contains", "split_part", "substr",
];

#[rustfmt::skip]
const AGGREGATES: [&str; 27] = [
    "count", "sum", "avg", "min", "max", "median", "first_value", "last_value", "nth_value", "var", "var_pop",
    "stddev", "stddev_pop", "corr", "covar_samp", "covar_pop", "regr_slope", "regr_intercept", "regr_r2",
    "regr_count", "approx_distinct", "approx_median", "approx_percentile_cont", "bool_and", "bool_or", "grouping",
    "percentile_cont",
];

#[rustfmt::skip]
const WINDOWS: [&str; 11] = [
    "row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead", "first_value",
    "last_value", "nth_value",
];

/// The functions of the lists, made once.
static FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| {
    let scalars = SessionStateDefaults::default_scalar_functions().into_iter();
    let aggregates = SessionStateDefaults::default_aggregate_functions().into_iter();
    let windows = SessionStateDefaults::default_window_functions().into_iter();
    Functions {
        scalars: scalars.filter(|known| SCALARS.contains(&known.name())).collect(),
        aggregates: aggregates.filter(|known| AGGREGATES.contains(&known.name())).collect(),
        windows: windows.filter(|known| WINDOWS.contains(&known.name())).collect(),
    }
});

struct Functions {
    scalars: Vec<Arc<ScalarUDF>>,
    aggregates: Vec<Arc<AggregateUDF>>,
    windows: Vec<Arc<WindowUDF>>,
}

pub(super) fn scalar_functions() -> Vec<Arc<ScalarUDF>> {
    FUNCTIONS.scalars.clone()
}

pub(super) fn aggregate_functions() -> Vec<Arc<AggregateUDF>> {
    FUNCTIONS.aggregates.clone()
}

pub(super) fn window_functions() -> Vec<Arc<WindowUDF>> {
    FUNCTIONS.windows.clone()
}

/// What turns `EXTRACT(…)` and the like into functions; [`check_plan`] looks at the outcome.
pub(super) fn planners() -> Vec<Arc<dyn ExprPlanner>> {
    SessionStateDefaults::default_expr_planners()
}

/// Refuses text that is too large to be worth planning, before it becomes a tree.
pub(super) fn check_text(text: &str) -> Result<(), QuestionError> {
    within("bytes", text.len(), BYTES_MAX)?;
    let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize();
    let tokens = tokens.map_err(|error| QuestionError::invalid(error.to_string()))?;
    within("words and signs", tokens.len(), TOKENS_MAX)?;
    check_names(&tokens)?;
    let (mut brackets, mut deepest, mut operators, mut selections) = (0_usize, 0, 0, 0);
    for token in &tokens {
        match token {
            Token::LParen => brackets += 1,
            Token::RParen => brackets = brackets.saturating_sub(1),
            Token::Whitespace(_)
            | Token::Comma
            | Token::Period
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::SemiColon => {}
            Token::Word(word) => match word.keyword {
                Keyword::SELECT | Keyword::VALUES => selections += 1,
                // Each of these may nest without brackets.
                Keyword::AND
                | Keyword::OR
                | Keyword::NOT
                | Keyword::IS
                | Keyword::CASE
                | Keyword::IN
                | Keyword::LIKE
                | Keyword::BETWEEN
                | Keyword::AT
                | Keyword::JOIN => operators += 1,
                _ => {}
            },
            _ => operators += 1,
        }
        deepest = deepest.max(brackets);
    }
    within("operators", operators, OPERATORS_MAX)?;
    within("brackets in brackets", deepest, BRACKETS_MAX)?;
    within("selections", selections, SELECTIONS_MAX)
}

/// Beside a `WITH`, refuses more than a few names that could be uses of it.
fn check_names(tokens: &[Token]) -> Result<(), QuestionError> {
    let (mut names, mut may_be_used, mut has_with) = (0, false, false);
    for token in tokens {
        match token {
            Token::Whitespace(_) | Token::LParen => {}
            Token::Comma => may_be_used = true,
            Token::Word(word) => {
                names += usize::from(may_be_used);
                has_with |= word.keyword == Keyword::WITH;
                may_be_used = matches!(word.keyword, Keyword::FROM | Keyword::JOIN);
            }
            _ => may_be_used = false,
        }
    }
    let names = if has_with { names } else { 0 };
    within("names after FROM, JOIN and commas beside a WITH", names, NAMES_MAX)
}

fn within(what: &'static str, actual: usize, max: usize) -> Result<(), QuestionError> {
    if actual <= max {
        return Ok(());
    }
    let count = |number| u64::try_from(number).unwrap_or(u64::MAX);
    let instead = "send a shorter statement";
    Err(QuestionError::TooMuch { what, actual: count(actual), max: count(max), instead })
}

/// Whether a statement only asks.
pub(super) fn is_query(statement: &Statement) -> bool {
    matches!(statement, Statement::Statement(inner) if matches!(**inner, ast::Statement::Query(_)))
}

/// Whether any rows of a table are read.
pub(super) fn scans(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let looked = plan.apply_with_subqueries(|node| {
        found |= matches!(node, LogicalPlan::TableScan(_));
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    // A plan that can not be looked at is taken to read.
    found || looked.is_err()
}

/// Refuses a plan with an operator, a table or a function that is not on the list.
pub(super) fn check_plan(plan: &LogicalPlan) -> Result<(), QuestionError> {
    let (mut foreign, mut nodes) = (None, 0);
    plan.apply_with_subqueries(|node| {
        nodes += 1;
        foreign = foreign_node(node);
        if foreign.is_none() {
            node.apply_expressions(|expression| {
                expression.apply(|part| {
                    foreign = foreign_expression(part);
                    Ok(stop_when(foreign.is_some()))
                })
            })?;
        }
        Ok(stop_when(foreign.is_some() || nodes > NODES_MAX))
    })?;
    within("selections, joins and conditions", nodes, NODES_MAX)?;
    match foreign {
        Some(what) => Err(QuestionError::invalid(format!(
            "{what} is not answered here: read-only SELECT over {}, with functions of numbers and times and the \
             usual aggregates",
            TABLES.map(|name| format!("`{name}`")).join(", ")
        ))),
        None => Ok(()),
    }
}

const fn stop_when(stop: bool) -> TreeNodeRecursion {
    if stop { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue }
}

fn foreign_node(node: &LogicalPlan) -> Option<String> {
    match node {
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::EmptyRelation(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Values(_) => None,
        LogicalPlan::TableScan(scan) if TABLES.contains(&scan.table_name.table()) => None,
        LogicalPlan::TableScan(scan) => Some(format!("table `{}`", scan.table_name)),
        other => {
            let line = other.display().to_string();
            let word = line.split([':', ' ', '(']).next().unwrap_or_default();
            Some(format!("`{word}`"))
        }
    }
}

fn foreign_expression(expression: &Expr) -> Option<String> {
    let unlisted =
        |name: &str, list: &[&str]| (!list.contains(&name)).then(|| format!("function `{name}`"));
    match expression {
        Expr::ScalarFunction(call) => unlisted(call.name(), &SCALARS),
        Expr::AggregateFunction(call) => unlisted(call.func.name(), &AGGREGATES),
        Expr::WindowFunction(call) => match &call.fun {
            WindowFunctionDefinition::AggregateUDF(known) => unlisted(known.name(), &AGGREGATES),
            WindowFunctionDefinition::WindowUDF(known) => unlisted(known.name(), &WINDOWS),
        },
        Expr::BinaryExpr(binary) if binary.op == Operator::StringConcat => {
            Some("operator `||`".to_owned())
        }
        Expr::Alias(_)
        | Expr::Column(_)
        | Expr::Literal(..)
        | Expr::BinaryExpr(_)
        | Expr::Like(_)
        | Expr::Not(_)
        | Expr::IsNotNull(_)
        | Expr::IsNull(_)
        | Expr::IsTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNotFalse(_)
        | Expr::IsNotUnknown(_)
        | Expr::Negative(_)
        | Expr::Between(_)
        | Expr::Case(_)
        | Expr::Cast(_)
        | Expr::TryCast(_)
        | Expr::InList(_)
        | Expr::Exists(_)
        | Expr::InSubquery(_)
        | Expr::ScalarSubquery(_)
        | Expr::GroupingSet(_)
        | Expr::OuterReferenceColumn(..) => None,
        other => Some(format!("`{}`", other.variant_name())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_on_the_lists_exists() {
        let names = |found: Vec<String>, list: &[&str]| {
            let missing: Vec<_> =
                list.iter().filter(|name| !found.iter().any(|found| found == *name)).collect();
            assert!(missing.is_empty(), "{missing:?}");
        };
        names(scalar_functions().iter().map(|known| known.name().to_owned()).collect(), &SCALARS);
        let found = aggregate_functions().iter().map(|known| known.name().to_owned()).collect();
        names(found, &AGGREGATES);
        names(window_functions().iter().map(|known| known.name().to_owned()).collect(), &WINDOWS);
    }

    #[test]
    fn text_that_is_too_large_never_becomes_a_tree() {
        #[rustfmt::skip] // a table is read by column
        let cases = [
            (format!("SELECT '{}'", "x".repeat(16_500)),           "bytes"),
            (format!("SELECT 1{}", ",1".repeat(2_100)),            "words and signs"),
            (format!("SELECT 1{}", "+1".repeat(300)),              "operators"),
            (format!("SELECT {}1", "NOT ".repeat(300)),            "operators"),
            (format!("SELECT {}1", "- ".repeat(300)),              "operators"),
            (format!("SELECT {}1{}", "(".repeat(30), ")".repeat(30)), "brackets"),
            (format!("SELECT 1{}", " UNION SELECT 1".repeat(20)),  "selections"),
        ];
        for (text, what) in cases {
            let error = check_text(&text).unwrap_err().to_string();
            assert!(error.contains(what) && error.contains("shorter"), "{error}");
        }
        check_text("SELECT avg(value) FROM samples WHERE signal = 'Vehicle.Speed'").unwrap();
        assert!(check_text("SELECT 'open").unwrap_err().to_string().contains("Unterminated"));
    }
}
