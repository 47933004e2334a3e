//! Searching the catalogue by words, signal, make and model.
//!
//! **Invariant:** the index is a view of the table of datasets and never the truth: it is made again
//! at start and after each description, and can be deleted at any time.

mod audit;

use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::collector::TopDocs;
use tantivy::query::{AllQuery, BooleanQuery, Occur, Query, RangeQuery, TermQuery};
use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TantivyDocument,
    TextFieldIndexing, TextOptions, Value,
};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, Term};

pub use audit::audit;

use super::dataset::{Dataset, DatasetId};
use crate::archive::Score;

/// Least memory that the index writer works with.
const WRITER_BYTES: usize = 15_000_000;
/// Splits, lower-cases and stems English words.
const TOKENIZER: &str = "en_stem";

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
}

/// What a buyer looks for. Empty fields look for nothing in particular.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Words; the more of them fit, the higher a dataset comes.
    pub words: String,
    /// Path of a signal that must be in it.
    pub signal: Option<String>,
    /// A brand that must be in it.
    pub make: Option<String>,
    /// A model that must be in it.
    pub model: Option<String>,
    /// How plausible it must be, at least. What was never scored is not found then.
    pub score_min: Option<Score>,
}

/// The search index. Cheap to clone.
#[derive(Clone)]
pub struct Search {
    index: Index,
    reader: IndexReader,
    fields: Fields,
    /// Held while the index is made again: tantivy has one writer.
    writing: Arc<Mutex<()>>,
}

#[derive(Clone, Copy)]
struct Fields {
    id: Field,
    text: Field,
    signal: Field,
    make: Field,
    model: Field,
    score: Field,
}

impl Search {
    /// Opens the index in `folder`. One that does not fit this program is replaced by an empty one.
    ///
    /// # Errors
    /// When the folder can not be written.
    pub fn open(folder: &Path) -> Result<Self, SearchError> {
        let refuse = |source| SearchError::Folder { folder: folder.display().to_string(), source };
        let (schema, fields) = schema();
        std::fs::create_dir_all(folder).map_err(refuse)?;
        let index = match Index::open_in_dir(folder) {
            Ok(index) if index.schema() == schema => index,
            _ => {
                std::fs::remove_dir_all(folder).map_err(refuse)?;
                std::fs::create_dir_all(folder).map_err(refuse)?;
                Index::create_in_dir(folder, schema)?
            }
        };
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { index, reader, fields, writing: Arc::default() })
    }

    /// Makes the index of these datasets, and no others.
    ///
    /// # Errors
    /// When the index can not be written; then it is as it was.
    pub fn rebuild(&self, datasets: &[Dataset]) -> Result<(), SearchError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        write(&self.index, self.fields, datasets)?;
        self.reader.reload()?;
        Ok(())
    }

    /// Datasets that fit, best first.
    ///
    /// # Errors
    /// When the index can not be read.
    pub fn find(&self, wanted: &Wanted, limit: usize) -> Result<Vec<DatasetId>, SearchError> {
        let searcher = self.reader.searcher();
        let best = TopDocs::with_limit(limit.max(1)).order_by_score();
        let mut found = Vec::new();
        for (_, address) in searcher.search(&self.query(wanted)?, &best)? {
            let document: TantivyDocument = searcher.doc(address)?;
            let id = document.get_first(self.fields.id).and_then(|value| value.as_str());
            found.extend(id.and_then(|text| DatasetId::parse(text).ok()));
        }
        Ok(found)
    }

    fn query(&self, wanted: &Wanted) -> Result<BooleanQuery, SearchError> {
        let Fields { text, signal, make, model, score, .. } = self.fields;
        let term = |field, word: &str| -> Box<dyn Query> {
            Box::new(TermQuery::new(
                Term::from_field_text(field, word),
                IndexRecordOption::WithFreqs,
            ))
        };
        let mut fitting: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        let exact = [(signal, &wanted.signal), (make, &wanted.make), (model, &wanted.model)];
        for (field, word) in exact {
            let word = word.as_ref().map(|word| word.to_lowercase());
            fitting.extend(word.map(|word| (Occur::Must, term(field, &word))));
        }
        if let Some(least) = wanted.score_min {
            let least = Term::from_field_u64(score, least.per_mille().into());
            let range = RangeQuery::new(Bound::Included(least), Bound::Unbounded);
            fitting.push((Occur::Must, Box::new(range)));
        }
        let mut tokens: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        let mut analyzer = self.index.tokenizer_for_field(text)?;
        analyzer.token_stream(&words(&wanted.words)).process(&mut |token| {
            tokens.push((Occur::Should, term(text, &token.text)));
        });
        if tokens.is_empty() {
            fitting.push((Occur::Must, Box::new(AllQuery)));
        } else {
            fitting.push((Occur::Must, Box::new(BooleanQuery::new(tokens))));
        }
        Ok(BooleanQuery::new(fitting))
    }
}

/// Puts these datasets in the place of all that are in `index`.
fn write(index: &Index, fields: Fields, datasets: &[Dataset]) -> Result<(), SearchError> {
    let mut writer: IndexWriter = index.writer_with_num_threads(1, WRITER_BYTES)?;
    writer.delete_all_documents()?;
    for dataset in datasets {
        writer.add_document(document(fields, dataset))?;
    }
    writer.commit()?;
    Ok(())
}

