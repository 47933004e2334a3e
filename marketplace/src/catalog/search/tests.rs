//! Search over a catalogue made by hand: words, slips, filters, orders, suggestions, refusals.

mod by_hand;

use std::collections::BTreeSet;

use telematics::Powertrain;
use telematics::testing::T0;
use tempfile::TempDir;

use super::*;
use crate::archive::Score;
use crate::catalog::{DatasetQuality, SignalRows, Template, templates};

const PER_DAY: i64 = 86_400;

/// The templates of a market, each with a number that says what it has.
fn catalogue() -> Vec<Dataset> {
    let dataset = |(number, template): (u8, Template)| Dataset {
        id: DatasetId::new(T0, [number; 10]),
        slug: template.slug,
        title: template.title,
        description: template.description,
        signals: template.signals.iter().map(|s| SignalRows { signal: *s, rows: 1 }).collect(),
        price_per_row: template.price_per_row,
        rows: 10 * u64::from(number),
        vehicles: u64::from(number % 3),
        makes: BTreeSet::from(["Toyota".to_owned()]),
        models: BTreeSet::from([format!("Model {number}")]),
        years: BTreeSet::from([2015 + u16::from(number)]),
        powertrains: BTreeSet::from([Powertrain::ALL[usize::from(number % 2)]]),
        first_at: None,
        last_at: (number > 0).then(|| T0.plus_seconds(-PER_DAY * i64::from(number))),
        quality: DatasetQuality {
            score: number.checked_mul(100).and_then(|score| Score::new(score.into())),
            ..DatasetQuality::default()
        },
        lake_version: 0,
        described_at: T0,
        private: None,
    };
    (0..).zip(templates().unwrap()).map(dataset).collect()
}

fn index() -> (TempDir, Search) {
    let folder = tempfile::tempdir().unwrap();
    let search = Search::open(folder.path()).unwrap();
    search.rebuild(catalogue()).unwrap();
    (folder, search)
}

/// Slugs found on one page.
fn slugs(search: &Search, wanted: &Wanted, page: &Page) -> Vec<String> {
    let catalogue = catalogue();
    let slug = |id| catalogue.iter().find(|dataset| dataset.id == id).unwrap().slug.clone();
    search.find(wanted, page, T0).unwrap().datasets.into_iter().map(slug).collect()
}

/// Slugs found, best first.
fn find(search: &Search, wanted: &Wanted) -> Vec<String> {
    slugs(search, wanted, &Page::default())
}

fn asked(words: &str) -> Wanted {
    Wanted { words: words.to_owned(), ..Wanted::default() }
}

fn suggested(search: &Search, typed: &str) -> Vec<String> {
    search.suggest(typed).unwrap().into_iter().map(|one| one.value).collect()
}

