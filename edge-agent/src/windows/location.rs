//! Where the car is: latitude and longitude become one place.
//!
//! **Invariant:** a place stands only as long as the older of the two would.

use serde::{Deserialize, Serialize};
use telematics::{Place, Sample, Signal, Value};

use super::grid::{Grid, Resampler, Steps};
use super::open::OpenWindow;

/// The places of a car, on the grid of `Vehicle.CurrentLocation.Latitude`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Location {
    /// Time and value.
    latitude: Option<(i64, i64)>,
    longitude: Option<(i64, i64)>,
    places: Resampler<u64>,
    /// Quadkey numbers under *prove*.
    pub(super) window: OpenWindow<u64>,
}

impl Location {
    /// True for the two signals that make a place.
    pub(super) fn is_part(signal: Signal) -> bool {
        signal == Signal::LATITUDE || signal == Signal::LONGITUDE
    }

    /// The places at the instants before `before` that were not given yet.
    pub(super) fn advance(&mut self, before: i64) -> Steps<u64> {
        self.places.advance(Grid::of(Signal::LATITUDE), before)
    }

    /// Takes a sample of latitude or longitude.
    pub(super) fn take(&mut self, sample: Sample, floor: i64) {
        let time = sample.time.as_micros();
        let is_latitude = sample.signal == Signal::LATITUDE;
        let half = if is_latitude { &mut self.latitude } else { &mut self.longitude };
        if half.is_some_and(|(last, _)| time < last) {
            return;
        }
        *half = Some((time, sample.value.raw()));
        let (Some(latitude), Some(longitude)) = (self.latitude, self.longitude) else { return };
        let degrees = |raw, signal: Signal| Value::from_raw(raw).to_physical(signal.decimals());
        let place = Place::at(
            degrees(latitude.1, Signal::LATITUDE),
            degrees(longitude.1, Signal::LONGITUDE),
        );
        // Beyond the map there is no place: the one before stands until it is too old.
        let Some(place) = place else { return };
        let grid = Grid::of(Signal::LATITUDE);
        let until = grid.stands_until(latitude.0.min(longitude.0));
        self.places.take(grid, latitude.0.max(longitude.0), until, floor, place.quadkey());
    }
}
