//! Facets: of everything that fits, how many datasets there are of each signal, make, model, year, powertrain, price
//! and freshness.
//!
//! A segment never changes, so its values are read once and kept in memory, one row of numbers for each document; counting
//! goes through the rows of what fits, or of what does not when that is less.
//!
//! **Invariant:** the count beside a value is the number of datasets that are found when the value is asked for too.

use std::collections::BTreeMap;

use tantivy::columnar::{Column, StrColumn};
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{DocId, SegmentReader};
use telematics::Timestamp;

use super::SearchError;
use super::fits::{Fits, index};
use crate::ledger::Amount;

/// Values that one facet tells, the most frequent ones.
const VALUES_MAX: usize = 20;
/// Where ranges of prices begin, in micro-tokens a row.
const PRICE_STEPS: [u64; 10] = [0, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 100_000, 1_000_000];
/// How many days ago the newest row may be.
const AGES_DAYS: [u32; 5] = [0, 1, 7, 30, 365];

/// What datasets are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Facet {
    Signal,
    Make,
    Model,
    Year,
    Powertrain,
    Price,
    Day,
}

impl Facet {
    const ALL: [Self; 7] = [
        Self::Signal,
        Self::Make,
        Self::Model,
        Self::Year,
        Self::Powertrain,
        Self::Price,
        Self::Day,
    ];

    /// The field of the index that has its values.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::Make => "make",
            Self::Model => "model",
            Self::Year => "year",
            Self::Powertrain => "powertrain",
            Self::Price => "price_range",
            Self::Day => "day",
        }
    }
}

/// A value, and how many datasets have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// As a dataset says it.
    pub value: String,
    /// Datasets.
    pub count: u64,
}

/// A range of prices, and how many datasets are in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceCount {
    /// The least price of a row.
    pub from: Amount,
    /// The greatest; none for the last range.
    pub to: Option<Amount>,
    /// Datasets.
    pub count: u64,
}

/// How many datasets have a row of these days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgeCount {
    /// Days since the day of the newest row, at most; 0 is today.
    pub days: u32,
    /// Datasets.
    pub count: u64,
}

/// How many of the datasets that fit there are of each value, most first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// By signal.
    pub signals: Vec<Counted>,
    /// By make.
    pub makes: Vec<Counted>,
    /// By model.
    pub models: Vec<Counted>,
    /// By model year.
    pub years: Vec<Counted>,
    /// By powertrain.
    pub powertrains: Vec<Counted>,
    /// By price, cheapest first; ranges without datasets are left out.
    pub prices: Vec<PriceCount>,
    /// By age of the newest row; each has those of the younger ones too.
    pub freshness: Vec<AgeCount>,
}

/// Where the range of a price begins.
pub(super) fn price_step(micros: u64) -> u64 {
    PRICE_STEPS.into_iter().rev().find(|step| *step <= micros).unwrap_or(0)
}

/// The name of a value: facet and folded text.
pub(super) type Name = (Facet, String);

/// The values of all documents of a segment.
///
/// Of most facets many documents say the same, so what a document says of one is a set with a number, and a row has one
/// number for each facet.
pub(super) struct Rows {
    /// Of each document: the sets that it has.
    documents: Vec<[u32; Facet::ALL.len()]>,
    /// The values of all sets, one after another.
    values: Vec<u32>,
    /// How many values each set has. The first has none.
    sizes: Vec<u32>,
    /// What a value stands for, with the text as it was said.
    names: Vec<(Name, String)>,
    /// Documents that have each value, deleted ones too.
    totals: Vec<u64>,
    /// Of each document: the bytes of its id as one number, which sorts as they do.
    ids: Vec<u128>,
}

impl Rows {
    /// Reads the values of `segment`.
    pub(super) fn read(
        segment: &SegmentReader,
        fold: &mut TextAnalyzer,
    ) -> Result<Self, SearchError> {
        let mut read = Self {
            documents: vec![[0; Facet::ALL.len()]; index(segment.max_doc())],
            values: Vec::new(),
            sizes: vec![0],
            names: Vec::new(),
            totals: Vec::new(),
            ids: ids(segment)?,
        };
        for (place, facet) in Facet::ALL.into_iter().enumerate() {
            let Some(column) = segment.fast_fields().str(facet.name())? else { continue };
            let values = read.name(facet, &column, fold)?;
            read.number(place, &values);
        }
        let totals = read.counts(&Fits::none(segment.max_doc()).complement());
        Ok(Self { totals, ..read })
    }

    /// Gives each text of a facet the number of its value; two spellings of one word are one value.
    fn name(
        &mut self,
        facet: Facet,
        column: &StrColumn,
        fold: &mut TextAnalyzer,
    ) -> Result<Values, SearchError> {
        let mut numbers = BTreeMap::<Name, u32>::new();
        let (mut of_ordinal, mut said) = (Vec::new(), String::new());
        for ordinal in 0.. {
            if !column.ord_to_str(ordinal, &mut said).map_err(tantivy::TantivyError::from)? {
                break;
            }
            let name = (facet, folded(fold, &said));
            let next = number(self.names.len());
            let value = *numbers.entry(name.clone()).or_insert(next);
            if value == next {
                self.names.push((name, said.clone()));
            }
            of_ordinal.push(value);
        }
        Ok(Values { of_ordinal, column: column.ords().clone() })
    }

