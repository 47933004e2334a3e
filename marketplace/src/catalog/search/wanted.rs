//! What a buyer looks for, and which of it is shown him first.
//!
//! **Not here:** how words are found ([`super::words`]) and how what is found is put in order ([`super::ranking`]).

use std::ops::Bound;

use tantivy::query::{Query, RangeQuery, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Index, Term};
use telematics::time::MICROS_PER_DAY;
use telematics::{Powertrain, Timestamp};

use super::SearchError;
use super::document::Fields;
use super::facets::folded;
use super::ranking::{Cursor, Sort};
use crate::archive::Score;
use crate::ledger::Amount;

/// What a buyer looks for. Empty fields look for nothing in particular.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Words; the more of them fit, the higher a dataset comes. At most [`Self::WORDS_CHARS_MAX`] characters.
    pub words: String,
    /// Path of a signal that must be in it.
    pub signal: Option<String>,
    /// A brand that must be in it.
    pub make: Option<String>,
    /// A model that must be in it.
    pub model: Option<String>,
    /// A model year that must be in it.
    pub year: Option<u16>,
    /// A powertrain that must be in it.
    pub powertrain: Option<Powertrain>,
    /// How plausible it must be, at least. What was never scored is not found then.
    pub score_min: Option<Score>,
    /// What a row must cost, at least.
    pub price_min: Option<Amount>,
    /// What a row may cost, at most.
    pub price_max: Option<Amount>,
    /// Rows that it must have, at least.
    pub rows_min: Option<u64>,
    /// Vehicles that it must have, at least.
    pub vehicles_min: Option<u64>,
    /// Days since the day of its newest row, at most; 0 is today. What has no rows is not found then.
    pub fresh_days: Option<u32>,
}

/// What is shown of everything that fits.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// What comes first.
    pub sort: Sort,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// How many datasets; 1 to [`Self::LIMIT_MAX`].
    pub limit: usize,
    /// Whether to count what fits by its values.
    pub facets: bool,
}

impl Page {
    /// Datasets of one page, at most.
    pub const LIMIT_MAX: usize = 100;
}

impl Default for Page {
    fn default() -> Self {
        Self { sort: Sort::Relevance, after: None, limit: 20, facets: false }
    }
}

impl Wanted {
    /// Characters that the words have at most.
    pub const WORDS_CHARS_MAX: usize = 500;

    /// Refuses what can not be looked for.
    pub(super) fn check(&self, page: &Page) -> Result<(), SearchError> {
        check_words(&self.words)?;
        let (least, most) = (self.price_min.unwrap_or(Amount::ZERO), self.price_max);
        if let Some(most) = most.filter(|most| *most < least) {
            return Err(SearchError::NoPrice { least, most });
        }
        if !(1..=Page::LIMIT_MAX).contains(&page.limit) {
            return Err(SearchError::Limit { limit: page.limit });
        }
        match page.after {
            Some(after) if after.sort != page.sort => {
                Err(SearchError::OtherOrder { cursor: after.sort, asked: page.sort })
            }
            _ => Ok(()),
        }
    }

    /// What a dataset must be, whatever the words are.
    pub(super) fn filters(
        &self,
        index: &Index,
        fields: &Fields,
        now: Timestamp,
    ) -> Result<Vec<Box<dyn Query>>, SearchError> {
        let year = self.year.map(|year| year.to_string());
        let exact = [
            (fields.signal, self.signal.as_deref()),
            (fields.make, self.make.as_deref()),
            (fields.model, self.model.as_deref()),
            (fields.year, year.as_deref()),
            (fields.powertrain, self.powertrain.map(Powertrain::as_str)),
        ];
        let mut filters: Vec<Box<dyn Query>> = Vec::new();
        for (field, word) in exact {
            let Some(word) = word else { continue };
            let folded = folded(&mut index.tokenizer_for_field(field)?, word);
            let term = Term::from_field_text(field, &folded);
            filters.push(Box::new(TermQuery::new(term, IndexRecordOption::Basic)));
        }
        let price = |amount: Amount| u64::try_from(amount.micros()).unwrap_or(0);
        let first_day = |days: u32| (now.day() - i64::from(days)).saturating_mul(MICROS_PER_DAY);
        let first_at = self.fresh_days.map(|days| u64::try_from(first_day(days)).unwrap_or(0));
        let score = self.score_min.map(|score| u64::from(score.per_mille()));
        let ranges = [
            (fields.price, self.price_min.map(price), self.price_max.map(price)),
            (fields.rows, self.rows_min, None),
            (fields.vehicles, self.vehicles_min, None),
            (fields.last_at, first_at, None),
            (fields.score, score, None),
        ];
        filters.extend(ranges.into_iter().filter_map(|(field, from, to)| range(field, from, to)));
        Ok(filters)
    }
}

/// Refuses words that are too many to be looked for.
pub(super) fn check_words(words: &str) -> Result<(), SearchError> {
    let chars = words.chars().count();
    if chars > Wanted::WORDS_CHARS_MAX {
        return Err(SearchError::TooLong { chars });
    }
    Ok(())
}

fn range(field: Field, from: Option<u64>, to: Option<u64>) -> Option<Box<dyn Query>> {
    if from.is_none() && to.is_none() {
        return None;
    }
    let bound = |end: Option<u64>| match end {
        Some(end) => Bound::Included(Term::from_field_u64(field, end)),
        None => Bound::Unbounded,
    };
    Some(Box::new(RangeQuery::new(bound(from), bound(to))))
}
