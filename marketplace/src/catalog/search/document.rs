//! What the index has of a dataset, field by field.
//!
//! **Invariant:** only what the dataset says is in it, and every field but the halves of the id is indexed, so that the
//! audit, which compares terms, sees all of it.

use std::collections::BTreeSet;

use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STRING, Schema, TantivyDocument, TextFieldIndexing,
    TextOptions,
};
use tantivy::tokenizer::{LowerCaser, RawTokenizer, TextAnalyzer};
use tantivy::{Index, Term};

use super::facets::{Facet, price_step};
use super::suggestions;
use crate::catalog::{Dataset, DatasetId};

/// Splits, lower-cases and stems English words.
const STEMMED: &str = "en_stem";
/// Lower-cases a whole text.
const FOLDED: &str = "folded";

/// The fields of a document.
#[derive(Clone, Copy)]
pub(super) struct Fields {
    pub(super) id: Field,
    /// The id again, as two numbers, which sort faster.
    pub(super) id_high: Field,
    pub(super) id_low: Field,
    /// Everything that is found by words.
    pub(super) text: Field,
    /// What is suggested to who is typing.
    pub(super) suggestion: Field,
    pub(super) signal: Field,
    pub(super) make: Field,
    pub(super) model: Field,
    pub(super) year: Field,
    pub(super) powertrain: Field,
    pub(super) price_range: Field,
    /// The day of the newest row.
    pub(super) day: Field,
    /// What a row costs, in micro-tokens.
    pub(super) price: Field,
    /// The time of the newest row, in microseconds.
    pub(super) last_at: Field,
    pub(super) rows: Field,
    pub(super) vehicles: Field,
    /// In per mille; missing when nothing was scored.
    pub(super) score: Field,
}

pub(super) fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let indexed = |tokenizer| {
        TextFieldIndexing::default()
            .set_tokenizer(tokenizer)
            .set_index_option(IndexRecordOption::WithFreqs)
    };
    let text = TextOptions::default().set_indexing_options(indexed(STEMMED));
    let folded = TextFieldIndexing::default()
        .set_tokenizer(FOLDED)
        .set_fieldnorms(false)
        .set_index_option(IndexRecordOption::Basic);
    let facet = TextOptions::default().set_indexing_options(folded).set_fast("raw");
    let mut of = |which: Facet| schema.add_text_field(which.name(), facet.clone());
    let (signal, make, model) = (of(Facet::Signal), of(Facet::Make), of(Facet::Model));
    let (year, powertrain) = (of(Facet::Year), of(Facet::Powertrain));
    let (price_range, day) = (of(Facet::Price), of(Facet::Day));
    let mut number = |name| schema.add_u64_field(name, INDEXED | FAST);
    let (price, last_at, rows) = (number("price"), number("last_at"), number("rows"));
    let (vehicles, score) = (number("vehicles"), number("score"));
    let fields = Fields {
        id: schema.add_text_field("id", STRING),
        id_high: schema.add_u64_field("id_high", FAST),
        id_low: schema.add_u64_field("id_low", FAST),
        text: schema.add_text_field("text", text),
        suggestion: schema.add_text_field("suggestion", STRING),
        signal,
        make,
        model,
        year,
        powertrain,
        price_range,
        day,
        price,
        last_at,
        rows,
        vehicles,
        score,
    };
    (schema.build(), fields)
}

/// Tells the index how its texts are cut.
pub(super) fn register_tokenizers(index: &Index) {
    let folded = TextAnalyzer::builder(RawTokenizer::default()).filter(LowerCaser).build();
    index.tokenizers().register(FOLDED, folded);
}

/// Where the document of a dataset is found.
pub(super) fn id_term(fields: &Fields, id: DatasetId) -> Term {
    Term::from_field_text(fields.id, &id.to_string())
}

pub(super) fn document(fields: &Fields, dataset: &Dataset) -> TantivyDocument {
    let mut document = TantivyDocument::new();
    document.add_text(fields.id, dataset.id.to_string());
    let id = u128::from_be_bytes(*dataset.id.as_bytes());
    let half = |half: u128| u64::try_from(half & u128::from(u64::MAX)).unwrap_or(u64::MAX);
    document.add_u64(fields.id_high, half(id >> 64));
    document.add_u64(fields.id_low, half(id));
    add_text(&mut document, fields, dataset);
    let price = u64::try_from(dataset.price_per_row.micros()).unwrap_or(0);
    document.add_u64(fields.price, price);
    document.add_text(fields.price_range, price_step(price).to_string());
    document.add_u64(fields.rows, dataset.rows);
    document.add_u64(fields.vehicles, dataset.vehicles);
    if let Some(last) = dataset.last_at {
        document.add_u64(fields.last_at, u64::try_from(last.as_micros()).unwrap_or(0));
        document.add_text(fields.day, last.day().to_string());
    }
    if let Some(known) = dataset.quality.score {
        document.add_u64(fields.score, known.per_mille().into());
    }
    document
}

fn add_text(document: &mut TantivyDocument, fields: &Fields, dataset: &Dataset) {
    let mut suggested = BTreeSet::new();
    document.add_text(fields.text, &dataset.title);
    suggested.extend(suggestions::of_text(&dataset.title));
    suggested.insert(suggestions::term(&dataset.title, &dataset.title));
    document.add_text(fields.text, &dataset.description);
    suggested.extend(suggestions::of_text(&dataset.description));
    for line in &dataset.signals {
        let path = line.signal.path();
        document.add_text(fields.text, words(path));
        document.add_text(fields.signal, path);
        suggested.extend(suggestions::of_text(&words(path)));
        suggested.extend(suggestions::of_signal(path));
    }
    for (field, named) in [(fields.make, &dataset.makes), (fields.model, &dataset.models)] {
        for word in named {
            document.add_text(fields.text, word);
            document.add_text(field, word);
            suggested.insert(suggestions::term(word, word));
        }
    }
    let years = dataset.years.iter().map(|year| (fields.year, year.to_string()));
    let powertrains = dataset.powertrains.iter().map(|one| (fields.powertrain, one.to_string()));
    for (field, word) in years.chain(powertrains) {
        document.add_text(fields.text, &word);
        document.add_text(field, &word);
    }
    for term in suggested {
        document.add_text(fields.suggestion, term);
    }
}

/// Text with a space where a word begins inside a name: `StateOfHealth` is three words.
pub(super) fn words(text: &str) -> String {
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
