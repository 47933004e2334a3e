//! The stage between consent and batcher.

use std::collections::BTreeMap;

use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use telematics::time::{MICROS_PER_DAY, MICROS_PER_SECOND};
use telematics::window::{Committed, Period, Places, Window};
use telematics::{Disclosure, Place, Policy, Sample, Signal, Timestamp, Value};
use zk::{Blinding, Committable};

use super::PAUSE_SECONDS;
use super::grid::{Grid, Resampler, Steps};
use super::location::Location;
use super::open::OpenWindow;
use crate::kept::Kept;
use crate::summaries::OpenPeriod;

const PAUSE_MICROS: i64 = PAUSE_SECONDS * MICROS_PER_SECOND;

/// What leaves the car, and what stays behind for proofs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Goes into the batch.
    pub committed: Committed,
    /// Goes into the spool, encrypted.
    pub kept: Kept,
}

/// Commits windows, places, trips and days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committer {
    state: State,
    made: Vec<Made>,
    too_large: u64,
}

/// What has to survive a restart. It holds values: it is written down encrypted only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// The newest time of a sample, in microseconds since 1970.
    now: Option<i64>,
    /// By number of the signal.
    lanes: BTreeMap<u16, Lane>,
    location: Location,
    trip: OpenPeriod,
    day: OpenPeriod,
}

/// One signal on its grid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Lane {
    is_proven: bool,
    values: Resampler<i64>,
    window: OpenWindow<i64>,
}

impl Committer {
    /// Goes on where [`Self::to_bytes`] stood; anew when the bytes are of another version.
    #[must_use]
    pub fn restore(bytes: &[u8]) -> Self {
        let state = serde_json::from_slice(bytes).unwrap_or_else(|error| {
            tracing::warn!(%error, "open windows of another version: they begin anew");
            State::default()
        });
        Self { state, ..Self::default() }
    }