    /// Gives what each document says of one facet the number of its set.
    fn number(&mut self, place: usize, values: &Values) {
        let known = self.sizes.len();
        let mut numbers = BTreeMap::<Vec<u32>, u32>::new();
        for (document, row) in (0..).zip(&mut self.documents) {
            let next = number(known + numbers.len());
            if let Some(set) = row.get_mut(place) {
                *set = *numbers.entry(values.of(document)).or_insert(next);
            }
        }
        let mut sets: Vec<_> = numbers.into_iter().collect();
        sets.sort_unstable_by_key(|(_, number)| *number);
        for (set, _) in sets {
            self.sizes.push(number(set.len()));
            self.values.extend(set);
        }
    }

    /// How many of the documents in `fits` have each value, by its number.
    fn counts(&self, fits: &Fits) -> Vec<u64> {
        let mut sets = vec![0_u32; self.sizes.len()];
        let mut counts = vec![0_u64; self.names.len()];
        fits.for_each(|document| {
            for set in self.documents.get(index(document)).into_iter().flatten() {
                if let Some(count) = sets.get_mut(index(*set)) {
                    *count += 1;
                }
            }
        });
        let mut rest = self.values.as_slice();
        for (size, count) in self.sizes.iter().zip(sets) {
            let Some((set, behind)) = rest.split_at_checked(index(*size)) else { break };
            rest = behind;
            for value in set.iter().filter(|_| count > 0) {
                if let Some(sum) = counts.get_mut(index(*value)) {
                    *sum += u64::from(count);
                }
            }
        }
        counts
    }

    /// The values that documents in `fits` have, and how many of them.
    pub(super) fn count(&self, fits: &Fits) -> Vec<(&Name, &str, u64)> {
        let counts = if fits.are_most() {
            let others = self.counts(&fits.complement());
            self.totals.iter().zip(others).map(|(all, others)| all - others).collect()
        } else {
            self.counts(fits)
        };
        let counted = self.names.iter().zip(counts).filter(|(_, count)| *count > 0);
        counted.map(|((name, said), count)| (name, said.as_str(), count)).collect()
    }

    /// The id of a document.
    pub(super) fn id(&self, document: DocId) -> u128 {
        self.ids.get(index(document)).copied().unwrap_or(0)
    }
}

/// The values of one facet.
struct Values {
    /// The number of each ordinal.
    of_ordinal: Vec<u32>,
    /// The ordinals of each document.
    column: Column<u64>,
}

impl Values {
    /// Those of a document, each once.
    fn of(&self, document: DocId) -> Vec<u32> {
        let ordinals = self.column.values_for_doc(document);
        let places = ordinals.filter_map(|ordinal| usize::try_from(ordinal).ok());
        let values = places.filter_map(|place| self.of_ordinal.get(place));
        let mut values: Vec<u32> = values.copied().collect();
        values.sort_unstable();
        values.dedup();
        values
    }
}

/// The number of what comes next; there are fewer of anything than documents, whose numbers are as large.
fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn ids(segment: &SegmentReader) -> tantivy::Result<Vec<u128>> {
    let high = segment.fast_fields().u64("id_high")?;
    let low = segment.fast_fields().u64("id_low")?;
    let half = |column: &Column<u64>, document| u128::from(column.first(document).unwrap_or(0));
    let id = |document| half(&high, document) << 64 | half(&low, document);
    Ok((0..segment.max_doc()).map(id).collect())
}

/// The text that a filter looks for.
pub(super) fn folded(fold: &mut TextAnalyzer, text: &str) -> String {
    let mut folded = String::new();
    fold.token_stream(text).process(&mut |token| folded.push_str(&token.text));
    folded
}

/// Puts together what was counted in all segments.
pub(super) fn facets<'a>(
    counted: impl IntoIterator<Item = (&'a Name, &'a str, u64)>,
    now: Timestamp,
) -> Facets {
    let mut sums = BTreeMap::<&Name, (&str, u64)>::new();
    for (name, said, count) in counted {
        let sum = sums.entry(name).or_insert((said, 0));
        sum.1 += count;
    }
    let of = |facet: Facet| {
        let mine = sums.iter().filter(move |((of, _), _)| *of == facet);
        mine.map(|(_, (said, count))| Counted { value: (*said).to_owned(), count: *count })
    };
    let most = |facet: Facet| {
        let mut values: Vec<_> = of(facet).collect();
        // By name already.
        values.sort_by_key(|value| std::cmp::Reverse(value.count));
        values.truncate(VALUES_MAX);
        values
    };
    Facets {
        signals: most(Facet::Signal),
        makes: most(Facet::Make),
        models: most(Facet::Model),
        years: most(Facet::Year),
        powertrains: most(Facet::Powertrain),
        prices: prices(&of(Facet::Price).collect::<Vec<_>>()),
        freshness: ages(&of(Facet::Day).collect::<Vec<_>>(), now),
    }
}

fn prices(steps: &[Counted]) -> Vec<PriceCount> {
    let ends = PRICE_STEPS.into_iter().skip(1).map(Some).chain([None]);
    let amount = |micros: u64| Amount::from_micros(i64::try_from(micros).unwrap_or(i64::MAX));
    let range = |(from, end): (u64, Option<u64>)| {
        let name = from.to_string();
        let count = steps.iter().find(|step| step.value == name)?.count;
        Some(PriceCount { from: amount(from), to: end.map(|end| amount(end - 1)), count })
    };
    PRICE_STEPS.into_iter().zip(ends).filter_map(range).collect()
}

fn ages(days: &[Counted], now: Timestamp) -> Vec<AgeCount> {
    let within = |age: u32| {
        let first = now.day() - i64::from(age);
        let is_within = |day: &&Counted| day.value.parse().is_ok_and(|day: i64| day >= first);
        AgeCount { days: age, count: days.iter().filter(is_within).map(|day| day.count).sum() }
    };
    AGES_DAYS.into_iter().map(within).collect()
}
