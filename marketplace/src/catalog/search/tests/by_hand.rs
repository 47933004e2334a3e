//! What is found in random catalogues, against the same worked out without an index.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::{Index as Pick, subsequence};
use telematics::{Signal, Timestamp};

use super::*;

/// The templates are the same for all: these only say which words are in a dataset.
const TITLES: [&str; 3] = ["Speed of cars", "Battery of cars", "Speed and battery"];
/// On both sides of the ends of ranges.
const PRICES: [i64; 6] = [0, 99, 100, 499, 500, 2_000_000];
const AGES_DAYS: [i64; 7] = [0, 1, 2, 7, 8, 30, 400];

fn words(choice: &'static [&'static str]) -> impl Strategy<Value = BTreeSet<String>> {
    let some = subsequence(choice, 0..=choice.len());
    some.prop_map(|some| some.into_iter().map(str::to_owned).collect())
}

prop_compose! {
    fn arb_dataset()(
        title in 0..TITLES.len(),
        signals in subsequence((1_u64..26).collect::<Vec<_>>(), 1..26),
        makes in words(&["BMW", "Lada", "LADA", "Škoda"]),
        models in words(&["3", "Niva", "niva", "Octavia"]),
        years in subsequence((2018_u16..2024).collect::<Vec<_>>(), 0..6),
        powertrains in subsequence(Powertrain::ALL.to_vec(), 0..6),
        price in 0..PRICES.len(),
        (rows, vehicles) in (0_u64..5, 0_u64..3),
        age in prop::option::of(0..AGES_DAYS.len()),
        score in prop::option::of(0_u16..4),
    ) -> Dataset {
        let signal = |number| SignalRows { signal: Signal::by_number(number).unwrap(), rows: 1 };
        Dataset {
            title: TITLES[title].to_owned(),
            description: String::new(),
            signals: signals.into_iter().map(signal).collect(),
            makes,
            models,
            years: years.into_iter().collect(),
            powertrains: powertrains.into_iter().collect(),
            price_per_row: Amount::from_micros(PRICES[price]),
            rows,
            vehicles,
            last_at: age.map(|age| T0.plus_seconds(-PER_DAY * AGES_DAYS[age])),
            quality: DatasetQuality {
                score: score.and_then(|score| Score::new(score * 250)),
                ..DatasetQuality::default()
            },
            ..catalogue().remove(0)
        }
    }
}

fn arb_catalogue() -> impl Strategy<Value = Vec<Dataset>> {
    prop::collection::vec(arb_dataset(), 1..40).prop_map(|mut datasets| {
        for (number, dataset) in (0_u8..).zip(&mut datasets) {
            // Neither in the order of the catalogue nor of the ids.
            dataset.id = DatasetId::new(T0, [number.wrapping_mul(37); 10]);
        }
        datasets
    })
}

prop_compose! {
    fn arb_wanted()(
        words in prop::sample::select(vec!["", "", "speed", "speed battery"]),
        signal in prop::option::weighted(0.3, 1_u64..26),
        make in prop::option::weighted(0.3, prop::sample::select(vec!["bmw", "lAda", "ŠKODA"])),
        model in prop::option::weighted(0.2, prop::sample::select(vec!["NIVA", "octavia"])),
        year in prop::option::weighted(0.3, 2018_u16..2024),
        powertrain in prop::option::weighted(0.2, prop::sample::select(Powertrain::ALL.to_vec())),
        score in prop::option::weighted(0.2, 0_u16..4),
        (low, high) in (prop::option::weighted(0.2, 0_i64..600), prop::option::weighted(0.2, 0_i64..600)),
        (rows_min, vehicles_min) in (prop::option::weighted(0.2, 0_u64..5), prop::option::weighted(0.2, 0_u64..3)),
        fresh_days in prop::option::weighted(0.2, 0_u32..10),
    ) -> Wanted {
        let price_min = low.map(Amount::from_micros);
        Wanted {
            words: words.to_owned(),
            signal: signal.map(|number| Signal::by_number(number).unwrap().path().to_owned()),
            make: make.map(str::to_owned),
            model: model.map(str::to_owned),
            year,
            powertrain,
            score_min: score.and_then(|score| Score::new(score * 250)),
            price_min,
            price_max: high.map(Amount::from_micros).map(|high| high.max(price_min.unwrap_or(high))),
            rows_min,
            vehicles_min,
            fresh_days,
        }
    }
}

fn has(words: &BTreeSet<String>, word: Option<&String>) -> bool {
    let folded = |word: &String| word.to_lowercase();
    word.is_none_or(|word| words.iter().any(|one| folded(one) == folded(word)))
}

fn days_since(last: Timestamp) -> i64 {
    T0.day() - last.day()
}

fn fits(dataset: &Dataset, wanted: &Wanted) -> bool {
    let paths = dataset.signals.iter().map(|line| line.signal.path().to_owned()).collect();
    // The title says both words, or only one, and no signal of those in these catalogues says the other.
    let said = format!(
        "{} {}",
        dataset.title,
        dataset.signals().iter().map(|s| s.path()).collect::<String>()
    );
    let said = said.to_lowercase();
    let fresh = |days: u32| dataset.last_at.is_some_and(|at| days_since(at) <= i64::from(days));
    (wanted.words.is_empty() || wanted.words.split(' ').any(|word| said.contains(word)))
        && has(&paths, wanted.signal.as_ref())
        && has(&dataset.makes, wanted.make.as_ref())
        && has(&dataset.models, wanted.model.as_ref())
        && wanted.year.is_none_or(|year| dataset.years.contains(&year))
        && wanted.powertrain.is_none_or(|one| dataset.powertrains.contains(&one))
        && wanted.score_min.is_none_or(|least| dataset.quality.score >= Some(least))
        && wanted.price_min.is_none_or(|least| dataset.price_per_row >= least)
        && wanted.price_max.is_none_or(|most| dataset.price_per_row <= most)
        && wanted.rows_min.is_none_or(|least| dataset.rows >= least)
        && wanted.vehicles_min.is_none_or(|least| dataset.vehicles >= least)
        && wanted.fresh_days.is_none_or(fresh)
}