    /// What is open, as bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Maps with whole numbers for keys, and whole numbers in them: there is nothing to refuse.
        serde_json::to_vec(&self.state).unwrap_or_default()
    }

    /// What was committed since the last call.
    pub fn take_made(&mut self) -> Vec<Made> {
        std::mem::take(&mut self.made)
    }

    /// True when there is something to take.
    #[must_use]
    pub const fn has_made(&self) -> bool {
        !self.made.is_empty()
    }

    /// Windows and summaries that hold numbers too large to be committed to, and were dropped.
    #[must_use]
    pub const fn too_large(&self) -> u64 {
        self.too_large
    }

    /// Forgets what `policy` no longer lets prove.
    pub fn retain(&mut self, policy: &Policy) {
        let State { lanes, location, trip, day, .. } = &mut self.state;
        lanes.retain(|number, lane| {
            let Ok(signal) = Signal::by_number((*number).into()) else { return false };
            let disclosure = policy.disclosure(signal);
            lane.is_proven = disclosure == Disclosure::Prove;
            if !lane.is_proven {
                lane.window.clear();
            }
            lane.is_proven || (signal == Signal::SPEED && disclosure == Disclosure::Share)
        });
        match policy.disclosure(Signal::LATITUDE) {
            Disclosure::Keep => *location = Location::default(),
            Disclosure::Share => location.window.clear(),
            Disclosure::Prove => {}
        }
        trip.retain(policy);
        day.retain(policy);
    }

    /// Takes in a sample of the car. One under *prove* is committed to; shared ones tell where and
    /// whether the car moved. One that the owner keeps is not looked at.
    pub fn take(&mut self, sample: Sample, disclosure: Disclosure, rng: &mut impl CryptoRng) {
        if disclosure == Disclosure::Keep || !sample.time.is_in_calendar() {
            return;
        }
        let time = sample.time.as_micros();
        self.pass(time, rng);
        let floor = midnight_before(self.state.now.unwrap_or(time));
        self.state.trip.begin(time);
        self.state.day.begin(floor);
        let signal = sample.signal;
        let is_proven = disclosure == Disclosure::Prove;
        if Location::is_part(signal) {
            self.advance_location(time, is_proven, rng);
            self.state.location.take(sample, floor);
        }
        if is_proven || signal == Signal::SPEED {
            self.advance_lane(signal.number(), time, rng);
            let lane = self.state.lanes.entry(signal.number()).or_default();
            lane.is_proven = is_proven;
            let grid = Grid::of(signal);
            lane.values.take(grid, time, grid.stands_until(time), floor, sample.value.raw());
        }
    }

    /// Forgets what is open: windows, trip and day begin anew.
    pub fn break_off(&mut self) {
        self.state = State::default();
    }

    /// The clock says `now` and no sample came: on a live bus, a pause ends the trip while it lasts.
    pub fn pause(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        let now = now.as_micros();
        if self.state.now.is_some_and(|last| now.saturating_sub(last) >= PAUSE_MICROS) {
            self.pass(now, rng);
        }
    }

    /// Ends trip or day before its time, for a recording has ended or the agent is told to stop.
    pub fn end(&mut self, period: Period, rng: &mut impl CryptoRng) {
        if let Some(now) = self.state.now {
            self.advance_all(now.saturating_add(1), rng);
        }
        self.summarise(period, rng);
    }

    /// Moves the car's clock to `time`, and ends what ends on the way.
    fn pass(&mut self, time: i64, rng: &mut impl CryptoRng) {
        let Some(now) = self.state.now else {
            self.state.now = Some(time);
            return;
        };
        if now.saturating_sub(time) > PAUSE_MICROS {
            tracing::warn!("the time of samples went back: windows, trip and day begin anew");
            for period in Period::ALL {
                self.end(period, rng);
            }
            self.state = State { now: Some(time), ..State::default() };
            return;
        }
        if time <= now {
            return;
        }
        let midnight = midnight_before(now) + MICROS_PER_DAY;
        if time >= midnight {
            self.advance_all(midnight, rng);
            self.summarise(Period::Day, rng);
            self.state.day.begin(midnight);
        }
        if time - now >= PAUSE_MICROS {
            // The last values stand for a few steps more: they belong to the trip that ends.
            self.advance_all(time, rng);
            self.summarise(Period::Trip, rng);
        }
        if time >= midnight + MICROS_PER_DAY {
            self.summarise(Period::Day, rng);
        }
        self.state.now = Some(time);
    }

    fn advance_all(&mut self, before: i64, rng: &mut impl CryptoRng) {
        let numbers: Vec<_> = self.state.lanes.keys().copied().collect();
        for number in numbers {
            self.advance_lane(number, before, rng);
        }
        let is_proven = |lane: &Lane| lane.is_proven;
        let latitude = self.state.lanes.get(&Signal::LATITUDE.number());
        self.advance_location(before, latitude.is_some_and(is_proven), rng);
    }

    fn advance_lane(&mut self, number: u16, before: i64, rng: &mut impl CryptoRng) {
        let State { lanes, trip, day, .. } = &mut self.state;
        let (Some(lane), Ok(signal)) = (lanes.get_mut(&number), Signal::by_number(number.into()))
        else {
            return;
        };
        let Steps { values, broken } = lane.values.advance(Grid::of(signal), before);
        let mut full = Vec::new();
        for (instant, raw) in values {
            let value = Value::from_raw(raw);
            if signal == Signal::SPEED && raw > 0 {
                let seconds = i64::from(signal.grid_seconds());
                trip.add_driven(seconds);
                day.add_driven(seconds);
            }
            if !lane.is_proven {
                continue;
            }
            trip.add(signal, value);
            day.add(signal, value);
            if !Location::is_part(signal) {
                full.extend(lane.window.push(instant, raw));
            }
        }
        if broken {
            lane.window.clear();
        }
        for (started_at, raw) in full {
            let started_at = Timestamp::from_micros(started_at);
            let window = Window { signal, started_at, values: raw.map(Value::from_raw) };
            self.commit(Committable::Window(window), rng);
        }
    }

    fn advance_location(&mut self, before: i64, is_proven: bool, rng: &mut impl CryptoRng) {
        let State { location, trip, day, .. } = &mut self.state;
        let Steps { values, broken } = location.advance(before);
        let mut full = Vec::new();
        for (instant, quadkey) in values {
            trip.add_place(quadkey);
            day.add_place(quadkey);
            if is_proven {
                full.extend(location.window.push(instant, quadkey));
            }
        }
        if broken {
            location.window.clear();
        }
        for (started_at, quadkeys) in full {
            let started_at = Timestamp::from_micros(started_at);
            let places = quadkeys.map(|key| Place::from_quadkey(key).unwrap_or_default());
            self.commit(Committable::Places(Places { started_at, places }), rng);
        }
    }

    fn summarise(&mut self, period: Period, rng: &mut impl CryptoRng) {
        let open = match period {
            Period::Trip => &mut self.state.trip,
            Period::Day => &mut self.state.day,
        };
        for summary in open.end(period) {
            self.commit(Committable::Summary(summary), rng);
        }
    }

    fn commit(&mut self, committable: Committable, rng: &mut impl CryptoRng) {
        let kept = Kept { committable, blinding: Blinding::draw(rng) };
        let signal = kept.signal();
        match kept.committable.commit(kept.blinding) {
            Ok(commitment) => {
                if !matches!(kept.committable, Committable::Summary(_)) {
                    self.state.trip.add_window(signal, commitment);
                    self.state.day.add_window(signal, commitment);
                }
                self.made.push(Made { committed: Committed { signal, commitment }, kept });
            }
            Err(error) => {
                self.too_large += 1;
                tracing::warn!(%signal, %error, "not committed");
            }
        }
    }
}

const fn midnight_before(time: i64) -> i64 {
    time.div_euclid(MICROS_PER_DAY) * MICROS_PER_DAY
}
