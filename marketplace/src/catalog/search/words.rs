//! Finding words, also those with a slip in them.
//!
//! A word that no dataset has is replaced by those that are nearest to it: one letter added, left out, changed or swapped with
//! its neighbour, and two in a long word. Words that are there are never replaced.

use std::collections::{BTreeMap, BTreeSet};

use tantivy::postings::TermInfo;
use tantivy::query::{BooleanQuery, BoostQuery, EmptyQuery, FuzzyTermQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{DocSet, InvertedIndexReader, Searcher, SegmentReader, TERMINATED, Term};

use super::SearchError;
use super::document;

/// Words of a query that are looked for; what comes after them is not.
const WORDS_MAX: usize = 32;
/// Letters of a word that may have one slip; shorter ones have none, and longer than [`LETTERS_OF_ONE_SLIP`] two.
const LETTERS_MIN: usize = 3;
const LETTERS_OF_ONE_SLIP: usize = 7;
/// Words that take the place of one, the most frequent ones.
const NEAREST_MAX: usize = 8;
/// What a word that is only near counts, of one that is there.
const NEAR: f32 = 0.5;

/// What finds any of `words`; nothing when there are none.
pub(super) fn query(
    searcher: &Searcher,
    field: Field,
    stem: &mut TextAnalyzer,
    words: &str,
) -> Result<Option<Box<dyn Query>>, SearchError> {
    let mut tokens = BTreeSet::new();
    stem.token_stream(&document::words(words)).process(&mut |token| {
        if tokens.len() < WORDS_MAX {
            tokens.insert(token.text.clone());
        }
    });
    if tokens.is_empty() {
        return Ok(None);
    }
    let term = |word: &str| -> Box<dyn Query> {
        let term = Term::from_field_text(field, word);
        Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs))
    };
    let mut any: Vec<Box<dyn Query>> = Vec::new();
    for token in &tokens {
        if is_there(searcher, field, token)? {
            any.push(term(token));
        } else {
            let near = nearest(searcher, field, token)?;
            any.extend(
                near.iter()
                    .map(|word| -> Box<dyn Query> { Box::new(BoostQuery::new(term(word), NEAR)) }),
            );
        }
    }
    // Words that nothing is near find nothing, rather than everything.
    Ok(Some(if any.is_empty() { Box::new(EmptyQuery) } else { Box::new(BooleanQuery::union(any)) }))
}

fn is_there(searcher: &Searcher, field: Field, word: &str) -> Result<bool, SearchError> {
    let term = Term::from_field_text(field, word);
    for segment in searcher.segment_readers() {
        let inverted = segment.inverted_index(field)?;
        if let Some(info) = inverted.get_term_info(&term).map_err(tantivy::TantivyError::from)?
            && is_alive(segment, &inverted, &info)?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a document that has the term was not deleted.
pub(super) fn is_alive(
    segment: &SegmentReader,
    inverted: &InvertedIndexReader,
    info: &TermInfo,
) -> tantivy::Result<bool> {
    let Some(alive) = segment.alive_bitset() else { return Ok(true) };
    let mut postings = inverted.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
    while postings.doc() != TERMINATED {
        if alive.is_alive(postings.doc()) {
            return Ok(true);
        }
        postings.advance();
    }
    Ok(false)
}

/// Slips that a word of so many letters may have.
pub(super) fn slips_max(letters: usize) -> u8 {
    match letters {
        ..LETTERS_MIN => 0,
        LETTERS_MIN..=LETTERS_OF_ONE_SLIP => 1,
        _ => 2,
    }
}

/// The words with the fewest slips between them and `word`, most frequent first.
fn nearest(searcher: &Searcher, field: Field, word: &str) -> Result<Vec<String>, SearchError> {
    for slips in 1..=slips_max(word.chars().count()) {
        let mut found = BTreeMap::<String, u64>::new();
        for segment in searcher.segment_readers() {
            let inverted = segment.inverted_index(field)?;
            let near = FuzzyTermQuery::new(Term::from_field_text(field, word), slips, true);
            let mut terms = inverted
                .terms()
                .search(near.automaton()?)
                .into_stream()
                .map_err(tantivy::TantivyError::from)?;
            while let Some((term, info)) = terms.next() {
                if is_alive(segment, &inverted, info)? {
                    let term = String::from_utf8_lossy(term).into_owned();
                    *found.entry(term).or_default() += u64::from(info.doc_freq);
                }
            }
        }
        if !found.is_empty() {
            let mut found: Vec<_> = found.into_iter().collect();
            found.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
            return Ok(found.into_iter().take(NEAREST_MAX).map(|(word, _)| word).collect());
        }
    }
    Ok(Vec::new())
}
