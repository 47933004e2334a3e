//! The index against the table of datasets.

use std::collections::BTreeMap;
use std::path::Path;

use tantivy::postings::TermInfo;
use tantivy::schema::IndexRecordOption;
use tantivy::{Index, IndexWriter, InvertedIndexReader, ReloadPolicy, SegmentReader};

use super::{Dataset, SearchError, WRITER_BYTES, add, document};
use crate::ledger::Check;

/// How many documents have a term, by field and term.
type Terms = BTreeMap<(String, Vec<u8>), u64>;

/// Makes the index of `datasets` again, in memory, and compares all terms with those in `folder`. Changes nothing there.
///
/// # Errors
/// When an index can not be read.
pub fn audit(folder: &Path, datasets: &[Dataset]) -> Result<Check, SearchError> {
    let mut check = Check::of("the search index has the terms of all datasets, and no others");
    let Ok(index) = Index::open_in_dir(folder) else {
        check.look(datasets.is_empty(), || format!("there is no index in {}", folder.display()));
        return Ok(check);
    };
    let (schema, fields) = document::schema();
    let again = Index::create_in_ram(schema);
    document::register_tokenizers(&again);
    let mut writer: IndexWriter = again.writer_with_num_threads(1, WRITER_BYTES)?;
    add(&writer, &fields, datasets)?;
    writer.commit()?;
    let (found, wanted) = (terms(&index)?, terms(&again)?);
    let keys = found.keys().chain(wanted.keys().filter(|key| !found.contains_key(*key)));
    for key @ (field, term) in keys {
        let (found, wanted) = (found.get(key), wanted.get(key));
        check.look(found == wanted, || {
            let term = String::from_utf8_lossy(term);
            let count = |count: Option<&u64>| count.copied().unwrap_or(0);
            let (found, wanted) = (count(found), count(wanted));
            format!("`{term}` of field `{field}` is in {found} documents and should be in {wanted}")
        });
    }
    Ok(check)
}

fn terms(index: &Index) -> Result<Terms, SearchError> {
    let reader: tantivy::IndexReader =
        index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
    let mut terms = Terms::new();
    for segment in reader.searcher().segment_readers() {
        for (field, entry) in index.schema().fields().filter(|(_, entry)| entry.is_indexed()) {
            let inverted = segment.inverted_index(field)?;
            let mut stream = inverted.terms().stream().map_err(tantivy::TantivyError::from)?;
            while let Some((term, info)) = stream.next() {
                let count = alive(segment, &inverted, info)?;
                if count > 0 {
                    let key = (entry.name().to_owned(), term.to_vec());
                    *terms.entry(key).or_default() += u64::from(count);
                }
            }
        }
    }
    Ok(terms)
}

/// How many documents have a term. Those that were deleted are counted by the index until it merges their segment.
fn alive(
    segment: &SegmentReader,
    inverted: &InvertedIndexReader,
    info: &TermInfo,
) -> tantivy::Result<u32> {
    let Some(alive) = segment.alive_bitset() else { return Ok(info.doc_freq) };
    let postings = inverted.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
    Ok(postings.doc_freq_given_deletes(alive))
}
