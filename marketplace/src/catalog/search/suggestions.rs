//! What somebody may be about to type: words, titles, makes, models and signals.
//!
//! A term of the index is the folded text, a separator, and the text as it is shown, so that one walk through the
//! terms finds what begins with what was typed.

use std::collections::BTreeMap;

use tantivy::query::FuzzyTermQuery;
use tantivy::schema::Field;
use tantivy::{Searcher, Term};

use super::SearchError;
use super::facets::Counted;
use super::words::{is_alive, slips_max};

/// How many are told.
pub(super) const SUGGESTIONS_MAX: usize = 10;
/// Terms of a segment that are looked at, so that one letter costs no more than three.
const TERMS_MAX: usize = 5_000;
/// Letters that a word of a text needs.
const LETTERS_MIN: usize = 3;
/// Between what is compared and what is shown. Sorts before everything printable.
const SEPARATOR: char = '\u{1}';

/// The term that suggests `shown` to who types the beginning of `typed`.
pub(super) fn term(typed: &str, shown: &str) -> String {
    format!("{}{SEPARATOR}{shown}", typed.to_lowercase())
}

/// Terms for the words of a text.
pub(super) fn of_text(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    let words = words.filter(|word| word.chars().count() >= LETTERS_MIN);
    words.map(|word| term(&word, &word))
}

/// Terms for a signal: by its path, and by the last part of it.
pub(super) fn of_signal(path: &str) -> impl Iterator<Item = String> {
    let last = path.rsplit('.').next().unwrap_or(path);
    [term(path, path), term(last, path)].into_iter()
}

/// What was found so far, by folded text: how it is shown, and in how many datasets it is.
type Found = BTreeMap<String, Counted>;

/// What begins as `typed` does, or when nothing does, what does with a slip; most frequent first.
pub(super) fn suggest(
    searcher: &Searcher,
    field: Field,
    typed: &str,
) -> Result<Vec<Counted>, SearchError> {
    let typed = typed.trim().to_lowercase();
    if typed.is_empty() {
        return Ok(Vec::new());
    }
    let found = find(searcher, field, &typed, 0)?;
    // Long beginnings too have one slip at most: with two they are hardly the same word.
    if found.is_empty() && slips_max(typed.chars().count()) > 0 {
        return Ok(best(find(searcher, field, &typed, 1)?));
    }
    Ok(best(found))
}

/// Beginnings with so many slips at most.
fn find(searcher: &Searcher, field: Field, typed: &str, slips: u8) -> Result<Found, SearchError> {
    let mut found = Found::new();
    for segment in searcher.segment_readers() {
        let inverted = segment.inverted_index(field)?;
        let near = FuzzyTermQuery::new_prefix(Term::from_field_text(field, typed), slips, true);
        let mut terms = inverted
            .terms()
            .search(near.automaton()?)
            .into_stream()
            .map_err(tantivy::TantivyError::from)?;
        let mut here = Found::new();
        let mut seen = 0;
        while let Some((term, info)) = terms.next() {
            seen += 1;
            if seen > TERMS_MAX {
                break;
            }
            if is_alive(segment, &inverted, info)? {
                note(&mut here, &String::from_utf8_lossy(term), info.doc_freq.into());
            }
        }
        for (folded, one) in here {
            let sum = found.get(&folded).map_or(0, |known| known.count);
            found.insert(folded, Counted { count: one.count + sum, ..one });
        }
    }
    Ok(found)
}

/// Notes a term. Several may show the same text, in the same datasets.
fn note(found: &mut Found, term: &str, count: u64) {
    let Some((_, shown)) = term.split_once(SEPARATOR) else { return };
    let new = Counted { value: shown.to_owned(), count: 0 };
    let known = found.entry(shown.to_lowercase()).or_insert(new);
    known.count = known.count.max(count);
    // A name is written as it is written, also when it is a word of a text.
    if shown < known.value.as_str() {
        shown.clone_into(&mut known.value);
    }
}

fn best(found: Found) -> Vec<Counted> {
    let mut best: Vec<_> = found.into_values().collect();
    best.sort_by_key(|one| std::cmp::Reverse(one.count));
    best.truncate(SUGGESTIONS_MAX);
    best
}
