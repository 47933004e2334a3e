//! The datasets that a market offers from its first day: the table in `templates.csv`.
//!
//! **Invariant:** a slug is never given to another dataset, because orders refer to it.

use std::collections::BTreeSet;

use serde::Deserialize;
use telematics::Signal;
use telematics::vss::{SignalGroup, UnknownSignal};

use crate::ledger::{Amount, NotAnAmount};

/// What a dataset is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its name in addresses.
    pub slug: String,
    /// Its name for people.
    pub title: String,
    /// What it is good for.
    pub description: String,
    /// What is in it.
    pub signals: Vec<Signal>,
    /// What one row costs before the factors of the price rule.
    pub price_per_row: Amount,
}

/// Why a line of the table is no template.
#[derive(Debug, thiserror::Error)]
pub enum NotATemplate {
    /// Not the columns that we know.
    #[error("a line of the table does not read")]
    Line(#[from] csv::Error),
    /// A price that is none.
    #[error("dataset `{slug}` has no price")]
    Price {
        /// Which.
        slug: String,
        /// Why.
        #[source]
        source: NotAnAmount,
    },
    /// Neither a group nor a signal.
    #[error("dataset `{slug}` has unknown contents")]
    Contents {
        /// Which.
        slug: String,
        /// Why.
        #[source]
        source: UnknownSignal,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    slug: String,
    title: String,
    price_per_row: String,
    /// Groups and paths, separated by spaces.
    contents: String,
    description: String,
}

/// Every template.
///
/// # Errors
/// When the table in the binary is wrong; a test keeps it right.
pub fn templates() -> Result<Vec<Template>, NotATemplate> {
    let mut reader = csv::Reader::from_reader(include_str!("templates.csv").as_bytes());
    reader.deserialize::<Line>().map(|line| template(line?)).collect()
}

fn template(line: Line) -> Result<Template, NotATemplate> {
    let Line { slug, title, price_per_row, contents, description } = line;
    let price_per_row = Amount::parse(&price_per_row)
        .map_err(|source| NotATemplate::Price { slug: slug.clone(), source })?;
    let signals = self::contents(contents.split_whitespace())
        .map_err(|source| NotATemplate::Contents { slug: slug.clone(), source })?;
    Ok(Template { slug, title, description, signals: signals.into_iter().collect(), price_per_row })
}

/// The signals that `words` name: paths, and groups for all of theirs.
pub(super) fn contents<'a>(
    words: impl Iterator<Item = &'a str>,
) -> Result<BTreeSet<Signal>, UnknownSignal> {
    let mut signals = BTreeSet::new();
    for word in words {
        if let Ok(group) = SignalGroup::parse(word) {
            signals.extend(Signal::all().filter(|signal| signal.group() == group));
        } else {
            signals.insert(Signal::by_path(word)?);
        }
    }
    Ok(signals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_dataset_that_costs_something() {
        let templates = templates().unwrap();

        let slugs: BTreeSet<_> = templates.iter().map(|template| &template.slug).collect();
        assert_eq!(slugs.len(), templates.len());
        for template in &templates {
            assert!(template.price_per_row.is_positive(), "{}", template.slug);
            assert!(!template.signals.is_empty(), "{}", template.slug);
        }
    }

    #[test]
    fn positions_are_not_sold_by_the_row() {
        for template in templates().unwrap() {
            let located = template.signals.iter().any(|s| s.group() == SignalGroup::Location);
            assert!(!located, "{}", template.slug);
        }
    }

    #[test]
    fn a_line_with_a_mistake_is_refused_by_name() {
        let line = |price: &str, contents: &str| Line {
            slug: "odd".to_owned(),
            title: String::new(),
            price_per_row: price.to_owned(),
            contents: contents.to_owned(),
            description: String::new(),
        };

        assert!(template(line("cheap", "motion")).unwrap_err().to_string().contains("`odd`"));
        assert!(template(line("1", "motion radio")).unwrap_err().to_string().contains("`odd`"));
    }
}
