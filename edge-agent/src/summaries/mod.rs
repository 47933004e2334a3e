//! Summaries: what each signal under *prove* did over one trip or one day.
//!
//! The figures are over the values on the grid, the same that windows are made of. Two of them are of
//! the car: for how long it moved, and in which square of the map.
//!
//! **Invariant:** a summary speaks of values of one period only; what ends a period is decided elsewhere
//! ([`crate::windows`]).

mod tally;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use telematics::window::{Commitment, Period, Summary};
use telematics::{Disclosure, Place, Policy, Signal, Tile, Timestamp, Value};

use tally::Tally;

/// A trip or a day that is not over yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenPeriod {
    /// Microseconds since 1970; `None` before the first sample.
    started_at: Option<i64>,
    /// By number.
    signals: BTreeMap<u16, Tally>,
    seconds_driven: i64,
    /// Quadkey numbers of the first and last place of the smallest tile around all places.
    square: Option<[u64; 2]>,
}

impl OpenPeriod {
    /// Begins the period, unless it has begun.
    pub(crate) fn begin(&mut self, at: i64) {
        self.started_at.get_or_insert(at);
    }

    /// Takes in a value of a signal under *prove*.
    pub(crate) fn add(&mut self, signal: Signal, value: Value) {
        self.signals.entry(signal.number()).or_default().add(signal, value);
    }

    /// Takes in the commitment to a window of `signal`.
    pub(crate) fn add_window(&mut self, signal: Signal, commitment: Commitment) {
        self.signals.entry(signal.number()).or_default().add_window(commitment);
    }

    /// The car moved for so long.
    pub(crate) const fn add_driven(&mut self, seconds: i64) {
        self.seconds_driven += seconds;
    }

    /// The car was at the place with this quadkey number.
    pub(crate) fn add_place(&mut self, quadkey: u64) {
        let Some(place) = Place::from_quadkey(quadkey) else { return };
        let ends = self.square.and_then(|[first, last]| {
            Some((Place::from_quadkey(first)?, Place::from_quadkey(last)?))
        });
        let around = match ends {
            Some((first, last)) => Tile::around(first, last).join(Tile::around(place, place)),
            None => Tile::around(place, place),
        };
        self.square = Some([around.first().quadkey(), around.last().quadkey()]);
    }

    /// Forgets what `policy` does not let prove, and figures of the car that it lets nobody know.
    pub(crate) fn retain(&mut self, policy: &Policy) {
        let is_proven = |number: &u16| {
            let signal = Signal::by_number((*number).into());
            signal.is_ok_and(|signal| policy.disclosure(signal) == Disclosure::Prove)
        };
        self.signals.retain(|number, _| is_proven(number));
        if policy.disclosure(Signal::SPEED) == Disclosure::Keep {
            self.seconds_driven = 0;
        }
        if policy.disclosure(Signal::LATITUDE) == Disclosure::Keep {
            self.square = None;
        }
    }

    /// Ends the period and gives its summaries, by signal.
    pub(crate) fn end(&mut self, period: Period) -> Vec<Summary> {
        let ended = std::mem::take(self);
        let started_at = Timestamp::from_micros(ended.started_at.unwrap_or_default());
        let world = [Tile::WORLD.first().quadkey(), Tile::WORLD.last().quadkey()];
        let square = ended.square.unwrap_or(world);
        let square = square.map(|quadkey| i64::try_from(quadkey).unwrap_or(i64::MAX));
        let summary = |(number, tally): (&u16, &Tally)| {
            let signal = Signal::by_number((*number).into()).ok()?;
            let figures = tally.figures(ended.seconds_driven, square);
            let windows = tally.windows();
            Some(Summary { signal, period, started_at, figures, windows })
        };
        let with_values = ended.signals.iter().filter(|(_, tally)| tally.has_values());
        with_values.filter_map(summary).collect()
    }
}
