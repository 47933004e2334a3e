//! Honest claims, for tests and measurements: the owner of a car in a small tree answers a question about
//! a minute, some places or a trip.
//!
//! **Invariant:** everything here is the same at each call. Nothing here is used for anything but tests and
//! measurements.
#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "the constants fit")]

#[cfg(test)]
mod keys;

use ark_bn254::Fr;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use telematics::question::{Above, Bounds, ClassPattern, Fact, Presence, Region, SummaryBounds};
use telematics::testing::T0;
use telematics::window::{Commitment, Figure, Period, Places, Summary, Window};
use telematics::{
    CampaignId, Place, Powertrain, Question, Scope, Signal, Tile, Value, VehicleDescription,
};

use crate::circuit::Circuit;
use crate::element::{Leaf, Payee};
use crate::tree::{self, MemoryTree};
use crate::{Blinding, ClassNumbers, Committable, Root, Secret, Statement, Witness};
#[cfg(test)]
pub(crate) use keys::{KEYS, key, outside_the_subgroup, proof, prover};

/// The day on which honest commitments were received.
pub const DAY: u16 = 19_723;

/// A generator that repeats itself.
#[must_use]
pub fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// A value of `raw`.
#[must_use]
pub const fn value(raw: i64) -> Value {
    Value::from_raw(raw)
}

/// Speeds from 1.00 to 1.63 km/h.
#[must_use]
pub fn window() -> Window {
    let mut next = 100..;
    let values = [(); Window::LENGTH].map(|()| value(next.next().unwrap_or_default()));
    Window { signal: Signal::SPEED, started_at: T0, values }
}

/// A way through Berlin.
#[must_use]
pub fn places() -> Places {
    let mut longitude = 13.30;
    let places = [(); Window::LENGTH].map(|()| {
        longitude += 0.001;
        Place::at(52.5, longitude).unwrap_or_default()
    });
    Places { started_at: T0, places }
}

/// The tiles around [`places()`].
#[must_use]
pub fn berlin(presence: Presence) -> Region {
    let tiles = ["11/1099/671", "11/1100/671", "12/2202/1343"];
    let tiles = tiles.iter().filter_map(|tile| tile.parse().ok()).collect();
    Region::new(presence, tiles).expect("three tiles")
}

/// A trip at 1 to 2 km/h.
#[must_use]
pub fn summary() -> Summary {
    let mut places = places().places.into_iter();
    let (start, end) = (places.next().unwrap_or_default(), places.next_back().unwrap_or_default());
    let around = Tile::around(start, end);
    let key = |place: Place| i64::try_from(place.quadkey()).unwrap_or_default();
    let [first, last] = [around.first(), around.last()].map(key);
    let figures = [600, 100, 200, 150, 90_000, 120, 130, 0, 0, 0, 600, first, last];
    let windows = Commitment([3; 32]);
    Summary { signal: Signal::SPEED, period: Period::Trip, started_at: T0, figures, windows }
}

/// A petrol car.
#[must_use]
pub fn vehicle() -> VehicleDescription {
    VehicleDescription::new("Toyota", "RAV4", 2017, Powertrain::Petrol).expect("a car")
}

/// An honest claim for each circuit: the tightest bounds that hold.
#[must_use]
pub fn honest(circuit: Circuit) -> (Statement, Witness) {
    let (question, committed) = match circuit {
        Circuit::Fact => (fact(&window(), 64), Committable::Window(window())),
        Circuit::Region => {
            (Question::Region(berlin(Presence::Inside)), Committable::Places(places()))
        }
        Circuit::Summary => (figures(&summary()), Committable::Summary(summary())),
    };
    let make = Some("toyota".to_owned());
    let class = ClassPattern { make, powertrain: Some(Powertrain::Petrol), ..Default::default() };
    let secret = Secret::draw(&mut rng(1));
    let campaign = CampaignId::new(T0, [9; 10]);
    let nothing = Root::new(Fr::from(0));
    let mut witness = Witness {
        secret,
        class: ClassNumbers::of(&vehicle()),
        day: DAY,
        path: tree::Path { position: 0, siblings: [[nothing; 3]; tree::DEPTH] },
        committed,
        blinding: Blinding::draw(&mut rng(2)),
    };
    let mut statement = Statement {
        root: nothing,
        campaign,
        nullifier: secret.nullifier(campaign),
        payee: Payee::of(&[4; 16], [5; 16]),
        scope: Scope::new(class, DAY - 3, DAY + 3).expect("seven days"),
        question,
    };
    restate(&mut statement, &mut witness);
    (statement, witness)
}

/// The tightest fact that holds of `window`.
#[must_use]
pub fn fact(window: &Window, count_max: u8) -> Question {
    let raw = || window.values.iter().map(|value| value.raw());
    let (low, high) = (raw().min().unwrap_or(0), raw().max().unwrap_or(0));
    let sum = raw().sum();
    Question::Fact(Fact {
        signal: window.signal,
        values: Bounds::of_values(value(low), value(high)).expect("bounds"),
        sum: Bounds::of_sum(sum, sum).expect("bounds"),
        above: Above::new(value(low), count_max).expect("a count"),
    })
}

/// The tightest bounds that hold of `summary`.
#[must_use]
pub fn figures(summary: &Summary) -> Question {
    Question::Summary(SummaryBounds {
        signal: summary.signal,
        period: summary.period,
        figures: figure_bounds(summary),
    })
}

fn figure_bounds(summary: &Summary) -> [Bounds; Figure::COUNT] {
    summary.figures.map(|figure| Bounds::of_figure(figure, figure).expect("bounds"))
}

/// Puts the leaf of `witness` into a tree of 40 and states its root.
pub fn restate(statement: &mut Statement, witness: &mut Witness) {
    let mut leaves: Vec<_> = (1..=40_u64).map(|number| Leaf::new(Fr::from(number))).collect();
    let leaf = witness.leaf().expect("committable");
    leaves.iter_mut().skip(29).take(1).for_each(|place| *place = leaf);
    let mut tree = MemoryTree::default();
    tree.append(&leaves).expect("40 leaves fit");
    witness.path = tree::path(&mut tree, 40, 29).expect("leaf 29 is there");
    statement.root = tree::root(&mut tree, 40).expect("a tree of 40");
}
