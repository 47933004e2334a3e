//! Searching the catalogue: words, filters, ranges, orders, facets, suggestions.
//!
//! What fits is a bit for each document of a segment; order and facets go through these bits. Segments are worked on side
//! by side.
//!
//! **Invariant:** the index is a view of the table of datasets and never the truth: it is made again
//! at start, [`follow()`] brings it up to the table after that, and it can be deleted at any time.

mod audit;
mod document;
mod facets;
mod fits;
mod follow;
mod ranking;
mod suggestions;
mod wanted;
mod words;

#[cfg(test)]
mod tests;

use std::borrow::Borrow;
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tantivy::index::SegmentId;
use tantivy::query::{EnableScoring, Weight};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, Searcher};
use telematics::Timestamp;

pub use audit::audit;
pub use facets::{AgeCount, Counted, Facets, PriceCount};
pub use follow::follow;
pub use ranking::{Cursor, Sort};
pub use wanted::{Page, Wanted};

use self::document::Fields;
use self::facets::Rows;
use self::fits::Fits;
use super::dataset::{Dataset, DatasetId};
use crate::ledger::Amount;

/// Memory that the index writer works with, at most.
const WRITER_BYTES: usize = 100_000_000;

/// Why the index could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// Its folder can not be made.
    #[error("cannot make the folder of the search index, {folder}")]
    Folder {
        /// The folder.
        folder: String,
        /// What the file system says.
        #[source]
        source: std::io::Error,
    },
    /// The index failed.
    #[error("cannot use the search index; it can be deleted and is made again at the next start")]
    Index(#[from] tantivy::TantivyError),
    /// More words than are looked for.
    #[error("{chars} characters of words; at most {} are looked for", Wanted::WORDS_CHARS_MAX)]
    TooLong {
        /// How many.
        chars: usize,
    },
    /// No price is in the range.
    #[error(
        "no price is at least {least} and at most {most}; `price_max` may not be below 0 or `price_min`"
    )]
    NoPrice {
        /// The least.
        least: Amount,
        /// The greatest.
        most: Amount,
    },
    /// A page without datasets, or with too many.
    #[error("`limit` is {limit}; a page has 1 to {} datasets", Page::LIMIT_MAX)]
    Limit {
        /// How many were asked for.
        limit: usize,
    },
    /// No order of datasets.
    #[error("`{text}` is no order; it is one of {}", Sort::ALL.map(Sort::as_str).join(", "))]
    UnknownOrder {
        /// What was given.
        text: String,
    },
    /// Text that no page ended with.
    #[error("`{text}` is not what a page gave as `next`; ask without `after` for the first page")]
    NotACursor {
        /// What was given.
        text: String,
    },
    /// A page of one order after a page of another.
    #[error(
        "`after` is of a page by {cursor}, this one is by {asked}; ask for the first page by {asked}"
    )]
    OtherOrder {
        /// The order of the page before.
        cursor: Sort,
        /// The order of this one.
        asked: Sort,
    },
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// One page of it, in order.
    pub datasets: Vec<DatasetId>,
    /// Where the next page begins; none after the last one.
    pub next: Option<Cursor>,
    /// How many datasets fit.
    pub total: u64,
    /// What fits by its values, when that was asked for.
    pub facets: Option<Facets>,
}

/// The search index. Cheap to clone.
#[derive(Clone)]
pub struct Search {
    index: Index,
    reader: IndexReader,
    fields: Fields,
    view: Arc<RwLock<Arc<View>>>,
    /// The last change of the table that is in the index; none before it was first compared with the table. Held
    /// while the index is written: tantivy has one writer.
    followed: Arc<Mutex<Option<i64>>>,
}

/// The index as it was when it was last written.
struct View {
    searcher: Searcher,
    /// Of each segment.
    rows: Vec<(SegmentId, Arc<Rows>)>,
}

impl Search {
    /// Opens the index in `folder`. One that does not fit this program is replaced by an empty one.
    ///
    /// # Errors
    /// When the folder can not be written.
    pub fn open(folder: &Path) -> Result<Self, SearchError> {
        let refuse = |source| SearchError::Folder { folder: folder.display().to_string(), source };
        let (schema, fields) = document::schema();
        std::fs::create_dir_all(folder).map_err(refuse)?;
        let mut index = match Index::open_in_dir(folder) {
            Ok(index) if index.schema() == schema => index,
            _ => {
                std::fs::remove_dir_all(folder).map_err(refuse)?;
                std::fs::create_dir_all(folder).map_err(refuse)?;
                Index::create_in_dir(folder, schema)?
            }
        };
        document::register_tokenizers(&index);
        index.set_multithread_executor(
            std::thread::available_parallelism().map_or(1, NonZero::get),
        )?;
        let reader: IndexReader =
            index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let view = View::new(&index, &fields, reader.searcher(), &[])?;
        let view = Arc::new(RwLock::new(Arc::new(view)));
        Ok(Self { index, reader, fields, view, followed: Arc::default() })
    }

    /// Makes the index of these datasets, and no others.
    ///
    /// # Errors
    /// When the index can not be written; then it is as it was.
    pub fn rebuild(
        &self,
        datasets: impl IntoIterator<Item = impl Borrow<Dataset>>,
    ) -> Result<(), SearchError> {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        *followed = None;
        self.write(|writer| {
            writer.delete_all_documents()?;
            add(writer, &self.fields, datasets)
        })
    }