/// The values of a facet as they are told, but for the spelling.
fn tally(values: impl Iterator<Item = BTreeSet<String>>) -> Vec<(String, u64)> {
    let mut counts = BTreeMap::<String, u64>::new();
    for one in values {
        let folded: BTreeSet<_> = one.iter().map(|word| word.to_lowercase()).collect();
        for word in folded {
            *counts.entry(word).or_default() += 1;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.truncate(20);
    counts
}

fn told(counted: &[Counted]) -> Vec<(String, u64)> {
    counted.iter().map(|one| (one.value.to_lowercase(), one.count)).collect()
}

fn texts<T: ToString>(values: impl IntoIterator<Item = T>) -> BTreeSet<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}

fn assert_facets(facets: &Facets, fitting: &[&Dataset]) {
    let all = || fitting.iter().copied();
    let count = |fits: &dyn Fn(&Dataset) -> bool| -> u64 {
        all().filter(|dataset| fits(dataset)).count().try_into().unwrap()
    };
    assert_eq!(told(&facets.signals), tally(all().map(|d| texts(d.signals()))));
    assert_eq!(told(&facets.makes), tally(all().map(|d| d.makes.clone())));
    assert_eq!(told(&facets.models), tally(all().map(|d| d.models.clone())));
    assert_eq!(told(&facets.years), tally(all().map(|d| texts(d.years.clone()))));
    assert_eq!(told(&facets.powertrains), tally(all().map(|d| texts(d.powertrains.clone()))));
    for range in &facets.prices {
        let within = |d: &Dataset| {
            d.price_per_row >= range.from && range.to.is_none_or(|to| d.price_per_row <= to)
        };
        assert_eq!(range.count, count(&within), "{range:?}");
        assert!(range.count > 0);
    }
    let priced: u64 = facets.prices.iter().map(|range| range.count).sum();
    assert_eq!(priced, count(&|_| true));
    assert_eq!(facets.freshness.len(), 5);
    for age in &facets.freshness {
        let within = |d: &Dataset| d.last_at.is_some_and(|at| days_since(at) <= age.days.into());
        assert_eq!(age.count, count(&within), "{age:?}");
    }
}

/// What comes first has the least of these.
fn order(dataset: &Dataset, sort: Sort) -> (i64, DatasetId) {
    let number = |number: u64| -i64::try_from(number).unwrap();
    let key = match sort {
        Sort::Relevance => 0,
        Sort::Price => dataset.price_per_row.micros(),
        Sort::Freshness => dataset.last_at.map_or(1, |at| -at.as_micros()),
        Sort::Rows => number(dataset.rows),
        Sort::Vehicles => number(dataset.vehicles),
        Sort::Score => dataset.quality.score.map_or(1, |score| number(score.per_mille().into())),
    };
    (key, dataset.id)
}

/// All that is found, page after page.
fn walk(search: &Search, wanted: &Wanted, sort: Sort, limit: usize) -> Vec<DatasetId> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = Page { sort, after, limit, facets: false };
        let found = search.find(wanted, &page, T0).unwrap();
        assert!(found.datasets.len() <= limit);
        all.extend(found.datasets);
        after = found.next;
        if after.is_none() {
            return all;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// What is found, its number, its order, its pages and its facets are those of a list that is gone through by hand,
    /// also when some of it changed.
    #[test]
    fn an_index_finds_what_is_found_by_hand(
        mut datasets in arb_catalogue(),
        changes in prop::collection::vec((any::<Pick>(), arb_dataset()), 0..6),
        wishes in prop::collection::vec(arb_wanted(), 12),
        limit in 1_usize..9,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let search = Search::open(folder.path()).unwrap();
        search.rebuild(&datasets).unwrap();
        for (place, change) in changes {
            let place = place.index(datasets.len());
            datasets[place] = Dataset { id: datasets[place].id, ..change };
            search.update(&datasets[place..=place]).unwrap();
        }
        for wanted in wishes {
            let fitting: Vec<_> = datasets.iter().filter(|one| fits(one, &wanted)).collect();
            let page = Page { facets: true, ..Page::default() };
            let found = search.find(&wanted, &page, T0).unwrap();
            prop_assert_eq!(found.total, u64::try_from(fitting.len()).unwrap());
            assert_facets(&found.facets.unwrap(), &fitting);
            for sort in Sort::ALL {
                let found = walk(&search, &wanted, sort, limit);
                if sort == Sort::Relevance && !wanted.words.is_empty() {
                    prop_assert_eq!(&found, &walk(&search, &wanted, sort, 100));
                    prop_assert_eq!(found.len(), fitting.len());
                    continue;
                }
                let mut sorted = fitting.clone();
                sorted.sort_by_key(|dataset| order(dataset, sort));
                let sorted: Vec<_> = sorted.into_iter().map(|dataset| dataset.id).collect();
                prop_assert_eq!(found, sorted, "by {}", sort);
            }
        }
        let check = audit(folder.path(), &datasets).unwrap();
        prop_assert!(check.findings.is_empty(), "{:?}", check.findings);
    }
}
