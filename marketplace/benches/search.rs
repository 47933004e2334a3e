//! What searching a large catalogue costs: a million listings, or as many as the argument says.
//!
//! Buyers wait for each letter that they type and each filter that they set, so the slowest answers matter: at most 10 ms
//! with facets. The index is made again at each start, so it also says how long that takes.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench stops when it can not run"
)]
#![expect(clippy::print_stdout, reason = "a bench prints")]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use marketplace::archive::Score;
use marketplace::catalog::{
    Dataset, DatasetId, DatasetQuality, Page, Search, SignalRows, Sort, Template, Wanted, templates,
};
use marketplace::ledger::Amount;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use telematics::Powertrain;
use telematics::testing::T0;

const LISTINGS: u32 = 1_000_000;
/// Questions of each kind.
const ASKED: usize = 500;
const MAKES: [&str; 24] = [
    "Toyota",
    "Volkswagen",
    "Ford",
    "Honda",
    "Hyundai",
    "Nissan",
    "Chevrolet",
    "Kia",
    "Mercedes",
    "BMW",
    "Audi",
    "Renault",
    "Peugeot",
    "Škoda",
    "Fiat",
    "Tesla",
    "Volvo",
    "Mazda",
    "Subaru",
    "Opel",
    "Citroën",
    "Seat",
    "Dacia",
    "Lada",
];
const PLACES: [&str; 12] = [
    "taxis",
    "couriers",
    "commuters",
    "rural roads",
    "motorways",
    "mountains",
    "winter",
    "harbours",
    "deliveries",
    "rentals",
    "ambulances",
    "school runs",
];
const WORDS: [&str; 12] = [
    "battery",
    "speed",
    "tyre",
    "pressure",
    "steering",
    "odometer",
    "charging",
    "temperature",
    "engine",
    "voltage",
    "weather",
    "fuel",
];
const SLIPS: [&str; 8] =
    ["batery", "sped", "tyer", "presure", "stering", "odometr", "chargin", "temprature"];

/// Makes listings that are templates of this market, each narrowed to some cars.
struct Maker {
    random: StdRng,
    templates: Vec<Template>,
}

impl Maker {
    /// One of `0..end`, the first ones far more often.
    fn often(&mut self, end: usize) -> usize {
        let (one, other) = (self.random.random_range(0..end), self.random.random_range(0..end));
        one * other / end
    }

    fn some<T: Ord>(&mut self, count: usize, mut one: impl FnMut(&mut Self) -> T) -> BTreeSet<T> {
        let count = 1 + self.random.random_range(0..count);
        (0..count).map(|_| one(self)).collect()
    }

    fn listing(&mut self, number: u32) -> Dataset {
        let template = self.templates[self.random.random_range(0..self.templates.len())].clone();
        let place = PLACES[self.often(PLACES.len())];
        let makes = self.some(3, |maker| maker.often(MAKES.len()));
        let models = makes.iter().map(|make| (*make, self.often(20))).collect::<Vec<_>>();
        let cars = u64::from(self.random.random::<u16>() % 2_000) + 10;
        let age = i64::from(self.random.random::<u32>() % (500 * 86_400));
        Dataset {
            id: DatasetId::new(T0.plus_seconds(number.into()), self.random.random()),
            slug: format!("{}-{number}", template.slug),
            title: format!("{} of {place}", template.title),
            description: template.description,
            signals: template
                .signals
                .into_iter()
                .map(|s| SignalRows { signal: s, rows: 1 })
                .collect(),
            price_per_row: Amount::from_micros(
                template.price_per_row.micros() * i64::from(self.random.random_range(1..40_u8))
                    / 10,
            ),
            rows: cars * u64::from(self.random.random::<u16>()),
            vehicles: cars,
            makes: makes.iter().map(|make| MAKES[*make].to_owned()).collect(),
            models: models
                .iter()
                .map(|(make, model)| format!("{} {model}", MAKES[*make]))
                .collect(),
            years: self.some(6, |maker| 2024 - u16::try_from(maker.often(20)).unwrap()),
            powertrains: self.some(3, |maker| Powertrain::ALL[maker.often(6)]),
            first_at: Some(T0.plus_seconds(-age - 86_400 * 30)),
            last_at: Some(T0.plus_seconds(-age)),
            quality: DatasetQuality {
                score: Score::new(self.random.random_range(600..=1_000)),
                ..DatasetQuality::default()
            },
            lake_version: 1,
            described_at: T0,
            private: None,
        }
    }