    /// Puts these datasets in the place of what the index has of them. Whoever calls it holds `followed`.
    fn update(&self, datasets: &[Dataset]) -> Result<(), SearchError> {
        self.write(|writer| {
            for dataset in datasets {
                writer.delete_term(document::id_term(&self.fields, dataset.id));
            }
            add(writer, &self.fields, datasets)
        })
    }

    /// Commits what `change` does, shows it, and then lets small segments become large ones.
    fn write(
        &self,
        change: impl FnOnce(&IndexWriter) -> tantivy::Result<()>,
    ) -> Result<(), SearchError> {
        let mut writer: IndexWriter = self.index.writer_with_num_threads(1, WRITER_BYTES)?;
        change(&writer)?;
        writer.commit()?;
        self.show()?;
        writer.wait_merging_threads()?;
        self.show()
    }

    /// Lets who searches see what was written.
    fn show(&self) -> Result<(), SearchError> {
        self.reader.reload()?;
        let shown = self.view();
        let view = View::new(&self.index, &self.fields, self.reader.searcher(), &shown.rows)?;
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
        Ok(())
    }

    fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Datasets that fit.
    ///
    /// # Errors
    /// What can not be looked for is refused; otherwise when the index can not be read.
    pub fn find(&self, wanted: &Wanted, page: &Page, now: Timestamp) -> Result<Found, SearchError> {
        wanted.check(page)?;
        let view = self.view();
        let filters = wanted.filters(&self.index, &self.fields, now)?;
        let unscored = EnableScoring::disabled_from_searcher(&view.searcher);
        let filters = filters.iter().map(|query| query.weight(unscored));
        let filters = filters.collect::<tantivy::Result<_>>()?;
        let mut stem = self.index.tokenizer_for_field(self.fields.text)?;
        let words = words::query(&view.searcher, self.fields.text, &mut stem, &wanted.words)?;
        let words = match words {
            Some(query) => {
                Some(query.weight(EnableScoring::enabled_from_searcher(&view.searcher))?)
            }
            None => None,
        };
        let looked_for = LookedFor { filters, words, page };
        let rows = view.rows.iter().map(|(_, rows)| rows.as_ref());
        let segments = view.searcher.segment_readers().iter().zip(rows);
        let find = |(segment, rows)| looked_for.find(segment, rows);
        let parts = self.index.search_executor().map(find, segments)?;

        let mut found =
            Found { total: parts.iter().map(|part| part.total).sum(), ..Found::default() };
        let mut places: Vec<_> = parts.iter().flat_map(|part| part.first.iter().copied()).collect();
        places.sort_unstable();
        let goes_on = places.len() > page.limit;
        places.truncate(page.limit);
        let last = places.last().filter(|_| goes_on);
        found.next = last.map(|last| Cursor { sort: page.sort, last: *last });
        found.datasets = places.into_iter().filter_map(ranking::Place::dataset).collect();
        if page.facets {
            let counted = parts.into_iter().flat_map(|part| part.counted);
            found.facets = Some(facets::facets(counted, now));
        }
        Ok(found)
    }

    /// What begins as `typed` does, or nearly so: at most ten texts, best first.
    ///
    /// # Errors
    /// Too long a text is refused; otherwise when the index can not be read.
    pub fn suggest(&self, typed: &str) -> Result<Vec<Counted>, SearchError> {
        wanted::check_words(typed)?;
        suggestions::suggest(&self.view().searcher, self.fields.suggestion, typed)
    }
}

fn add(
    writer: &IndexWriter,
    fields: &Fields,
    datasets: impl IntoIterator<Item = impl Borrow<Dataset>>,
) -> tantivy::Result<()> {
    for dataset in datasets {
        let dataset = dataset.borrow();
        // What one buyer sees is not found by others.
        if dataset.private.is_none() {
            writer.add_document(document::document(fields, dataset))?;
        }
    }
    Ok(())
}

impl View {
    /// Reads the rows of segments that are not `known`.
    fn new(
        index: &Index,
        fields: &Fields,
        searcher: Searcher,
        known: &[(SegmentId, Arc<Rows>)],
    ) -> Result<Self, SearchError> {
        let mut fold = index.tokenizer_for_field(fields.make)?;
        let mut rows = Vec::new();
        for segment in searcher.segment_readers() {
            let id = segment.segment_id();
            let known = known.iter().find(|(known, _)| *known == id);
            rows.push(match known {
                Some((_, rows)) => (id, Arc::clone(rows)),
                None => (id, Arc::new(Rows::read(segment, &mut fold)?)),
            });
        }
        Ok(Self { searcher, rows })
    }
}

/// What is looked for in each segment.
struct LookedFor<'a> {
    filters: Vec<Box<dyn Weight>>,
    words: Option<Box<dyn Weight>>,
    page: &'a Page,
}

/// What a segment has of it.
struct Part<'a> {
    total: u64,
    first: Vec<ranking::Place>,
    counted: Vec<(&'a facets::Name, &'a str, u64)>,
}

impl LookedFor<'_> {
    fn find<'a>(
        &self,
        segment: &tantivy::SegmentReader,
        rows: &'a Rows,
    ) -> tantivy::Result<Part<'a>> {
        let mut fits = Fits::alive(segment);
        for weight in self.filters.iter().chain(&self.words) {
            fits.keep(weight.as_ref(), segment)?;
        }
        let Page { sort, after, limit, facets } = *self.page;
        // One more than is shown, to know whether the list goes on.
        let count = limit.saturating_add(1);
        let first =
            ranking::first((segment, rows), &fits, self.words.as_deref(), (sort, after), count)?;
        let counted = if facets { rows.count(&fits) } else { Vec::new() };
        Ok(Part { total: fits.count().into(), first, counted })
    }
}