fn document(fields: Fields, dataset: &Dataset) -> TantivyDocument {
    let Fields { id, text, signal, make, model, score } = fields;
    let mut document = TantivyDocument::new();
    document.add_text(id, dataset.id.to_string());
    if let Some(known) = dataset.quality.score {
        document.add_u64(score, known.per_mille().into());
    }
    document.add_text(text, &dataset.title);
    document.add_text(text, &dataset.description);
    for line in &dataset.signals {
        document.add_text(text, words(line.signal.path()));
        document.add_text(signal, line.signal.path().to_lowercase());
    }
    for word in &dataset.makes {
        document.add_text(text, word);
        document.add_text(make, word.to_lowercase());
    }
    for word in &dataset.models {
        document.add_text(text, word);
        document.add_text(model, word.to_lowercase());
    }
    document
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(TOKENIZER)
        .set_index_option(IndexRecordOption::WithFreqs);
    let fields = Fields {
        id: schema.add_text_field("id", STRING | STORED),
        text: schema.add_text_field("text", TextOptions::default().set_indexing_options(indexing)),
        signal: schema.add_text_field("signal", STRING),
        make: schema.add_text_field("make", STRING),
        model: schema.add_text_field("model", STRING),
        score: schema.add_u64_field("score", INDEXED | FAST),
    };
    (schema.build(), fields)
}

/// Text with a space where a word begins inside a name: `StateOfHealth` is three words.
fn words(text: &str) -> String {
    let mut spaced = String::with_capacity(text.len() * 2);
    let mut before = ' ';
    for character in text.chars() {
        if character.is_uppercase() && before.is_lowercase() {
            spaced.push(' ');
        }
        spaced.push(character);
        before = character;
    }
    spaced
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use telematics::testing::T0;

    use super::*;
    use crate::catalog::{DatasetQuality, SignalRows, templates};

    fn catalogue() -> Vec<Dataset> {
        let dataset = |(number, template): (u8, crate::catalog::Template)| Dataset {
            id: DatasetId::new(T0, [number; 10]),
            slug: template.slug,
            title: template.title,
            description: template.description,
            signals: template.signals.iter().map(|s| SignalRows { signal: *s, rows: 1 }).collect(),
            price_per_row: template.price_per_row,
            rows: 1,
            vehicles: 1,
            makes: BTreeSet::from(["Toyota".to_owned()]),
            models: BTreeSet::from([format!("Model {number}")]),
            first_at: None,
            last_at: None,
            quality: DatasetQuality {
                score: number.checked_mul(100).and_then(|score| Score::new(score.into())),
                ..DatasetQuality::default()
            },
            lake_version: 0,
            described_at: T0,
        };
        (0..).zip(templates().unwrap()).map(dataset).collect()
    }

    /// Slugs found, best first.
    fn find(search: &Search, wanted: &Wanted) -> Vec<String> {
        let catalogue = catalogue();
        let slug = |id| catalogue.iter().find(|dataset| dataset.id == id).unwrap().slug.clone();
        search.find(wanted, 20).unwrap().into_iter().map(slug).collect()
    }

    fn asked(words: &str) -> Wanted {
        Wanted { words: words.to_owned(), ..Wanted::default() }
    }

    #[test]
    fn datasets_are_found_by_the_words_people_use() {
        let folder = tempfile::tempdir().unwrap();
        let search = Search::open(folder.path()).unwrap();
        search.rebuild(&catalogue()).unwrap();

        for (words, best) in [
            ("battery health", "ev-battery-health"),
            ("StateOfHealth", "ev-battery-health"),
            ("tyres", "tyre-pressure"),
            ("steering wheel", "driving-behaviour"),
            ("wipers rain", "climate-and-weather"),
        ] {
            assert_eq!(find(&search, &asked(words)).first().unwrap(), best, "{words}");
        }
        assert_eq!(find(&search, &asked("submarine")), [""; 0]);
        assert_eq!(find(&search, &asked("")).len(), catalogue().len());
    }

    #[test]
    fn filters_are_exact_but_for_case() {
        let folder = tempfile::tempdir().unwrap();
        let search = Search::open(folder.path()).unwrap();
        search.rebuild(&catalogue()).unwrap();
        let signal = Some("vehicle.traveleddistance".to_owned());

        assert_eq!(find(&search, &Wanted { signal, ..Wanted::default() }), ["odometer"]);
        for (make, count) in [("toyota", catalogue().len()), ("toyo", 0)] {
            let wanted = Wanted { make: Some(make.to_owned()), ..Wanted::default() };
            assert_eq!(find(&search, &wanted).len(), count, "{make}");
        }
        let wanted = Wanted { model: Some("model 2".to_owned()), ..asked("battery") };
        assert_eq!(find(&search, &wanted), ["ev-battery-health"]);
    }

    #[test]
    fn what_is_less_plausible_than_wanted_or_was_never_scored_is_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let search = Search::open(folder.path()).unwrap();
        search.rebuild(&catalogue()).unwrap();

        // 0, 100 and 200 are scores; beyond, the number of a dataset does not fit and there is none.
        for (least, count) in [(0, 3), (100, 2), (101, 1), (200, 1), (201, 0)] {
            let wanted = Wanted { score_min: Score::new(least), ..Wanted::default() };
            assert_eq!(find(&search, &wanted).len(), count, "{least}");
        }
    }

    #[test]
    fn an_index_that_was_deleted_or_damaged_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("meta.json"), "not an index").unwrap();

        let search = Search::open(folder.path()).unwrap();
        search.rebuild(&catalogue()).unwrap();
        search.rebuild(&catalogue()[..1]).unwrap();

        assert_eq!(find(&search, &asked("")).len(), 1);
    }
}
