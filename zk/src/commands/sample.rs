//! One honest claim of each circuit, to measure with: the owner of a car in a small tree answers a
//! question about a minute, a place or a trip.

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use telematics::question::{Above, Bounds, ClassPattern, Fact, Presence, Region, SummaryBounds};
use telematics::window::{Commitment, Figure, Period, Places, Summary, Window};
use telematics::{
    CampaignId, Place, Powertrain, Question, Scope, Signal, Tile, Timestamp, Value,
    VehicleDescription,
};
use zk::tree::{self, MemoryTree};
use zk::{Blinding, Circuit, ClassNumbers, Committable, Payee, Secret, Statement, Witness};

/// 2024-01-01.
const STARTED_AT: Timestamp = Timestamp::from_micros(1_704_067_200_000_000);

/// The day of it, counted from 1970-01-01.
const DAY: u16 = 19_723;

/// A statement of `circuit` and what makes it true.
pub(super) fn claim(circuit: Circuit) -> anyhow::Result<(Statement, Witness)> {
    let (question, committed) = match circuit {
        Circuit::Fact => fact()?,
        Circuit::Region => region()?,
        Circuit::Summary => summary()?,
    };
    let car = VehicleDescription::new("Toyota", "RAV4", 2017, Powertrain::Petrol)?;
    let mut rng = StdRng::seed_from_u64(1);
    let secret = Secret::draw(&mut rng);
    let campaign = CampaignId::new(STARTED_AT, [9; 10]);
    let (class, blinding) = (ClassNumbers::of(&car), Blinding::draw(&mut rng));
    let leaf = zk::leaf(secret.identity_commitment(), class, DAY, committed.commit(blinding)?)?;
    let mut tree = MemoryTree::default();
    tree.append(&[leaf; 5])?;
    let path = tree::path(&mut tree, 5, 3)?;
    let witness = Witness { secret, class, day: DAY, path, committed, blinding };
    let pattern = ClassPattern { powertrain: Some(Powertrain::Petrol), ..Default::default() };
    let statement = Statement {
        root: tree::root(&mut tree, 5)?,
        campaign,
        nullifier: secret.nullifier(campaign),
        payee: Payee::of(&[4; 16], [5; 16]),
        scope: Scope::new(pattern, DAY - 3, DAY + 3)?,
        question,
    };
    Ok((statement, witness))
}

/// Speeds of 50.00 to 56.30 km/h, and what can be said of them.
fn fact() -> anyhow::Result<(Question, Committable)> {
    let (low, high) = (Value::from_raw(5_000), Value::from_raw(5_630));
    let mut next = (low.raw()..).step_by(10);
    let values = [(); Window::LENGTH].map(|()| next.next().map_or(low, Value::from_raw));
    let window = Window { signal: Signal::SPEED, started_at: STARTED_AT, values };
    let sum = values.iter().map(|value| value.raw()).sum();
    let question = Question::Fact(Fact {
        signal: window.signal,
        values: Bounds::of_values(low, high)?,
        sum: Bounds::of_sum(sum, sum)?,
        above: Above::new(high, 0)?,
    });
    Ok((question, Committable::Window(window)))
}

/// A minute on the way through Berlin, in two tiles.
fn region() -> anyhow::Result<(Question, Committable)> {
    let mut longitude = 13.30;
    let places = [(); Window::LENGTH].map(|()| {
        longitude += 0.001;
        Place::at(52.5, longitude).unwrap_or_default()
    });
    let tiles = ["11/1099/671", "11/1100/671"].into_iter().map(str::parse::<Tile>);
    let region = Region::new(Presence::Inside, tiles.collect::<Result<_, _>>()?)?;
    Ok((Question::Region(region), Committable::Places(Places { started_at: STARTED_AT, places })))
}

/// A trip of ten minutes at 1 to 2 km/h.
fn summary() -> anyhow::Result<(Question, Committable)> {
    let mut bounds = [Bounds::of_figure(0, 0)?; Figure::COUNT];
    let mut figures = [0; Figure::COUNT];
    for (index, (figure, bounds)) in figures.iter_mut().zip(&mut bounds).enumerate() {
        *figure = 100 + i64::try_from(index)?;
        *bounds = Bounds::of_figure(0, *figure)?;
    }
    let (signal, period) = (Signal::SPEED, Period::Trip);
    let windows = Commitment([3; 32]);
    let summary = Summary { signal, period, started_at: STARTED_AT, figures, windows };
    let question = Question::Summary(SummaryBounds { signal, period, figures: bounds });
    Ok((question, Committable::Summary(summary)))
}