#[test]
fn datasets_are_found_by_the_words_people_use() {
    let (_folder, search) = index();

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
fn a_slip_in_a_word_is_forgiven_and_two_in_a_long_one() {
    let (_folder, search) = index();

    for (words, best) in [
        ("batery helth", "ev-battery-health"),
        ("tyer", "tyre-pressure"),
        ("diagnotics", "diagnostics"),
        ("odmeter", "odometer"),
        ("windsheild", "climate-and-weather"),
    ] {
        assert_eq!(find(&search, &asked(words)).first().map(String::as_str), Some(best), "{words}");
    }
    // Two slips in a short word, one in a very short one, three in a long one.
    for words in ["wpres", "yw", "odmtr", "dgnostks"] {
        assert_eq!(find(&search, &asked(words)), [""; 0], "{words}");
    }
}

#[test]
fn a_word_that_is_there_is_not_taken_for_a_slip() {
    let (_folder, search) = index();

    // Without `raid`, `rain` would be near it; as it is there, only those that say it are found.
    let mut raided = catalogue();
    raided[0].description.push_str(" raid");
    assert!(!find(&search, &asked("raid")).is_empty());
    search.update(&raided[..2]).unwrap();
    assert_eq!(find(&search, &asked("raid")), [raided[0].slug.as_str()]);

    // What was deleted is no longer there, though the index still knows the word: its segment has another document.
    search.update(&catalogue()[..1]).unwrap();
    assert!(find(&search, &asked("raid")).contains(&"climate-and-weather".to_owned()));
}

#[test]
fn filters_are_exact_but_for_case() {
    let (_folder, search) = index();
    let signal = Some("vehicle.traveleddistance".to_owned());

    assert_eq!(find(&search, &Wanted { signal, ..Wanted::default() }), ["odometer"]);
    for (make, count) in [("toyota", catalogue().len()), ("toyo", 0)] {
        let wanted = Wanted { make: Some(make.to_owned()), ..Wanted::default() };
        assert_eq!(find(&search, &wanted).len(), count, "{make}");
    }
    let wanted = Wanted { model: Some("model 2".to_owned()), ..asked("battery") };
    assert_eq!(find(&search, &wanted), ["ev-battery-health"]);
    let wanted = Wanted { year: Some(2017), ..Wanted::default() };
    assert_eq!(find(&search, &wanted), ["ev-battery-health"]);
    let wanted = Wanted { powertrain: Some(Powertrain::PlugInHybrid), ..Wanted::default() };
    assert_eq!(find(&search, &wanted).len(), 4);
}

#[test]
fn ranges_include_their_ends() {
    let (_folder, search) = index();
    let count = |wanted| find(&search, &wanted).len();
    let price = |micros| Some(Amount::from_micros(micros));
    let any = Wanted::default;

    assert_eq!(count(Wanted { price_min: price(500), ..any() }), 3);
    assert_eq!(count(Wanted { price_min: price(501), ..any() }), 1);
    assert_eq!(count(Wanted { price_max: price(200), ..any() }), 2);
    assert_eq!(count(Wanted { price_min: price(300), price_max: price(400), ..any() }), 4);
    assert_eq!(count(Wanted { rows_min: Some(80), ..any() }), 1);
    assert_eq!(count(Wanted { vehicles_min: Some(2), ..any() }), 3);
    // The first has no rows; the others have theirs of 1 to 8 days ago.
    assert_eq!(count(Wanted { fresh_days: Some(8), ..any() }), 8);
    assert_eq!(count(Wanted { fresh_days: Some(3), ..any() }), 3);
    assert_eq!(count(Wanted { fresh_days: Some(0), ..any() }), 0);
}

#[test]
fn what_is_less_plausible_than_wanted_or_was_never_scored_is_not_found() {
    let (_folder, search) = index();

    // 0, 100 and 200 are scores; beyond, the number of a dataset does not fit and there is none.
    for (least, count) in [(0, 3), (100, 2), (101, 1), (200, 1), (201, 0)] {
        let wanted = Wanted { score_min: Score::new(least), ..Wanted::default() };
        assert_eq!(find(&search, &wanted).len(), count, "{least}");
    }
}

#[test]
fn each_order_begins_with_the_best_and_ends_with_what_has_no_value() {
    let (_folder, search) = index();

    for (sort, best, last) in [
        (Sort::Relevance, "speed-and-road-use", "diagnostics"),
        (Sort::Price, "speed-and-road-use", "odometer"),
        (Sort::Freshness, "driving-behaviour", "speed-and-road-use"),
        (Sort::Rows, "diagnostics", "speed-and-road-use"),
        (Sort::Vehicles, "ev-battery-health", "climate-and-weather"),
        (Sort::Score, "ev-battery-health", "diagnostics"),
    ] {
        let found = slugs(&search, &Wanted::default(), &Page { sort, ..Page::default() });
        let ends = (found.first().unwrap().as_str(), found.last().unwrap().as_str());
        assert_eq!(ends, (best, last), "{sort}");
    }
    // The least score is still one.
    let scored = slugs(&search, &Wanted::default(), &Page { sort: Sort::Score, ..Page::default() });
    assert_eq!(scored[2], "speed-and-road-use");
}

#[test]
fn what_is_typed_is_completed_with_what_is_most_frequent_first() {
    let (_folder, search) = index();

    assert_eq!(suggested(&search, "toy"), ["Toyota"]);
    assert_eq!(suggested(&search, "BAT").first().unwrap(), "battery");
    assert_eq!(suggested(&search, "ev b"), ["EV battery health"]);
    let health = "Vehicle.Powertrain.TractionBattery.StateOfHealth";
    for typed in ["stateofh", "vehicle.powertrain.tractionbattery.stateofh"] {
        assert_eq!(suggested(&search, typed), [health], "{typed}");
    }
    assert_eq!(suggested(&search, "batery").first().unwrap(), "battery");
    assert_eq!(suggested(&search, "model").first().unwrap(), "models", "a word of several");
    assert_eq!(suggested(&search, "vehicle").len(), suggestions::SUGGESTIONS_MAX);
    for nothing in ["", "  ", "qqq", "tq"] {
        assert_eq!(suggested(&search, nothing), [""; 0], "{nothing}");
    }
    let datasets = search.suggest("toy").unwrap()[0].count;
    assert_eq!(datasets, u64::try_from(catalogue().len()).unwrap());
}

#[test]
fn what_can_not_be_looked_for_is_refused_with_what_to_do() {
    let (_folder, search) = index();
    let page = Page { sort: Sort::Price, limit: 2, ..Page::default() };
    let after = search.find(&Wanted::default(), &page, T0).unwrap().next;
    let price = |micros| Some(Amount::from_micros(micros));
    let usual = (Wanted::default(), Page::default());
    let long = "ä".repeat(Wanted::WORDS_CHARS_MAX + 1);

    #[rustfmt::skip] // a table is read by column
    let cases = [
        (asked(&long), usual.1, "501 characters"),
        (Wanted { price_min: price(2), price_max: price(1), ..usual.0.clone() }, usual.1, "at least 0.000002"),
        (Wanted { price_max: price(-1), ..usual.0.clone() }, usual.1, "below 0"),
        (usual.0.clone(), Page { limit: 0, ..usual.1 }, "`limit` is 0"),
        (usual.0.clone(), Page { limit: 101, ..usual.1 }, "1 to 100"),
        (usual.0.clone(), Page { after, ..usual.1 }, "first page by relevance"),
    ];
    for (wanted, page, told) in cases {
        let refused = search.find(&wanted, &page, T0).unwrap_err().to_string();
        assert!(refused.contains(told), "{refused}");
    }
    assert!(search.find(&asked(&"ä".repeat(500)), &usual.1, T0).is_ok());
    assert!(search.suggest(&long).is_err());
    assert!(Sort::parse("colour").unwrap_err().to_string().contains("freshness, rows"));
    for text in ["", "price", "price-1", "price-x-1", "colour-1-1", "price-1-1-1"] {
        assert!(Cursor::parse(text).unwrap_err().to_string().contains("without `after`"), "{text}");
    }
    let after = after.unwrap();
    assert_eq!(Cursor::parse(&after.to_string()).unwrap(), after);
}

#[test]
fn an_index_that_was_deleted_or_damaged_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("meta.json"), "not an index").unwrap();

    let search = Search::open(folder.path()).unwrap();
    search.rebuild(catalogue()).unwrap();
    search.rebuild(&catalogue()[..1]).unwrap();

    assert_eq!(find(&search, &asked("")).len(), 1);
}

#[test]
fn what_changed_takes_the_place_of_what_it_was() {
    let (folder, search) = index();
    let mut datasets = catalogue();
    datasets[3].makes = BTreeSet::from(["Lada".to_owned()]);
    // More commits than the index keeps segments.
    for round in 0..20 {
        datasets[5].rows = round;
        search.update(&[datasets[3].clone(), datasets[5].clone()]).unwrap();
    }

    let lada = Wanted { make: Some("Lada".to_owned()), ..Wanted::default() };
    assert_eq!(find(&search, &lada), [datasets[3].slug.as_str()]);
    assert_eq!(find(&search, &Wanted::default()).len(), datasets.len());
    assert!(search.view().rows.len() < 10, "segments are merged");
    let check = audit(folder.path(), &datasets).unwrap();
    assert!(check.examined > 100 && check.findings.is_empty(), "{:?}", check.findings);
    assert!(!audit(folder.path(), &catalogue()).unwrap().findings.is_empty());
}
