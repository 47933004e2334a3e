//! What is found, in order.
//!
//! **Invariant:** of two datasets with equal keys the one with the lesser id comes first, so an order is the same in
//! every index and pages neither repeat nor leave out what did not change meanwhile.

use std::collections::BinaryHeap;
use std::fmt;

use tantivy::columnar::Column;
use tantivy::query::{Scorer, Weight};
use tantivy::{DocId, DocSet, SegmentReader};

use super::SearchError;
use super::facets::Rows;
use super::fits::Fits;
use crate::catalog::DatasetId;

/// What comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// What fits the words best; without words everything fits alike.
    Relevance,
    /// What costs the least a row.
    Price,
    /// What has the newest row.
    Freshness,
    /// What has the most rows.
    Rows,
    /// What has the most vehicles.
    Vehicles,
    /// What is most plausible.
    Score,
}

impl Sort {
    /// Every order.
    pub const ALL: [Self; 6] =
        [Self::Relevance, Self::Price, Self::Freshness, Self::Rows, Self::Vehicles, Self::Score];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Relevance => "relevance",
            Self::Price => "price",
            Self::Freshness => "freshness",
            Self::Rows => "rows",
            Self::Vehicles => "vehicles",
            Self::Score => "score",
        }
    }

    /// Finds the order that `text` names.
    ///
    /// # Errors
    /// An unknown word is refused, with the known ones in the message.
    pub fn parse(text: &str) -> Result<Self, SearchError> {
        let known = Self::ALL.into_iter().find(|sort| sort.as_str() == text);
        known.ok_or_else(|| SearchError::UnknownOrder { text: text.to_owned() })
    }

    /// The field that it goes by, and whether the least of it comes first.
    const fn field(self) -> Option<(&'static str, bool)> {
        match self {
            Self::Relevance => None,
            Self::Price => Some(("price", true)),
            Self::Freshness => Some(("last_at", false)),
            Self::Rows => Some(("rows", false)),
            Self::Vehicles => Some(("vehicles", false)),
            Self::Score => Some(("score", false)),
        }
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a page ended. Its text says it to who asks for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The order of the page.
    pub(super) sort: Sort,
    /// The last of it.
    pub(super) last: Place,
}

impl Cursor {
    /// Reads what was given with a page.
    ///
    /// # Errors
    /// Any other text is refused.
    pub fn parse(text: &str) -> Result<Self, SearchError> {
        let read = || {
            let (sort, rest) = text.split_once('-')?;
            let (key, id) = rest.split_once('-')?;
            let key = u64::from_str_radix(key, 16).ok()?;
            let id = u128::from_str_radix(id, 16).ok()?;
            Some(Self { sort: Sort::parse(sort).ok()?, last: Place { key, id } })
        };
        read().ok_or_else(|| SearchError::NotACursor { text: text.to_owned() })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:x}-{:x}", self.sort, self.last.key, self.last.id)
    }
}

/// Where a dataset stands: the least comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) key: u64,
    /// The bytes of its id as one number, which sorts as they do.
    pub(super) id: u128,
}

impl Place {
    pub(super) fn dataset(self) -> Option<DatasetId> {
        DatasetId::from_bytes(&self.id.to_be_bytes()).ok()
    }
}

/// The key of each document of a segment.
enum Keys {
    Alike,
    Words(Box<dyn Scorer>),
    Least(Column<u64>),
    Most(Column<u64>),
}

impl Keys {
    fn open(
        sort: Sort,
        words: Option<&dyn Weight>,
        segment: &SegmentReader,
    ) -> tantivy::Result<Self> {
        Ok(match (sort.field(), words) {
            (Some((field, true)), _) => Self::Least(segment.fast_fields().u64(field)?),
            (Some((field, false)), _) => Self::Most(segment.fast_fields().u64(field)?),
            (None, Some(words)) => Self::Words(words.scorer(segment, 1.0)?),
            (None, None) => Self::Alike,
        })
    }

    /// Documents are asked for in order. One without a value comes last.
    fn of(&mut self, document: DocId) -> u64 {
        match self {
            Self::Alike => 0,
            Self::Words(scorer) => {
                if scorer.doc() < document {
                    scorer.seek(document);
                }
                // Floats that are not negative sort as their bits do.
                !u64::from(scorer.score().max(0.0).to_bits())
            }
            Self::Least(column) => column.first(document).unwrap_or(u64::MAX),
            // Nothing at all is still more than no value.
            Self::Most(column) => {
                column.first(document).map_or(u64::MAX, |value| !value.saturating_add(1))
            }
        }
    }
}

/// The first `count` documents in `fits` behind `after`, in no order. `words` were found in all of them.
pub(super) fn first(
    (segment, rows): (&SegmentReader, &Rows),
    fits: &Fits,
    words: Option<&dyn Weight>,
    (sort, after): (Sort, Option<Cursor>),
    count: usize,
) -> tantivy::Result<Vec<Place>> {
    let mut keys = Keys::open(sort, words, segment)?;
    // The worst that is kept is on top.
    let mut best = BinaryHeap::with_capacity(count.saturating_add(1));
    fits.for_each(|document| {
        let key = keys.of(document);
        let worst = if best.len() < count { None } else { best.peek().copied() };
        // Most are no better, and need no id to say so.
        if worst.is_some_and(|worst: Place| key > worst.key) {
            return;
        }
        let place = Place { key, id: rows.id(document) };
        if worst.is_some_and(|worst| place > worst) {
            return;
        }
        if after.is_some_and(|after| place <= after.last) {
            return;
        }
        best.push(place);
        if best.len() > count {
            best.pop();
        }
    });
    Ok(best.into_vec())
}