    fn word(&mut self) -> String {
        WORDS[self.random.random_range(0..WORDS.len())].to_owned()
    }

    fn words(&mut self) -> Wanted {
        let place = PLACES[self.often(PLACES.len())];
        let words = match self.random.random_range(0..3_u8) {
            0 => self.word(),
            1 => format!("{} {}", self.word(), self.word()),
            _ => format!("{} {place}", self.word()),
        };
        Wanted { words, ..Wanted::default() }
    }

    /// Up to three filters, with or without words.
    fn filtered(&mut self) -> Wanted {
        let mut wanted =
            if self.random.random_ratio(3, 4) { self.words() } else { Wanted::default() };
        for _ in 0..self.random.random_range(0..=3_u8) {
            match self.random.random_range(0..6_u8) {
                0 => wanted.make = Some(MAKES[self.often(MAKES.len())].to_owned()),
                1 => wanted.year = Some(2024 - u16::try_from(self.often(20)).unwrap()),
                2 => wanted.powertrain = Some(Powertrain::ALL[self.often(6)]),
                3 => wanted.fresh_days = Some([7, 30, 365][self.often(3)]),
                4 => wanted.price_max = Some(Amount::from_micros([200, 500, 1_000][self.often(3)])),
                _ => wanted.score_min = Score::new(900),
            }
        }
        wanted
    }

    fn slip(&mut self) -> Wanted {
        let words = SLIPS[self.random.random_range(0..SLIPS.len())].to_owned();
        Wanted { words, ..Wanted::default() }
    }

    /// The beginning of a word, of a make or of a slip.
    fn typed(&mut self) -> String {
        let all = WORDS.iter().chain(&MAKES).chain(&SLIPS).collect::<Vec<_>>();
        let whole = all[self.random.random_range(0..all.len())];
        whole.chars().take(self.random.random_range(1..8)).collect()
    }
}

/// Asks, and prints how long the answers took.
fn measure(name: &str, maker: &mut Maker, mut ask: impl FnMut(&mut Maker) -> Duration) {
    let mut took: Vec<_> = (0..ASKED).map(|_| ask(maker)).collect();
    took.sort_unstable();
    let (half, slow) = (took[ASKED / 2], took[ASKED * 99 / 100]);
    println!("{name:<44} p50 {half:>10.2?}   p99 {slow:>10.2?}   worst {:>10.2?}", took[ASKED - 1]);
}

fn bytes_in(folder: &Path) -> u64 {
    std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

fn timed<T>(answer: impl FnOnce() -> T) -> Duration {
    let begun = Instant::now();
    std::hint::black_box(answer());
    begun.elapsed()
}

fn main() {
    let given = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let listings: u32 = given.unwrap_or(LISTINGS);
    let maker = || Maker { random: StdRng::seed_from_u64(7), templates: templates().unwrap() };
    let folder = tempfile::tempdir().unwrap();
    let search = Search::open(folder.path()).unwrap();
    let mut making = maker();
    let making_took = timed(|| (0..listings).map(|number| making.listing(number)).count());
    let mut making = maker();
    let rebuild = timed(|| search.rebuild((0..listings).map(|n| making.listing(n))).unwrap());
    println!(
        "{listings} listings: rebuilt in {rebuild:.1?}, of which making them {making_took:.1?}"
    );
    println!(
        "index of {:.1} MB",
        f64::from(u32::try_from(bytes_in(folder.path()) / 1_000).unwrap()) / 1e3
    );
    let opened = timed(|| Search::open(folder.path()).unwrap());
    println!("opened in {opened:.1?}");

    let plain = Page::default();
    let counted = Page { facets: true, ..plain };
    let find = |wanted: &Wanted, page: &Page| timed(|| search.find(wanted, page, T0).unwrap());
    let maker = &mut making;
    measure("words", maker, |maker| find(&maker.words(), &plain));
    measure("words, facets", maker, |maker| find(&maker.words(), &counted));
    measure("words and filters, facets", maker, |maker| find(&maker.filtered(), &counted));
    measure("everything, facets", maker, |_| find(&Wanted::default(), &counted));
    measure("a slip", maker, |maker| find(&maker.slip(), &plain));
    measure("suggestions", maker, |maker| {
        let typed = maker.typed();
        timed(|| search.suggest(&typed).unwrap())
    });
    for sort in Sort::ALL {
        let page = Page { sort, ..plain };
        measure(&format!("filters, by {sort}"), maker, |maker| find(&maker.filtered(), &page));
    }
}
